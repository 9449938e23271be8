"""What an attempt takes of its deployment: a request of the minute, a place among parallel calls, tokens when it ends.

Told to the traffic of this process always; and to the state, when it is shared, so that all processes together stay
within ``rpm`` and ``max_parallel_requests``: one round trip before an attempt, which brings the group's other counters
too.
"""

import asyncio
import time
from collections.abc import Awaitable, Coroutine, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from proxy.call import Call, Outcome, Usage
from proxy.deployment import Deployment
from proxy.errors import Failure, Headers
from proxy.queueing import Ticket
from proxy.routing.limits import ENFORCING
from proxy.routing.refusals import Full
from proxy.routing.router import Router
from proxy.routing.traffic import MINUTE, NOTHING, Traffic
from proxy.state.base import Charge, Lease, Reservation, Slot, State

LEASE_SECONDS = 60.0
"""After which a place comes back if the process that took it is gone; renewed three times within it."""


class Wanted(NamedTuple):
    """What an attempt asks of the state."""

    deployment: Deployment
    everybody: Sequence[Deployment]
    """Of the group; the charges are their requests, then their tokens."""
    minute: int
    charges: Sequence[Charge]
    slots: Sequence[Slot]


class Capacity:
    """Of a snapshot.

    Args:
        state: that other processes share; ``None``: there are no others.
    """

    def __init__(self, router: Router, traffic: Traffic, state: State | None) -> None:
        self._router = router
        self._traffic = traffic
        self._shared = state
        """For calls that queue where there is room for so many only."""
        self._state = state if router.settings.routing_strategy in ENFORCING else None
        """For the others."""
        self._totals = lru_cache(maxsize=1024)(self._totals_of)

    async def enter(self, call: Call, group: str, deployment: Deployment, ticket: Ticket | None) -> "Visit":
        """Before an attempt. It ends with the call at the latest.

        Raises:
            Full: another process has reached the deployment's limit, or has more urgent calls for it.
        """
        members = self._router.candidates(group)
        if ticket is not None and ticket.shared and self._shared is not None:
            visit = await self._in_turn(self._shared, ticket, deployment, members)
        else:
            visit = Visit(self._traffic, self._state, deployment)
            if self._state is not None:
                await self._begun(self._state, visit, members)
        call.on_end(visit.close)
        visit.limits = self._limits(group, members)
        return visit

    async def _begun(self, state: State, visit: "Visit", members: Sequence[Deployment]) -> None:
        wanted = self._wanted(visit.deployment, members)
        try:
            reservation = await _reserved(state, wanted, state.reserve(wanted.charges, wanted.slots))
        except asyncio.CancelledError:
            visit.refused()
            raise
        if not reservation.granted:
            visit.refused()
        visit.hold(reservation.lease)
        self._heard(wanted, reservation)

    async def _in_turn(
        self, state: State, ticket: Ticket, deployment: Deployment, members: Sequence[Deployment]
    ) -> "Visit":
        """The traffic, which wakes who waits, is told nothing until there is room."""
        wanted = self._wanted(deployment, members)
        reservation = await _reserved(state, wanted, ticket.enter(wanted.charges, wanted.slots))
        if not reservation.granted:
            self._heard(wanted, reservation)
        visit = Visit(self._traffic, state, deployment)
        visit.hold(reservation.lease)
        self._heard(wanted, reservation)
        return visit

    def _wanted(self, deployment: Deployment, members: Sequence[Deployment]) -> Wanted:
        """Of the state, all or nothing, in one step that tells what the whole group had."""
        minute, window = self._traffic.minute, float(MINUTE)
        params = deployment.params
        rpm = float("inf") if params.rpm is None else params.rpm
        everybody = {deployment.id: deployment, **{member.id: member for member in members}}
        charges = [
            Charge(_key(member, "rpm", minute), 1, window, rpm)
            if member.id == deployment.id
            else Charge(_key(member, "rpm", minute), 0, window)
            for member in everybody.values()
        ]
        charges += [Charge(_key(member, "tpm", minute), 0, window) for member in everybody.values()]
        parallel = params.max_parallel_requests
        if parallel is None:
            parallel = self._router.settings.default_max_parallel_requests
        slots = [] if parallel is None else [Slot(f"deployment:{deployment.id}", parallel, LEASE_SECONDS)]
        return Wanted(deployment, tuple(everybody.values()), minute, charges, slots)

    def _heard(self, wanted: Wanted, reservation: Reservation) -> None:
        """Learn from what was granted or not.

        Raises:
            Full: it was not.
        """
        if not reservation.totals:
            raise Full("More urgent requests wait for the deployment")
        count = len(wanted.everybody)
        totals = zip(wanted.everybody, reservation.totals[:count], reservation.totals[count:], strict=True)
        for member, requests, tokens in totals:
            self._traffic.learn(member, wanted.minute, requests=requests, tokens=tokens)
        if reservation.refused is None:
            return
        if reservation.refused < len(wanted.charges):
            rpm, used = wanted.deployment.params.rpm, reservation.totals[reservation.refused]
            raise Full(f"Deployment over defined rpm limit={rpm}. current usage={used:.0f}")
        raise Full(f"Deployment over defined max_parallel_requests limit={wanted.slots[0].limit}")

    def _totals_of(self, group: str) -> tuple[int | None, int | None]:
        """``rpm`` and ``tpm`` of a whole group."""
        params = [deployment.params for deployment in self._router.candidates(group)]
        rpm = [one.rpm for one in params if one.rpm is not None]
        tpm = [one.tpm for one in params if one.tpm is not None]
        return sum(rpm) if rpm else None, sum(tpm) if tpm else None

    def _limits(self, group: str, members: Sequence[Deployment]) -> Headers:
        """What answers tell of the group's limits: what was left before the call, as in the reference."""
        rpm, tpm = self._totals(group)
        headers: Headers = []
        if rpm is None and tpm is None:
            return headers
        works = [self._traffic.of(member) for member in members]
        if tpm is not None:
            left = tpm - sum(work.all_tokens for work in works)
            headers += [("x-ratelimit-remaining-tokens", str(left)), ("x-ratelimit-limit-tokens", str(tpm))]
        if rpm is not None:
            left = rpm - sum(work.all_requests for work in works) + 1
            headers += [("x-ratelimit-remaining-requests", str(left)), ("x-ratelimit-limit-requests", str(rpm))]
        return headers


class Visit:
    """An attempt at a deployment, from before it until its end, of its stream too."""

    def __init__(self, traffic: Traffic, state: State | None, deployment: Deployment) -> None:
        self.deployment = deployment
        self.limits: Headers = []
        self._traffic = traffic
        self._state = state
        self._started = time.perf_counter()
        self._first_token: float | None = None
        self._open = True
        self._untold = 0
        self._ended_minute = 0
        self._lease: Lease | None = None
        self._renewal: asyncio.TimerHandle | None = None
        self._renewing: asyncio.Task[None] | None = None
        self._minute = traffic.began(deployment)

    def hold(self, lease: Lease | None) -> None:
        """Keep a place until the end."""
        self._lease = lease
        if lease is not None:
            self._renewal = asyncio.get_running_loop().call_later(LEASE_SECONDS / 3, self._renew, lease)

    def _renew(self, lease: Lease) -> None:
        self._renewing = asyncio.create_task(self._renewed(lease))

    async def _renewed(self, lease: Lease) -> None:
        assert self._state is not None
        if await self._state.renew(lease, LEASE_SECONDS) and self._lease is lease:
            self._renewal = asyncio.get_running_loop().call_later(LEASE_SECONDS / 3, self._renew, lease)

    def refused(self) -> None:
        """The attempt is not made."""
        self._open = False
        self._traffic.refused(self.deployment, self._minute)

    def streams(self) -> None:
        """The first event of a stream has come."""
        self._first_token = time.perf_counter() - self._started

    def answered(self, usage: Usage) -> None:
        """It went well, to the end."""
        self._end(None, time.perf_counter() - self._started, usage)

    def over(self, usage: Usage) -> None:
        """It was a session, which has ended: how long it took says nothing of how fast its deployment is."""
        self._end(None, None, usage)

    async def failed(self, failure: Failure) -> None:
        """It did not; its place comes back before the next attempt."""
        self._end(failure, None, NOTHING)
        await self._settle()

    def close(self, _outcome: Outcome) -> Awaitable[None] | None:
        """The call has ended; if the attempt did not, its client went away."""
        self._end(None, None, NOTHING)
        return self._settle() if self._untold or self._lease is not None else None

    def _end(self, failure: Failure | None, seconds: float | None, usage: Usage) -> None:
        if not self._open:
            return
        self._open = False
        self._untold = usage.total_tokens if self._state is not None else 0
        self._ended_minute = self._traffic.minute
        self._traffic.ended(
            self.deployment, failure=failure, seconds=seconds, first_token=self._first_token, usage=usage
        )

    async def _settle(self) -> None:
        """Tell the others."""
        lease, tokens, state = self._lease, self._untold, self._state
        self._lease, self._untold = None, 0
        if self._renewal is not None:
            self._renewal.cancel()
        if state is None:
            return
        if lease is not None:
            await state.release(lease)
        if tokens:
            await state.add(_key(self.deployment, "tpm", self._ended_minute), tokens, float(MINUTE))


async def _reserved(state: State, wanted: Wanted, asking: Coroutine[Any, Any, Reservation]) -> Reservation:
    """What the state says; if the client leaves while it is asked, what it grants is given back."""
    reserving = asyncio.ensure_future(asking)
    try:
        return await asyncio.shield(reserving)
    except asyncio.CancelledError:
        reservation = await reserving
        if reservation.lease is not None:
            await state.release(reservation.lease)
        if reservation.granted:
            await state.add(_key(wanted.deployment, "rpm", wanted.minute), -1, float(MINUTE))
        raise


def make_capacity(router: Router, state: State | None) -> Capacity | None:
    """``None`` when nothing depends on the traffic. A state that is not shared is not asked."""
    if router.traffic is None:
        return None
    return Capacity(router, router.traffic, state if state is not None and state.kind != "local" else None)


def _key(deployment: Deployment, what: str, minute: int) -> str:
    return f"deployment:{deployment.id}:{what}:{minute}"
