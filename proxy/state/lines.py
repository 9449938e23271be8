"""Lines in this process's memory: who waits, in which order."""

import heapq
from collections import defaultdict
from typing import TypeAlias

from proxy.state.base import Place

Standing: TypeAlias = tuple[str, str]
"""Id and member."""
SPARE = 64
"""Entries of a heap that may be of those who left, besides one for each who stands."""


class Line:
    """Those who wait for one thing: by priority, then by number."""

    def __init__(self) -> None:
        self.last = 0
        """The highest number so far."""
        self._heap: list[tuple[int, int, Standing]] = []
        """Priority and number; of those who left, too."""
        self._standing: dict[Standing, int] = {}
        """Their numbers."""

    def join(self, place: Place) -> int:
        """Stand in the line, if not yet; the number."""
        standing = place.id, place.member
        number = self._standing.get(standing)
        if number is None:
            number = place.number or self.last + 1
            self.last = max(self.last, number)
            self._standing[standing] = number
            if len(self._heap) > 2 * len(self._standing) + SPARE:
                self._heap = [entry for entry in self._heap if self._standing.get(entry[2]) == entry[1]]
                heapq.heapify(self._heap)
            heapq.heappush(self._heap, (place.priority, number, standing))
        return number

    def first(self) -> Standing | None:
        """Whose turn it is."""
        while self._heap and self._standing.get(self._heap[0][2]) != self._heap[0][1]:
            heapq.heappop(self._heap)
        return self._heap[0][2] if self._heap else None

    def drop(self, standing: Standing) -> None:
        """Leave the line."""
        self._standing.pop(standing, None)


class Lines:
    """All lines, and who wants which slot."""

    def __init__(self) -> None:
        self._lines: defaultdict[str, Line] = defaultdict(Line)
        self._wanted: defaultdict[str, set[str]] = defaultdict(set)

    def join(self, place: Place) -> int:
        """Stand in a line, if not yet; the number."""
        return self._lines[place.line].join(place)

    def first(self, line: str) -> Standing | None:
        """Whose turn it is."""
        found = self._lines.get(line)
        return None if found is None else found.first()

    def drop(self, place: Place) -> Standing | None:
        """Leave a line, and tell whose turn it is then, if it was the place's turn."""
        line = self._lines.get(place.line)
        if line is None:
            return None
        before = line.first()
        standing = place.id, place.member
        line.drop(standing)
        return line.first() if before == standing else None

    def want(self, slot: str, member: str) -> None:
        """Somebody is to be told when the slot is free."""
        self._wanted[slot].add(member)

    def freed(self, slot: str) -> set[str]:
        """Who wanted the slot."""
        return self._wanted.pop(slot, set())
