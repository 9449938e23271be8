"""The labels that pair a live exchange with the recorded one: numbers in the order in which a case asks."""

from __future__ import annotations

import contextvars
import re


class Counter:
    """Gives out `1`, `2`, ... after a prefix."""

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix
        self._last = 0

    def next(self) -> str:
        """The next label."""
        self._last += 1
        return f"{self._prefix}{self._last}"

    def take_back(self) -> None:
        """Give the last label out again."""
        self._last -= 1


counter: contextvars.ContextVar[Counter] = contextvars.ContextVar("counter")
"""The one of the running thread; a concurrent step counts on its own."""


def in_order_given(label: str) -> list[tuple[int, str]]:
    """A sort key: numbers within labels count as numbers."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", label)]
