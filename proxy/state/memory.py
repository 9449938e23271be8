"""The state in this process's memory."""

import asyncio
import secrets
import sys
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from math import inf
from typing import Literal

from proxy.state.base import Charge, Entry, Kind, Lease, Place, Reservation, Slot, turns_of
from proxy.state.expiring import Expiring
from proxy.state.lines import Lines

MAX_DOCUMENT_BYTES = 256 * 1024 * 1024
"""Of all documents together; beyond, the oldest are forgotten."""
MAX_UNHEARD = 1000
"""Messages that a listener may leave waiting; beyond, it is told that some are lost."""


class MemoryState:
    """See :class:`proxy.state.base.State`. Nothing waits, so each method is one step."""

    kind: Kind = "local"
    is_cut_off = False

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        max_document_bytes: int = MAX_DOCUMENT_BYTES,
        max_counters: int = sys.maxsize,
    ) -> None:
        self._clock = clock
        self._max_document_bytes = max_document_bytes
        self._max_counters = max_counters
        self.on_evicted: Callable[[Literal["document", "counter"], str], None] | None = None
        """Told the key of what is forgotten for want of room."""
        self._document_bytes = 0
        self._documents: Expiring[bytes] = Expiring(clock, self._forgotten)
        self._counters: Expiring[float] = Expiring(clock)
        self._slots: dict[str, Expiring[None]] = {}
        self._lines = Lines()
        self._queues: defaultdict[str, deque[bytes]] = defaultdict(deque)
        self._listeners: defaultdict[str, list[Ear]] = defaultdict(list)

    async def start(self) -> None:
        """Nothing is needed."""

    async def aclose(self) -> None:
        """Nothing is held."""

    async def get(self, key: str) -> bytes | None:
        """A document."""
        entry = self._documents.get(key)
        return None if entry is None else entry.value

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Several documents."""
        return [await self.get(key) for key in keys]

    async def put(self, key: str, value: bytes, seconds: float | None) -> None:
        """Write a document."""
        self._documents.put(key, value, self._end(seconds))
        self._document_bytes += len(key) + len(value)
        while self._document_bytes > self._max_document_bytes and (oldest := self._documents.oldest()) is not None:
            self._documents.pop(oldest)
            self._evicted("document", oldest)

    async def delete(self, *keys: str) -> None:
        """Remove documents."""
        for key in keys:
            self._documents.pop(key)

    async def swap(self, key: str, old: bytes | None, new: bytes | None, seconds: float | None) -> bool:
        """Write a document if it is still the old one."""
        if await self.get(key) != old:
            return False
        if new is None:
            await self.delete(key)
        else:
            await self.put(key, new, seconds)
        return True

    async def add(self, key: str, amount: float, seconds: float) -> float:
        """Add to a counter."""
        return (await self.reserve([Charge(key, amount, seconds)])).totals[0]

    async def reserve(self, charges: Sequence[Charge], slots: Sequence[Slot] = ()) -> Reservation:
        """Add all charges and take all slots, or nothing."""
        now = self._clock()
        entries = [self._counters.get(charge.key) for charge in charges]
        totals = [0.0 if entry is None else entry.value for entry in entries]
        ends = [
            now + charge.seconds if entry is None else entry.until
            for charge, entry in zip(charges, entries, strict=True)
        ]
        resets = tuple(end - now for end in ends)
        refused = self._refused(charges, totals, slots)
        if refused is not None:
            return Reservation(refused, tuple(totals), resets, taken=self._taken(slots))
        for number, charge in enumerate(charges):
            if charge.amount:
                totals[number] += charge.amount
                self._counters.put(charge.key, totals[number], ends[number])
        while len(self._counters) > self._max_counters and (oldest := self._counters.oldest()) is not None:
            self._counters.pop(oldest)
            self._evicted("counter", oldest)
        lease = Lease(secrets.token_hex(8), tuple(slot.name for slot in slots)) if slots else None
        for slot in slots:
            assert lease is not None
            self._slots.setdefault(slot.name, Expiring(self._clock)).put(lease.id, None, now + slot.seconds)
        return Reservation(None, tuple(totals), resets, lease, self._taken(slots))

    def _refused(self, charges: Sequence[Charge], totals: Sequence[float], slots: Sequence[Slot]) -> int | None:
        for number, (charge, total) in enumerate(zip(charges, totals, strict=True)):
            if total + charge.amount > charge.limit:
                return number
        for number, slot in enumerate(slots, len(charges)):
            if self._count(slot) >= slot.limit:
                return number
        return None

    def _taken(self, slots: Sequence[Slot]) -> tuple[int, ...]:
        return tuple(map(self._count, slots)) if slots else ()

    def _count(self, slot: Slot) -> int:
        taken = self._slots.get(slot.name)
        return 0 if taken is None else len(taken)

    async def acquire(self, name: str, limit: int, seconds: float) -> Lease | None:
        """Take one slot."""
        return (await self.reserve((), [Slot(name, limit, seconds)])).lease

    async def renew(self, lease: Lease, seconds: float) -> bool:
        """Hold the slots longer."""
        held = [self._slots.get(name) for name in lease.names]
        if any(taken is None or taken.get(lease.id) is None for taken in held):
            await self.release(lease)
            return False
        for taken in held:
            assert taken is not None
            taken.put(lease.id, None, self._clock() + seconds)
        return True

    async def release(self, lease: Lease) -> None:
        """Give the slots back."""
        for name in lease.names:
            taken = self._slots.get(name)
            if taken is not None:
                taken.pop(lease.id)
                if not len(taken):
                    del self._slots[name]
            for member in self._lines.freed(name):
                await self.announce(turns_of(member), b"")

    async def stand(self, place: Place) -> int:
        """Stand in a line."""
        return self._lines.join(place)

    async def enter(self, place: Place, charges: Sequence[Charge], slots: Sequence[Slot] = ()) -> Entry:
        """Reserve and leave the line, if it is their turn."""
        number = self._lines.join(place)
        first = self._lines.first(place.line)
        if first is not None and first != (place.id, place.member):
            await self._tell(place.line, first)
            return Entry(number, Reservation(len(charges) + len(slots), (), ()))
        reservation = await self.reserve(charges, slots)
        if reservation.refused is None:
            await self.leave(place)
        elif reservation.refused >= len(charges):
            self._lines.want(slots[reservation.refused - len(charges)].name, place.member)
        return Entry(number, reservation)

    async def leave(self, place: Place) -> None:
        """Leave a line."""
        following = self._lines.drop(place)
        if following is not None and following[1] != place.member:
            await self._tell(place.line, following)

    async def _tell(self, line: str, turn: tuple[str, str]) -> None:
        await self.announce(turns_of(turn[1]), f"{turn[0]} {line}".encode())

    async def push(self, queue: str, item: bytes, limit: int) -> bool:
        """Put an item at the end of a queue."""
        if len(self._queues.get(queue, ())) >= limit:
            return False
        self._queues[queue].append(item)
        return True

    async def pop(self, queue: str, count: int = 1) -> list[bytes]:
        """Take items from the front of a queue."""
        items = self._queues.get(queue)
        if items is None:
            return []
        popped = [items.popleft() for _ in range(min(count, len(items)))]
        if not items:
            del self._queues[queue]
        return popped

    async def announce(self, channel: str, message: bytes) -> None:
        """Tell the listeners of this process."""
        for ear in self._listeners.get(channel, ()):
            ear.hear(message)

    async def listen(self, channel: str) -> AsyncIterator[bytes | None]:
        """What is announced in this process."""
        with self.ear(channel) as ear:
            while True:
                yield await ear.next()

    @contextmanager
    def ear(self, channel: str) -> Iterator["Ear"]:
        """One that hears what is announced in this process."""
        ear = Ear()
        self._listeners[channel].append(ear)
        try:
            yield ear
        finally:
            self._listeners[channel].remove(ear)
            if not self._listeners[channel]:
                del self._listeners[channel]

    def holds(self, lease: Lease) -> bool:
        """Whether this state granted the lease, and it has not run out wholly."""
        return any((taken := self._slots.get(name)) and taken.get(lease.id) for name in lease.names)

    def document(self, key: str) -> tuple[bytes, float | None] | None:
        """A document, and the seconds it has left (``None``: for ever)."""
        entry = self._documents.get(key)
        return None if entry is None else (entry.value, None if entry.until == inf else entry.until - self._clock())

    def forget(self, key: str) -> None:
        """Remove a document at once."""
        self._documents.pop(key)

    def take_counters(self, count: int) -> list[Charge]:
        """What up to ``count`` counters hold, and the rest of their windows; they are 0 then."""
        now = self._clock()
        charges = [Charge(key, entry.value, entry.until - now) for key, entry in self._counters.first(count)]
        for charge in charges:
            self._counters.pop(charge.key)
        return charges

    def queues(self) -> list[str]:
        """The queues that hold something."""
        return list(self._queues)

    def _end(self, seconds: float | None) -> float:
        return inf if seconds is None else self._clock() + seconds

    def _evicted(self, what: Literal["document", "counter"], key: str) -> None:
        if self.on_evicted is not None:
            self.on_evicted(what, key)

    def _forgotten(self, key: str, value: bytes) -> None:
        self._document_bytes -= len(key) + len(value)


class Ear:
    """What one listener has not heard yet. Too much of it, and all that is left is that messages were lost."""

    def __init__(self) -> None:
        self._heard: deque[bytes | None] = deque([None])
        self._some = asyncio.Event()

    def hear(self, message: bytes | None) -> None:
        """Keep a message."""
        if message is None or len(self._heard) >= MAX_UNHEARD:
            self._heard.clear()
            message = None
        self._heard.append(message)
        self._some.set()

    async def next(self) -> bytes | None:
        """The next message; waits for it."""
        while not self._heard:
            self._some.clear()
            await self._some.wait()
        return self._heard.popleft()
