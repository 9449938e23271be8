"""The gate refuses what it must: lost cases, failing ones, false claims, contracts not proven able to fail."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from contracts.harness.matrix import MATRIX, Deviation, Matrix, Status, load_matrix
from contracts.harness.results import Body, CaseResult, Fault, Header, Outcome, Provenance, Results, ResultsWriter
from tools.impl import suite
from tools.impl.gate import proofs
from tools.impl.gate.__main__ import main
from tools.impl.gate.baseline import Baseline, BaselineError, committed_baselines, read_baseline, write_baseline
from tools.impl.gate.findings import Evidence
from tools.impl.gate.rules import judge

MATRIX_TEXT = MATRIX.read_text(encoding="utf-8")
CORE = "contracts/core/test_chat.py::test_answers"
ORDER = "contracts/A/test_A5_alias.py::test_order"
OTHER = "contracts/A/test_A5_alias.py::test_other[x]"
PASSED, FAILED, UNTESTABLE, DESELECTED = Outcome.PASSED, Outcome.FAILED, Outcome.UNTESTABLE, Outcome.DESELECTED


@pytest.fixture(scope="module")
def matrix() -> Matrix:
    """Every item missing, and nothing deviates, whatever the project's own matrix says by now."""
    real = load_matrix()
    items = tuple(replace(item, status=Status.MISSING, deviations=(), notes="") for item in real.items)
    requirements = tuple(replace(requirement, proof=()) for requirement in real.requirements)
    return replace(real, items=items, requirements=requirements, core_deviations=())


def declared(matrix: Matrix, item_id: str, status: Status, **changes: object) -> Matrix:
    items = (
        replace(item, status=status, **{"depends_on": (), **changes}) if item.id == item_id else item
        for item in matrix.items
    )
    return replace(matrix, items=tuple(items))


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


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.invalid", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


class Tree:
    """A repository with a baseline in a folder, a matrix with every item missing, and results beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.baseline = folder / "contracts" / "baseline.json"
        self.baseline.parent.mkdir()
        text = MATRIX_TEXT.replace("status: implemented", "status: missing").replace(
            "status: partial", "status: missing"
        )
        (folder / "m.yaml").write_text(text.split("core_deviations:")[0] + text[text.index("\nrequirements:") :])
        git(folder, "init", "-q")

    def commit(self, baseline: Baseline | None) -> None:
        if baseline is None:
            self.baseline.unlink()
        else:
            write_baseline(self.baseline, baseline)
        git(self.folder, "add", "-A")
        git(self.folder, "commit", "-q", "--allow-empty", "-m", "a commit")

    def gate(self, runs: Mapping[str, Results], *options: str, **environment: str) -> Result:
        arguments = ["--matrix", str(self.folder / "m.yaml"), "--baseline", str(self.baseline), "--skip-proof"]
        for target, results in runs.items():
            path = self.folder / f"{target}.jsonl"
            with ResultsWriter(path, results.header) as writer:
                for one in results.cases:
                    writer.record(one)
            arguments += ["--results", str(path)]
        return CliRunner(env={"CI": None, **environment}).invoke(main, [*arguments, *options])


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def failing(name: str) -> dict[str, Results]:
    """The case holds on the cassette and fails on the proxy."""
    return {"cassette": run("cassette", result(name)), "proxy": run("proxy", result(name, FAILED))}


def test_the_command_passes_a_clean_tree(tree: Tree) -> None:
    tree.commit(Baseline().extended(both()))
    done = tree.gate(both())
    assert done.exit_code == 0, done.output
    assert "gate: 0 findings; 1 cases on cassette, 1 cases on proxy; 0 of 70 items implemented" in done.output


def test_the_command_sees_what_an_earlier_commit_removed(tree: Tree) -> None:
    tree.commit(Baseline().extended(both(result(ORDER))))
    tree.commit(Baseline().extended(both()))
    tree.commit(Baseline().extended(both()))
    done = tree.gate(both())
    assert done.exit_code == 1
    assert f"proxy/{ORDER}\n    the case was removed from the baseline" in done.output


def test_deleting_the_baseline_is_seen(tree: Tree) -> None:
    tree.commit(Baseline().extended(both(result(ORDER))))
    tree.commit(None)
    assert f"proxy/{ORDER}\n    the case was removed from the baseline" in tree.gate(both(), "--update").output


def test_a_broken_version_in_the_history_hides_nothing_before_it(tree: Tree) -> None:
    tree.commit(Baseline(passed=frozenset({"proxy/old"})))
    tree.baseline.write_text("{")
    git(tree.folder, "commit", "-qam", "broken")
    tree.commit(Baseline())
    assert [sorted(old.passed) for old in committed_baselines(tree.baseline)] == [[], ["proxy/old"]]


def test_update_only_adds(tree: Tree) -> None:
    tree.commit(Baseline(passed=frozenset({f"proxy/{ORDER}"}), retired={"proxy/x": "gone"}))
    done = tree.gate(failing(ORDER), "--update")
    kept = read_baseline(tree.baseline)
    assert kept.passed == {f"proxy/{ORDER}", f"cassette/{ORDER}", f"proxy/{CORE}", f"cassette/{CORE}"}
    assert kept.retired == {"proxy/x": "gone"}
    assert done.exit_code == 1
    assert f"A5 proxy/{ORDER}\n    the case passed before and is now failed" in done.output


def test_ci_does_not_skip_the_proofs(tree: Tree) -> None:
    tree.commit(Baseline().extended(both()))
    done = tree.gate(both(), CI="true")
    assert done.exit_code == 2
    assert "--skip-proof is for local runs" in done.output


def test_without_a_history_the_gate_cannot_work(tmp_path: Path) -> None:
    (tmp_path / "contracts").mkdir()
    with pytest.raises(BaselineError, match="history"):
        committed_baselines(tmp_path / "contracts" / "baseline.json")


@pytest.mark.parametrize("content", ["{", '{"passed": 1}', '{"removed": []}'])
def test_a_broken_baseline_is_told(tree: Tree, content: str) -> None:
    tree.commit(Baseline())
    tree.baseline.write_text(content)
    done = tree.gate(both())
    assert done.exit_code == 2
    assert "baseline.json: " in done.output


def test_results_cut_short_are_not_judged(tree: Tree) -> None:
    tree.commit(Baseline())
    (tree.folder / "cut.jsonl").write_text("")
    done = tree.gate({}, "--results", str(tree.folder / "cut.jsonl"))
    assert done.exit_code == 2
    assert "cut.jsonl:1: no header" in done.output


def test_two_results_of_one_target_are_refused(tree: Tree) -> None:
    tree.commit(Baseline())
    done = tree.gate(both(), "--results", str(tree.folder / "proxy.jsonl"))
    assert done.exit_code == 2
    assert "there are results of proxy already" in done.output


@pytest.fixture
def proof_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree whose proofs do what their text says, at first nothing."""
    monkeypatch.setattr(proofs, "ROOT", tmp_path)
    for name in ("harness/sabotaged.py", "harness/mutate.py", "A/sabotage_A5.py"):
        (tmp_path / "contracts" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "contracts" / name).touch()
    return tmp_path / "contracts"


def proven(*items: str) -> tuple[str, list[str]]:
    steps: list[str] = []
    return "\n".join(map(str, proofs.prove(items, steps.append))), steps


def test_an_implemented_item_without_sabotages_is_refused(proof_tree: Path) -> None:
    told, steps = proven("A4")
    assert told.startswith("A4 contracts/A/sabotage_A4.py\n    the item is declared implemented without sabotages")
    assert steps == []


def test_contracts_that_can_fail_pass(proof_tree: Path) -> None:
    assert proven("A5") == ("", ["A5: sabotages", "A5: cassette mutations"])


@pytest.mark.parametrize(
    ("module", "code", "told"),
    [
        ("sabotaged", "print('no trip'); sys.exit(1)", "sabotages prove nothing (exit status 1):\n    no trip\n"),
        ("sabotaged", "sys.exit(1)", "sabotages prove nothing (exit status 1):\n    fix:"),
        (
            "mutate",
            "sys.exit(f'{sys.argv[1]} is deaf')",
            "cassette mutations prove nothing (exit status 1):\n    A5 is deaf",
        ),
    ],
)
def test_contracts_that_cannot_fail_are_refused(proof_tree: Path, module: str, code: str, told: str) -> None:
    (proof_tree / "harness" / f"{module}.py").write_text(f"import sys\n{code}\n")
    assert told in proven("A5")[0]


def test_core_is_proven_once_it_has_sabotages(proof_tree: Path) -> None:
    assert proven() == ("", [])
    (proof_tree / "core").mkdir()
    (proof_tree / "core" / "sabotage_core.py").touch()
    assert proven() == ("", ["core: sabotages", "core: cassette mutations"])


FAKE_SUITE = """
import pytest, pathlib
from contracts_results import CaseResult, Header, Outcome, Provenance, ResultsWriter

def pytest_addoption(parser):
    parser.addoption("--target")
    parser.addoption("--results")

def pytest_sessionfinish(session, exitstatus):
    if not hasattr(session.config, "workerinput"):
        header = Header(target=session.config.getoption("--target"), version="1", suite="s", reproduce="r")
        with ResultsWriter(pathlib.Path(session.config.getoption("--results")), header) as writer:
            writer.record(CaseResult(case="a", item="core", provenance=Provenance.RECORDED, outcome=Outcome.PASSED))
"""


def test_the_suite_runs_whole_and_its_results_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    source = suite.ROOT / "contracts" / "harness" / "results.py"
    monkeypatch.setattr(suite, "ROOT", tmp_path)
    monkeypatch.setattr(suite, "REPORTS", tmp_path / "reports")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p xdist")
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts_results.py").write_text(source.read_text())
    (tmp_path / "conftest.py").write_text(FAKE_SUITE)
    (tmp_path / "contracts" / "test_a.py").write_text("def test_fails():\n    assert False\n")
    results = suite.run_contracts(["--target=proxy"])
    assert [case.case for case in results.cases] == ["a"]
    assert (tmp_path / "reports" / "proxy.jsonl").exists()
    out, err = capfd.readouterr()
    assert out == "", "standard output is the report's"
    assert "1 failed" in err
    with pytest.raises(suite.SuiteError, match="pytest ended with code 4"):
        suite.run_contracts(["--no-such-option"])
