"""One self-contained page, with the wire log of every case that did not pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from tools.impl.gap_report.report import Failure, Readiness, Report, Standing
from tools.impl.gap_report.views import words

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; color: #1c1e21 }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 2rem } th, td { padding: .3rem .6rem; text-align: left }
th { border-bottom: 2px solid #888 } td { border-bottom: 1px solid #ddd; vertical-align: top }
.verdict { font-weight: 600 } .ready { color: #14713a } .partial { color: #8a5a00 } .failing { color: #b3261e }
.no-contracts { color: #6b6f76 } .counts { color: #4a4e55; font-size: .9em } code, pre { font-size: .85em }
pre { overflow-x: auto; background: #f4f5f7; padding: .6rem } summary { cursor: pointer }
@media (prefers-color-scheme: dark) {
  body { background: #16181c; color: #e4e6eb } td { border-color: #383c43 } pre { background: #23262c }
  .ready { color: #58c787 } .partial { color: #e0b050 } .failing { color: #ff8a80 }
  .counts, .no-contracts { color: #a4a9b1 }
}
"""


def render(report: Report) -> str:
    """HTML that needs no other file."""
    title = f"Gaps to {escape(report.reference)}"
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>'
    body = "\n".join(_body(report, list(report.targets)))
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}<style>{_STYLE}</style></head>\n'
        f"<body>\n<h1>{title}</h1>\n{body}\n</body></html>\n"
    )


def _body(report: Report, labels: list[str]) -> Iterator[str]:
    yield f"<p>{escape(words.declared(report))}. {words.LEGEND}</p>"
    yield _table(
        ["Target", "Measured", "Reproduce"],
        (
            [escape(label), escape(words.measured(header)), f"<code>{escape(header.reproduce)}</code>"]
            for label, header in report.targets.items()
        ),
    )
    yield "<h2>Items</h2>"
    rows = [
        [item.id, escape(item.title), item.priority, item.status, *(_cell(item.standings[label]) for label in labels)]
        for item in report.items
    ]
    rows.append(["core", "Core surface", "", "required", *(_cell(report.core[label]) for label in labels)])
    yield _table(["Item", "Title", "Priority", "Declared", *map(escape, labels)], rows)
    for title, entries in (("Categories", report.categories), ("Requirements", report.requirements)):
        yield f"<h2>{title}</h2>"
        yield _readiness(entries, labels)
    if report.config:
        yield f"<h2>What {escape(report.config.path)} depends on</h2>"
        yield _table(
            ["Item", "Because of", *map(escape, labels)],
            (
                [use.item, ", ".join(f"<code>{escape(place)}</code>" for place in use.places)]
                + [escape(report.verdict(use.item, label)) for label in labels]
                for use in report.config.uses
            ),
        )
        yield f"<p>Used through HTTP alone, shown by no config: {', '.join(report.config.invisible)}.</p>"
    for label in labels:
        for standing in (*(item.standings[label] for item in report.items), report.core[label]):
            yield from (_failure(label, failure) for failure in standing.failures)


def _failure(label: str, failure: Failure) -> str:
    told = f"{escape(label)}: <code>{escape(failure.case)}</code> {escape(words.blame(failure))}"
    text = "\n\n".join(filter(None, (failure.message, failure.details)))
    return f"<details><summary>{told}</summary><pre>{escape(text)}</pre></details>"


def _readiness(entries: Iterable[Readiness], labels: list[str]) -> str:
    rows = (
        [entry.id, escape(entry.text)]
        + [f'<span class="{"ready" if entry.met(at) else ""}">{words.progress(entry, at)}</span>' for at in labels]
        for entry in entries
    )
    return _table(["", "", *map(escape, labels)], rows)


def _cell(standing: Standing) -> str:
    verdict = f'<span class="verdict {standing.verdict.replace(" ", "-")}">{standing.verdict}</span>'
    rest = "; ".join(filter(None, (words.counts(standing), words.deviating(standing))))
    return f'{verdict} <span class="counts">{rest}</span>' if rest else verdict


def _table(head: list[str], rows: Iterable[list[str]]) -> str:
    heads = "".join(f"<th>{cell}</th>" for cell in head)
    lines = "\n".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{heads}</tr></thead><tbody>\n{lines}\n</tbody></table>"
