"""The report: what each target showed about each item, requirement and category. The JSON format is this, encoded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum

import msgspec

from contracts.harness.matrix import Item, Matrix, Priority, Requirement, Severity, Status
from contracts.harness.results import CORE, Body, CaseResult, Fault, Header, Outcome, Provenance, Results
from tools.impl.gap_report.config_use import ConfigUse
from tools.impl.suite import has_test

FORMAT = 1


class Verdict(StrEnum):
    """What may be said of an item on a target.

    READY: passes the contracts of an item whose contracts are complete. PARTIAL: passes those written so far. FAILING:
    one or more failed or could not be tested. UNTESTED: no contract of it ran.
    """

    READY = "ready"
    PARTIAL = "partial"
    FAILING = "failing"
    UNTESTED = "no contracts"


class Tally(msgspec.Struct, frozen=True):
    """Cases of one provenance that ran."""

    passed: int
    total: int


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A case that did not pass, and whose fault that is; `excused` is the reason in an expected-failures file."""

    case: str
    outcome: Outcome
    fault: Fault | None
    message: str
    details: str = ""
    excused: str = ""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """An item on one target. Counts by provenance are never added up.

    `deviating` counts the deviating cases by the body that passed: as the reference was recorded, or as required.
    """

    verdict: Verdict
    tallies: dict[Provenance, Tally]
    deviating: dict[Body, int]
    failures: tuple[Failure, ...]


class ItemReport(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    title: str
    category: str
    priority: Priority
    severity: Severity
    status: Status
    depends_on: tuple[str, ...]
    notes: str
    standings: dict[str, Standing]


class Proof(msgspec.Struct, frozen=True):
    """A test that proves a requirement, and whether it is there."""

    test: str
    exists: bool


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """A category or a requirement: how many of its items are ready on each target."""

    id: str
    text: str
    items: tuple[str, ...]
    ready: dict[str, int]
    proof: tuple[Proof, ...] = ()

    def met(self, target: str) -> bool:
        """Whether every item is ready on the target and every proof there."""
        return self.ready[target] == len(self.items) and all(proof.exists for proof in self.proof)


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Targets are named by the label under which everything else refers to them."""

    date: datetime
    suite: str
    reference: str
    targets: dict[str, Header]
    core: dict[str, Standing]
    items: tuple[ItemReport, ...]
    categories: tuple[Readiness, ...]
    requirements: tuple[Readiness, ...]
    config: ConfigUse | None = None
    format: int = FORMAT

    def verdict(self, item: str, target: str) -> Verdict:
        """The verdict on an item of the matrix."""
        return next(entry.standings[target].verdict for entry in self.items if entry.id == item)


def build_report(matrix: Matrix, runs: Mapping[str, Results], suite: str, config: ConfigUse | None = None) -> Report:
    """Put the results of each labelled run beside the matrix."""
    by_item = {label: results.by_item() for label, results in runs.items()}
    items = tuple(
        _item(item, {label: cases.get(item.id, ()) for label, cases in by_item.items()}) for item in matrix.items
    )
    ready = {label: {item.id for item in items if item.standings[label].verdict is Verdict.READY} for label in runs}
    return Report(
        date=datetime.now(UTC).replace(microsecond=0),
        suite=suite,
        reference=matrix.reference,
        targets={label: results.header for label, results in runs.items()},
        core={label: _standing(cases.get(CORE, ()), complete=True) for label, cases in by_item.items()},
        items=items,
        categories=tuple(
            _readiness(category, title, tuple(item.id for item in items if item.category == category), (), ready)
            for category, title in matrix.categories.items()
        ),
        requirements=tuple(_requirement(requirement, ready) for requirement in matrix.requirements),
        config=config,
    )


def _item(item: Item, cases: Mapping[str, tuple[CaseResult, ...]]) -> ItemReport:
    complete = item.status is Status.IMPLEMENTED
    return ItemReport(
        id=item.id,
        title=item.title,
        category=item.category,
        priority=item.priority,
        severity=item.severity,
        status=item.status,
        depends_on=item.depends_on,
        notes=item.notes,
        standings={label: _standing(found, complete=complete) for label, found in cases.items()},
    )


def _standing(cases: Iterable[CaseResult], *, complete: bool) -> Standing:
    ran = [case for case in cases if case.outcome is not Outcome.DESELECTED]
    passed = [case for case in ran if case.outcome is Outcome.PASSED]
    if not ran:
        verdict = Verdict.UNTESTED
    elif len(passed) < len(ran):
        verdict = Verdict.FAILING
    else:
        verdict = Verdict.READY if complete else Verdict.PARTIAL
    return Standing(
        verdict=verdict,
        tallies={
            kind: Tally(sum(case.provenance is kind for case in passed), sum(case.provenance is kind for case in ran))
            for kind in Provenance
        },
        deviating={body: sum(case.body is body for case in passed) for body in Body},
        failures=tuple(
            Failure(
                case=case.case,
                outcome=case.outcome,
                fault=case.fault,
                message=case.message,
                details=case.details,
                excused=case.excused,
            )
            for case in ran
            if case.outcome is not Outcome.PASSED
        ),
    )


def _requirement(requirement: Requirement, ready: Mapping[str, set[str]]) -> Readiness:
    return _readiness(requirement.id, requirement.text, requirement.items, requirement.proof, ready)


def _readiness(
    name: str, text: str, items: tuple[str, ...], proof: tuple[str, ...], ready: Mapping[str, set[str]]
) -> Readiness:
    return Readiness(
        id=name,
        text=text,
        items=items,
        ready={label: len(found.intersection(items)) for label, found in ready.items()},
        proof=tuple(Proof(test, has_test(test)) for test in proof),
    )
