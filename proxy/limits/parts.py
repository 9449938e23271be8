"""What one call asks of the state: a charge of each counter, a place of each slot, and what there was."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from proxy.limits.after import LEASE_SECONDS
from proxy.rates import Rate, Unit
from proxy.state.base import Charge, Reservation, Slot

PARALLEL: Final = "max_parallel_requests"
WITHOUT: frozenset[Unit] = frozenset()


class Part(msgspec.Struct, frozen=True):
    """One limit that a call has to keep."""

    scope: str
    id: str
    unit: Unit
    limit: int
    enforced: float | None = None
    """What counts in place of ``limit`` (``inf``: nothing does)."""
    amount: int = 1
    """That a call takes; of tokens, until its usage is known, as in the reference."""

    @property
    def counter(self) -> str:
        """Its name in the state."""
        return f"limit:{self.scope}:{self.id}:{self.unit}"


class Found(msgspec.Struct, frozen=True):
    """How much of a limit is used up now."""

    part: Part
    total: int
    """With the call, if it was let in."""
    reset: float | None
    """Seconds until the counter begins anew; ``None``: calls have to end first."""

    @property
    def remaining(self) -> int:
        """Below 0 where a limit was not enforced, or tokens were used beyond it."""
        return self.part.limit - self.total


class Findings(msgspec.Struct, frozen=True):
    """What came of a call's parts, in their order."""

    found: list[Found]
    refused: Found | None
    """The first that had no room."""
    reservation: Reservation


def parts_of(rates: Iterable[Rate], without: frozenset[Unit] = WITHOUT) -> list[Part]:
    """The parts of some limits.

    Args:
        without: what is not asked of the key.
    """
    parts: list[Part] = []
    for rate in rates:
        skipped = without if rate.scope == "api_key" else WITHOUT
        if rate.requests is not None and "requests" not in skipped:
            parts.append(Part(rate.scope, rate.id, "requests", rate.requests))
        if rate.tokens is not None and "tokens" not in skipped:
            parts.append(Part(rate.scope, rate.id, "tokens", rate.tokens))
        if rate.parallel is not None:
            parts.append(Part(rate.scope, rate.id, PARALLEL, rate.parallel))
    return parts


def charge_of(part: Part, window: float) -> Charge:
    """What is added to its counter."""
    return Charge(part.counter, part.amount, window, part.limit if part.enforced is None else part.enforced)


def slot_of(part: Part) -> Slot:
    """A place among the calls in progress."""
    return Slot(part.counter, part.limit, LEASE_SECONDS)


def findings(parts: Sequence[Part], reservation: Reservation) -> Findings:
    """What was found for each part."""
    totals = [*map(int, reservation.totals), *reservation.taken]
    resets = [*reservation.resets, *(None for _ in reservation.taken)]
    found = [Found(part, total, reset) for part, total, reset in zip(parts, totals, resets, strict=True)]
    refused = None if reservation.refused is None else found[reservation.refused]
    return Findings(found, refused, reservation)
