"""What every view says in the same words."""

from __future__ import annotations

from contracts.harness.matrix import Status
from contracts.harness.results import Body, Header
from tools.impl.gap_report.report import Failure, Readiness, Report, Standing

LEGEND = (
    "Ready: passes all contracts of a covered item. Partial: passes those written so far. Cases are counted by origin."
)


def counts(standing: Standing) -> str:
    """`12/12 recorded, 1/2 documented`: each provenance on its own; empty when nothing ran."""
    return ", ".join(f"{tally.passed}/{tally.total} {kind}" for kind, tally in standing.tallies.items() if tally.total)


def deviating(standing: Standing) -> str:
    """Which body the deviating cases passed by; empty when there are none."""
    named = {Body.AS_RECORDED: "as recorded", Body.REQUIRED: "as required"}
    return ", ".join(f"{number} {named[body]}" for body, number in standing.deviating.items() if number)


def blame(failure: Failure) -> str:
    """`failed (contract)` or the like, with the excuse if there is one."""
    told = f"{failure.outcome} ({failure.fault})" if failure.fault else str(failure.outcome)
    return f"{told}, excused: {failure.excused}" if failure.excused else told


def declared(report: Report) -> str:
    """How many items the matrix declares to be at each status."""
    numbers = {status: sum(item.status is status for item in report.items) for status in Status}
    return f"{len(report.items)} items: " + ", ".join(f"{number} {status}" for status, number in numbers.items())


def measured(header: Header) -> str:
    """What was measured, when, and with which contracts."""
    part = f", only {header.selection}" if header.selection else ""
    return f"version {header.version}, {header.date:%Y-%m-%d %H:%M} UTC, suite {header.suite}{part}"


def progress(readiness: Readiness, target: str) -> str:
    """`3/6` ready items on the target, and the proofs that are there, for a category or requirement."""
    there = sum(proof.exists for proof in readiness.proof)
    parts = [f"{readiness.ready[target]}/{len(readiness.items)} ready"] if readiness.items else []
    parts += [f"{there}/{len(readiness.proof)} proofs"] if readiness.proof else []
    return ", ".join(parts)
