"""The table for people at a terminal."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable
from io import StringIO

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from contracts.harness.matrix import Status
from tools.impl.gap_report.config_use import ConfigUse
from tools.impl.gap_report.report import Readiness, Report, Standing, Verdict
from tools.impl.gap_report.views import words

_NARROW, _FILE_WIDTH = 60, 140
_COLOURS = {Verdict.READY: "green", Verdict.PARTIAL: "yellow", Verdict.FAILING: "red", Verdict.UNTESTED: "dim"}
_STATUS = {Status.IMPLEMENTED: "green", Status.PARTIAL: "yellow", Status.MISSING: "dim"}


def render(report: Report) -> str:
    """Coloured and fitted to the terminal when standard output is one."""
    text = StringIO()
    seen = sys.stdout.isatty()
    width = max(shutil.get_terminal_size().columns, _NARROW) if seen else _FILE_WIDTH
    console = Console(file=text, force_terminal=seen, width=width, highlight=False)
    for part in _parts(report):
        console.print(part)
    return text.getvalue()


def _parts(report: Report) -> Iterable[RenderableType]:
    yield _items(report)
    yield _readiness("Category", report.categories, report)
    yield _readiness("Requirement", report.requirements, report)
    if report.config:
        yield _config(report, report.config)
    yield from _failures(report)
    yield Text(words.declared(report), style="bold")
    yield Text(words.LEGEND, style="dim")
    for label, header in report.targets.items():
        yield Text(f"{label}: {words.measured(header)}\n  reproduce: {header.reproduce}", style="dim")


def _items(report: Report) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=f"Gaps to {report.reference}", title_justify="left")
    for name in ("Item", "Title", "Priority", "Declared", *report.targets):
        table.add_column(name, no_wrap=name == "Item")
    previous = ""
    for item in report.items:
        if previous and item.category != previous:
            table.add_section()
        previous = item.category
        status = Text(item.status, style=_STATUS[item.status])
        table.add_row(item.id, item.title, item.priority, status, *map(_cell, item.standings.values()))
    table.add_section()
    table.add_row("core", "Core surface", "", "required", *map(_cell, report.core.values()))
    return table


def _cell(standing: Standing) -> Text:
    cell = Text(standing.verdict, style=_COLOURS[standing.verdict])
    parts = filter(None, (*words.counts(standing).split(", "), words.deviating(standing)))
    return cell.append("".join(f"\n{part}" for part in parts), style="default")


def _readiness(name: str, entries: Iterable[Readiness], report: Report) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in (name, "", *report.targets):
        table.add_column(column)
    for entry in entries:
        cells = [
            Text(words.progress(entry, label), style="green" if entry.met(label) else "default")
            for label in report.targets
        ]
        table.add_row(entry.id, entry.text, *cells)
    return table


def _config(report: Report, config: ConfigUse) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=f"What {config.path} depends on", title_justify="left")
    for column in ("Item", "Because of", *report.targets):
        table.add_column(column)
    for use in config.uses:
        cells = [_cell(next(i for i in report.items if i.id == use.item).standings[label]) for label in report.targets]
        table.add_row(use.item, ", ".join(use.places), *cells)
    table.caption = f"Used through HTTP alone, shown by no config: {', '.join(config.invisible)}"
    table.caption_justify = "left"
    return table


def _failures(report: Report) -> Iterable[Text]:
    for label in report.targets:
        for standing in (*(item.standings[label] for item in report.items), report.core[label]):
            for failure in standing.failures:
                line = Text(f"{label} ", style="bold")
                line.append(f"{failure.case} ", style="default").append(words.blame(failure), style="red")
                yield line.append(f"\n  {failure.message}\n" if failure.message else "\n", style="default")
