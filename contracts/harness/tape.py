"""Recordings that keep time and a broken ending: paced or cut streams, client disconnects, WebSockets.

A tape is a text file of one exchange:

    tape 1
    > POST http://gateway.test/v1/chat/completions
    > content-type: application/json
    > | {"model":"slow","stream":true}
    < 200
    < content-type: text/event-stream
    +12 < data: {"choices":[]}
    +64 < event: ping
        | data: {}
    +90 <~ data: {"cho
    end: dropped

`+ms` counts from the sending of the request; `<` was received, `>` sent, `<~` is a piece that no blank line closed, and
a line that starts with `    | ` continues the frame above it. A `b` after the arrow marks base64, a `#` a binary message
of a WebSocket, whose method is `WS` and whose end is a close code, with its reason: `end: 4005 enough`.
"""

from __future__ import annotations

import base64
import re
from pathlib import Path

import httpx

from contracts.harness.exchange import Direction, Exchange, Frame, Request
from contracts.harness.faults import HarnessError

HEAD = "tape 1"
SUFFIX = ".tape"
_CONTINUED = "    | "
_FRAME = re.compile(r"\+(\d+) ([<>])(~?)(#?)(b?) ?(.*)")
_ENDING = re.compile(r"end: (\S+)(?: (.*))?")


def write_tape(path: Path, exchange: Exchange) -> None:
    """Save one exchange."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_tape(exchange))


def read_tape(path: Path, label: str) -> Exchange:
    """Load one exchange. Raises HarnessError that names file and line of what cannot be read."""
    return parse_tape(path.read_text(), label, str(path))


def render_tape(exchange: Exchange) -> str:
    """The text of a tape."""
    request = exchange.request
    lines = [HEAD, f"> {request.method} {request.url}"]
    lines += [f"> {name}: {value}" for name, value in request.headers.multi_items()]
    lines += [f"> | {line}" for line in request.body.decode(errors="surrogateescape").splitlines()]
    lines += [f"< {exchange.status}"]
    lines += [f"< {name}: {value}" for name, value in exchange.headers.multi_items()]
    for frame in exchange.frames:
        lines += _render_frame(frame)
    reason = f" {exchange.reason.encode('unicode_escape').decode()}" if exchange.reason else ""
    return "\n".join([*lines, f"end: {exchange.end}{reason}", ""])


def parse_tape(text: str, label: str, where: str = "tape") -> Exchange:
    """The exchange that a tape's text describes."""
    lines = text.split("\n")
    try:
        return _Reader(lines).read(label)
    except (ValueError, IndexError) as error:
        raise HarnessError(f"{where}: not a tape ({error}); record it again with tools/record") from None


def joined(frames: list[Frame]) -> bytes:
    """The body that the received frames were cut from."""
    received = [frame for frame in frames if frame.direction is Direction.RECEIVED]
    return b"".join(frame.data if frame.partial else frame.data + b"\n\n" for frame in received)


def _render_frame(frame: Frame) -> list[str]:
    head = f"+{frame.at * 1000:.0f} {frame.direction}{'~' if frame.partial else ''}{'#' if frame.binary else ''}"
    try:
        first, *more = frame.data.decode().split("\n")
    except UnicodeDecodeError:
        return [f"{head}b {base64.b64encode(frame.data).decode()}"]
    if "\r" in first or any("\r" in line for line in more):
        return [f"{head}b {base64.b64encode(frame.data).decode()}"]
    return [f"{head} {first}", *(_CONTINUED + line for line in more)]


class _Reader:
    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._at = 0

    def read(self, label: str) -> Exchange:
        if self._next() != HEAD:
            raise ValueError(f"line 1: expected {HEAD!r}")
        method, url = self._next().removeprefix("> ").split(" ", 1)
        headers = self._headers("> ")
        body = []
        while self._peek().startswith("> | "):
            body.append(self._next().removeprefix("> | "))
        status = int(self._next().removeprefix("< "))
        answer_headers = self._headers("< ")
        frames = []
        while (found := _FRAME.fullmatch(self._peek())) is not None:
            self._at += 1
            frames.append(self._frame(found))
        ending = _ENDING.fullmatch(self._peek())
        if ending is None:
            raise ValueError(f"line {self._at + 1}: expected a frame or the ending")
        return Exchange(
            label=label,
            request=Request(method, url, headers, "\n".join(body).encode(errors="surrogateescape")),
            status=status,
            headers=answer_headers,
            body=joined(frames),
            frames=tuple(frames),
            seconds=frames[-1].at if frames else 0.0,
            end=ending[1],
            reason=(ending[2] or "").encode().decode("unicode_escape"),
            taped=True,
        )

    def _headers(self, prefix: str) -> httpx.Headers:
        found = []
        while self._peek().startswith(prefix) and not self._peek().startswith("> | "):
            name, separator, value = self._peek().removeprefix(prefix).partition(": ")
            if not separator:
                break
            self._at += 1
            found.append((name, value))
        return httpx.Headers(found)

    def _frame(self, found: re.Match[str]) -> Frame:
        milliseconds, direction, partial, binary, encoded, first = found.groups()
        if encoded:
            data = base64.b64decode(first, validate=True)
        else:
            lines = [first]
            while self._peek().startswith(_CONTINUED):
                lines.append(self._next().removeprefix(_CONTINUED))
            data = "\n".join(lines).encode()
        return Frame(int(milliseconds) / 1000, data, Direction(direction), bool(partial), bool(binary))

    def _peek(self) -> str:
        return self._lines[self._at]

    def _next(self) -> str:
        self._at += 1
        return self._lines[self._at - 1]
