"""What was taken of limits and may be given back, as long as their windows last."""

import time
from collections.abc import Sequence
from typing import Final

import msgspec

from proxy.state.base import Charge, Reservation, State

MARGIN: Final = 0.5
"""Seconds before the end of a window in which nothing is given back any more: it could reach the next one, and be room there
that no limit has."""


class Taken:
    """Charges that were granted.

    Args:
        began: when they were asked for, on the monotonic clock.
    """

    def __init__(self, state: State, charges: Sequence[Charge], granted: Reservation, began: float) -> None:
        self._state = state
        self._left = [
            (msgspec.structs.replace(charge, amount=-charge.amount), began + seconds)
            for charge, seconds in zip(charges, granted.resets, strict=True)
        ]

    async def give_back(self) -> None:
        """Once; what was taken in a window that is over is free already."""
        latest = time.monotonic() + MARGIN
        charges, self._left = [charge for charge, end in self._left if latest < end], []
        if charges:
            await self._state.reserve(charges)
