"""The machine-readable format of a run: what is written is read back, and nothing unfinished is trusted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.harness.matrix import ROOT
from contracts.harness.results import (
    Body,
    CaseResult,
    Fault,
    Header,
    Outcome,
    Provenance,
    ResultsError,
    ResultsWriter,
    read_results,
    suite_version,
)

HEADER = Header(target="proxy", version="0.1.0", suite="abc", reproduce="pytest contracts")


def case(name: str, outcome: Outcome = Outcome.PASSED, **more: object) -> CaseResult:
    bad = outcome in {Outcome.FAILED, Outcome.UNTESTABLE}
    fields = {"item": "A4", "provenance": Provenance.RECORDED, "fault": Fault.CONTRACT if bad else None, **more}
    return CaseResult(case=f"contracts/A/test_A4_x.py::{name}", outcome=outcome, **fields)  # type: ignore[arg-type]


def written(path: Path, *cases: CaseResult) -> Path:
    with ResultsWriter(path, HEADER) as writer:
        for one in cases:
            writer.record(one)
    return path


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    cases = (
        case("test_a[p1]", duration=0.25, body=Body.REQUIRED),
        case("test_b", Outcome.FAILED, message="expected 200, got 500", details="> POST\n< 500", excused="known"),
        case("test_c", Outcome.UNTESTABLE, fault=Fault.PREREQUISITE, item="core"),
        case("test_d", Outcome.DESELECTED, provenance=Provenance.DOCUMENTED),
    )
    results = read_results(written(tmp_path / "new" / "r.jsonl", *cases))
    assert results.header == HEADER
    assert results.cases == cases
    assert {item: len(found) for item, found in results.by_item().items()} == {"A4": 3, "core": 1}


@given(message=st.text(), details=st.text())
def test_any_text_survives_on_one_line(tmp_path_factory: pytest.TempPathFactory, message: str, details: str) -> None:
    path = written(tmp_path_factory.mktemp("r") / "r.jsonl", case("test_a", message=message, details=details))
    assert path.read_bytes().count(b"\n") == 3
    assert read_results(path).cases[0].message == message
    assert read_results(path).cases[0].details == details


def test_the_format_is_one_event_a_line(tmp_path: Path) -> None:
    lines = written(tmp_path / "r.jsonl", case("test_a")).read_text().splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["header", "case", "footer"]
    assert json.loads(lines[-1])["counts"] == {"passed": 1, "failed": 0, "untestable": 0, "deselected": 0}


def test_a_run_that_was_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    writer = ResultsWriter(path, HEADER)
    writer.record(case("test_a"))
    writer.abandon()
    with pytest.raises(ResultsError, match=r"r\.jsonl:2: no footer; the run was cut short"):
        read_results(path)


def test_an_exception_leaves_no_footer(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), ResultsWriter(tmp_path / "r.jsonl", HEADER):
        raise KeyboardInterrupt
    with pytest.raises(ResultsError, match="no footer"):
        read_results(tmp_path / "r.jsonl")


def test_a_lost_case_is_noticed(tmp_path: Path) -> None:
    path = written(tmp_path / "r.jsonl", case("test_a"), case("test_b"))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], *lines[2:]]))
    with pytest.raises(ResultsError, match="counts disagree"):
        read_results(path)


def test_a_bad_line_is_named(tmp_path: Path) -> None:
    path = written(tmp_path / "r.jsonl", case("test_a"))
    path.write_bytes(path.read_bytes().replace(b'"passed"', b'"skipped"', 1))
    with pytest.raises(ResultsError, match=r"r\.jsonl:2: Invalid enum value 'skipped'"):
        read_results(path)


@pytest.mark.parametrize("content", [b"", b"{}\n", b'{"event":"footer","counts":{}}\n', b"\xff\n"])
def test_what_is_no_results_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "r.jsonl").write_bytes(content)
    with pytest.raises(ResultsError, match=r"r\.jsonl:1: "):
        read_results(tmp_path / "r.jsonl")


def test_a_missing_file_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match=r"No such file.*--results"):
        read_results(tmp_path / "r.jsonl")


def test_a_case_is_recorded_once(tmp_path: Path) -> None:
    with ResultsWriter(tmp_path / "r.jsonl", HEADER) as writer:
        writer.record(case("test_a"))
        with pytest.raises(ResultsError, match="recorded twice"):
            writer.record(case("test_a", Outcome.FAILED))


def test_a_second_writer_is_refused_and_harms_nothing(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    with ResultsWriter(path, HEADER) as writer:
        writer.record(case("test_a"))
        with pytest.raises(ResultsError, match="another run is writing"):
            ResultsWriter(path, HEADER)
    assert len(read_results(path).cases) == 1


def test_an_old_run_is_replaced(tmp_path: Path) -> None:
    path = written(tmp_path / "r.jsonl", case("test_a"), case("test_b"))
    assert [one.case for one in read_results(written(path, case("test_c"))).cases] == [case("test_c").case]


@pytest.mark.parametrize(("outcome", "fault"), [(Outcome.FAILED, None), (Outcome.PASSED, Fault.HARNESS)])
def test_a_failure_is_somebodys_fault_and_a_success_nobodys(outcome: Outcome, fault: Fault | None) -> None:
    with pytest.raises(ValueError, match="a fault must be named exactly when"):
        case("test_a", outcome, fault=fault)


def test_the_suite_version_is_the_commit_of_the_contracts() -> None:
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True, cwd=ROOT)
    assert head.stdout.startswith(suite_version().removesuffix("-dirty"))


def test_without_a_repository_the_suite_version_is_unknown(tmp_path: Path) -> None:
    code = "from contracts.harness.results import suite_version; print(suite_version())"
    environment = {**os.environ, "GIT_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert done.stdout.strip() == "unknown", done.stderr
