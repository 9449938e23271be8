"""Calls with a priority wait until their model group has room: the most urgent first, equals in the order they came in.

Whose turn it is, is known in this process by a heap for each group. When other processes share a state, its lines have
the last word: a call that seems to have its turn here enters there, in one step with what it takes of its deployment.
Nobody asks again and again: the first of a group is woken by whoever makes room, here or elsewhere, and by the clock when
a cooldown or a minute ends.
"""

import asyncio
import heapq
import itertools
import secrets
import time
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from math import inf

from proxy.call import Call, Outcome
from proxy.deployment import Deployment
from proxy.errors import Failure
from proxy.metrics.series import Histogram
from proxy.routing.plan import Stand
from proxy.routing.request import RouteRequest
from proxy.routing.router import DEFAULT_TIMEOUT, Router
from proxy.routing.traffic import Traffic
from proxy.state.base import Charge, Place, Reservation, Slot, State, turns_of

LOOK_AGAIN_SECONDS = 5.0
"""After which the first of a group asks the shared state again: what it should have been told may be lost, and a process
that waits shows by it that it lives."""
SPARE = 64
"""Entries of a heap that may be of those who left, besides one for each who waits."""
TIMED_OUT = "litellm.Timeout: Request timed out while polling queue"


class Queue:
    """The calls of this process that wait. It outlives snapshots.

    Args:
        traffic: tells when there is room.
        state: that other processes may share.
    """

    def __init__(self, traffic: Traffic, state: State) -> None:
        self._state = state
        self._member = secrets.token_hex(8)
        self._ids = itertools.count(1)
        self._groups: dict[str, Waiting] = {}
        self._knocking: set[Ticket] = set()
        """Those who did not wait here, and are asking whether they must."""
        self._tickets: dict[str, Ticket] = {}
        """By id: those who may stand in a line of the shared state."""
        self._listening: asyncio.Task[None] | None = None
        self.waits: dict[str, Histogram] = {}
        """Seconds that calls waited, by model group; those who gave up too."""
        traffic.on_room.append(self._freed)

    def ticket(self, priority: int, seconds: float) -> "Ticket":
        """For one call, which may wait for so long."""
        return Ticket(self, self._state, str(next(self._ids)), priority, seconds)

    def depths(self) -> dict[str, int]:
        """How many wait, by model group; of groups that were asked for with a priority once. Any thread may ask."""
        return {name: len(group) for name, group in self._groups.copy().items()}

    def place(self, ticket: "Ticket", line: str) -> Place:
        """A ticket's in a line of the shared state."""
        return Place(line, ticket.id, self._member, ticket.priority, ticket.number)

    def group(self, name: str) -> "Waiting":
        """Those who wait for a model group."""
        found = self._groups.get(name)
        if found is None:
            found = self._groups[name] = Waiting()
        return found

    def joins(self, ticket: "Ticket") -> None:
        """The ticket may stand in a line of the shared state from now on; other processes are listened to."""
        self._tickets[ticket.id] = ticket
        if self._listening is None:
            self._listening = asyncio.create_task(self._listen())

    def left(self, ticket: "Ticket") -> None:
        """It does not stand there any more."""
        self._tickets.pop(ticket.id, None)

    def knocks(self, ticket: "Ticket") -> None:
        """The ticket did not wait here, and asks the shared state now."""
        self._knocking.add(ticket)

    def knocked(self, ticket: "Ticket") -> None:
        """It was answered."""
        self._knocking.discard(ticket)

    def waited(self, name: str, seconds: float) -> None:
        """Count a wait."""
        self.waits.setdefault(name, Histogram()).observe(seconds)

    async def _listen(self) -> None:
        async for message in self._state.listen(turns_of(self._member)):
            if not message:
                self._look()
                continue
            ticket_id, _, line = message.decode().partition(" ")
            ticket = self._tickets.get(ticket_id)
            if ticket is not None:
                ticket.wake()
            else:  # it left while the state was away
                await self._state.leave(Place(line, ticket_id, self._member, 0))

    def _freed(self, deployment: Deployment) -> None:
        """An attempt of this process has ended."""
        for group in self._groups.values():
            first = group.first
            if first is not None and first.waits_for(deployment):
                first.wake()

    def _look(self) -> None:
        """There may be room somewhere."""
        for group in self._groups.values():
            group.wake_first()
        for ticket in self._knocking:
            ticket.wake()

    async def stop(self) -> None:
        """After the last call."""
        if self._listening is not None:
            self._listening.cancel()
            with suppress(asyncio.CancelledError):
                await self._listening


class Waiting:
    """Those who wait for one model group, in order."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Ticket]] = []
        """Of those who left, too."""
        self._waiting: set[Ticket] = set()
        self._numbers = itertools.count(1)

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def first(self) -> "Ticket | None":
        """Whose turn it is."""
        while self._heap and self._heap[0][2] not in self._waiting:
            heapq.heappop(self._heap)
        return self._heap[0][2] if self._heap else None

    def next_number(self) -> int:
        """By which equals go."""
        return next(self._numbers)

    def add(self, ticket: "Ticket") -> None:
        """Somebody waits, if they do not yet."""
        if ticket not in self._waiting:
            self._waiting.add(ticket)
            if len(self._heap) > 2 * len(self._waiting) + SPARE:
                self._heap = [entry for entry in self._heap if entry[2] in self._waiting]
                heapq.heapify(self._heap)
            heapq.heappush(self._heap, (ticket.priority, ticket.number, ticket))

    def remove(self, ticket: "Ticket") -> None:
        """Somebody does not wait any more."""
        if ticket in self._waiting:
            self._waiting.remove(ticket)
            self.wake_first()

    def wake_first(self) -> None:
        """Let whose turn it is look whether there is room."""
        first = self.first
        if first is not None:
            first.wake()


class Ticket:
    """A call's in the queue. Each attempt takes a :meth:`turn`; then comes :meth:`served`, or :meth:`enter` where the state
    is shared, until it grants what was asked for."""

    def __init__(self, queue: Queue, state: State, ticket_id: str, priority: int, seconds: float) -> None:
        self.id = ticket_id
        self.priority = priority
        self.number = 0
        """By which equals go; kept by a call that is tried again."""
        self._queue = queue
        self._state = state
        self._left = seconds
        self._waited = 0.0
        """Seconds, for what comes next."""
        self._line = ""
        self._group = Waiting()
        self._stands = False
        """Maybe, in a line of the shared state."""
        self.shared = False
        """Whether room is that of all processes together: then it is entered by :meth:`enter`."""
        self._stand: Stand | None = None
        self._news = asyncio.Event()
        self._behind = False
        """Others are before it in the line of the shared state, and there was no news since."""

    def __lt__(self, other: "Ticket") -> bool:
        return int(self.id) < int(other.id)

    def wake(self) -> None:
        """Something changed."""
        self._news.set()

    def waits_for(self, deployment: Deployment) -> bool:
        """Whether room that this process knows of is what the call waits for, not what the shared state knows."""
        stand = self._stand
        if stand is None or self._behind or (self.shared and deployment.id in stand.full):
            return False
        return any(one.id == deployment.id for one in stand.candidates)

    async def turn(self, stand: Stand, router: Router) -> None:
        """Wait until it is this call's turn and there is room.

        Raises:
            Failure: 408, it waited for too long.
        """
        if stand.line != self._line:
            await self._leave()
            self._line, self._group, self.number = stand.line, self._queue.group(stand.line), 0
            self.shared = stand.limited and self._state.kind != "local"
        if not self._group and not self._behind and not _seconds_to_room(stand, router):
            self._news.clear()
            return
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._left):
                await self._wait(stand, router)
        except TimeoutError:
            await self._leave()
            raise Failure(408, TIMED_OUT, kind="timeout", reached=False) from None
        except BaseException:
            self._group.remove(self)
            raise
        finally:
            waited = time.monotonic() - began
            self._left -= waited
            self._waited += waited

    async def _wait(self, stand: Stand, router: Router) -> None:
        self._stand = stand
        if self.number == 0:
            self.number = await self._numbered() if self.shared else self._group.next_number()
        self._group.add(self)
        while True:
            if self._news.is_set():
                self._news.clear()
                self._behind = False
                stand.full.clear()
            seconds = inf
            if self._group.first is self:
                seconds = inf if self._behind else _seconds_to_room(stand, router)
                if not seconds:
                    return
            await self._hear(seconds)

    async def _hear(self, seconds: float) -> None:
        """Wait for news; that time has passed is some. Whoever is first shows the shared state that the process lives."""
        again = self.shared and self._group.first is self
        if again:
            seconds = min(seconds, LOOK_AGAIN_SECONDS)
        with suppress(TimeoutError):
            async with asyncio.timeout(None if seconds == inf else seconds):
                await self._news.wait()
            return
        if again:
            self.number = await self._numbered()
        self._news.set()

    async def _numbered(self) -> int:
        """Stand in the line of the shared state."""
        self._join()
        return await self._state.stand(self._queue.place(self, self._line))

    def _join(self) -> None:
        if not self._stands:
            self._stands = True
            self._queue.joins(self)

    async def enter(self, charges: Sequence[Charge], slots: Sequence[Slot]) -> Reservation:
        """Reserve in the shared state, if it is this call's turn there too; refused, it takes its turn again."""
        self._join()
        self._queue.knocks(self)
        try:
            entry = await self._state.enter(self._queue.place(self, self._line), charges, slots)
        finally:
            self._queue.knocked(self)
        self.number, reservation = entry.number, entry.reservation
        if reservation.granted:
            self._stands = False
            self._queue.left(self)
        else:
            self._behind = reservation.refused == len(charges) + len(slots)
        return reservation

    def served(self) -> None:
        """There was room, and this call has taken it."""
        self._behind = False
        self._group.remove(self)
        self._count()

    def close(self, _outcome: Outcome) -> Awaitable[None] | None:
        """The call has ended, whatever it was waiting for."""
        self._group.remove(self)
        self._count()
        return self._leave() if self._stands else None

    def _count(self) -> None:
        if self._waited:
            self._queue.waited(self._line, self._waited)
            self._waited = 0.0

    async def _leave(self) -> None:
        self._behind = False
        self._group.remove(self)
        if self._stands:
            self._stands = False
            self._queue.left(self)
            await self._state.leave(self._queue.place(self, self._line))


def take_ticket(call: Call, asked: RouteRequest, timeout: float | None) -> Ticket:
    """A ticket until the end of a call that has a priority. It waits as long as the router's timeout, or the general one,
    says, and no longer than the client's (``timeout``, seconds)."""
    assert asked.priority is not None
    config = call.snapshot.config
    waits = config.router_settings.timeout, config.settings.request_timeout, DEFAULT_TIMEOUT
    seconds = next(seconds for seconds in waits if seconds is not None)
    ticket = call.snapshot.queue.ticket(asked.priority, seconds if timeout is None else min(seconds, timeout))
    call.on_end(ticket.close)
    return ticket


def _seconds_to_room(stand: Stand, router: Router) -> float:
    """0: there is room, or the call shall go on for another reason."""
    if stand.falls_back and not router.healthy(stand.candidates):
        return 0.0
    return router.seconds_to_room(stand.candidates, stand.full)
