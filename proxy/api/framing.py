"""How the events of a stream, and the error that ends a broken one, are written as server-sent events."""

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from proxy.errors import GatewayError
from proxy.preparation import CONTENTS, MESSAGES, RESPONSES
from proxy.providers.failures import StreamFailure


class Framing(NamedTuple):
    """Of one kind of stream."""

    events: Callable[[list[bytes]], bytes]
    """Of what came together."""
    error: Callable[[GatewayError], bytes]
    """Of an error in place of the end."""


def _chunks(batch: list[bytes]) -> bytes:
    return b"data: " + b"\n\ndata: ".join(batch) + b"\n\n"


def _chunk_error(error: GatewayError) -> bytes:
    return _chunks([error.body()])


def _message_error(error: GatewayError) -> bytes:
    """The vendor's own error event, if it sent one; https://docs.anthropic.com/en/api/messages-streaming"""
    told = error.event if isinstance(error, StreamFailure) else None
    if told is None:
        told = msgspec.json.encode({"type": "error", "error": {"type": "api_error", "message": error.message}})
    return b"event: error\ndata: %b\n\n" % told


def _response_error(error: GatewayError) -> bytes:
    """https://platform.openai.com/docs/api-reference/responses-streaming/error"""
    told = {"type": "error", "code": str(error.status), "message": error.message, "param": None}
    return _chunks([msgspec.json.encode(told)])


def _content_error(error: GatewayError) -> bytes:
    """Google's own error event, if it sent one; https://cloud.google.com/apis/design/errors"""
    told = error.event if isinstance(error, StreamFailure) else None
    if told is None:
        told = msgspec.json.encode({"error": {"code": error.status, "message": error.message, "status": "UNAVAILABLE"}})
    return _chunks([told])


CHUNKS = Framing(_chunks, _chunk_error)
"""Of OpenAI's format: data alone."""
MESSAGE_EVENTS = Framing(b"".join, _message_error)
"""Of Anthropic's format: events come framed, since they have names."""
RESPONSE_EVENTS = Framing(_chunks, _response_error)
"""Of OpenAI's Responses API: data alone, whose type is inside."""
CONTENT_EVENTS = Framing(_chunks, _content_error)
"""Of Google's format: data alone."""
FRAMINGS = {MESSAGES: MESSAGE_EVENTS, RESPONSES: RESPONSE_EVENTS, CONTENTS: CONTENT_EVENTS}
"""By endpoint, where it is not that of OpenAI's chunks."""
