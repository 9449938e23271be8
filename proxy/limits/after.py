"""What a limit is told when a call has ended: its tokens, and that its places are free. Off the path of calls."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from typing import Any, Final

from proxy.state.base import Charge, Lease, State

log = logging.getLogger(__name__)

MOST: Final = 200
"""Counters that are added to at once."""
LEASE_SECONDS: Final = 60.0
"""After which the places of a process that died are free."""
RENEW_SECONDS: Final = 20.0


class Afterwards:
    """Adds and gives back, in tasks of its own."""

    def __init__(self, state: State, window: float) -> None:
        self._state = state
        self._window = window
        self._amounts: defaultdict[str, float] = defaultdict(float)
        self._free: list[Lease] = []
        self._telling = False
        self._leases: dict[str, Lease] = {}
        self._renewing: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, counters: Iterable[str], amount: float) -> None:
        """Add an amount to each counter, together with what else there is to tell."""
        for counter in counters:
            self._amounts[counter] += amount
        self._tell()

    def hold(self, lease: Lease) -> None:
        """Renew a lease until it is given back."""
        self._leases[lease.id] = lease
        if self._renewing is None:
            self._renewing = asyncio.create_task(self._go_on_renewing())

    def give_back(self, lease: Lease) -> None:
        """Free the places of a call that has ended."""
        del self._leases[lease.id]
        self._free.append(lease)
        self._tell()

    async def stop(self) -> None:
        """Everything has been told; nothing is renewed any more."""
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)
            self._renewing = None
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def renew(self) -> None:
        """Renew every lease that is held."""
        for lease in list(self._leases.values()):
            if lease.id in self._leases and not await self._state.renew(lease, LEASE_SECONDS):
                log.debug("a call lost its places among the parallel ones: they had run out")

    async def _go_on_renewing(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            await self.renew()

    def _tell(self) -> None:
        if self._telling:
            return
        self._telling = True
        work = self._tell_all()
        if self._state.kind == "local":
            _finish(work)
            return
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    async def _tell_all(self) -> None:
        try:
            while self._amounts or self._free:
                amounts, self._amounts = self._amounts, defaultdict(float)
                free, self._free = self._free, []
                charges = [Charge(counter, amount, self._window) for counter, amount in amounts.items()]
                for start in range(0, len(charges), MOST):
                    await self._state.reserve(charges[start : start + MOST])
                for lease in free:
                    await self._state.release(lease)
        finally:
            self._telling = False

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a limit was not told of the end of a call", exc_info=error)


def _finish(work: Coroutine[Any, Any, None]) -> None:
    """Run what waits for nothing, without a task: that would cost more than the work."""
    with suppress(StopIteration):
        work.send(None)
