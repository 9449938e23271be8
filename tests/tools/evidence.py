"""A matrix and results to show to the tools, whatever the project's own matrix says by now."""

from __future__ import annotations

from functools import cache

import msgspec
import yaml
from msgspec.structs import replace

from contracts.harness.matrix import Matrix, Status, load_matrix
from contracts.harness.results import CaseResult, Fault, Header, Outcome, Provenance, Results

CORE = "contracts/core/test_chat.py::test_answers"
ORDER = "contracts/A/test_A5_alias.py::test_order"
OTHER = "contracts/A/test_A5_alias.py::test_other[x]"
PASSED, FAILED, UNTESTABLE, DESELECTED = Outcome.PASSED, Outcome.FAILED, Outcome.UNTESTABLE, Outcome.DESELECTED


@cache
def plain_matrix(*implemented: str) -> Matrix:
    """These items implemented, every other missing; nothing deviates, nothing waits."""
    real = load_matrix()
    items = (
        replace(item, status=Status.IMPLEMENTED if item.id in implemented else Status.MISSING, deviations=(), notes="")
        for item in real.items
    )
    return replace(real, items=tuple(items), core_deviations=())


@cache
def plain_matrix_text(*implemented: str) -> str:
    """The same as a file."""
    return yaml.safe_dump(msgspec.to_builtins(plain_matrix(*implemented)), sort_keys=False)


def result(name: str, outcome: Outcome = PASSED, **more: object) -> CaseResult:
    fault = {FAILED: Fault.CONTRACT, UNTESTABLE: Fault.PREREQUISITE}.get(outcome)
    item = "core" if "/core/" in name else name.split("_")[1]
    message = "it broke" if fault else "depends on F8" if outcome is DESELECTED else ""
    fields = {"item": item, "provenance": Provenance.RECORDED, "message": message, **more}
    return CaseResult(case=name, outcome=outcome, fault=fault, **fields)  # type: ignore[arg-type]


def run(target: str, *cases: CaseResult, selection: str = "") -> Results:
    header = Header(target=target, version="1", suite="abc", reproduce="pytest", selection=selection)
    return Results(header=header, cases=(result(CORE), *cases))


def both(*cases: CaseResult) -> dict[str, Results]:
    return {target: run(target, *cases) for target in ("cassette", "proxy")}
