"""Realtime sessions in OpenAI's dialect: the plan finds who serves one, the relay carries it."""

import asyncio
import os
import time
from collections.abc import Mapping

from proxy.call import Call, FailedAttempt
from proxy.capacity import Visit
from proxy.deployment import Deployment
from proxy.errors import Failure, GatewayError
from proxy.providers.failures import failure_from_answer, timed_out, unreachable, unreadable
from proxy.providers.realtime import SessionTarget, Unsupported, session_target
from proxy.queueing import Ticket, take_ticket
from proxy.realtime.client import ClientSocket
from proxy.realtime.relay import Relay, ended_well, told_to_client
from proxy.realtime.usage import ResponseUsage
from proxy.routing.plan import Plan, Route, Stand, Steps, Try, Wait
from proxy.routing.refusals import Full, NoDeployments, OverLimits
from proxy.routing.request import RouteRequest
from proxy.upstream.client import Broken, ConnectFailed, TimedOut, UpstreamClient
from proxy.upstream.websocket import Closed, SessionClosed, SessionRefused, UpstreamSocket

OPENING_SECONDS = 10.0
"""As in the reference."""


class NoSession(Failure):
    """A session did not begin.

    Args:
        meant: the failure that it is to the plan.
        closed: what the client hears.
    """

    def __init__(self, meant: Failure, closed: Closed) -> None:
        super().__init__(
            meant.status, meant.message, kind=meant.kind, retry_after=meant.retry_after, reached=meant.reached
        )
        self.closed = closed


class RealtimeSession:
    """One session.

    Args:
        query: parameters of the client that go on.
        idle: seconds; see :class:`Relay`.
        max_message: bytes of an upstream's message; a larger one ends the session.
    """

    def __init__(
        self,
        call: Call,
        route: RouteRequest,
        client: ClientSocket,
        upstreams: UpstreamClient,
        *,
        query: Mapping[str, str],
        idle: float,
        max_message: int,
    ) -> None:
        self._call = call
        self._asked = route
        self._upstreams = upstreams
        self._query = query
        self._max_message = max_message
        self._usage = ResponseUsage()
        self._relay = Relay(client, heard=self._usage, idle=idle)
        self._visit: Visit | None = None
        self._ticket: Ticket | None = None

    async def run(self) -> None:
        """From an accepted handshake to the end, for which ``call.outcome`` is set."""
        outcome = self._call.outcome
        outcome.ending = "client-closed"
        try:
            left = await self._relay.run(self._serve())
            if outcome.route is not None and outcome.ending == "client-closed" and ended_well(left):
                outcome.ending = "done"
        finally:
            outcome.usage = self._usage.total
            if self._visit is not None:
                self._visit.over(outcome.usage)
            if outcome.route is not None:
                outcome.cost = self._call.snapshot.prices.cost_of(outcome.route.deployment, outcome.usage).final

    async def _serve(self) -> Closed:
        """Until the upstream ends the session, or none can be found; what the client is told."""
        outcome = self._call.outcome
        try:
            outcome.route = await self._found(Plan(self._call.snapshot.router, self._asked).steps())
        except GatewayError as error:
            outcome.ending, outcome.status, outcome.error = "failed", error.status, error.message
            return closed_by(error)
        outcome.status = 200
        outcome.first_token_seconds = outcome.upstream_seconds = time.perf_counter() - self._call.started
        closed = await self._relay.follow()
        outcome.ending = "done" if ended_well(closed) else "failed"
        if outcome.ending == "failed":
            outcome.error = f"the upstream ended the session: {closed.code} {closed.reason}"
        return closed

    async def _found(self, steps: Steps) -> Route:
        """Follow the plan to the first upstream that says something.

        Raises:
            Failure: the plan gave up.
        """
        decision = next(steps)
        while True:
            failure: Failure | None = None
            if isinstance(decision, Try):
                try:
                    await self._try(decision)
                except Failure as error:
                    failure = error
                    await self._failed(decision, error)
                    if not self._relay.can_change:
                        raise
            elif isinstance(decision, Stand):
                await self._queue(decision)
            elif isinstance(decision, Wait):
                await asyncio.sleep(decision.seconds)
            try:
                decision = steps.send(failure)
            except StopIteration as answered:
                route: Route = answered.value
                return route

    async def _try(self, step: Try) -> None:
        """An attempt within the limits of its deployment, whose place the session keeps to its end."""
        self._visit, capacity = None, self._call.snapshot.capacity
        if capacity is not None:
            self._visit = await capacity.enter(self._call, step.hop.model, step.deployment, self._ticket)
        if self._ticket is not None:
            self._ticket.served()
        self._call.outcome.deployment_id = step.deployment.id
        await self._attempt(step.deployment)

    async def _failed(self, step: Try, failure: Failure) -> None:
        if self._visit is not None:
            await self._visit.failed(failure)
        if self._ticket is None or not isinstance(failure, Full):
            self._call.outcome.failures.append(FailedAttempt(step.hop.model, step.deployment, failure))

    async def _queue(self, stand: Stand) -> None:
        """Wait for the session's turn."""
        if self._ticket is None:
            self._ticket = take_ticket(self._call, self._asked, None)
        await self._ticket.turn(stand, self._call.snapshot.router)

    async def _attempt(self, deployment: Deployment) -> None:
        """Raises Failure: this deployment does not serve the session."""
        target = session_target(deployment, self._query)
        upstream = await self._opened(target)
        try:
            await self._relay.begin(upstream)
        except SessionClosed as ended:
            closed = told_to_client(ended.closed)
            what = f"the session ended before its first message: {closed.code} {closed.reason}"
            raise NoSession(unreadable(target.exception, what), closed) from None

    async def _opened(self, target: SessionTarget) -> UpstreamSocket:
        try:
            return await self._upstreams.open_socket(
                target.url, target.headers, seconds=OPENING_SECONDS, max_message=self._max_message
            )
        except SessionRefused as refused:
            meant = failure_from_answer(target.exception, refused.status, refused.headers, refused.body, coded=True)
            raise NoSession(meant, _internal(str(refused))) from refused
        except ConnectFailed as error:
            raise NoSession(unreachable(target.exception), _internal(_plain(error))) from error
        except TimedOut as error:
            raise NoSession(timed_out(None), _internal("timed out during opening handshake")) from error
        except Broken as error:
            raise NoSession(unreachable(target.exception), _internal(error.detail)) from error


def closed_by(error: GatewayError) -> Closed:
    """What a client is told when its session does not begin."""
    if isinstance(error, NoSession):
        return error.closed
    if isinstance(error, NoDeployments | OverLimits) or error.status == 408:  # waited in the queue for too long
        return Closed(1013, error.message)
    refused = isinstance(error, Unsupported) or 400 <= error.status < 500
    told = error.message.partition(". Received Model Group=")[0]
    return Closed(1008 if refused else 1011, told)


def _internal(what: str) -> Closed:
    """In the reference's words."""
    return Closed(1011, f"Internal server error: {what}")


def _plain(error: ConnectFailed) -> str:
    """The system's own words, as the reference quotes them."""
    cause = error.__cause__
    if isinstance(cause, OSError) and cause.errno and cause.errno > 0:
        return f"[Errno {cause.errno}] {os.strerror(cause.errno)}"
    return str(error)
