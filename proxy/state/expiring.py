"""A dictionary whose entries run out."""

import heapq
from collections.abc import Callable
from itertools import islice
from math import inf
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")
SPARE = 1000
"""Items of the heap that may be of no use any more, besides one for each entry."""


class Entry(NamedTuple, Generic[T]):
    """A value, and when it runs out."""

    value: T
    until: float


class Expiring(Generic[T]):
    """Values by key. Those that have run out are never seen, and leave the memory as others are written.

    Args:
        clock: seconds, never backwards.
        dropped: told of each entry that leaves, in whatever way.
    """

    def __init__(self, clock: Callable[[], float], dropped: Callable[[str, T], None] | None = None) -> None:
        self._clock = clock
        self._dropped = dropped
        self._entries: dict[str, Entry[T]] = {}
        self._due: list[tuple[float, str]] = []
        """A heap: when to look at a key. It stays small however often one is written."""
        self._awaited: dict[str, float] = {}
        """Of each key, the item of the heap that counts."""

    def __len__(self) -> int:
        self._sweep()
        return len(self._entries)

    def get(self, key: str) -> Entry[T] | None:
        """An entry."""
        entry = self._entries.get(key)
        return entry if entry is not None and entry.until > self._clock() else None

    def put(self, key: str, value: T, until: float = inf) -> None:
        """Write an entry; it becomes the youngest."""
        self._sweep()
        self._remove(key)
        self._entries[key] = Entry(value, until)
        self._await(key, until)

    def pop(self, key: str) -> T | None:
        """Remove an entry and return its value."""
        self._awaited.pop(key, None)
        return self._remove(key)

    def oldest(self) -> str | None:
        """The key that was written first."""
        return next(iter(self._entries), None)

    def first(self, count: int) -> list[tuple[str, Entry[T]]]:
        """Up to ``count`` entries, the oldest; none of them has run out."""
        self._sweep()
        return list(islice(self._entries.items(), count))

    def _remove(self, key: str) -> T | None:
        entry = self._entries.pop(key, None)
        if entry is None:
            return None
        if self._dropped is not None:
            self._dropped(key, entry.value)
        return entry.value

    def _await(self, key: str, until: float) -> None:
        if until < self._awaited.get(key, inf):
            self._awaited[key] = until
            heapq.heappush(self._due, (until, key))
            if len(self._due) > 2 * len(self._entries) + SPARE:
                self._due = [(due, key) for key, due in self._awaited.items()]
                heapq.heapify(self._due)

    def _sweep(self) -> None:
        now = self._clock()
        while self._due and self._due[0][0] <= now:
            due, key = heapq.heappop(self._due)
            if self._awaited.get(key) != due:
                continue
            del self._awaited[key]
            entry = self._entries.get(key)
            if entry is not None and entry.until <= now:
                self.pop(key)
            elif entry is not None:
                self._await(key, entry.until)
