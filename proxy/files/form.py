"""The form of an upload: its fields, and its file in a temporary one, since what a vendor is told of it may stand behind it."""

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Mapping
from tempfile import SpooledTemporaryFile
from typing import Final

import msgspec
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from proxy.errors import DetailError, GatewayError
from proxy.upstream.client import Upload

FORM: Final = "multipart/form-data"
IN_MEMORY: Final = 1_000_000
"""Bytes of a file above which it is on disk."""
BLOCK: Final = 262_144
MOST_FIELDS: Final = 64
LONGEST_FIELD: Final = 65_536
ANY: Final = "application/octet-stream"
_TYPE: Final = re.compile(r"[\w.+-]{1,100}/[\w.+-]{1,100}(?:; ?charset=[\w-]{1,40})?", re.ASCII)
_ESCAPED: Final = {number: f"%{number:02X}" for number in (*range(32), 127, ord('"'))} | {ord("\\"): "\\\\"}


class Form:
    """What a client uploads. Close it."""

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}
        self.filename: str | None = None
        """``None``: there is no file."""
        self.content_type = ANY
        self.size = 0
        """Bytes of the file."""
        self._file = SpooledTemporaryFile[bytes](max_size=IN_MEMORY)
        self._pending = bytearray()

    def require(self, *names: str) -> None:
        """Raise 422 in the reference's words for fields, or a ``file``, that are not there."""
        there = self.fields.keys() | ({"file"} if self.filename is not None else set())
        missing = [
            {"type": "missing", "loc": ["body", name], "msg": "Field required", "input": None}
            for name in names
            if name not in there
        ]
        if missing:
            raise DetailError(422, missing)

    def begin(self, segment: MultipartSegment) -> None:
        """Its file is the one of this part. Raises GatewayError: 400, it has one already."""
        if self.filename is not None:
            raise _malformed("more than one file")
        self.filename = segment.filename or "upload"
        told = segment.content_type or ""
        self.content_type = told if _TYPE.fullmatch(told) else ANY

    async def add(self, data: bytes | bytearray) -> None:
        """More of the file."""
        self._pending += data
        self.size += len(data)
        if len(self._pending) >= BLOCK:
            await self._flush()

    async def end(self) -> None:
        """The file is complete."""
        await self._flush()

    async def _flush(self) -> None:
        data, self._pending = bytes(self._pending), bytearray()
        if self.size <= IN_MEMORY:
            self._file.write(data)
        else:
            await asyncio.to_thread(self._file.write, data)

    def upload(self, fields: Mapping[str, str]) -> tuple[str, Upload]:
        """A form with these fields and the file, as often as it is to be sent: its content type, and what to send."""
        boundary = secrets.token_hex(16)
        said = "".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}"\r\n\r\n{text}\r\n'
            for name, text in fields.items()
        )
        disposition = f'Content-Disposition: form-data; name="file"; filename="{_quoted(self.filename or "")}"'
        begin = f"{said}--{boundary}\r\n{disposition}\r\nContent-Type: {self.content_type}\r\n\r\n".encode()
        end = f"\r\n--{boundary}--\r\n".encode()
        parts = self._sent(begin, end)
        return f"{FORM}; boundary={boundary}", Upload(parts, len(begin) + self.size + len(end))

    async def _sent(self, begin: bytes, end: bytes) -> AsyncIterator[bytes]:
        yield begin
        for start in range(0, self.size, BLOCK):
            yield self._read(start) if self.size <= IN_MEMORY else await asyncio.to_thread(self._read, start)
        yield end

    def _read(self, start: int) -> bytes:
        self._file.seek(start)
        return self._file.read(BLOCK)

    def close(self) -> None:
        """Forget the file."""
        self._file.close()


async def read_form(form: Form, content_type: str, parts: AsyncIterator[bytes]) -> None:
    """Fill a form with what comes; a body of another kind leaves it empty.

    Raises:
        GatewayError: 400, it is malformed, or has more fields than anybody needs.
    """
    kind, options = parse_options_header(content_type)
    if kind != FORM or not options.get("boundary"):
        return
    parser = PushMultipartParser(options["boundary"], max_segment_count=MOST_FIELDS)
    reader = _Reader(form)
    try:
        async for part in parts:
            for event in parser.parse(part):
                await reader.take(event)
        parser.close()
    except (MultipartError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise _malformed(str(error)) from error
    await form.end()


class _Reader:
    """Takes the parser's events: a part begins, has content, has ended (``None``)."""

    def __init__(self, form: Form) -> None:
        self._form = form
        self._part: MultipartSegment | None = None
        self._text = bytearray()

    async def take(self, event: MultipartSegment | bytearray | None) -> None:
        if isinstance(event, MultipartSegment):
            self._part = event
            if event.name == "file" and event.filename is not None:
                self._form.begin(event)
        elif self._part is None:
            return
        elif self._part.filename is not None:
            await self._content(self._part, event)
        elif event is None:
            self._form.fields[self._part.name] = self._text.decode()
            self._text.clear()
        else:
            self._text += event
            if len(self._text) > LONGEST_FIELD:
                raise _malformed(f"{self._part.name[:100]!r} has more than {LONGEST_FIELD} bytes")

    async def _content(self, part: MultipartSegment, event: bytearray | None) -> None:
        if event and part.name == "file":
            await self._form.add(event)


def _quoted(text: str) -> str:
    return text.translate(_ESCAPED)


def _malformed(why: str) -> GatewayError:
    return GatewayError(400, f"The form cannot be read: {why}", type="invalid_request_error", param="file")
