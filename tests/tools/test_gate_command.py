"""The gate as a command: the history of the baseline, the runs of the suite, the proofs, the exit status."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from contracts.harness.results import Results, ResultsWriter
from tests.tools.evidence import CORE, FAILED, ORDER, both, plain_matrix_text, result, run
from tools.impl import suite
from tools.impl.gate import proofs
from tools.impl.gate.__main__ import main
from tools.impl.gate.baseline import Baseline, BaselineError, committed_baselines, read_baseline, write_baseline


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.invalid", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


class Tree:
    """A repository with a baseline in a folder, a matrix with every item missing, and results beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.baseline = folder / "contracts" / "baseline.json"
        self.baseline.parent.mkdir()
        (folder / "m.yaml").write_text(plain_matrix_text())
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


def test_results_of_a_foreign_gateway_are_not_for_the_gate(tree: Tree) -> None:
    tree.commit(Baseline())
    done = tree.gate({"go": run("go")}, "--update")
    assert done.exit_code == 2
    assert "go.jsonl: the gate judges cassette and proxy, not go" in done.output
    assert read_baseline(tree.baseline) == Baseline()


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
