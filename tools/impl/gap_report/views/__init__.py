"""Readers of a report: each module turns it into text and knows nothing of pytest or HTTP."""

from collections.abc import Callable

import msgspec

from tools.impl.gap_report.report import Report
from tools.impl.gap_report.views import html, junit, markdown, terminal


def _json(report: Report) -> str:
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n"


VIEWS: dict[str, Callable[[Report], str]] = {
    "terminal": terminal.render,
    "json": _json,
    "markdown": markdown.render,
    "html": html.render,
    "junit": junit.render,
}
