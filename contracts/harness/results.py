"""The machine-readable outcome of a run of the contracts: one JSON event a line.

    {"event":"header", target, version, date, suite, reproduce, selection}
    {"event":"case",   case, item, provenance, outcome, fault, message, ...}     once per case
    {"event":"footer", counts}

The format comes first; the terminal table, HTML, Markdown, JUnit and the gate are readers of it and know nothing of
pytest. A file without its footer was left by a run that did not end by itself, and is refused.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

FORMAT = 1
CORE = "core"


class Provenance(StrEnum):
    """Where the truth of a case comes from; reports never add these up."""

    RECORDED = "recorded"
    DOCUMENTED = "documented"
    SCHEMA = "schema"


class Outcome(StrEnum):
    """UNTESTABLE: a prerequisite is missing, a failure. DESELECTED: the case has no meaning on this target."""

    PASSED = "passed"
    FAILED = "failed"
    UNTESTABLE = "untestable"
    DESELECTED = "deselected"


class Fault(StrEnum):
    """Whose fault a failure is."""

    HARNESS = "harness"
    TARGET = "target"
    PREREQUISITE = "prerequisite"
    CONTRACT = "contract"


class Body(StrEnum):
    """Which of its two named bodies a deviating case was judged by."""

    AS_RECORDED = "as_recorded"
    REQUIRED = "required"


class Header(msgspec.Struct, frozen=True, kw_only=True, tag="header", tag_field="event", forbid_unknown_fields=True):
    """What was run.

    `target` is the short name used in the baseline (`proxy`, `cassette`, `reference`, or a foreign gateway's),
    `version` the target's own version, `suite` the git commit of the contracts, `reproduce` a command line,
    `selection` what narrowed the run (`-k A4`, file names); empty for the whole suite: only then does the absence of a
    case mean anything.
    """

    target: str
    version: str
    suite: str
    reproduce: str
    selection: str = ""
    date: datetime = msgspec.field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    format: int = FORMAT


class CaseResult(msgspec.Struct, frozen=True, kw_only=True, tag="case", tag_field="event", forbid_unknown_fields=True):
    """The outcome of one case.

    `case` is its pytest node id (`contracts/A/test_A4_x.py::test_name[param]`), `item` a matrix id or `core`,
    `duration` in seconds. `fault` is set exactly when the case failed or was untestable. `message` is the one-line
    reason, `details` the readable diff and wire log, without secrets. `body` is set for deviating cases, `excused`
    holds the reason given in an expected-failures file.
    """

    case: str
    item: str
    provenance: Provenance
    outcome: Outcome
    duration: float = 0.0
    fault: Fault | None = None
    message: str = ""
    details: str = ""
    body: Body | None = None
    excused: str = ""

    def __post_init__(self) -> None:
        if (self.fault is not None) != (self.outcome in {Outcome.FAILED, Outcome.UNTESTABLE}):
            raise ValueError(f"{self.case}: a fault must be named exactly when the case failed or was untestable")


class Footer(msgspec.Struct, frozen=True, kw_only=True, tag="footer", tag_field="event", forbid_unknown_fields=True):
    """Closes a complete run; `counts` has every outcome."""

    counts: dict[Outcome, int]


class Results(msgspec.Struct, frozen=True):
    """A complete run, as read back."""

    header: Header
    cases: tuple[CaseResult, ...]

    def by_item(self) -> Mapping[str, tuple[CaseResult, ...]]:
        """The cases of each item that has any."""
        found: dict[str, list[CaseResult]] = {}
        for case in self.cases:
            found.setdefault(case.item, []).append(case)
        return {item: tuple(cases) for item, cases in found.items()}


class ResultsError(Exception):
    """A results file that cannot be trusted; the message names file and line."""


class ResultsWriter:
    """Writes one run to `path`, event by event, replacing what was there.

    Under xdist only the controller may hold one (it sees every worker's reports); a second writer on the same file is
    refused with ResultsError. Call `close()` only when the run ended by itself: an interrupted run must stay without
    footer (use `abandon()`).
    """

    def __init__(self, path: Path, header: Header) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise ResultsError(f"{path}: another run is writing this file; give each run its own --results") from None
        os.ftruncate(self._file.fileno(), 0)
        self._counts: Counter[Outcome] = Counter(dict.fromkeys(Outcome, 0))
        self._seen: set[str] = set()
        self._write(header)

    def record(self, result: CaseResult) -> None:
        """Add a case. Raises ResultsError if it was recorded before."""
        if result.case in self._seen:
            raise ResultsError(
                f"{result.case} was recorded twice; record a case once, when its teardown has been reported"
            )
        self._seen.add(result.case)
        self._counts[result.outcome] += 1
        self._write(result)

    def close(self) -> None:
        """Write the footer and release the file."""
        if not self._file.closed:
            self._write(Footer(counts=dict(self._counts)))
            self._file.close()

    def abandon(self) -> None:
        """Release the file without a footer: the run was cut short."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self.abandon()

    def _write(self, event: Header | CaseResult | Footer) -> None:
        self._file.write(msgspec.json.encode(event) + b"\n")
        self._file.flush()


def read_results(path: Path) -> Results:
    """Read a complete run.

    Raises ResultsError for anything else: a missing file or footer, a bad line, counts that disagree.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise ResultsError(f"{path}: {error.strerror}; write it with `pytest contracts --results {path}`") from None
    events = [_decode(path, number, line) for number, line in enumerate(lines, start=1)]
    if not events or not isinstance(events[0], Header):
        raise ResultsError(f"{path}:1: no header; this is not a results file")
    if events[0].format != FORMAT:
        raise ResultsError(
            f"{path}:1: format {events[0].format}, this suite reads format {FORMAT}; run the contracts again"
        )
    if not isinstance(events[-1], Footer):
        raise ResultsError(f"{path}:{len(events)}: no footer; the run was cut short, run it again")
    cases = [event for event in events[1:-1] if isinstance(event, CaseResult)]
    if len(cases) != len(events) - 2:
        raise ResultsError(f"{path}: more than one header or footer")
    counts = Counter(case.outcome for case in cases)
    if any(counts[outcome] != events[-1].counts.get(outcome, 0) for outcome in Outcome):
        raise ResultsError(
            f"{path}:{len(events)}: the footer's counts disagree with the cases; run the contracts again"
        )
    return Results(header=events[0], cases=tuple(cases))


def suite_version() -> str:
    """The git commit of the contracts, with `-dirty` when the tree differs from it; `unknown` outside a repository."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parent)  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()


_DECODER: msgspec.json.Decoder[Header | CaseResult | Footer] = msgspec.json.Decoder(Header | CaseResult | Footer)


def _decode(path: Path, number: int, line: bytes) -> Header | CaseResult | Footer:
    try:
        return _DECODER.decode(line)
    except msgspec.MsgspecError as error:
        raise ResultsError(f"{path}:{number}: {error}") from None
