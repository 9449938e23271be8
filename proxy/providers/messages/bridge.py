"""Anthropic's format in front of vendors that do not speak it: a chat completion there, a message here."""

import msgspec

from proxy.call import Body
from proxy.errors import Failure
from proxy.providers.base import Attempt, Reply, find_provider
from proxy.providers.failures import unreadable
from proxy.providers.messages.answer import MessageStream, to_message
from proxy.providers.messages.request import Chat, to_chat

EXCEPTION = "AnthropicMessages"
"""The label of this translation in messages."""


def speaks_messages(provider: str) -> bool:
    """Whether a provider's vendor takes calls in Anthropic's format."""
    return bool(getattr(find_provider(provider), "speaks_messages", False))


def asked(body: Body, model: str, metadata: msgspec.Raw | None, *, stream: bool) -> Chat:
    """The chat completion that stands for a call; arguments as for :func:`to_chat`.

    Raises:
        Failure: 400, it is no such call.
    """
    try:
        return to_chat(body, model, metadata, stream=stream)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Failure(400, f"Invalid request format: {error}", kind="bad_request", type="None", param="None") from error


def answered(reply: Reply, attempt: Attempt, chat: Chat) -> Reply:
    """The reply to a chat completion as one to the call that it stands for.

    Raises:
        Failure: 500, it cannot be told as a message.
    """
    model = attempt.deployment.model
    if reply.stream is not None:
        return Reply(reply.headers, reply.api_base, stream=MessageStream(reply.stream, model, chat.names))
    try:
        message = to_message(reply.body, attempt.shown_model or model, chat.names)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise unreadable(EXCEPTION, f"The answer cannot be told as a message: {error}") from error
    return Reply(reply.headers, reply.api_base, message, usage=reply.usage)
