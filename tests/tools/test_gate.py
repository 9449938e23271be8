"""The rules of the gate: it refuses lost and failing cases and false claims."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from contracts.harness.matrix import Deviation, Matrix, Status
from contracts.harness.results import Body, Outcome, Provenance, Results
from tests.tools.evidence import CORE, DESELECTED, FAILED, ORDER, OTHER, UNTESTABLE, both, plain_matrix, result, run
from tools.impl.gate.baseline import Baseline
from tools.impl.gate.findings import Evidence
from tools.impl.gate.rules import judge


@pytest.fixture(scope="module")
def matrix() -> Matrix:
    """Every item missing."""
    return plain_matrix()


def declared(matrix: Matrix, item_id: str, status: Status, **changes: object) -> Matrix:
    items = (
        replace(item, status=status, **{"depends_on": (), **changes}) if item.id == item_id else item
        for item in matrix.items
    )
    return replace(matrix, items=tuple(items))


def judged(matrix: Matrix, runs: Mapping[str, Results], *, passed: frozenset[str] | None = None, **more: object) -> str:
    """What the gate tells; by default the baseline holds all that passes now."""
    everything = Baseline().extended(runs)
    baseline = everything if passed is None else Baseline(passed=passed)
    fields = {"baseline": baseline, **more}
    return "\n".join(map(str, judge(Evidence(matrix=matrix, runs=runs, **fields))))  # type: ignore[arg-type]


def test_a_tree_that_is_as_declared_passes(matrix: Matrix) -> None:
    assert judged(matrix, both()) == ""
    assert judged(declared(matrix, "A5", Status.IMPLEMENTED), both(result(ORDER), result(OTHER))) == ""


def test_a_newly_failing_case_is_refused(matrix: Matrix) -> None:
    runs = {"cassette": run("cassette", result(ORDER)), "proxy": run("proxy", result(ORDER, FAILED))}
    before = frozenset({f"proxy/{ORDER}", f"cassette/{ORDER}", f"proxy/{CORE}", f"cassette/{CORE}"})
    told = judged(matrix, runs, passed=before)
    assert told == (
        f"A5 proxy/{ORDER}\n    the case passed before and is now failed (contract at fault): it broke\n"
        "    fix: mend what broke it"
    )


@pytest.mark.parametrize("outcome", [UNTESTABLE, DESELECTED])
def test_a_case_that_passed_may_not_stop_running(matrix: Matrix, outcome: Outcome) -> None:
    runs = {"cassette": run("cassette", result(ORDER)), "proxy": run("proxy", result(ORDER, outcome))}
    told = judged(matrix, runs, passed=frozenset({f"proxy/{ORDER}", *Baseline().extended(both()).passed}))
    assert f"proxy/{ORDER}\n    the case passed before and is now {outcome}" in told


def test_a_removed_case_is_refused(matrix: Matrix) -> None:
    before = Baseline().extended(both(result(ORDER))).passed
    told = judged(matrix, both(), passed=before)
    assert f"proxy/{ORDER}\n    the case passed before and is gone" in told
    assert f"cassette/{ORDER}\n    the case passed before and is gone" in told


def test_a_case_removed_from_tree_and_baseline_alike_is_refused(matrix: Matrix) -> None:
    old = Baseline().extended(both(result(ORDER)))
    told = judged(matrix, both(), committed=(Baseline().extended(both()), old))
    assert f"proxy/{ORDER}\n    the case was removed from the baseline" in told
    assert f'"retired": {{"proxy/{ORDER}": "<reason>"}}' in told


def test_a_retired_case_may_be_gone(matrix: Matrix) -> None:
    old = Baseline().extended(both(result(ORDER)))
    retired = {f"{target}/{ORDER}": "the vendor closed the endpoint" for target in ("proxy", "cassette")}
    now = Baseline(passed=Baseline().extended(both()).passed, retired=retired)
    assert judged(matrix, both(), baseline=now, committed=(old,)) == ""


def test_a_case_is_not_retired_without_a_reason(matrix: Matrix) -> None:
    now = Baseline(passed=Baseline().extended(both()).passed, retired={f"proxy/{ORDER}": " "})
    assert "retired without a reason" in judged(matrix, both(), baseline=now)


def test_a_retired_case_may_not_still_run(matrix: Matrix) -> None:
    now = Baseline(passed=Baseline().extended(both()).passed, retired={f"proxy/{ORDER}": "flaky"})
    runs = {"cassette": run("cassette"), "proxy": run("proxy", result(ORDER, FAILED))}
    assert "is retired in the baseline, but it still runs" in judged(matrix, runs, baseline=now)


def test_a_retirement_is_not_forgotten(matrix: Matrix) -> None:
    old = Baseline(retired={f"proxy/{ORDER}": "gone"})
    assert "its retirement was removed" in judged(matrix, both(), committed=(old,))


def test_an_implemented_item_without_contracts_is_refused(matrix: Matrix) -> None:
    told = judged(declared(matrix, "A5", Status.IMPLEMENTED), both())
    assert told.startswith("A5\n    the item is declared implemented, but no contract of it passes on the proxy")


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        (FAILED, "a required case is failed (contract at fault): it broke"),
        (UNTESTABLE, "a required case is untestable (prerequisite at fault): it broke"),
        (DESELECTED, "a required case is deselected: depends on F8"),
    ],
)
def test_an_implemented_item_with_a_failing_or_skipped_case_is_refused(
    matrix: Matrix, outcome: Outcome, told: str
) -> None:
    runs = {
        "cassette": run("cassette", result(ORDER), result(OTHER)),
        "proxy": run("proxy", result(ORDER), result(OTHER, outcome)),
    }
    assert f"A5 proxy/{OTHER}\n    {told}" in judged(declared(matrix, "A5", Status.IMPLEMENTED), runs)


def test_an_implemented_items_recorded_case_must_run_on_the_cassette(matrix: Matrix) -> None:
    implemented = declared(matrix, "A5", Status.IMPLEMENTED)
    absent = {"cassette": run("cassette", result(ORDER)), "proxy": run("proxy", result(ORDER), result(OTHER))}
    assert f"cassette/{OTHER}\n    a required case did not run on cassette" in judged(implemented, absent)
    skipped = {**absent, "cassette": run("cassette", result(ORDER), result(OTHER, DESELECTED))}
    assert f"cassette/{OTHER}\n    a required case is deselected" in judged(implemented, skipped)


def test_a_documented_case_has_no_cassette(matrix: Matrix) -> None:
    documented = {"provenance": Provenance.DOCUMENTED}
    runs = {
        "cassette": run("cassette", result(ORDER), result(OTHER, DESELECTED, **documented)),
        "proxy": run("proxy", result(ORDER), result(OTHER, **documented)),
    }
    assert judged(declared(matrix, "A5", Status.IMPLEMENTED), runs) == ""


def test_an_implemented_item_may_not_wait_for_another(matrix: Matrix) -> None:
    waiting = declared(matrix, "A5", Status.IMPLEMENTED, depends_on=("F8",))
    assert "depends on F8, which is not" in judged(waiting, both(result(ORDER)))


def test_a_stale_missing_item_must_be_promoted(matrix: Matrix) -> None:
    told = judged(matrix, both(result(ORDER), result(OTHER)))
    assert told == (
        "A5\n    the item is declared missing, but passes all its contracts\n"
        "    fix: promote it: declare it implemented, or partial with what it waits for"
    )


def test_a_missing_item_may_fail_its_contracts(matrix: Matrix) -> None:
    runs = {
        "cassette": run("cassette", result(ORDER), result(OTHER)),
        "proxy": run("proxy", result(ORDER, FAILED), result(OTHER)),
    }
    assert judged(matrix, runs) == ""


def test_a_contract_must_be_true_of_the_reference_even_for_a_missing_item(matrix: Matrix) -> None:
    runs = {"cassette": run("cassette", result(ORDER, FAILED)), "proxy": run("proxy", result(ORDER, FAILED))}
    assert f"A5 cassette/{ORDER}\n    the contract is not true of the recorded reference" in judged(matrix, runs)


def test_a_partial_item_needs_a_reason(matrix: Matrix) -> None:
    runs = both(result(ORDER))
    assert "declared partial without a reason" in judged(declared(matrix, "A5", Status.PARTIAL), runs)
    assert judged(declared(matrix, "A5", Status.PARTIAL, depends_on=("F8",)), runs) == ""
    assert judged(declared(matrix, "A5", Status.PARTIAL, notes="Partial: no hidden form yet."), runs) == ""


def test_the_reason_of_a_partial_item_ends_when_all_it_waits_for_is_there(matrix: Matrix) -> None:
    ready = declared(matrix, "A5", Status.IMPLEMENTED)
    waiting = declared(ready, "B1", Status.PARTIAL, depends_on=("A5",))
    region = "contracts/B/test_B1_region.py::test_a"
    assert "B1\n    the item is declared partial without a reason" in judged(
        waiting, both(result(ORDER), result(region))
    )


def test_a_partial_item_without_contracts_is_refused(matrix: Matrix) -> None:
    assert "is declared partial, but has no contract" in judged(
        declared(matrix, "A5", Status.PARTIAL, depends_on=("F8",)), both()
    )


def test_core_must_pass(matrix: Matrix) -> None:
    header = run("proxy").header
    failing = {"cassette": run("cassette"), "proxy": Results(header=header, cases=(result(CORE, FAILED),))}
    assert f"core proxy/{CORE}\n    a required case is failed" in judged(matrix, failing)
    none = {target: Results(header=results.header, cases=()) for target, results in both().items()}
    assert "there are no core contracts" in judged(matrix, none)


def test_an_excuse_does_not_help_our_own_proxy(matrix: Matrix) -> None:
    runs = {
        "cassette": run("cassette", result(ORDER)),
        "proxy": run("proxy", result(ORDER, FAILED, excused="known")),
    }
    assert f"proxy/{ORDER}" in judged(declared(matrix, "A5", Status.IMPLEMENTED), runs)


def test_a_part_of_the_suite_proves_nothing(matrix: Matrix) -> None:
    runs = {"cassette": run("cassette"), "proxy": run("proxy", selection="-k A4")}
    assert "the results of proxy cover only -k A4" in judged(matrix, runs)
    assert "there are no results of cassette" in judged(matrix, {"proxy": run("proxy")})


def test_a_case_of_no_item_is_refused(matrix: Matrix) -> None:
    stray = "contracts/A/test_Z1_x.py::test_a"
    assert f"Z1 proxy/{stray}\n    the case belongs to no item" in judged(matrix, both(result(stray)))


def test_a_deviation_is_declared_exactly_where_it_is(matrix: Matrix) -> None:
    runs = {
        "cassette": run("cassette", result(ORDER, body=Body.AS_RECORDED)),
        "proxy": run("proxy", result(ORDER, body=Body.REQUIRED)),
    }
    silent = declared(matrix, "A5", Status.IMPLEMENTED)
    assert f"proxy/{ORDER}\n    the case deviates from the reference, but the matrix does not" in judged(silent, runs)
    deviation = Deviation(ORDER, "500", "400", "the user's own mistake")
    honest = declared(matrix, "A5", Status.IMPLEMENTED, deviations=(deviation,))
    assert judged(honest, runs) == ""
    assert f"A5 {ORDER}\n    the matrix declares a deviation, but no such case" in judged(honest, both(result(ORDER)))


def test_a_core_deviation_is_declared_too(matrix: Matrix) -> None:
    runs = both()
    runs["proxy"] = replace(runs["proxy"], cases=(result(CORE, body=Body.REQUIRED),))
    assert f"core proxy/{CORE}\n    the case deviates" in judged(matrix, runs)
    honest = replace(matrix, core_deviations=(Deviation(CORE, "a", "b", "c"),))
    assert judged(honest, runs) == ""


def test_the_proof_of_a_requirement_must_exist(matrix: Matrix) -> None:
    here = "tests/tools/test_gate.py::test_the_proof_of_a_requirement_must_exist"
    gone = "tests/tools/test_gate.py::test_that_nobody_wrote"
    first, *rest = matrix.requirements
    told = judged(replace(matrix, requirements=(replace(first, proof=(here, gone)), *rest)), both())
    assert told.startswith(f"FR-001 {gone}\n    the test named as proof does not exist")
    assert here not in told


def test_a_required_case_must_be_in_the_baseline(matrix: Matrix) -> None:
    told = judged(matrix, both(), passed=frozenset({f"cassette/{CORE}"}))
    assert told == (
        f"1 passing cases of proxy are not in the baseline, the first is proxy/{CORE}\n"
        "    fix: tools/gate --update, and commit contracts/baseline.json"
    )
