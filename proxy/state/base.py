"""What a state can do, whichever keeps it.

Keys are text and mean nothing to the state; documents, counters, slots, lines and queues have names of their own. Times are in
seconds. No method raises because a server is away: see :mod:`proxy.state.resilient`.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from math import inf
from typing import Literal, Protocol, TypeAlias

import msgspec

Kind: TypeAlias = Literal["local", "redis", "degraded"]
"""Where the state is: in this process alone; in Redis; in this process until Redis is back."""

MAX_TRIES = 20
ABSENT_SECONDS = 15.0
"""After which a process that waits in lines is taken for dead."""


class Charge(msgspec.Struct, frozen=True):
    """What is to be added to a counter, unless its total would then be above ``limit``."""

    key: str
    amount: float
    seconds: float
    """Length of the counter's window. It begins with the first amount; when it is over, the counter is 0 again."""
    limit: float = inf


class Slot(msgspec.Struct, frozen=True):
    """One of ``limit`` places that calls hold at the same time; it comes back after ``seconds`` unless it is renewed."""

    name: str
    limit: int
    seconds: float


class Lease(msgspec.Struct, frozen=True):
    """Slots that are held, until they are released or run out."""

    id: str
    names: tuple[str, ...]


class Reservation(msgspec.Struct, frozen=True):
    """What came of asking for several things at once: all of them or nothing."""

    refused: int | None
    """Position of the first charge, then slot, that there was no room for; ``None``: all was granted."""
    totals: tuple[float, ...]
    """Of each charge's counter now: with the charge if it was granted."""
    resets: tuple[float, ...]
    """Seconds until each charge's counter begins anew."""
    lease: Lease | None = None
    """On the slots, if there are any and they were granted."""
    taken: tuple[int, ...] = ()
    """How many of each slot's places are held now; with this one's if they were granted."""

    @property
    def granted(self) -> bool:
        """Whether everything was."""
        return self.refused is None


class Place(msgspec.Struct, frozen=True):
    """Of somebody who waits in a line: behind everybody of a lower priority, and those of the same who came before."""

    line: str
    id: str
    """Without blanks, as ``member``."""
    member: str
    """The process that waits. It is told on the channel :func:`turns_of` when something changes for it."""
    priority: int
    """From 0 to 255."""
    number: int = 0
    """By which equals go; 0: the line gives the next one."""


class Entry(msgspec.Struct, frozen=True):
    """What came of somebody's turn."""

    number: int
    """Theirs in the line."""
    reservation: Reservation
    """``refused`` is the number of all charges and slots if others are before them; then no counter was read."""


def turns_of(member: str) -> str:
    """The channel of a process that waits in lines. A message is the id whose turn it is, a blank, and the line; without
    that, what somebody waits for may be free now."""
    return f"turns:{member}"


class Unavailable(Exception):
    """The server that keeps the state does not do what it is asked. Never raised to calls."""


class Refused(Unavailable):
    """It answered, with an error."""


class State(Protocol):
    """Documents, counters, slots, lines, queues and announcements.

    A document that another replica wrote is found at once; an amount that was added is never lost but by the end of its
    window, or with the server that keeps it.
    """

    @property
    def kind(self) -> Kind:
        """Where the state is now."""
        ...

    @property
    def is_cut_off(self) -> bool:
        """Whether this process sees, for however short a time, only what it did itself; then what is missing may be there."""
        ...

    async def start(self) -> None:
        """Before the first use, inside the loop."""
        ...

    async def aclose(self) -> None:
        """After the last use."""
        ...

    async def get(self, key: str) -> bytes | None:
        """A document."""
        ...

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Several documents, in the order of ``keys``."""
        ...

    async def put(self, key: str, value: bytes, seconds: float | None) -> None:
        """Write a document; it is gone after ``seconds`` (``None``: never)."""
        ...

    async def delete(self, *keys: str) -> None:
        """Remove documents that may be there."""
        ...

    async def swap(self, key: str, old: bytes | None, new: bytes | None, seconds: float | None) -> bool:
        """Write ``new`` if the document is still ``old`` (``None``: is not there), and tell whether it was."""
        ...

    async def add(self, key: str, amount: float, seconds: float) -> float:
        """Add to a counter and return its total; 0 reads it. ``seconds``: see :class:`Charge`."""
        ...

    async def reserve(self, charges: Sequence[Charge], slots: Sequence[Slot] = ()) -> Reservation:
        """Add all charges and take all slots, or nothing: one step that nobody else's can come between.

        No key, and no name of a slot, may be there twice.
        """
        ...

    async def acquire(self, name: str, limit: int, seconds: float) -> Lease | None:
        """Take one slot; ``None``: all are taken."""
        ...

    async def renew(self, lease: Lease, seconds: float) -> bool:
        """Hold the slots for ``seconds`` from now; false: some had run out, and the lease holds nothing any more."""
        ...

    async def release(self, lease: Lease) -> None:
        """Give the slots back; more than once does no harm."""
        ...

    async def stand(self, place: Place) -> int:
        """Stand in a line and return the number; whoever stands there already stays where they are.

        The line forgets the places of a member that does not stand, or enter, for ``ABSENT_SECONDS``.
        """
        ...

    async def enter(self, place: Place, charges: Sequence[Charge], slots: Sequence[Slot] = ()) -> Entry:
        """:meth:`reserve`, and leave the line, if it is their turn; else stand in it.

        One step that nobody else's can come between. Whose turn it is gets told if that is of another member, or if it
        was not theirs. Who was refused a slot is told when it may be free, unless its lease runs out.
        """
        ...

    async def leave(self, place: Place) -> None:
        """Leave a line; more than once does no harm. Another member whose turn it is then gets told."""
        ...

    async def push(self, queue: str, item: bytes, limit: int) -> bool:
        """Put an item at the end of a queue; false: it holds ``limit`` of them already."""
        ...

    async def pop(self, queue: str, count: int = 1) -> list[bytes]:
        """Take up to ``count`` items from the front of a queue. Each is taken once, whoever asks."""
        ...

    async def announce(self, channel: str, message: bytes) -> None:
        """Tell everybody who listens to ``channel`` now, this process too."""
        ...

    def listen(self, channel: str) -> AsyncIterator[bytes | None]:
        """What is announced from now on.

        ``None`` comes first, once nothing is missed any more, and whenever messages may have been lost: look at whatever
        the messages tell of.
        """
        ...


async def update(
    state: State, key: str, change: Callable[[bytes | None], bytes | None], seconds: float | None
) -> bytes | None:
    """Replace a document by what ``change`` makes of it (``None``: there is none), and return that.

    ``change`` runs again when somebody else was faster.

    Raises:
        RuntimeError: somebody else was faster 20 times.
    """
    for _ in range(MAX_TRIES):
        old = await state.get(key)
        new = change(old)
        if new == old or await state.swap(key, old, new, seconds):
            return new
    raise RuntimeError(f"document {key!r} changes too often to be updated")
