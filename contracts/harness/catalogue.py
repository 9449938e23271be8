"""Which cases there are, without running any."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from contracts.harness.configs import ROOT
from contracts.harness.mark import case_id, contract_of, recording_name
from contracts.harness.results import CORE, Provenance


class CaseInfo(msgspec.Struct, frozen=True):
    """A case; `recording` is the path of its recording below `cassettes/`, without suffix."""

    case: str
    item: str
    config: str
    provenance: Provenance
    recording: str


class CatalogueError(Exception):
    """The contracts cannot be collected; the message is what pytest said."""


def folder_of(item: str) -> Path:
    """Where the contracts of an item (or of `core`) lie."""
    return ROOT / "contracts" / (CORE if item == CORE else item[0])


def selection(item: str, keyword: str = "") -> list[str]:
    """The pytest arguments that select the cases of an item, those of `keyword` only if it is given."""
    parts = [part for part in ("" if item == CORE else item, keyword and f"({keyword})") if part]
    return [str(folder_of(item)), *(["-k", " and ".join(parts)] if parts else [])]


def run_in_process(arguments: Sequence[str], plugin: object) -> None:
    """Run pytest here, quietly. Raises CatalogueError, with its output, when it could not do its work."""
    always = ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT), "-q", "-p", "no:cacheprovider"]
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        code = pytest.main([*always, *arguments], plugins=[plugin])
    if code not in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED}:
        raise CatalogueError(output.getvalue())


def list_cases(item: str, keyword: str = "") -> list[CaseInfo]:
    """The recorded cases of an item. Raises CatalogueError."""
    collector = _Collector()
    run_in_process([*selection(item, keyword), "--collect-only", "--target=reference"], collector)
    return [found for found in collector.found if found.item == item]


class _Collector:
    def __init__(self) -> None:
        self.found: list[CaseInfo] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.found = _describe(session.items)


def _describe(items: Sequence[pytest.Item]) -> list[CaseInfo]:
    found = []
    for item in items:
        contract = contract_of(item)
        if contract and isinstance(item, pytest.Function) and "case" in item.fixturenames:
            found.append(
                CaseInfo(case_id(item), contract.item, contract.config, contract.provenance, recording_name(item))
            )
    return found
