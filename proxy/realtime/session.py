"""Realtime sessions in OpenAI's dialect: the plan finds who serves one, the relay carries it."""

import asyncio
import os
import time
from collections.abc import Mapping

from proxy.call import Call, FailedAttempt
from proxy.deployment import Deployment
from proxy.errors import Failure, GatewayError
from proxy.providers.failures import failure_from_answer, timed_out, unreachable, unreadable
from proxy.providers.realtime import SessionTarget, Unsupported, session_target
from proxy.realtime.client import ClientSocket
from proxy.realtime.relay import Relay, ended_well, told_to_client
from proxy.realtime.usage import ResponseUsage
from proxy.routing.plan import Plan, Route, Steps, Try, Wait
from proxy.routing.refusals import NoDeployments
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
                self._call.outcome.deployment_id = decision.deployment.id
                try:
                    await self._attempt(decision.deployment)
                except Failure as error:
                    failure = error
                    attempt = FailedAttempt(decision.hop.model, decision.deployment, error)
                    self._call.outcome.failures.append(attempt)
                    if not self._relay.can_change:
                        raise
            elif isinstance(decision, Wait):
                await asyncio.sleep(decision.seconds)
            try:
                decision = steps.send(failure)
            except StopIteration as answered:
                route: Route = answered.value
                return route

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
    if isinstance(error, NoDeployments):
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
