"""Rows that calls need, kept in memory for a moment: bounded, forgotten at once when something changed."""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import msgspec

from proxy.errors import GatewayError

log = logging.getLogger(__name__)

T = TypeVar("T")

FRESH_SECONDS = 5.0
"""How long what was read counts without a look at the database: what other replicas spend is known that late."""
USABLE_SECONDS = 60.0
"""How long it may still answer while it is read again in the background."""
READ_SECONDS = 3.0
"""The longest that a call waits for the database."""
RETRY_SECONDS = 1.0
"""How soon the database is asked again after it did not answer."""
READERS = 4
"""Reads at once: a flood of unknown names must leave connections to others."""


class StoreAway(GatewayError):
    """The database did not answer in time, and nothing is known that could stand in."""

    def __init__(self) -> None:
        super().__init__(
            503,
            "The database did not answer (general_settings.database_url), and this key is not known to this process yet. "
            "Try again",
            type="no_db_connection",
            param=None,
            headers=[("retry-after", "1")],
        )


class Entry(msgspec.Struct, Generic[T]):
    """What the database says of a name; ``value`` is ``None`` where it knows nothing."""

    value: T | None
    fresh_until: float
    """Of the monotonic clock, in seconds; as the others."""
    usable_until: float
    end: float
    """When it must be read again, whatever happens."""


class Readers:
    """Bounds how many reads of one process run at once.

    Args:
        reachable: whether the database answered when it was last looked at; nobody waits for one that did not.
    """

    def __init__(self, reachable: Callable[[], bool]) -> None:
        self.reachable = reachable
        self.turn = asyncio.Semaphore(READERS)


class Lookups(Generic[T]):
    """Values by name.

    A value that was read before ``forget`` is never kept after it: who reads a row while it changes would else bring the old
    one back.

    Args:
        read: reads one, ``None`` when there is none; any error means that the database is away.
        size: how many are kept; the ones that were read longest ago go first.
        until: when a value must be read again in any case, in seconds since the epoch.
    """

    def __init__(
        self,
        read: Callable[[str], Awaitable[T | None]],
        readers: Readers,
        *,
        size: int,
        until: Callable[[T], float | None] | None = None,
    ) -> None:
        self._read = read
        self._readers = readers
        self._size = size
        self._until = until
        self._entries: dict[str, Entry[T]] = {}
        self._reading: dict[str, asyncio.Task[T | None]] = {}
        self._generation = 0

    def known(self, name: str) -> Entry[T] | None:
        """What is known and fresh. The hot path: no task, nothing awaited."""
        entry = self._entries.get(name)
        return entry if entry is not None and time.monotonic() < entry.fresh_until else None

    async def get(self, name: str) -> T | None:
        """The value of ``name``.

        Raises:
            StoreAway: it is not known, and the database does not answer.
        """
        entry = self._entries.get(name)
        if entry is not None:
            now = time.monotonic()
            if now < entry.fresh_until:
                return entry.value
            if entry.value is not None and now < entry.usable_until:
                self._task(name)
                return entry.value
        return await asyncio.shield(self._task(name))

    def forget(self) -> None:
        """Something has changed."""
        self._generation += 1
        self._entries.clear()
        self._reading.clear()

    def _task(self, name: str) -> asyncio.Task[T | None]:
        """The one read of ``name`` that is under way."""
        task = self._reading.get(name)
        if task is None:
            task = self._reading[name] = asyncio.create_task(self._look_up(name))
            task.add_done_callback(lambda done: self._done(name, done))
        return task

    def _done(self, name: str, task: asyncio.Task[T | None]) -> None:
        if self._reading.get(name) is task:
            del self._reading[name]
        if not task.cancelled():
            task.exception()  # who waits for it sees it too; a refresh in the background has nobody

    async def _look_up(self, name: str) -> T | None:
        generation, old = self._generation, self._entries.get(name)
        if "\0" in name:  # Postgres has no such texts
            return None
        if not self._readers.reachable():
            return self._stand_in(old, generation)
        try:
            async with asyncio.timeout(READ_SECONDS), self._readers.turn:
                value = await self._read(name)
        except Exception as error:
            log.warning("the database did not answer: %s", error.__class__.__name__)
            return self._stand_in(old, generation)
        if generation == self._generation:
            self._keep(name, value)
        return value

    def _stand_in(self, old: Entry[T] | None, generation: int) -> T:
        """What was known goes on while the database is away."""
        now = time.monotonic()
        if old is None or old.value is None or generation != self._generation or now >= old.end:
            raise StoreAway
        old.fresh_until, old.usable_until = min(now + RETRY_SECONDS, old.end), min(now + USABLE_SECONDS, old.end)
        return old.value

    def _keep(self, name: str, value: T | None) -> None:
        now = time.monotonic()
        until = None if value is None or self._until is None else self._until(value)
        end = math.inf if until is None else now + until - time.time()
        self._entries.pop(name, None)
        while len(self._entries) >= self._size:
            del self._entries[next(iter(self._entries))]
        self._entries[name] = Entry(value, min(now + FRESH_SECONDS, end), min(now + USABLE_SECONDS, end), end)
