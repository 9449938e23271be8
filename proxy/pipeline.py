"""Follow the plan of a model call: attempts, waits, and the fallback of a stream that reports an error."""

import asyncio
import math
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec

from proxy.call import Body, Call, FailedAttempt, Usage
from proxy.capacity import Capacity, Visit
from proxy.deployment import Deployment, may_set
from proxy.errors import Failure, Headers
from proxy.preparation import CONTENTS, MESSAGES, RESPONSES, ModelRequest, Preparation
from proxy.providers.base import Attempt, Reply, Sink, Stream, find_provider
from proxy.providers.embedded import vectors
from proxy.providers.failures import StreamFailure
from proxy.providers.messages.bridge import answered as answered_as_message
from proxy.providers.messages.bridge import asked as asked_as_chat
from proxy.providers.messages.bridge import speaks_messages
from proxy.providers.messages.request import Chat
from proxy.providers.mock import mock_reply
from proxy.queueing import Ticket, take_ticket
from proxy.rerouting import denied
from proxy.responses.dialogue import Dialogue
from proxy.routing.plan import Admit, Choose, Plan, Route, Stand, Steps, Try
from proxy.routing.refusals import Full
from proxy.routing.request import RouteRequest
from proxy.upstream.client import UpstreamClient

CONTINUE = (
    "Your answer to this conversation was interrupted. Continue it exactly where it stops, in the same style. "
    "Do not repeat, introduce or comment on what was already said. The text so far: "
)
"""Asks a fallback to continue an interrupted stream (A.md, A4; the reference says the same in other words)."""

NO_LIMITS: Headers = []


class Routed(msgspec.Struct):
    """A reply, and how it was come by."""

    reply: Reply
    route: Route
    upstream_seconds: float
    limits: Headers
    """What the model group has left."""
    queued: bool = False
    """Whether the call went through the queue."""


class Pipeline:
    """Runs one call."""

    def __init__(self, call: Call, asked: ModelRequest, client: UpstreamClient) -> None:
        self._call = call
        self._asked = asked
        self._client = client
        self._preparation = Preparation(call, asked)
        self._router = call.snapshot.router
        self._capacity = call.snapshot.capacity
        self._visit: Visit | None = None
        self._upstream_seconds = 0.0
        self._ticket: Ticket | None = None
        self.timeout: float | None = None
        """Seconds that the last attempt was given."""
        self.usage = Usage()
        """Of a relayed stream, right once it has ended."""

    async def run(self) -> Routed:
        """The first good reply of the plan.

        Raises:
            Failure: the plan gave up.
        """
        if self._router.counts_above < math.inf:
            await self._count_tokens()
        return await self._follow(Plan(self._router, self._asked.route).steps(), self._call.body)

    async def _count_tokens(self) -> None:
        """So that the plan, which never waits, may ask how many tokens the client sent."""
        from proxy.tokens.calls import at_most, counting

        route, body = self._asked.route, self._call.body
        route.has_messages = "messages" in body or "prompt" in body
        route.tokens_at_most = at_most(body)
        asked = route.has_messages or self._router.counts_all
        if asked and route.tokens_at_most > self._router.counts_above:
            route.count_tokens = await counting(body)

    async def _follow(self, steps: Steps, body: Body) -> Routed:
        decision = next(steps)
        reply: Reply | None = None
        while True:
            failure: Failure | None = None
            if isinstance(decision, Try):
                try:
                    if self._capacity is None:
                        reply = await self._attempt(decision, body)
                    else:
                        reply = await self._counted(self._capacity, decision, body)
                except Failure as error:
                    failure = error
                    await self._failed(decision, error)
            elif isinstance(decision, Stand):
                await self._queue(decision)
            elif isinstance(decision, Admit):
                failure = await denied(self._call, decision.models)
            elif isinstance(decision, Choose):
                decision.group = await decision.chooser.choose(self._call.endpoint, self._call.body, self._embed)
            else:
                await asyncio.sleep(decision.seconds)
            try:
                decision = steps.send(failure)
            except StopIteration as answered:
                assert reply is not None
                self._call.outcome.route = answered.value
                self._call.outcome.upstream_seconds = self._upstream_seconds
                limits = NO_LIMITS if self._visit is None else self._visit.limits
                return Routed(reply, answered.value, self._upstream_seconds, limits, self._ticket is not None)

    async def _counted(self, capacity: Capacity, step: Try, body: Body) -> Reply:
        """An attempt within the limits of its deployment."""
        self._visit = None
        self._visit = visit = await capacity.enter(self._call, step.hop.model, step.deployment, self._ticket)
        reply = await self._attempt(step, body)
        if reply.stream is None:
            visit.answered(reply.usage)
        else:
            visit.streams()
        return reply

    async def _queue(self, stand: Stand) -> None:
        """Wait for the call's turn."""
        if self._ticket is None:
            self._ticket = take_ticket(self._call, self._asked.route, self._asked.timeout)
        await self._ticket.turn(stand, self._router)

    async def _embed(self, model: str, texts: Sequence[str]) -> list[list[float]]:
        """Embed texts for an auto router, by a model group and its fallbacks; no key pays for it.

        A deployment is not waited for: each is tried once.

        Raises:
            Failure: nobody can, or the answer is no use.
        """
        call = Call(self._call.snapshot, "embeddings", {})
        call.model, call.body = model, {"input": msgspec.Raw(msgspec.json.encode(texts))}
        others = len(self._router.groups.find(model) or ()) - 1
        route = RouteRequest(
            model=model,
            num_retries=min(others, self._asked.route.num_retries) if others > 0 else 0,
            max_fallbacks=self._router.max_fallbacks,
            region=self._asked.route.region,
        )
        try:
            routed = await Pipeline(call, ModelRequest(route=route), self._client).run()
            call.outcome.status, call.outcome.ending = 200, "done"
        finally:
            await call.end()
        deployment, budgets = routed.route.deployment, self._router.budgets
        cost = self._call.snapshot.prices.cost_of(deployment, routed.reply.usage).final
        if budgets is not None and cost:
            budgets.charge(deployment, cost)
        return vectors(routed.reply.body, len(texts))

    def _asked_for(self, failure: Failure) -> bool:
        """Whether the client itself brought the failure about: by a mock, by a timeout of its own choice, by looking for
        what is not there."""
        resource = self._asked.resource
        in_vain = resource is not None and resource.exists and failure.status in (400, 404, 409)
        timed_out = failure.kind == "timeout" and self._asked.timeout is not None
        return self._asked.mock_response is not None or timed_out or in_vain

    def _is_their_account(self, step: Try) -> bool:
        """Whether the client's own key or address was used, which says nothing of the deployment's."""
        return any(may_set(step.deployment, name, value) for name, value in self._asked.credentials.items())

    async def _attempt(self, step: Try, body: Body) -> Reply:
        deployment = step.deployment
        if self._ticket is not None:
            self._ticket.served()
        self._call.outcome.deployment_id, self._call.outcome.chosen = deployment.id, step.chosen
        self.timeout = self._preparation.timeout(step)
        mocked = deployment.params.mock_response if self._asked.mock_response is None else self._asked.mock_response
        body = self._preparation.body(deployment, body, step.hop.replaced)
        if self._asked.dialogue is not None:
            return await self._respond(self._asked.dialogue, step, body, mocked)
        if self._call.endpoint == CONTENTS:
            _check_contents(deployment)
        chat: Chat | None = None
        if self._call.endpoint == MESSAGES and (mocked is not None or not speaks_messages(deployment.provider)):
            chat = asked_as_chat(body, deployment.model, self._asked.metadata, stream=self._call.stream)
        attempt = self._preparation.attempt(step, body, None if chat is None else chat.body, self.timeout)
        reply = await self._sent(attempt, mocked)
        return reply if chat is None else answered_as_message(reply, attempt, chat)

    async def _respond(self, dialogue: Dialogue, step: Try, body: Body, mocked: Any) -> Reply:
        """An attempt at a call of the Responses API."""
        resource, mock = self._asked.resource, mocked is not None
        asked = dialogue.asked(body, step.deployment, resource, stream=self._call.stream, mocked=mock)
        assert self.timeout is not None
        attempt = self._preparation.attempt(step, asked.body, asked.chat, self.timeout)
        attempt.resource = resource
        if asked.chat is not None:
            attempt.metadata = None
        attempt.allowed_params = (*attempt.allowed_params, *self._asked.extra, *step.deployment.params.extra_body)
        attempt.seal = partial(dialogue.seal, step.deployment)
        return await dialogue.answered(await self._sent(attempt, mocked), attempt, asked)

    async def _sent(self, attempt: Attempt, mocked: Any) -> Reply:
        if mocked is not None:
            return mock_reply(attempt, mocked)
        started = time.perf_counter()
        try:
            return await find_provider(attempt.deployment.provider).send(attempt, self._client)
        finally:
            self._upstream_seconds += time.perf_counter() - started

    @property
    def asked(self) -> ModelRequest:
        """What the client asked for."""
        return self._asked

    async def _failed(self, step: Try, failure: Failure) -> None:
        if self._asked_for(failure) or self._is_their_account(step):
            failure.blames_deployment = False
        if self._visit is not None:
            await self._visit.failed(failure)
        if self._ticket is None or not isinstance(failure, Full):
            self._record(step.hop.model, step.deployment, failure)

    def _record(self, group: str, deployment: Deployment, failure: Failure) -> None:
        self._call.outcome.failures.append(FailedAttempt(group, deployment, failure))

    async def _stream_failed(self, failure: Failure) -> None:
        route = self._call.outcome.route
        if self._visit is not None:
            await self._visit.failed(failure)
        if route is not None:
            self._record(route.hop.model, route.deployment, failure)

    async def relay(self, stream: Stream, sink: Sink) -> None:
        """Pump a stream; when the vendor reports an error within it, a fallback continues the text.

        Raises:
            StreamFailure: the stream is incomplete and nobody continues it.
        """
        started, waited = time.perf_counter(), self._upstream_seconds
        try:
            try:
                await self._pump(stream, sink)
            except StreamFailure as failure:
                await stream.aclose()
                await self._stream_failed(failure)
                if not failure.continuable or self._call.endpoint in (MESSAGES, RESPONSES):
                    raise
                stream = await self._continued(stream, failure)
                await self._pump_last(stream, sink)
        finally:
            self.usage = stream.usage
            self._call.outcome.upstream_seconds = waited + time.perf_counter() - started
            await stream.aclose()

    async def _pump(self, stream: Stream, sink: Sink) -> None:
        await stream.pump(sink)
        if self._visit is not None:
            self._visit.answered(stream.usage)

    async def _continued(self, stream: Stream, failure: StreamFailure) -> Stream:
        body = self._continuation(stream.text or [])
        continued = await self._follow(Plan(self._router, self._asked.route).after(failure), body)
        assert continued.reply.stream is not None
        return continued.reply.stream

    async def _pump_last(self, stream: Stream, sink: Sink) -> None:
        try:
            await self._pump(stream, sink)
        except StreamFailure as again:
            await self._stream_failed(again)
            raise

    def _continuation(self, text: list[str]) -> Body:
        """The client's messages, and the request to go on after ``text``."""
        so_far = "".join(text)
        messages = msgspec.json.decode(self._call.body["messages"], type=list[msgspec.Raw])
        added = [
            {"role": "system", "content": CONTINUE},
            {"role": "assistant", "content": so_far, "prefix": True},
        ]
        extended = messages + [msgspec.Raw(msgspec.json.encode(message)) for message in added]
        return self._call.body | {"messages": msgspec.Raw(msgspec.json.encode(extended))}


def _check_contents(deployment: Deployment) -> None:
    """Raises Failure, 400, when the vendor does not speak Google's format."""
    if not getattr(find_provider(deployment.provider), "speaks_contents", False):
        raise Failure(
            400,
            f"The model {deployment.group!r} does not speak Google's format (its provider is {deployment.provider}); ask for "
            "it at /v1/chat/completions",
            kind="bad_request",
            type="None",
            reached=False,
        )
