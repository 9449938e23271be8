"""tools/record: what it lists, and how it tells what a recording changed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from contracts.harness.catalogue import CaseInfo
from contracts.harness.configs import ROOT
from contracts.harness.results import Provenance
from tools.impl import record

NAME = "core/test_chat.test_a_wrong_key_reaches_no_upstream"
CASE = CaseInfo("contracts/core/test_chat.py::test_x", "core", "core/basic.yaml", Provenance.RECORDED, NAME)
RECORDED = ROOT / "cassettes" / f"{NAME}.yaml"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(record.main, arguments)


@pytest.fixture
def cassettes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "cassettes" / "core").mkdir(parents=True)
    monkeypatch.setattr(record, "CASSETTES", tmp_path / "cassettes")
    monkeypatch.setattr(record, "ROOT", tmp_path)
    monkeypatch.setattr(record, "list_cases", lambda item, keyword: [CASE])
    return tmp_path / "cassettes"


def recording(monkeypatch: pytest.MonkeyPatch, cassettes: Path, old: str, new: str, code: int = 0) -> None:
    """Recording writes the known recording with one text replaced."""

    def write(item: str, keyword: str, jobs: int) -> int:
        (cassettes / f"{NAME}.yaml").write_text(RECORDED.read_text().replace(old, new))
        return code

    monkeypatch.setattr(record, "_record", write)


def test_the_list_says_what_is_recorded() -> None:
    found = run("core", "--list", "--case", "wrong_key_reaches")
    assert found.output.splitlines() == [
        "recorded  contracts/core/test_chat.py::test_a_wrong_key_reaches_no_upstream  (core/basic.yaml)"
    ]


def test_a_name_without_cases_is_wrong_usage() -> None:
    assert run("core", "--case", "no_such_case").exit_code == 2
    assert run("G1").exit_code == 2


def test_a_new_recording_and_one_of_no_case(cassettes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stale = cassettes / "core" / "test_chat.test_gone.yaml"
    shutil.copy(RECORDED, stale)
    recording(monkeypatch, cassettes, "", "")
    lines = run("core").output.splitlines()
    assert lines[1:] == [
        "new        contracts/core/test_chat.py::test_x: 3 exchanges",
        "removed    cassettes/core/test_chat.test_gone.yaml: no case has this name",
    ]
    assert not stale.exists()


def test_a_changed_recording_is_told_like_a_diff(cassettes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(RECORDED, cassettes / f"{NAME}.yaml")
    recording(monkeypatch, cassettes, "No connected db.", "Who are you?")
    output = run("core", "--case", "x").output
    assert "changed    contracts/core/test_chat.py::test_x\n" in output
    assert "request 2:  body.error.message\n    - 'No connected db.'\n    + 'Who are you?'" in output
    recording(monkeypatch, cassettes, "No connected db.", "Who are you?", code=1)
    again = run("core", "--case", "x")
    assert again.exit_code == 1
    assert "unchanged  contracts/core/test_chat.py::test_x" in again.output
