"""What was observed on the wire: one `Exchange` for everything that recordings, diffs, reports and assertions look
at."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import httpx
import msgspec

from contracts.harness.faults import CheckFailed

EVENT_STREAM = "text/event-stream"
GATEWAY_URL = "http://gateway.test"
UPSTREAM_URL = "http://upstream.test"
JOURNAL_URL = f"{UPSTREAM_URL}/journal"
SOCKET = "WS"
"""Method of WebSocket sessions."""


class Direction(StrEnum):
    """Seen from the client."""

    RECEIVED = "<"
    SENT = ">"


class Frame(msgspec.Struct, frozen=True):
    """One SSE event (without its closing blank line), one WebSocket message, or an undelimited piece of a body.

    `at` is in seconds since the request was sent. `partial` marks a piece that no delimiter closed, `binary` a WebSocket
    message that is not text.
    """

    at: float
    data: bytes
    direction: Direction = Direction.RECEIVED
    partial: bool = False
    binary: bool = False


class Request(msgspec.Struct, frozen=True):
    """What the client sent; `url` has the symbolic origin (`http://gateway.test`, `http://upstream.test`)."""

    method: str
    url: str
    headers: httpx.Headers
    body: bytes = b""


class Exchange(msgspec.Struct, frozen=True):
    """A request and its answer.

    `label` pairs live exchanges with recorded ones. `seconds` runs from sending to the end. `end` is `done`, `dropped`
    (the gateway broke the connection off), `client-closed`, or a WebSocket close code, for which `reason` is the text that
    came with it. `taped` says that frames, their times and the ending were recorded, not only the complete body.
    """

    label: str
    request: Request
    status: int
    headers: httpx.Headers
    body: bytes
    frames: tuple[Frame, ...] = ()
    seconds: float = 0.0
    end: str = "done"
    reason: str = ""
    taped: bool = False

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode(errors="replace")

    @property
    def json(self) -> Any:
        """The body as JSON. Raises CheckFailed when it is something else."""
        try:
            return msgspec.json.decode(self.body)
        except msgspec.DecodeError:
            raise CheckFailed(f"{self.label}: the body is not JSON: {self.text[:200]!r}") from None

    @property
    def is_journal(self) -> bool:
        """Whether this is the journal of what the upstreams received."""
        return self.request.url.startswith(JOURNAL_URL)

    @property
    def is_socket(self) -> bool:
        """Whether this was a WebSocket session."""
        return self.request.method == SOCKET

    def messages(self, direction: Direction) -> list[Frame]:
        """The messages of a WebSocket session that went one way."""
        return [frame for frame in self.frames if frame.direction is direction]

    @property
    def is_control(self) -> bool:
        """Whether this was said to the simulated upstreams and not to the gateway."""
        return self.request.url.startswith(UPSTREAM_URL)

    @property
    def is_stream(self) -> bool:
        """Whether the answer is a stream of server-sent events."""
        return str(self.headers.get("content-type", "")).lower().startswith(EVENT_STREAM)

    @property
    def sse(self) -> list[ServerEvent]:
        """The server-sent events, in order; comments are left out."""
        return parse_events(self.body)

    @property
    def events(self) -> list[Any]:
        """The data of the server-sent events: decoded JSON, or text where it is none (`[DONE]`)."""
        return [event.json for event in self.sse]

    @property
    def content(self) -> str:
        """The text of a chat or completion answer; of a stream, its pieces joined."""
        parts = self.events if self.is_stream else [self.json]
        return "".join(_text_of(part) for part in parts)


class ServerEvent(msgspec.Struct, frozen=True):
    """One server-sent event."""

    data: str
    event: str = ""

    @property
    def json(self) -> Any:
        """The data decoded, or as text where it is not JSON."""
        try:
            return msgspec.json.decode(self.data)
        except msgspec.DecodeError:
            return self.data


def split_frames(body: bytes) -> tuple[list[bytes], bytes]:
    """Cut a stream at blank lines: the complete frames and what is left without its delimiter."""
    *complete, rest = body.replace(b"\r\n", b"\n").split(b"\n\n")
    return complete, rest


def parse_events(body: bytes) -> list[ServerEvent]:
    """The server-sent events of a body; a last event that was cut before its blank line counts too."""
    complete, rest = split_frames(body)
    events = []
    for block in [*complete, rest]:
        fields: dict[str, list[str]] = {}
        for line in block.decode(errors="replace").splitlines():
            name, _, value = line.partition(":")
            fields.setdefault(name, []).append(value.removeprefix(" "))
        if "data" in fields:
            events.append(ServerEvent("\n".join(fields["data"]), "".join(fields.get("event", []))))
    return events


def _text_of(part: Any) -> str:
    if not isinstance(part, dict) or not isinstance(part.get("choices"), list):
        return ""
    texts = []
    for choice in part["choices"]:
        holder = choice.get("message") or choice.get("delta") or choice
        texts.append(holder.get("content") or holder.get("text") or "")
    return "".join(texts)
