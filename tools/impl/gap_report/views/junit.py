"""JUnit XML for CI systems: a suite for each target, a test for each item."""

from __future__ import annotations

import re
from xml.etree import ElementTree as Xml

from contracts.harness.results import Outcome
from tools.impl.gap_report.report import Failure, Report, Standing, Verdict
from tools.impl.gap_report.views import words

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(report: Report) -> str:
    """An item that no contract covers is skipped; one that fails lists its cases."""
    root = Xml.Element("testsuites", name=f"gaps to {report.reference}")
    for label, header in report.targets.items():
        standings = {f"{item.id} {item.title}": item.standings[label] for item in report.items}
        standings["core"] = report.core[label]
        failing = [standing for standing in standings.values() if standing.verdict is Verdict.FAILING]
        untested = sum(standing.verdict is Verdict.UNTESTED for standing in standings.values())
        suite = Xml.SubElement(
            root,
            "testsuite",
            name=label,
            timestamp=header.date.isoformat(),
            tests=str(len(standings)),
            failures=str(len(failing)),
            errors="0",
            skipped=str(untested),
        )
        properties = Xml.SubElement(suite, "properties")
        for name, value in (("version", header.version), ("suite", header.suite), ("reproduce", header.reproduce)):
            Xml.SubElement(properties, "property", name=name, value=_clean(value))
        for name, standing in standings.items():
            _case(Xml.SubElement(suite, "testcase", classname=label, name=name), standing)
    Xml.indent(root)
    return Xml.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _case(case: Xml.Element, standing: Standing) -> None:
    if standing.verdict is Verdict.UNTESTED:
        Xml.SubElement(case, "skipped", message="no contracts")
    elif standing.verdict is Verdict.FAILING:
        count = len(standing.failures)
        failure = Xml.SubElement(case, "failure", message=f"{count} cases did not pass; {words.counts(standing)}")
        failure.text = _clean("\n\n".join(map(_told, standing.failures)))
    Xml.SubElement(case, "system-out").text = words.counts(standing)


def _told(failure: Failure) -> str:
    head = f"{failure.case}: {words.blame(failure)}"
    hint = "a prerequisite is missing: " if failure.outcome is Outcome.UNTESTABLE else ""
    return "\n".join(filter(None, (head, f"{hint}{failure.message}", failure.details)))


def _clean(text: str) -> str:
    return _NOT_XML.sub("?", text)
