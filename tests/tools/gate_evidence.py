"""Results to show to the gate."""

from __future__ import annotations

from contracts.harness.results import CaseResult, Fault, Header, Outcome, Provenance, Results

CORE = "contracts/core/test_chat.py::test_answers"
ORDER = "contracts/A/test_A5_alias.py::test_order"
OTHER = "contracts/A/test_A5_alias.py::test_other[x]"
PASSED, FAILED, UNTESTABLE, DESELECTED = Outcome.PASSED, Outcome.FAILED, Outcome.UNTESTABLE, Outcome.DESELECTED


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
