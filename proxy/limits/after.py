"""What a limit is told when a call has ended: its tokens, and that its places are free. Off the path of calls."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Coroutine, Iterable
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
        self._adding = False
        self._leases: dict[str, Lease] = {}
        self._renewing: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, counters: Iterable[str], amount: float) -> None:
        """Add an amount to each counter, together with what else there is to add."""
        for counter in counters:
            self._amounts[counter] += amount
        if not self._adding:
            self._adding = True
            self._spawn(self._add())

    def hold(self, lease: Lease) -> None:
        """Renew a lease until it is given back."""
        self._leases[lease.id] = lease
        if self._renewing is None:
            self._renewing = asyncio.create_task(self._go_on_renewing())

    def give_back(self, lease: Lease) -> None:
        """Free the places of a call that has ended."""
        del self._leases[lease.id]
        self._spawn(self._state.release(lease))

    async def stop(self) -> None:
        """Everything has been told; nothing is renewed any more."""
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)
            self._renewing = None
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _add(self) -> None:
        try:
            while self._amounts:
                amounts, self._amounts = self._amounts, defaultdict(float)
                charges = [Charge(counter, amount, self._window) for counter, amount in amounts.items()]
                for start in range(0, len(charges), MOST):
                    await self._state.reserve(charges[start : start + MOST])
        finally:
            self._adding = False

    async def renew(self) -> None:
        """Renew every lease that is held."""
        for lease in list(self._leases.values()):
            if lease.id in self._leases and not await self._state.renew(lease, LEASE_SECONDS):
                log.debug("a call lost its places among the parallel ones: they had run out")

    async def _go_on_renewing(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            await self.renew()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a limit was not told of the end of a call", exc_info=error)
