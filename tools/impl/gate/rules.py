"""The rules of the gate: pure functions from evidence to findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain

from contracts.harness.matrix import Deviation, Item, Status
from contracts.harness.results import CORE, Body, CaseResult, Outcome, Provenance
from tools.impl.gate.baseline import key, passed_in
from tools.impl.gate.findings import CASSETTE, PROXY, TARGETS, Evidence, Finding, unique
from tools.impl.suite import has_test

_BAD = {Outcome.FAILED, Outcome.UNTESTABLE}
PARTIAL_NOTE = "partial:"


def judge(evidence: Evidence) -> list[Finding]:
    """Every finding; none means that the tree may land."""
    rules: tuple[Callable[[Evidence], Iterator[Finding]], ...] = (
        _runs_are_whole,
        _baseline_only_grows,
        _nothing_that_passed_is_lost,
        _contracts_are_true_of_the_reference,
        _core_passes,
        _items_are_as_declared,
        _deviations_are_declared,
        _proofs_of_requirements_exist,
        _baseline_is_up_to_date,
    )
    return unique(chain.from_iterable(rule(evidence) for rule in rules))


def _runs_are_whole(evidence: Evidence) -> Iterator[Finding]:
    known = {CORE, *(item.id for item in evidence.matrix.items)}
    for target in TARGETS:
        if target not in evidence.runs:
            yield Finding(
                message=f"there are no results of {target}",
                fix=f"pass --results of a run with --target={target}, or no --results at all",
            )
    for target, results in evidence.runs.items():
        if results.header.selection:
            yield Finding(
                message=f"the results of {target} cover only {results.header.selection}",
                fix="run the whole suite: a case that did not run cannot be told from one that was removed",
            )
        for case in results.cases:
            if case.item not in known:
                yield Finding(
                    item=case.item,
                    subject=key(target, case.case),
                    message="the case belongs to no item of the matrix",
                    fix="name an item of gap_matrix.yaml, or core, in its contract(...) marker",
                )


def _baseline_only_grows(evidence: Evidence) -> Iterator[Finding]:
    baseline = evidence.baseline
    ever: frozenset[str] = frozenset().union(*(old.passed for old in evidence.committed))
    for subject in sorted(ever - baseline.passed - baseline.retired.keys()):
        yield Finding(
            subject=subject,
            message="the case was removed from the baseline",
            fix='put it back, or say why it had to go: "retired": {"' + subject + '": "<reason>"}',
        )
    forgotten = {subject for old in evidence.committed for subject in old.retired}
    for subject in sorted(forgotten - ever - baseline.passed - baseline.retired.keys()):
        yield Finding(subject=subject, message="its retirement was removed from the baseline", fix="put it back")
    for subject, reason in baseline.retired.items():
        if not reason.strip():
            yield Finding(subject=subject, message="the case is retired without a reason", fix="give the reason")
        if subject in baseline.passed:
            yield Finding(
                subject=subject,
                message="the case is both passed and retired in the baseline",
                fix="keep it in retired if it is gone, in passed if it is not",
            )


def _nothing_that_passed_is_lost(evidence: Evidence) -> Iterator[Finding]:
    for target, results in evidence.runs.items():
        now = {key(target, case.case): case for case in results.cases}
        for subject in sorted(evidence.baseline.passed):
            if not subject.startswith(f"{target}/"):
                continue
            case = now.get(subject)
            if case is None:
                yield Finding(
                    subject=subject,
                    message="the case passed before and is gone",
                    fix="bring it back, or move it to retired in contracts/baseline.json with the reason",
                )
            elif case.outcome is not Outcome.PASSED:
                yield _about(case, target, f"the case passed before and is now {_told(case)}", "mend what broke it")
        for subject in sorted(evidence.baseline.retired.keys() & now.keys()):
            yield _about(
                now[subject],
                target,
                "the case is retired in the baseline, but it still runs",
                "remove the case, or take it back into passed",
            )


def _contracts_are_true_of_the_reference(evidence: Evidence) -> Iterator[Finding]:
    for case in evidence.runs[CASSETTE].cases if CASSETTE in evidence.runs else ():
        if case.outcome in _BAD:
            yield _about(
                case,
                CASSETTE,
                f"the contract is not true of the recorded reference: {_told(case)}",
                "correct the contract, or record it again",
            )


def _core_passes(evidence: Evidence) -> Iterator[Finding]:
    cases = evidence.cases(CORE)
    if not any(cases.values()):
        yield Finding(item=CORE, message="there are no core contracts", fix="write contracts/core/test_*.py")
    yield from _all_pass(evidence, CORE)


def _items_are_as_declared(evidence: Evidence) -> Iterator[Finding]:
    for item in evidence.matrix.items:
        match item.status:
            case Status.IMPLEMENTED:
                yield from _implemented(evidence, item)
            case Status.PARTIAL:
                yield from _partial(evidence, item)
            case Status.MISSING:
                yield from _missing(evidence, item)


def _implemented(evidence: Evidence, item: Item) -> Iterator[Finding]:
    if not any(case.outcome is Outcome.PASSED for case in evidence.cases(item.id).get(PROXY, {}).values()):
        yield Finding(
            item=item.id,
            message="the item is declared implemented, but no contract of it passes on the proxy",
            fix=f"write contracts/{item.category}/test_{item.id}_*.py, or declare it missing",
        )
    yield from _all_pass(evidence, item.id)
    for other in _unfinished(evidence, item):
        yield Finding(
            item=item.id,
            message=f"the item is declared implemented, but depends on {other}, which is not",
            fix=f"declare {item.id} partial, or take {other} out of its depends_on",
        )


def _partial(evidence: Evidence, item: Item) -> Iterator[Finding]:
    if not any(evidence.cases(item.id).values()):
        yield Finding(
            item=item.id, message="the item is declared partial, but has no contract", fix="declare it missing"
        )
    if not _unfinished(evidence, item) and PARTIAL_NOTE not in item.notes.lower():
        yield Finding(
            item=item.id,
            message="the item is declared partial without a reason: all it depends on is implemented",
            fix=f"declare it implemented, name what it waits for in depends_on, or note `{PARTIAL_NOTE} <why>`",
        )


def _missing(evidence: Evidence, item: Item) -> Iterator[Finding]:
    cases = evidence.cases(item.id)
    outcomes = {case.outcome for found in cases.values() for case in found.values()} - {Outcome.DESELECTED}
    passed = any(case.outcome is Outcome.PASSED for case in cases.get(PROXY, {}).values())
    if passed and outcomes == {Outcome.PASSED}:
        yield Finding(
            item=item.id,
            message="the item is declared missing, but passes all its contracts",
            fix="promote it: declare it implemented, or partial with what it waits for",
        )


def _all_pass(evidence: Evidence, item: str) -> Iterator[Finding]:
    cases = evidence.cases(item)
    for target, found in cases.items():
        for case in found.values():
            if case.outcome in _BAD:
                yield _about(case, target, f"a required case is {_told(case)}", "make it pass")
            elif case.outcome is Outcome.DESELECTED and (target == PROXY or case.provenance is Provenance.RECORDED):
                yield _about(case, target, f"a required case is {_told(case)}", f"let it run on {target}")
    everywhere = {name: case for found in cases.values() for name, case in found.items()}
    for target, found in cases.items():
        for name in sorted(everywhere.keys() - found.keys()):
            yield _about(
                everywhere[name], target, f"a required case did not run on {target}", f"let it run on {target}"
            )


def _unfinished(evidence: Evidence, item: Item) -> list[str]:
    return [other for other in item.depends_on if evidence.matrix.item(other).status is not Status.IMPLEMENTED]


def _deviations_are_declared(evidence: Evidence) -> Iterator[Finding]:
    declared: dict[str, tuple[Deviation, ...]] = {item.id: item.deviations for item in evidence.matrix.items}
    declared[CORE] = evidence.matrix.core_deviations
    for item, deviations in declared.items():
        found = {(target, case.case): case for target, by in evidence.cases(item).items() for case in by.values()}
        for (target, name), case in found.items():
            if case.body is not None and not any(deviation.covers(name) for deviation in deviations):
                yield _about(
                    case,
                    target,
                    "the case deviates from the reference, but the matrix does not say so",
                    f"declare it under the deviations of {item} in gap_matrix.yaml, or follow the reference",
                )
        for deviation in deviations:
            bodies = [case.body for (_, name), case in found.items() if deviation.covers(name)]
            if Body.REQUIRED not in bodies:
                yield Finding(
                    item=item,
                    subject=deviation.case,
                    message="the matrix declares a deviation, but no such case has an as_recorded and a required body",
                    fix="drop the deviation from gap_matrix.yaml, or name the case that deviates",
                )


def _proofs_of_requirements_exist(evidence: Evidence) -> Iterator[Finding]:
    for requirement in evidence.matrix.requirements:
        for proof in requirement.proof:
            if not has_test(proof):
                yield Finding(
                    item=requirement.id,
                    subject=proof,
                    message="the test named as proof does not exist",
                    fix="write it, or name another in gap_matrix.yaml",
                )


def _baseline_is_up_to_date(evidence: Evidence) -> Iterator[Finding]:
    required = {CORE, *(item.id for item in evidence.matrix.items if item.status is Status.IMPLEMENTED)}
    for target, results in evidence.runs.items():
        of_required = {key(target, case.case) for case in results.cases if case.item in required}
        new = sorted(of_required & set(passed_in(target, results)) - evidence.baseline.passed)
        if new:
            yield Finding(
                message=f"{len(new)} passing cases of {target} are not in the baseline, the first is {new[0]}",
                fix="tools/gate --update, and commit contracts/baseline.json",
            )


def _about(case: CaseResult, target: str, message: str, fix: str) -> Finding:
    return Finding(item=case.item, subject=key(target, case.case), message=message, fix=fix)


def _told(case: CaseResult) -> str:
    fault = f" ({case.fault} at fault)" if case.fault else ""
    return f"{case.outcome}{fault}: {case.message}" if case.message else f"{case.outcome}{fault}"
