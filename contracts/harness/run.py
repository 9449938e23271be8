"""One pytest run over the contracts: its target, its gateways, its results. Registered as a pytest plugin."""

from __future__ import annotations

import importlib.metadata
import os
import shlex
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from contracts.harness.configs import CONFIGS, ROOT, render
from contracts.harness.databases import Database, Databases
from contracts.harness.mark import Contract
from contracts.harness.reseed import Naming
from contracts.harness.results import (
    CaseResult,
    Fault,
    Header,
    Outcome,
    Provenance,
    ResultsWriter,
    suite_version,
)
from contracts.harness.targets import REFERENCE_VERSION, Gateways, Kind, make_target
from contracts.harness.translation import Translation
from contracts.harness.verdict import Verdict, case_result, load_expected_failures, unknown_cases

RUN = pytest.StashKey["Run"]()
SLOW_SECONDS = 3.0
RECORD_MODES = {None, "none", "rewrite"}


class Run:
    """Raises pytest.UsageError for options that do not fit together."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        option = config.option
        self.is_worker = hasattr(config, "workerinput")
        self.cassettes: Path = option.cassettes.resolve()
        try:
            self.target = make_target(option.target, gateway_cmd=option.gateway_cmd, gateway_name=option.gateway_name)
            self._excused = load_expected_failures(option.expected_failures) if option.expected_failures else {}
        except ValueError as error:
            raise pytest.UsageError(str(error)) from None
        self.records = getattr(option, "record_mode", None) == "rewrite"
        self.naming = Naming(option.reseed)
        self._check_options()
        self._served: str | None = option.serving
        self._deselected: dict[str, dict[str, str]] = {}
        self._reports: dict[str, list[pytest.TestReport]] = {}
        self._slow: list[tuple[str, float]] = []
        self._results: list[CaseResult] = []
        self._writer: ResultsWriter | None = None

    @cached_property
    def gateways(self) -> Gateways:
        """The processes of this worker, started when a case first needs them."""
        return Gateways(
            self.target,
            names=self.naming.of_config,
            upstream_port=self._config.option.upstream_port,
            serving=self._served,
            databases=Databases(self._database),
        )

    @property
    def _database(self) -> Database:
        """SQLite is ours alone: any other gateway, and ours when asked to, gets Postgres."""
        return Database(self._config.option.database) if self.target.kind is Kind.PROXY else Database.POSTGRES

    def describe(self) -> str:
        """One line for the head of the run."""
        seed = f", names reseeded with {self._config.option.reseed}" if self._config.option.reseed is not None else ""
        database = f", databases in {self._database}" if self.target.kind is Kind.PROXY else ""
        return f"contracts: target {self.target.name}{' (recording)' if self.records else ''}{database}{seed}"

    def close(self) -> None:
        """Stop the processes; a results file that is still open was cut short."""
        if "gateways" in self.__dict__:
            self.gateways.stop()
        if self._writer:
            self._writer.abandon()

    def collected(self, cases: Sequence[str]) -> None:
        """All cases found, before any selection. Raises UsageError for excused cases that do not exist."""
        if unknown := unknown_cases(list(self._excused), cases, ROOT):
            raise pytest.UsageError(f"--expected-failures names cases that do not exist: {', '.join(unknown)}")

    def deselect(self, case: str, contract: Contract, reason: str) -> None:
        """Count a case that has no meaning on this target."""
        # Plain strings: this travels from parallel workers, whose channel takes nothing else.
        self._deselected[case] = {"item": contract.item, "provenance": contract.provenance.value, "message": reason}

    def choose_served_config(self, configs: Sequence[str]) -> None:
        """With a URL: settle which config the gateway must run, render it, and print where it lies."""
        if not self.target.url or not configs:
            return
        if self._served is None:
            self._served = Counter(configs).most_common(1)[0][0]
        upstream = Translation.of_origins("", f"127.0.0.1:{self._config.option.upstream_port}")
        path = render(self._served, upstream.and_also(self.naming.of_config(self._served)), ROOT / "var" / "contracts")
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        if terminal:
            terminal.write_line(f"the gateway at {self.target.url} must have loaded {path}")

    def excuse(self, case: str, report: pytest.TestReport, verdict: Verdict) -> None:
        """Turn an excused failure into an expected one, and an excused pass into a failure of the run.

        A gateway that does not start is never excused, nor is the harness.
        """
        reason = self._excused.get(case)
        if reason is None:
            return
        if report.failed and verdict.fault in {Fault.CONTRACT, Fault.PREREQUISITE}:
            verdict.excused = reason
            report.outcome = "skipped"
            report.wasxfail = reason
        elif report.when == "call" and report.passed:
            verdict.excused = reason
            verdict.message = "passes, though it is excused; remove it from the expected failures"
            report.outcome = "failed"
            report.longrepr = f"{case} {verdict.message}"

    # --- pytest hooks ------------------------------------------------------------------------------------------------

    def pytest_sessionstart(self) -> None:
        path = self._config.option.results
        if path and not self.is_worker:
            self._writer = ResultsWriter(path, self._header())

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self.is_worker or not hasattr(report, "verdict"):
            return
        case = report.nodeid.rpartition("@")[0] if "@" in report.nodeid.rpartition("]")[2] else report.nodeid
        self._reports.setdefault(case, []).append(report)
        if report.when != "teardown":
            return
        result = case_result(case, self._reports.pop(case))
        self._results.append(result)
        if self.target.kind is Kind.PROXY and result.duration > SLOW_SECONDS and "slow" not in report.keywords:
            self._slow.append((case, result.duration))
        if self._writer:
            self._writer.record(result)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        self._deselected.update(getattr(node, "workeroutput", {}).get("deselected", {}))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if self.is_worker:
            session.config.workeroutput["deselected"] = self._deselected  # type: ignore[attr-defined]
        elif self._writer and exitstatus in {0, 1, 5} and not session.shouldstop:
            for case, found in self._deselected.items():
                self._writer.record(_deselected_result(case, found))
            self._writer.close()

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self._results and not self._deselected:
            return
        terminalreporter.section("contracts")
        for provenance in Provenance:
            outcomes = Counter(result.outcome for result in self._results if result.provenance is provenance)
            if outcomes:
                counts = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items())
                terminalreporter.write_line(f"{provenance}: {counts}")
        reasons = Counter(found["message"] for found in self._deselected.values())
        for reason, count in reasons.items():
            terminalreporter.write_line(f"deselected: {count} ({reason})")
        for case, seconds in self._slow:
            terminalreporter.write_line(f'{case} took {seconds:.1f} s; make it faster or mark it @slow("why")')

    # --- internals ---------------------------------------------------------------------------------------------------

    def _check_options(self) -> None:
        option = self._config.option
        if getattr(option, "record_mode", None) not in RECORD_MODES:
            raise pytest.UsageError("contracts are recorded with --record-mode=rewrite; other modes mix two truths")
        if self.records and self.target.kind is not Kind.REFERENCE:
            raise pytest.UsageError("--record-mode=rewrite records the reference; add --target=reference")
        if option.reseed is not None and (self.records or self.target.kind is Kind.CASSETTE):
            raise pytest.UsageError("--reseed renames what a live gateway sees; recordings keep the names they have")
        if self._excused and self.target.kind is not Kind.FOREIGN:
            raise pytest.UsageError("--expected-failures excuses foreign gateways only; ours have the matrix")
        if self.target.url and option.upstream_port is None:
            raise pytest.UsageError("a target by URL needs --upstream-port, the port its config refers to")
        if self.target.url and (self.is_worker or getattr(option, "numprocesses", None)):
            raise pytest.UsageError("a target by URL has one set of upstreams; run it without -n")
        if option.serving and not (CONFIGS / option.serving).is_file():
            raise pytest.UsageError(f"--serving={option.serving}: no such file below fixtures/configs/")

    def _header(self) -> Header:
        return Header(
            target=self.target.name,
            version=self._target_version(),
            suite=suite_version(),
            reproduce=shlex.join(["pytest", *self._config.invocation_params.args]),
            selection=self._selection(),
        )

    def _target_version(self) -> str:
        if self.target.kind is Kind.PROXY:
            return importlib.metadata.version("tianji")
        return "" if self.target.kind is Kind.FOREIGN else REFERENCE_VERSION

    def _selection(self) -> str:
        option = self._config.option
        whole = ROOT / "contracts"
        paths = [arg for arg in self._config.args if Path(arg).resolve() != whole]
        parts = [f"-k {option.keyword}"] if option.keyword else []
        parts += [f"-m {option.markexpr}"] if option.markexpr else []
        return " ".join([*parts, *(os.path.relpath(path, ROOT) for path in paths)])


def _deselected_result(case: str, found: dict[str, str]) -> CaseResult:
    return CaseResult(
        case=case,
        item=found["item"],
        provenance=Provenance(found["provenance"]),
        outcome=Outcome.DESELECTED,
        message=found["message"],
    )
