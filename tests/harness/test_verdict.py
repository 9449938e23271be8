"""Whose fault a failure is, and the file of excused cases."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.harness.faults import CheckFailed, HarnessError, TargetUnavailable, Untestable
from contracts.harness.results import Fault
from contracts.harness.targets import make_target
from contracts.harness.verdict import fault_of, first_line, load_expected_failures, unknown_cases


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (CheckFailed("status", ["  a"]), Fault.CONTRACT),
        (AssertionError(), Fault.CONTRACT),
        (KeyError("choices"), Fault.CONTRACT),
        (HarnessError("x"), Fault.HARNESS),
        (TargetUnavailable("x"), Fault.TARGET),
        (Untestable("a database"), Fault.PREREQUISITE),
    ],
)
def test_whose_fault(error: Exception, fault: Fault) -> None:
    assert fault_of(error) is fault


def test_an_error_from_inside_the_harness_is_the_harnesss() -> None:
    with pytest.raises(ValueError, match="--target=nonsense") as caught:
        make_target("nonsense")
    assert fault_of(caught.value) is Fault.HARNESS


def test_the_reason_is_one_line() -> None:
    assert first_line(CheckFailed("not the same", ["  a", "  b"])) == "not the same"
    assert first_line(AssertionError()) == "AssertionError"


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_excuses(tmp_path: Path) -> None:
    path = write(tmp_path / "x.yaml", "- {case: 'a.py::test_x', reason: no retries}\n")
    assert load_expected_failures(path) == {"a.py::test_x": "no retries"}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("- {case: a}", "missing required field `reason`"),
        ("- {case: a, reason: b, more: c}", "unknown field `more`"),
        ("- {case: a, reason: b}\n- {case: a, reason: c}", "twice"),
        ("- {case: a, reason: ' '}", "give the reason"),
        ("a: b", "must be a list"),
        ("- {", "must be a list"),
    ],
)
def test_a_file_of_excuses_that_is_wrong(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        load_expected_failures(write(tmp_path / "x.yaml", text))


def test_excused_cases_must_exist_but_a_partial_run_does_not_know_all(tmp_path: Path) -> None:
    write(tmp_path / "test_b.py", "")
    excused = ["test_a.py::test_1", "test_a.py::test_gone", "test_b.py::test_not_collected", "test_c.py::test_no_file"]
    assert unknown_cases(excused, ["test_a.py::test_1"], tmp_path) == [
        "test_a.py::test_gone",
        "test_c.py::test_no_file",
    ]
