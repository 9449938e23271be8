"""AWS's binary event streams (``application/vnd.amazon.eventstream``), cut and checked by botocore, as a stream of chunks."""

import base64
from collections.abc import Callable
from typing import Any

import msgspec

from proxy.providers.base import Attempt
from proxy.providers.bedrock.failures import EXCEPTION, failure_within_stream
from proxy.providers.chunking import no_event
from proxy.providers.streams import Converter, EventStream
from proxy.upstream.client import UpstreamResponse


class BinaryStream(EventStream):
    """An answer in AWS's framing, converted by ``chunks``. :meth:`start` must be awaited first.

    Args:
        unwrap: what ``chunks`` is given of an event's payload.
    """

    def __init__(
        self, response: UpstreamResponse, chunks: Converter, attempt: Attempt, unwrap: Callable[[bytes], bytes] = bytes
    ) -> None:
        from botocore.eventstream import EventStreamBuffer, ParserError

        super().__init__(response, chunks, EXCEPTION, attempt)
        self._buffer: Any = EventStreamBuffer()
        self._garbled: type[Exception] = ParserError
        self._unwrap = unwrap

    def _convert(self, part: bytes, events: list[bytes]) -> bool:
        """Add the chunks of ``part`` to ``events``; true once the vendor is done."""
        self._buffer.add_data(part)
        try:
            for message in self._buffer:
                exception = message.headers.get(":exception-type") or message.headers.get(":error-code")
                if exception is not None:
                    raise failure_within_stream(str(exception), message.payload)
                chunk = self._chunks.feed(self._unwrap(message.payload))
                if chunk is not None:
                    events.append(chunk)
                if self._chunks.done:
                    return True
        except self._garbled:
            raise no_event(EXCEPTION) from None
        return False


class _Chunk(msgspec.Struct):
    bytes: str


_decode_chunk = msgspec.json.Decoder(_Chunk).decode


def model_event(payload: bytes) -> bytes:
    """The event of the model's own that one of ``/invoke-with-response-stream`` holds.

    Raises:
        StreamFailure: there is none.
    """
    try:
        return base64.b64decode(_decode_chunk(payload).bytes)
    except (msgspec.DecodeError, ValueError):
        raise no_event(EXCEPTION) from None
