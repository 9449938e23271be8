"""The tokens of a session, read from the messages that go by."""

from typing import Any

import msgspec

from proxy.call import Usage
from proxy.upstream.websocket import Message


class _Details(msgspec.Struct):
    cached_tokens: int = 0


class _Usage(msgspec.Struct):
    input_tokens: int = 0
    output_tokens: int = 0
    total_tokens: int = 0
    input_token_details: _Details | None = None


class _Response(msgspec.Struct):
    usage: _Usage | None = None


class _Event(msgspec.Struct):
    type: str = ""
    response: _Response | None = None


_event = msgspec.json.Decoder(_Event).decode


class ResponseUsage:
    """Sums up the ``response.done`` events of OpenAI's dialect."""

    def __init__(self) -> None:
        self.total = Usage()

    def __call__(self, message: Message) -> None:
        """Look at a message of the upstream. Never fails: what is not understood counts nothing."""
        if (b'"response.done"' if isinstance(message, bytes) else '"response.done"') not in message:  # type: ignore[operator]
            return
        try:
            event = _event(message)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return
        used = event.response.usage if event.response is not None else None
        if event.type == "response.done" and used is not None:
            details = used.input_token_details
            self.total = plus(
                self.total,
                Usage(
                    prompt_tokens=used.input_tokens,
                    completion_tokens=used.output_tokens,
                    total_tokens=used.total_tokens,
                    cached_tokens=0 if details is None else details.cached_tokens,
                ),
            )


class _LiveUsage(msgspec.Struct, rename="camel"):
    prompt_token_count: int = 0
    response_token_count: int = 0
    total_token_count: int = 0
    cached_content_token_count: int = 0
    thoughts_token_count: int = 0


class _LiveMessage(msgspec.Struct, rename="camel"):
    usage_metadata: _LiveUsage | None = None


class _Setup(msgspec.Struct):
    model: str = ""


class _LiveSaid(msgspec.Struct):
    setup: _Setup | None = None


_live_message = msgspec.json.Decoder(_LiveMessage).decode
_live_said = msgspec.json.Decoder(_LiveSaid).decode


class LiveUsage:
    """Sums up ``usageMetadata`` of Gemini's live API, and reads the model from the client's ``setup``."""

    def __init__(self) -> None:
        self.total = Usage()
        self.model = ""

    def heard(self, message: Message) -> None:
        """Look at a message of the upstream; see :meth:`ResponseUsage.__call__`."""
        if (b'"usageMetadata"' if isinstance(message, bytes) else '"usageMetadata"') not in message:  # type: ignore[operator]
            return
        used = _decoded(_live_message, message, _LiveMessage()).usage_metadata
        if used is not None:
            self.total = plus(
                self.total,
                Usage(
                    prompt_tokens=used.prompt_token_count,
                    completion_tokens=used.response_token_count + used.thoughts_token_count,
                    total_tokens=used.total_token_count,
                    cached_tokens=used.cached_content_token_count,
                    reasoning_tokens=used.thoughts_token_count,
                ),
            )

    def said(self, message: Message) -> None:
        """Look at a message of the client."""
        if not self.model and (b'"setup"' if isinstance(message, bytes) else '"setup"') in message:  # type: ignore[operator]
            setup = _decoded(_live_said, message, _LiveSaid()).setup
            self.model = "" if setup is None else setup.model.rpartition("/")[2]


def plus(one: Usage, other: Usage) -> Usage:
    """Both together."""
    return Usage(**{name: getattr(one, name) + getattr(other, name) for name in Usage.__struct_fields__})


def _decoded(decode: Any, message: Message, otherwise: Any) -> Any:
    try:
        return decode(message)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return otherwise
