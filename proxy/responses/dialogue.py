"""One call of the Responses API, whichever vendor answers it: what it is asked, and what the client gets to know."""

import uuid
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import msgspec

from proxy.call import Body, Identity
from proxy.deployment import Deployment
from proxy.errors import Failure
from proxy.providers.base import Attempt, Reply, Resource, find_provider
from proxy.providers.chat_as_response import told_as_chat
from proxy.providers.failures import unreadable
from proxy.providers.openai.format import encode, present, raw
from proxy.responses.answer import Item, to_response
from proxy.responses.ids import Found, Ids
from proxy.responses.request import items_of, to_chat
from proxy.responses.stream import ResponseStream

EXCEPTION = "Responses"
"""The label of this translation in messages."""
KEPT = "kept_"
"""What this gateway calls the responses of vendors that keep none begins so."""
_ECHOED = ("instructions", "metadata", "reasoning", "temperature", "text", "tool_choice", "tools", "top_p", "user")


class Asked(msgspec.Struct):
    """What is sent: ``chat`` in place of ``body`` to a vendor that only chats."""

    body: Body
    chat: Body | None = None


class Previous(msgspec.Struct, frozen=True):
    """The response that a call goes on from."""

    found: Found
    history: Sequence[Item] | None = None
    """The items up to its end, if this gateway keeps it; else its vendor does."""


Keep = Callable[[str, Sequence[Item], Item], Awaitable[None]]
"""Keeps a response: by the vendor's id, with the input that it answers."""


class Dialogue:
    """See the module.

    Args:
        previous: what the call goes on from; ``None``: nothing that this gateway knows.
        keep: keeps responses of vendors that do not; ``None``: the client does not want it.
        as_chat: the client wants to be answered with a chat completion.
    """

    def __init__(
        self, ids: Ids, owner: Identity, previous: Previous | None, keep: Keep | None, *, as_chat: bool = False
    ) -> None:
        self._ids = ids
        self._owner = owner
        self._previous = previous
        self._keep = keep
        self._as_chat = as_chat

    def asked(
        self, body: Body, deployment: Deployment, resource: Resource | None, *, stream: bool, mocked: bool
    ) -> Asked:
        """What a deployment is sent for the client's ``body``.

        Raises:
            Failure: 400, it cannot be asked that.
        """
        previous = self._previous
        if speaks_responses(deployment) and not mocked:
            return Asked(body if previous is None else self._continued(body, previous))
        if resource is not None:
            what = resource.path.rpartition("/")[2]
            raise _bad_request(f"{what.upper()} responses is not supported for {deployment.provider}")
        try:
            history = self._history(body, deployment)
            body = {name: value for name, value in body.items() if name not in ("stream", "background")}
            return Asked(body, to_chat(body, history, stream=stream))
        except (msgspec.DecodeError, RecursionError) as error:
            raise _bad_request(f"Invalid request format: {error}") from error

    def seal(self, deployment: Deployment, upstream: str) -> str:
        """The client's id of what a vendor calls a response."""
        return self._ids.made(Found(deployment.provider, deployment.id, upstream), self._owner)

    async def answered(self, reply: Reply, attempt: Attempt, asked: Asked) -> Reply:
        """The reply as the client gets it.

        Raises:
            Failure: 500, it cannot be told as a response.
        """
        if asked.chat is None:
            return told_as_chat(reply, attempt) if self._as_chat else reply
        if self._as_chat:
            return reply
        upstream = f"{KEPT}{uuid.uuid4().hex}"
        known = attempt.seal(upstream)
        given = asked.body
        keep = None if self._keep is None else partial(self._keep, upstream, _items(given))
        if reply.stream is not None:
            begun = {name: msgspec.json.decode(given[name]) for name in _ECHOED if present(given.get(name))}
            begun |= {"id": known, "model": attempt.deployment.model}
            stream = ResponseStream(reply.stream, begun, attempt.shown_model, keep)
            return Reply(reply.headers, reply.api_base, stream=stream)
        try:
            response = to_response(reply.body, known, attempt.shown_model)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise unreadable(EXCEPTION, f"The answer cannot be told as a response: {error}") from error
        if keep is not None:
            await keep(response)
        return Reply(reply.headers, reply.api_base, encode(response), usage=reply.usage)

    def _continued(self, body: Body, previous: Previous) -> Body:
        if previous.history is None:
            return body | {"previous_response_id": raw(previous.found.upstream)}
        body = {name: value for name, value in body.items() if name != "previous_response_id"}
        return body | {"input": raw([*previous.history, *_items(body)])}

    def _history(self, body: Body, deployment: Deployment) -> Sequence[Item]:
        if self._previous is not None and self._previous.history is not None:
            return self._previous.history
        if present(body.get("previous_response_id")):
            named = f"model {deployment.group!r} ({deployment.provider})"
            raise _bad_request(
                f"previous_response_id: {named} cannot go on from that response, which another vendor keeps or "
                "nobody knows; send the conversation in `input`"
            )
        return ()


def speaks_responses(deployment: Deployment) -> bool:
    """Whether the vendor of a deployment has the Responses API."""
    return bool(getattr(find_provider(deployment.provider), "speaks_responses", False))


def _items(body: Body) -> Sequence[Item]:
    return items_of(msgspec.json.decode(body.get("input", b"null"), type=str | list[Item] | None))


def _bad_request(message: str) -> Failure:
    return Failure(400, message, kind="bad_request", type="invalid_request_error", param=None, reached=False)
