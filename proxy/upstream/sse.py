"""Framing of server-sent events, without I/O.

The lines are those of the HTML standard (9.2.5): they end with LF, CR LF or CR, and an empty line ends an event.
"""

import re

from proxy.upstream.errors import TooLarge

MAX_EVENT = 16 * 1024 * 1024
"""Bytes that one event may have unless the splitter is told otherwise."""

_BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"\r\n|\n|\r")
# atomic groups: else the CR and the LF of one line end would pass for two line ends
_EVENT_END = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")


class EventSplitter:
    """Cuts a byte stream into events, however the stream is cut into chunks.

    Args:
        limit: bytes that one event may have.
    """

    __slots__ = ("_buffer", "_limit", "_started")

    def __init__(self, limit: int = MAX_EVENT) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._started = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """The events that ``chunk`` completes, as they came, without the empty line that ends them.

        Raises:
            TooLarge: an event is longer than the limit.
        """
        if (
            not self._buffer
            and self._started
            and chunk.endswith(b"\n\n")
            and b"\r" not in chunk
            and b"\n\n\n" not in chunk
            and not chunk.startswith(b"\n")
            and len(chunk) <= self._limit
        ):
            return chunk[:-2].split(b"\n\n")
        return self._feed(chunk)

    def rest(self) -> bytes:
        """What came after the last complete event: an event cut short when the stream has ended."""
        return bytes(self._buffer.lstrip(b"\r\n"))

    def _feed(self, chunk: bytes) -> list[bytes]:
        buffer = self._buffer
        # an event's end may have begun in up to three bytes of what is already known
        searched = max(0, len(buffer) - 3)
        buffer += chunk
        if not self._started:
            if len(buffer) < len(_BOM) and _BOM.startswith(buffer):
                return []
            self._started = True
            if buffer.startswith(_BOM):
                del buffer[: len(_BOM)]
        events: list[bytes] = []
        start = 0
        for end in _EVENT_END.finditer(buffer, searched):
            # empty lines before an event mean nothing
            event = bytes(buffer[start : end.start()].lstrip(b"\r\n"))
            start = end.end()
            if len(event) > self._limit:
                raise TooLarge(self._limit)
            if event:
                events.append(event)
        del buffer[:start]
        if len(buffer) > self._limit:
            raise TooLarge(self._limit)
        return events


def data_of(event: bytes) -> bytes:
    """The ``data`` lines of an event joined by line feeds; empty when it has none (a comment, a keep-alive)."""
    if event.startswith(b"data: ") and b"\n" not in event and b"\r" not in event:
        return event[6:]
    lines: list[bytes] = []
    for line in _LINE_END.split(event):
        field, _, value = line.partition(b":")
        if field == b"data":
            lines.append(value.removeprefix(b" "))
    return b"\n".join(lines)
