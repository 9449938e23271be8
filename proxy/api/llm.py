"""Model calls: chat completions, text completions, embeddings, and messages in Anthropic's format. Raw ASGI, the hot path."""

import asyncio
import logging
from collections.abc import Awaitable
from functools import partial

from litestar.enums import ScopeType
from litestar.types import Receive, Scope, Send

from proxy.api import headers as answer_headers
from proxy.api.admitting import admitted_model, named_model, raw
from proxy.api.client import BodyReader, ClientGone, Watch, deliver
from proxy.api.decoding import decode_object
from proxy.api.framing import CHUNKS, FRAMINGS
from proxy.api.model_request import read_model_request
from proxy.auth.authenticator import Caller
from proxy.call import Answer, Body, Call, Usage, Write
from proxy.errors import GatewayError
from proxy.gateway import Gateway
from proxy.logs import call_id
from proxy.pipeline import Pipeline
from proxy.preparation import ModelRequest
from proxy.providers.base import Stream

log = logging.getLogger(__name__)

NO_PARAMS: dict[str, object] = {}
OVERLOADED = "The gateway is at its limit of parallel requests (general_settings.global_max_parallel_requests)"


class ModelEndpoint:
    """One of the endpoints: ``chat``, ``completions``, ``embeddings`` or ``messages``; ``responses`` is derived from it.

    Args:
        framing: the endpoint whose streams its own look like, if that is another.
    """

    def __init__(self, gateway: Gateway, endpoint: str, framing: str | None = None) -> None:
        self._gateway = gateway
        self._endpoint = endpoint
        self._framing = FRAMINGS.get(framing or endpoint, CHUNKS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One call, from its head to its last byte."""
        assert scope["type"] == ScopeType.HTTP
        gateway = self._gateway
        call = Call(gateway.snapshot, self._endpoint, dict(scope["headers"]))
        call_id.set(call.id)
        call.path, client = scope["path"], scope["client"]
        call.client_ip = client[0] if client else None
        gateway.admit(call)
        watch: Watch | None = None
        try:
            admitted = await self._admit(call, scope, receive)
            watch = Watch(receive)
            answer = admitted if isinstance(admitted, Answer) else await self._run(call, admitted)
            await deliver(answer, scope, send)
        except ClientGone:
            call.outcome.ending = "client-closed"
        except asyncio.CancelledError:
            call.outcome.ending = "client-closed"
            if watch is None or not watch.gone:
                raise
        finally:
            if watch is not None:
                watch.stop()
            await call.end()

    async def _admit(self, call: Call, scope: Scope, receive: Receive) -> Pipeline | Answer:
        """Authentication and decoding: the pipeline of a call that is let in, or the answer that refuses it."""
        gateway = self._gateway
        try:
            if gateway.full:
                raise GatewayError(429, OVERLOADED)
            body = BodyReader(receive, call.headers, gateway.max_request_bytes)
            call.identity = await call.snapshot.authenticator.authenticate(Caller(call.headers, scope, body))
            model = scope.get("path_params", NO_PARAMS).get("model")
            fields, path_model = decode_object(await body()), str(model) if model else None
            call.fields = fields
            if call.snapshot.admission is None and not call.identity.allowed_routes:
                asked = self._read(call, fields, path_model)
            else:
                asked = await self._admitted(call, fields, path_model)
            if gateway.limiter.concerns(call):
                await gateway.limiter.admit(call)
        except GatewayError as error:
            return refusal(call, error)
        except ClientGone:
            raise
        except Exception:
            return refusal(call, unexpected())
        return Pipeline(call, asked, gateway.client)

    async def _admitted(self, call: Call, fields: Body, model_in_path: str | None) -> ModelRequest:
        """What the client asks for, and may."""
        named = model_in_path or named_model(fields)
        model = await admitted_model(call, fields, named)
        if model == named or model is None:
            return self._read(call, fields, model_in_path)
        asked = self._read(call, fields if model_in_path else {**fields, "model": raw(model)}, model_in_path and model)
        asked.shown_model = named_model(fields)
        return asked

    def _read(self, call: Call, fields: Body, model_in_path: str | None) -> ModelRequest:
        """What the client asks for."""
        return read_model_request(call, fields, model_in_path)

    async def _run(self, call: Call, pipeline: Pipeline) -> Answer:
        try:
            routed = await pipeline.run()
        except GatewayError as error:
            return _failure(call, error, pipeline)
        except Exception:
            return _failure(call, unexpected(), pipeline)
        deployment, reply = routed.route.deployment, routed.reply
        cost = call.snapshot.prices.cost_of(deployment, reply.usage)
        headers = answer_headers.of_answer(call, routed, cost)
        outcome = call.outcome
        outcome.status, outcome.api_base = 200, reply.api_base
        if reply.stream is not None:
            outcome.first_token_seconds = routed.upstream_seconds
            return Answer(200, headers, partial(self._relayed, call, pipeline, reply.stream))
        outcome.ending, outcome.usage, outcome.cost, outcome.costs = "done", reply.usage, cost.final, cost
        outcome.answer = reply.body
        self._gateway.settle(call)
        if call.on_settle is not None:
            await asyncio.sleep(0)  # others are told before the client is, and may make its next call
        return Answer(200, headers, reply.body)

    async def _relayed(self, call: Call, pipeline: Pipeline, stream: Stream, write: Write) -> None:
        """Write the stream as SSE. An incomplete one ends with an error event instead of its proper end."""
        framing, outcome = self._framing, call.outcome

        def sink(batch: list[bytes]) -> Awaitable[None] | None:
            if outcome.answer is None:
                outcome.answer = batch[0]
            return write(framing.events(batch))

        try:
            await pipeline.relay(stream, sink)
            outcome.ending = "done"
        except Exception as problem:
            error = problem if isinstance(problem, GatewayError) else unexpected()
            outcome.error = error.message
            awaited = write(framing.error(error))
            if awaited is not None:
                await awaited
        finally:
            _account(call, pipeline.usage)
            if outcome.ending == "done":
                self._gateway.settle(call)
                if call.on_settle is not None:
                    await asyncio.sleep(0)


def unexpected() -> GatewayError:
    """What clients hear of an error that is ours; the log has the rest."""
    log.exception("unexpected error")
    return GatewayError(500, "Internal server error")


def _account(call: Call, usage: Usage) -> None:
    """Usage and cost of a stream, at the price of the deployment that spoke last."""
    route = call.outcome.route
    assert route is not None
    call.outcome.usage = usage
    call.outcome.costs = call.snapshot.prices.cost_of(route.deployment, usage)
    call.outcome.cost = call.outcome.costs.final


def refusal(call: Call, error: GatewayError) -> Answer:
    """Refused at the door. Errors about the key and the body's syntax carry no ``x-litellm-*`` headers."""
    call.outcome.status, call.outcome.error = error.status, error.message
    known = bool(call.model) or error.param == "None"
    headers = answer_headers.of_error(call, error, None) if known and error.status != 401 else [answer_headers.JSON]
    return Answer(error.status, headers, error.body())


def _failure(call: Call, error: GatewayError, pipeline: Pipeline) -> Answer:
    call.outcome.status, call.outcome.error = error.status, error.message
    return Answer(error.status, answer_headers.of_error(call, error, pipeline.timeout), error.body())
