"""The report for an issue, a pull request or a documentation page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tools.impl.gap_report.report import Readiness, Report, Standing
from tools.impl.gap_report.views import words


def render(report: Report) -> str:
    """GitHub-flavoured Markdown."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    labels = list(report.targets)
    yield f"# Gaps to {report.reference}\n"
    yield f"{words.declared(report)}. {words.LEGEND}\n"
    yield from _table(
        ["Target", "Measured", "Reproduce"],
        ([label, words.measured(header), f"`{header.reproduce}`"] for label, header in report.targets.items()),
    )
    yield "\n## Items\n"
    rows = [
        [item.id, item.title, item.priority, item.status, *(_cell(item.standings[label]) for label in labels)]
        for item in report.items
    ]
    rows.append(["core", "Core surface", "", "required", *(_cell(report.core[label]) for label in labels)])
    yield from _table(["Item", "Title", "Priority", "Declared", *labels], rows)
    for title, entries in (("Categories", report.categories), ("Requirements", report.requirements)):
        yield f"\n## {title}\n"
        yield from _readiness(entries, labels)
    if report.config:
        yield f"\n## What {report.config.path} depends on\n"
        yield from _table(
            ["Item", "Because of", *labels],
            (
                [use.item, ", ".join(f"`{place}`" for place in use.places)]
                + [str(report.verdict(use.item, label)) for label in labels]
                for use in report.config.uses
            ),
        )
        yield f"\nUsed through HTTP alone, shown by no config: {', '.join(report.config.invisible)}."
    yield from _failures(report, labels)


def _failures(report: Report, labels: list[str]) -> Iterator[str]:
    lines = [
        f"- {label}: `{failure.case}` {words.blame(failure)}: {_inline(failure.message)}"
        for label in labels
        for standing in (*(item.standings[label] for item in report.items), report.core[label])
        for failure in standing.failures
    ]
    if lines:
        yield "\n## Cases that did not pass\n"
        yield from lines


def _readiness(entries: Iterable[Readiness], labels: list[str]) -> Iterator[str]:
    rows = ([entry.id, entry.text, *(words.progress(entry, label) for label in labels)] for entry in entries)
    yield from _table(["", "", *labels], rows)


def _cell(standing: Standing) -> str:
    return "; ".join(filter(None, (f"**{standing.verdict}**", words.counts(standing), words.deviating(standing))))


def _table(head: list[str], rows: Iterable[list[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(_inline(cell) for cell in row)} |"


def _inline(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
