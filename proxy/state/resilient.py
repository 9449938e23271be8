"""A state in Redis that no call waits for, and no call fails with.

A command has 40 ms. The first that is not done by then, or is refused, turns everybody to this process's memory at once; a
task of its own then asks Redis until it answers as fast again. One line of the log says that Redis is away, one that it is
back. What was written meanwhile is handed over: documents, amounts of counters, items of queues. Slots that were
taken in memory stay there until they are given back.

A command that timed out may still be run, by a server that was only frozen: then an amount counts twice, and a slot is
taken until it runs out.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from math import inf
from typing import Final, TypeVar

from proxy.state.base import Charge, Entry, Kind, Lease, Place, Reservation, Slot, Unavailable
from proxy.state.meanwhile import MAX_COUNTERS, Meanwhile, Remote
from proxy.state.memory import Ear, MemoryState

log = logging.getLogger(__name__)
T = TypeVar("T")

BUDGET: Final = 0.04
"""Seconds that a call may lose to a Redis that does not answer; once, because the next command is not sent."""
START_SECONDS: Final = 0.5
"""How long the start waits for Redis."""
PROBE_SECONDS: Final = 1.0
"""For a probe that has to connect."""
FIRST_PAUSE: Final = 0.05
MAX_PAUSE: Final = 2.0
QUIET: Final = 30.0
"""Who fails again after less than so long is given more time before the next try."""


class ResilientState:
    """See :class:`proxy.state.base.State`. ``where`` is what the log calls the remote one."""

    def __init__(self, remote: Remote, where: str) -> None:
        self._remote = remote
        self._local = MemoryState(max_counters=MAX_COUNTERS)
        self._where = where
        self._usable = False
        """Whether commands are sent to the remote state."""
        self._away_since: float | None = None
        """Since when the log says that it is away."""
        self._suspected = -inf
        """When it was last."""
        self._greeted = False
        self._patience = 0.0
        """Until when readers wait for what becomes of a suspicion."""
        self._settled = asyncio.Event()
        """It has become something."""
        self._pause = 0.0
        self._mending: asyncio.Task[None] | None = None
        self._meanwhile = Meanwhile(self._local, remote)

    @property
    def kind(self) -> Kind:
        """Where the state is now."""
        return "redis" if self._away_since is None else "degraded"

    @property
    def is_cut_off(self) -> bool:
        """Also while nobody knows yet what becomes of a command that failed."""
        return not self._usable

    async def start(self) -> None:
        """Connect; without success, go on trying in the background."""
        self._mending = asyncio.create_task(self._mend())
        await asyncio.wait({self._mending}, timeout=START_SECONDS)

    async def aclose(self) -> None:
        """Stop trying, and close the connections."""
        if self._mending is not None:
            self._mending.cancel()
            with suppress(asyncio.CancelledError):
                await self._mending
        self._usable = False
        with suppress(TimeoutError):
            async with asyncio.timeout(PROBE_SECONDS):
                await self._remote.aclose()

    async def get(self, key: str) -> bytes | None:
        """A document."""
        return await self._either(lambda: self._remote.get(key), lambda: self._local.get(key), again=True)

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Several documents."""
        return await self._either(lambda: self._remote.get_many(keys), lambda: self._local.get_many(keys), again=True)

    async def put(self, key: str, value: bytes, seconds: float | None) -> None:
        """Write a document."""

        async def locally() -> None:
            self._meanwhile.wrote(key)
            await self._local.put(key, value, seconds)

        await self._either(lambda: self._remote.put(key, value, seconds), locally)

    async def delete(self, *keys: str) -> None:
        """Remove documents."""

        async def locally() -> None:
            self._meanwhile.removed(*keys)
            await self._local.delete(*keys)

        await self._either(lambda: self._remote.delete(*keys), locally)

    async def swap(self, key: str, old: bytes | None, new: bytes | None, seconds: float | None) -> bool:
        """Write a document if it is still the old one."""

        async def locally() -> bool:
            done = await self._local.swap(key, old, new, seconds)
            if done:
                self._meanwhile.swapped(key, was_there=old is not None, is_there=new is not None)
            return done

        return await self._either(lambda: self._remote.swap(key, old, new, seconds), locally)

    async def add(self, key: str, amount: float, seconds: float) -> float:
        """Add to a counter."""
        return await self._either(
            lambda: self._remote.add(key, amount, seconds), lambda: self._local.add(key, amount, seconds)
        )

    async def reserve(self, charges: Sequence[Charge], slots: Sequence[Slot] = ()) -> Reservation:
        """Add all charges and take all slots, or nothing."""
        return await self._either(
            lambda: self._remote.reserve(charges, slots), lambda: self._local.reserve(charges, slots)
        )

    async def acquire(self, name: str, limit: int, seconds: float) -> Lease | None:
        """Take one slot."""
        return (await self.reserve((), [Slot(name, limit, seconds)])).lease

    async def renew(self, lease: Lease, seconds: float) -> bool:
        """Hold the slots longer. While Redis is away nobody else can take them: true."""
        if self._local.holds(lease):
            return await self._local.renew(lease, seconds)

        async def trusted() -> bool:
            return True

        return await self._either(lambda: self._remote.renew(lease, seconds), trusted)

    async def release(self, lease: Lease) -> None:
        """Give the slots back, later if it must be."""
        if self._local.holds(lease):
            await self._local.release(lease)
            return

        async def later() -> None:
            self._meanwhile.released(lease)

        await self._either(lambda: self._remote.release(lease), later)

    async def stand(self, place: Place) -> int:
        """Stand in a line."""
        return await self._either(lambda: self._remote.stand(place), lambda: self._local.stand(place))

    async def enter(self, place: Place, charges: Sequence[Charge], slots: Sequence[Slot] = ()) -> Entry:
        """Reserve and leave the line, if it is their turn."""
        entry = await self._either(
            lambda: self._remote.enter(place, charges, slots), lambda: self._local.enter(place, charges, slots)
        )
        if entry.reservation.granted:
            await self._local.leave(place)
        return entry

    async def leave(self, place: Place) -> None:
        """Leave a line, wherever. Redis does not forget the place if it is away; who is told of its turn leaves again."""
        await self._local.leave(place)
        await self._either(lambda: self._remote.leave(place), lambda: self._local.leave(place))

    async def push(self, queue: str, item: bytes, limit: int) -> bool:
        """Put an item at the end of a queue."""
        return await self._either(
            lambda: self._remote.push(queue, item, limit), lambda: self._local.push(queue, item, limit)
        )

    async def pop(self, queue: str, count: int = 1) -> list[bytes]:
        """Take items from the front of a queue."""
        return await self._either(lambda: self._remote.pop(queue, count), lambda: self._local.pop(queue, count))

    async def announce(self, channel: str, message: bytes) -> None:
        """Tell everybody; while Redis is away, this process."""
        await self._either(
            lambda: self._remote.announce(channel, message), lambda: self._local.announce(channel, message)
        )

    async def listen(self, channel: str) -> AsyncIterator[bytes | None]:
        """What is announced in Redis, and in this process while that is away."""
        with self._local.ear(channel) as ear:
            relaying = asyncio.create_task(self._relay(channel, ear))
            try:
                while True:
                    yield await ear.next()
            finally:
                relaying.cancel()

    async def _relay(self, channel: str, ear: Ear) -> None:
        while True:
            with suppress(Unavailable):
                async for message in self._remote.listen(channel):
                    ear.hear(message)
            await asyncio.sleep(MAX_PAUSE)

    async def _either(
        self, remote: Callable[[], Awaitable[T]], local: Callable[[], Awaitable[T]], *, again: bool = False
    ) -> T:
        """``again``: the command may be sent once more, when Redis only closed its connections, say."""
        deadline = time.monotonic() + BUDGET
        while True:
            if self._usable:
                try:
                    async with asyncio.timeout(deadline - time.monotonic()):
                        return await remote()
                except (Unavailable, TimeoutError) as error:
                    self._suspect(error, deadline)
            if not again or not await self._is_mended():
                return await local()
            again = False

    async def _is_mended(self) -> bool:
        """Whether commands are sent again, by the time that the one which raised the suspicion could have taken."""
        if self._away_since is None and (left := self._patience - time.monotonic()) > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._settled.wait()
        return self._usable

    def _suspect(self, error: Exception, patience: float) -> None:
        if not self._usable:
            return
        self._usable = False
        self._patience = patience
        self._settled.clear()
        again = time.monotonic() - self._suspected < QUIET
        self._suspected = time.monotonic()
        self._pause = min(MAX_PAUSE, max(FIRST_PAUSE, 2 * self._pause)) if again else 0.0
        if self._pause == MAX_PAUSE:
            self._is_away(error)
        self._mending = asyncio.create_task(self._mend())

    async def _mend(self) -> None:
        """Off the path of calls: wait until the remote state is as it should be, and turn to it."""
        pause = self._pause
        while True:
            await asyncio.sleep(pause)
            pause = min(MAX_PAUSE, max(FIRST_PAUSE, 2 * pause))
            try:
                await self._probe()
                await self._meanwhile.hand_over()
                break
            except (Unavailable, TimeoutError) as error:
                self._is_away(error)
        # nothing was awaited since the last of it was handed over
        self._usable = True
        self._settled.set()
        self._is_back()

    async def _probe(self) -> None:
        async with asyncio.timeout(PROBE_SECONDS):
            await self._remote.probe()
        for last in (False, False, True):  # it may have been this process that was busy
            try:
                async with asyncio.timeout(BUDGET):
                    await self._remote.probe()
                break
            except TimeoutError:
                if last:
                    raise

    def _is_away(self, error: Exception) -> None:
        self._settled.set()
        if self._away_since is None:
            self._away_since = time.monotonic()
            reason = str(error) or "it does not answer in time"
            log.warning(
                "Redis at %s is away, so each process has limits, cooldowns and sessions of its own: %s",
                self._where,
                reason,
            )

    def _is_back(self) -> None:
        if self._away_since is not None:
            log.warning("Redis at %s is back after %.1f s", self._where, time.monotonic() - self._away_since)
            self._away_since = None
        elif not self._greeted:
            log.info("limits, cooldowns and sessions are shared through Redis at %s", self._where)
        self._greeted = True
