"""What the gate finds, in the words it is told in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from contracts.harness.matrix import Matrix
from contracts.harness.results import CaseResult, Results
from tools.impl.gate.baseline import Baseline

CASSETTE = "cassette"
PROXY = "proxy"
TARGETS = (CASSETTE, PROXY)


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One reason to refuse: the item or `core`, the `target/case` or file it is about (both may be empty), the fix."""

    item: str = ""
    subject: str = ""
    message: str
    fix: str

    def __str__(self) -> str:
        head = " ".join(part for part in (self.item, self.subject) if part)
        return f"{head}\n    {self.message}\n    fix: {self.fix}" if head else f"{self.message}\n    fix: {self.fix}"


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the rules look at; `committed` are the versions of the baseline in the history."""

    matrix: Matrix
    runs: Mapping[str, Results]
    baseline: Baseline
    committed: tuple[Baseline, ...] = ()

    def cases(self, item: str) -> dict[str, dict[str, CaseResult]]:
        """The results of an item's cases, by target and case."""
        return {
            target: {case.case: case for case in results.cases if case.item == item}
            for target, results in self.runs.items()
        }


def unique(findings: Iterable[Finding]) -> list[Finding]:
    """One finding a subject, the first: a case that regressed is not also told as a case that fails."""
    kept: dict[str, Finding] = {}
    for finding in findings:
        kept.setdefault(finding.subject or f"{finding.item}: {finding.message}", finding)
    return list(kept.values())
