"""OpenAI's Responses API: new responses, and what is asked about those that exist. Raw ASGI."""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import msgspec
from litestar import delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.types import ASGIApp, Receive, Scope

from proxy.api import headers as answer_headers
from proxy.api.admitting import check_caller
from proxy.api.background import Background
from proxy.api.client import BodyReader, ClientGone
from proxy.api.decoding import decode_value, wrong_type
from proxy.api.llm import ModelEndpoint, refusal, unexpected
from proxy.api.model_request import read_model_request
from proxy.auth.authenticator import Caller
from proxy.call import Answer, Body, Call
from proxy.errors import DetailError, GatewayError
from proxy.gateway import Gateway
from proxy.pipeline import Pipeline
from proxy.preparation import RESPONSES, ModelRequest
from proxy.providers.base import Resource
from proxy.providers.openai.format import present
from proxy.responses.answer import Item
from proxy.responses.dialogue import KEPT, Dialogue, Previous
from proxy.responses.ids import Found, ids_of
from proxy.responses.kept import Kept, Shelf, listed, with_ids
from proxy.responses.polling import ENDED, PREFIX, Poll, Progress
from proxy.routing.request import RouteRequest
from proxy.routing.router import DEFAULT_RETRIES

BASES = ("/responses", "/v1/responses", "/openai/v1/responses")
COMPACT = Resource("POST", "/compact", exists=False)
CUT_OFF_SECONDS = 5
"""When to ask again for what cannot be seen."""
_TRUE = b"true"
_name = re.compile(r"[\w.:=+-]+", re.ASCII)
"""Vendors' names of responses; other gateways write theirs in base64."""
#: Of the questions about a response: method, the end of the path, and parameters that vendors understand.
_ASKED = {
    "retrieve": ("GET", "", ("include", "include[]", "include_obfuscation", "starting_after", "stream")),
    "delete": ("DELETE", "", ()),
    "cancel": ("POST", "/cancel", ()),
    "input_items": ("GET", "/input_items", ("after", "before", "include", "include[]", "limit", "order")),
}


class ResponsesEndpoint(ModelEndpoint):
    """New responses.

    Args:
        resource: what else is asked of a model; ``None``: a response.
        as_chat: the client wants a chat completion for an answer, and may send messages.
    """

    def __init__(
        self, gateway: Gateway, background: Background, resource: Resource | None = None, *, as_chat: bool = False
    ) -> None:
        super().__init__(gateway, RESPONSES, framing="chat" if as_chat else RESPONSES)
        self._background = background
        self._resource = resource
        self._as_chat = as_chat

    def _read(self, call: Call, fields: Body, model_in_path: str | None) -> ModelRequest:
        if self._as_chat and "messages" in fields:
            fields.setdefault("input", fields.pop("messages"))
        return read_model_request(call, fields, model_in_path)

    async def _admit(self, call: Call, scope: Scope, receive: Receive) -> Pipeline | Answer:
        admitted = await super()._admit(call, scope, receive)
        if isinstance(admitted, Answer):
            return admitted
        try:
            await self._begin_dialogue(call, admitted.asked)
        except GatewayError as error:
            return refusal(call, error)
        except Exception:
            return refusal(call, unexpected())
        return admitted

    async def _begin_dialogue(self, call: Call, asked: ModelRequest) -> None:
        ids = ids_of(call.snapshot.config)
        previous = await self._previous(call)
        keep = None if bytes(call.body.get("store", b"")) == b"false" else _Keeper(Shelf(self._gateway.state), previous)
        asked.resource = self._resource
        if previous is not None:
            asked.route.pinned = previous.found.deployment
        asked.dialogue = Dialogue(ids, call.identity, previous, keep, as_chat=self._as_chat)

    async def _previous(self, call: Call) -> Previous | None:
        given = call.body.get("previous_response_id")
        if not present(given):
            return None
        assert given is not None
        name = decode_value("previous_response_id", given)
        if not isinstance(name, str):
            raise wrong_type("previous_response_id", "a text")
        if name.startswith(PREFIX):
            name = _made(await _poll(self._background, call, name), name)
        found = ids_of(call.snapshot.config).read(name, call.identity)
        if found is None:
            return None
        if not found.upstream.startswith(KEPT):
            return Previous(found)
        history = await Shelf(self._gateway.state).history(found.upstream)
        if history is None:
            told = f"Previous response with id '{name}' not found."
            raise _missing(self._background, _not_found(told, 400, "previous_response_id"))
        return Previous(found, history)

    async def _run(self, call: Call, pipeline: Pipeline) -> Answer:
        if bytes(call.body.get("background", b"")) == _TRUE and self._resource is None and not self._as_chat:
            deployments = call.snapshot.router.groups.find(call.model) or ()
            if call.snapshot.background.makes(call.model, deployments):
                return await self._queued(call, pipeline.asked)
        return await super()._run(call, pipeline)

    async def _queued(self, call: Call, asked: ModelRequest) -> Answer:
        """The response that is now made in the background."""
        metadata = {} if asked.metadata is None else decode_value("metadata", asked.metadata)
        progress = Progress(call.identity, metadata)
        work = Call(call.snapshot, call.endpoint, call.headers)
        work.path, work.client_ip, work.identity, work.model = call.path, call.client_ip, call.identity, call.model
        work.stream, work.fields, work.customer, work.tags = True, call.fields, call.customer, call.tags
        work.body = {name: value for name, value in call.body.items() if name != "background"}
        work.body["stream"] = msgspec.Raw(_TRUE)
        answer = _told(progress.response)
        await self._background.start(work, Pipeline(work, asked, self._gateway.client), progress, instead_of=call)
        call.outcome.status, call.outcome.ending = 200, "done"
        return answer


class _Keeper:
    """Keeps the responses of one call."""

    def __init__(self, shelf: Shelf, previous: Previous | None) -> None:
        self._shelf = shelf
        self._history = () if previous is None else previous.history or ()

    async def __call__(self, name: str, asked: Sequence[Item], response: Item) -> None:
        await self._shelf.put(name, Kept(response, with_ids(asked), self._history))


class ExistingEndpoint(ModelEndpoint):
    """One of the questions about a response that exists: ``retrieve``, ``delete``, ``cancel`` or ``input_items``."""

    def __init__(self, gateway: Gateway, background: Background, question: str) -> None:
        super().__init__(gateway, RESPONSES)
        self._background = background
        self._question = question

    async def _admit(self, call: Call, scope: Scope, receive: Receive) -> Pipeline | Answer:
        gateway = self._gateway
        body = BodyReader(receive, call.headers, gateway.max_request_bytes)
        try:
            call.identity = await call.snapshot.authenticator.authenticate(Caller(call.headers, scope, body))
            await check_caller(call)
            await body()
            given = str(scope["path_params"]["response_id"])
            query = parse_qsl(scope["query_string"].decode("latin-1"))
            if given.startswith(PREFIX):
                poll = await _poll(self._background, call, given, expired=self._question == "retrieve")
                if self._question != "input_items":
                    return await self._about_poll(call, poll)
                given = _made(poll, given)
            found = ids_of(call.snapshot.config).read(given, call.identity)
            if found is None:
                raise _not_found(f"Response with id '{given}' not found.")
            if found.upstream.startswith(KEPT):
                return await self._about_kept(call, found, given, dict(query))
            return self._asking(call, found, given, query)
        except GatewayError as error:
            return refusal(call, error)
        except ClientGone:
            raise
        except Exception:
            return refusal(call, unexpected())

    def _asking(self, call: Call, found: Found, given: str, query: Sequence[tuple[str, str]]) -> Pipeline:
        """What the deployment that made the response is asked."""
        router = call.snapshot.router
        if found.deployment not in router.groups.by_id or not _is_safe(found.upstream):
            raise _not_found(f"Response with id '{given}' not found: what made it is not in model_list any more.")
        method, path, understood = _ASKED[self._question]
        known = [(name, value) for name, value in query if name in understood]
        call.model, call.stream = found.deployment, ("stream", "true") in known
        call.settled = True  # it was charged when it was made
        retries = router.settings.num_retries
        route = RouteRequest(
            model=found.deployment,
            num_retries=DEFAULT_RETRIES if retries is None else retries,
            max_fallbacks=0,
            disable_fallbacks=True,
        )
        asked = ModelRequest(route=route)
        asked.resource = Resource(method, f"/{quote(found.upstream, safe=':')}{path}", urlencode(known))
        asked.dialogue = Dialogue(ids_of(call.snapshot.config), call.identity, None, None)
        return Pipeline(call, asked, self._gateway.client)

    async def _about_poll(self, call: Call, poll: Poll) -> Answer:
        poll_id, response = poll.response["id"], poll.seen()
        if self._question == "delete":
            await self._background.stop(poll_id, "deleted")
            await self._background.polls.delete(poll_id)
            return _done(call, {"id": poll_id, "object": "response", "deleted": True})
        if self._question == "cancel" and response["status"] not in ENDED:
            poll.response["status"] = "cancelled"
            await self._background.polls.put(poll)
            await self._background.stop(poll_id, "cancelled")
            response = poll.response
        return _done(call, response)

    async def _about_kept(self, call: Call, found: Found, given: str, query: Mapping[str, str]) -> Answer:
        shelf = Shelf(self._gateway.state)
        kept = await shelf.get(found.upstream)
        if kept is None:
            raise _missing(self._background, _not_found(f"Response with id '{given}' not found."))
        if self._question == "delete":
            await shelf.delete(found.upstream)
            return _done(call, {"id": given, "object": "response", "deleted": True})
        if self._question == "cancel":
            raise GatewayError(400, "Cannot cancel a synchronous response.", type="invalid_request_error", param=None)
        if self._question == "input_items":
            return _done(call, listed(kept.input, query))
        return _done(call, kept.response | {"id": given})


async def _poll(background: Background, call: Call, poll_id: str, *, expired: bool = False) -> Poll:
    """A background response of the caller.

    Raises:
        GatewayError: 404, 503 while it may still be there, or 403 when it is somebody else's.
    """
    poll = await background.find(poll_id)
    if poll is None:
        told = f"Polling response {poll_id} not found" + (" or expired" if expired else "")
        raise _missing(background, DetailError(404, told))
    ids_of(call.snapshot.config).check(poll.user, poll.team, call.identity)
    return poll


def _made(poll: Poll, poll_id: str) -> str:
    """The id of the response itself."""
    if poll.made is None:
        raise _not_found(f"Response with id '{poll_id}' has not begun yet.")
    return poll.made


def _not_found(message: str, status: int = 404, param: str | None = None) -> GatewayError:
    return GatewayError(status, message, type="invalid_request_error", param=param)


def _missing(background: Background, error: GatewayError) -> GatewayError:
    """What is told of something that is not found where it was kept."""
    if not background.is_cut_off:
        return error
    told = f"{error.message.rstrip('.')}: Redis (litellm_settings.cache_params) cannot be reached now. Try again later."
    return GatewayError(503, told, headers=[("retry-after", str(CUT_OFF_SECONDS))])


def _is_safe(name: str) -> bool:
    """Whether a vendor's name leads nowhere else in a path, however often that is decoded."""
    return _name.fullmatch(name) is not None and name not in (".", "..")


def _told(value: Any) -> Answer:
    return Answer(200, [answer_headers.JSON], msgspec.json.encode(value))


def _done(call: Call, value: Any) -> Answer:
    call.outcome.status, call.outcome.ending = 200, "done"
    return _told(value)


def model_endpoints(gateway: Gateway, background: Background) -> dict[str, ModelEndpoint]:
    """The endpoints of new responses, by path."""
    created = ResponsesEndpoint(gateway, background)
    compacted = ResponsesEndpoint(gateway, background, COMPACT)
    paths: dict[str, ModelEndpoint] = dict.fromkeys(BASES, created)
    paths |= {f"{base}/compact": compacted for base in BASES}
    return paths | {"/cursor/chat/completions": ResponsesEndpoint(gateway, background, as_chat=True)}


def existing_routes(gateway: Gateway, background: Background) -> list[HTTPRouteHandler]:
    """The routes of what exists."""
    handlers = {"GET": get, "DELETE": delete, "POST": post}
    routes = []
    for question, (method, path, _) in _ASKED.items():
        endpoint = ExistingEndpoint(gateway, background, question)
        paths = [f"{base}/{{response_id:str}}{path}" for base in BASES]
        routes.append(handlers[method](paths, status_code=200, sync_to_thread=False)(_answering(endpoint)))
    return routes


def _answering(endpoint: ModelEndpoint) -> Any:
    def call(response_id: FromPath[str]) -> ASGIApp:  # noqa: ARG001
        return endpoint

    return call
