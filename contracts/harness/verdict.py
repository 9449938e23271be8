"""From what happened in a test to a result: whose fault, in which words, and whether it was expected."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from contracts.harness.faults import CheckFailed, HarnessError, TargetUnavailable, Untestable
from contracts.harness.results import Body, CaseResult, Fault, Outcome, Provenance

_HARNESS = Path(__file__).parent
_WHOSE = {
    Fault.HARNESS: "the suite itself; the gateway is not to blame",
    Fault.TARGET: "the gateway did not start or is gone",
    Fault.PREREQUISITE: "a prerequisite is missing; nothing was tested",
    Fault.CONTRACT: "the gateway does not keep the contract",
}


class Verdict(msgspec.Struct, kw_only=True):
    """What one phase of a test adds to the case's result; it travels on pytest's report, as plain JSON types."""

    item: str
    provenance: Provenance
    fault: Fault | None = None
    message: str = ""
    wire: str = ""
    body: Body | None = None
    excused: str = ""

    @property
    def explanation(self) -> str:
        """Whose fault it is, in words."""
        return _WHOSE[self.fault] if self.fault else ""


def fault_of(error: BaseException) -> Fault:
    """Whose fault an exception is.

    One that a contract function raises by misreading an answer (a KeyError in a body) is the contract's; one from
    inside the harness is the harness's.
    """
    if isinstance(error, TargetUnavailable):
        return Fault.TARGET
    if isinstance(error, Untestable):
        return Fault.PREREQUISITE
    if isinstance(error, AssertionError):
        return Fault.CONTRACT
    if isinstance(error, HarnessError) or _raised_by_harness(error):
        return Fault.HARNESS
    return Fault.CONTRACT


def first_line(error: BaseException) -> str:
    """The one-line reason."""
    lines = str(error).splitlines()
    return lines[0] if lines and lines[0] else type(error).__name__


def trimmed(caught: pytest.ExceptionInfo[BaseException], test_file: Path) -> str | None:
    """The failure without the harness's own frames, when its message is complete; None leaves it to pytest."""
    error = caught.value
    if isinstance(error, CheckFailed):
        entries = [entry for entry in caught.traceback if entry.path == test_file]
        where = [f"{entry.path}:{entry.lineno + 1}: {str(entry.statement).strip()}" for entry in entries]
        return "\n".join([*where, str(error)])
    if isinstance(error, HarnessError | TargetUnavailable | Untestable):
        return f"{type(error).__name__}: {error}"
    return None


def case_result(case: str, reports: Sequence[pytest.TestReport]) -> CaseResult:
    """The result of a case from the reports of its phases, each of which carries a verdict."""
    verdicts = [msgspec.convert(getattr(report, "verdict", None), Verdict) for report in reports]
    failed = next((index for index, verdict in enumerate(verdicts) if verdict.fault), None)
    chosen = verdicts[-1 if failed is None else failed]
    details = ""
    outcome = Outcome.PASSED
    if failed is not None:
        outcome = Outcome.UNTESTABLE if chosen.fault is Fault.PREREQUISITE else Outcome.FAILED
        details = "\n\n".join(part for part in (reports[failed].longreprtext, chosen.wire) if part)
    return CaseResult(
        case=case,
        item=chosen.item,
        provenance=chosen.provenance,
        outcome=outcome,
        duration=round(sum(report.duration for report in reports if report.when == "call"), 3),
        fault=chosen.fault,
        message=chosen.message,
        details=details,
        body=next((verdict.body for verdict in verdicts if verdict.body), None),
        excused=next((verdict.excused for verdict in verdicts if verdict.excused), ""),
    )


class ExpectedFailure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One excused case of a foreign gateway."""

    case: str
    reason: str


def load_expected_failures(path: Path) -> dict[str, str]:
    """Case ids and why each is excused. Raises ValueError that says what is wrong with the file."""
    try:
        entries = msgspec.convert(yaml.safe_load(path.read_text()), list[ExpectedFailure])
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from None
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise ValueError(f"{path}: must be a list of `- case: ...` with `reason: ...`: {error}") from None
    excused = {entry.case: entry.reason for entry in entries}
    if len(excused) != len(entries):
        raise ValueError(f"{path}: a case stands there twice")
    if blank := [case for case, reason in excused.items() if not reason.strip()]:
        raise ValueError(f"{path}: {blank[0]}: give the reason")
    return excused


def unknown_cases(excused: Sequence[str], collected: Sequence[str], root: Path) -> list[str]:
    """Excused cases that do not exist; those of files that this run did not collect are only checked for their file."""
    files = {case.partition("::")[0] for case in collected}
    known = set(collected)
    return [
        case
        for case in excused
        if case not in known and (case.partition("::")[0] in files or not (root / case.partition("::")[0]).is_file())
    ]


def as_report_field(verdict: Verdict) -> Any:
    """The verdict as plain JSON types, which survive the way from a parallel worker."""
    return msgspec.to_builtins(verdict)


def _raised_by_harness(error: BaseException) -> bool:
    trace = error.__traceback__
    if trace is None:
        return False
    while trace.tb_next is not None:
        trace = trace.tb_next
    return Path(trace.tb_frame.f_code.co_filename).parent == _HARNESS
