"""Cases in which we deliberately do not do what the reference was recorded doing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from contracts.harness.faults import CheckFailed, HarnessError
from contracts.harness.matrix import Deviation, load_matrix
from contracts.harness.results import CORE, Body, Fault
from contracts.harness.targets import Kind
from contracts.harness.verdict import fault_of

Check = Callable[..., None]


@cache
def declared(item: str) -> tuple[Deviation, ...]:
    """The deviations that the matrix declares for an item or for `core`."""
    matrix = load_matrix()
    return matrix.core_deviations if item == CORE else matrix.item(item).deviations


def is_declared(item: str, case: str) -> bool:
    """Whether the matrix declares a deviation of that case (a node id)."""
    return any(deviation.covers(case) for deviation in declared(item))


def check_declared(item: str, case: str, *, deviates: bool) -> None:
    """Raises HarnessError when code and matrix disagree about whether the case deviates."""
    listed = is_declared(item, case)
    where = "core_deviations" if item == CORE else f"{item}'s deviations"
    if deviates and not listed:
        raise HarnessError(f"{case} deviates, but gap_matrix.yaml does not say so; add it to {where}")
    if listed and not deviates:
        raise HarnessError(f"gap_matrix.yaml lists {case} in {where}, but the case never calls case.deviates()")


def judge(kind: Kind, observed: Sequence[Any], *, as_recorded: Check, required: Check) -> Body:
    """Run the body that fits the target, and say which one judged.

    On the recording `as_recorded` must pass and `required` must fail. A foreign gateway may do either. Raises
    CheckFailed, or what the body raised.
    """
    if kind is Kind.PROXY:
        required(*observed)
        return Body.REQUIRED
    if kind is Kind.FOREIGN:
        return _either(observed, as_recorded, required)
    as_recorded(*observed)
    if kind is Kind.CASSETTE and _failure(required, observed) is None:
        raise CheckFailed("stale deviation: the recording already keeps what is required of us; drop the deviation")
    return Body.AS_RECORDED


def _either(observed: Sequence[Any], as_recorded: Check, required: Check) -> Body:
    strict = _failure(required, observed)
    if strict is None:
        return Body.REQUIRED
    loose = _failure(as_recorded, observed)
    if loose is None:
        return Body.AS_RECORDED
    raise CheckFailed(
        "neither what is required nor what was recorded", [f"  required: {strict}", f"  as recorded: {loose}"]
    )


def _failure(check: Check, observed: Sequence[Any]) -> Exception | None:
    """How a body fails: by an assertion, or by reading what is not there. Raises what is not the contract's failure."""
    try:
        check(*observed)
    except Exception as error:
        if fault_of(error) is not Fault.CONTRACT:
            raise
        return error
    return None
