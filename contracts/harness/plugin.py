"""The pytest plugin: options, the `case` fixture, and the hooks that turn tests into results."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from contracts.harness import selection
from contracts.harness.case import Case
from contracts.harness.cassette import Recorder, Recording
from contracts.harness.configs import ROOT
from contracts.harness.databases import Database
from contracts.harness.mark import case_id, contract_of, recording_name
from contracts.harness.processes import tidy_interrupts
from contracts.harness.run import RUN, Run
from contracts.harness.setup import Setup
from contracts.harness.targets import Kind, Running
from contracts.harness.translation import Translation
from contracts.harness.verdict import Verdict, as_report_field, fault_of, first_line, trimmed
from contracts.harness.wirelog import render

__tracebackhide__ = True

CASSETTES = ROOT / "cassettes"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("contracts", "contracts against a gateway")
    group.addoption(
        "--target", metavar="proxy|cassette|reference|URL", help="what the contracts judge (default: proxy)"
    )
    group.addoption(
        "--gateway-cmd", metavar="COMMAND", help="judge a gateway that this starts; with {config} and {port}"
    )
    group.addoption("--gateway-name", default="gateway", metavar="NAME", help="the foreign gateway's name in results")
    group.addoption(
        "--upstream-port", type=int, metavar="PORT", help="with a URL: where to serve the simulated upstreams"
    )
    group.addoption("--serving", metavar="CONFIG", help="with a URL: the config that the gateway has loaded")
    group.addoption("--results", type=Path, metavar="FILE", help="write the machine-readable results")
    group.addoption(
        "--expected-failures", type=Path, metavar="FILE", help="YAML: cases a foreign gateway may fail, and why"
    )
    group.addoption(
        "--reseed", type=int, metavar="N", help="rename models and texts at random, the same way for the same N"
    )
    group.addoption(
        "--database",
        choices=[kind.value for kind in Database],
        default=Database.SQLITE.value,
        help="what our proxy keeps its data in, for configs with a database (default: sqlite)",
    )
    group.addoption("--schemathesis-examples", type=int, metavar="N", help="a random run of N examples an operation")
    group.addoption("--cassettes", type=Path, default=CASSETTES, metavar="DIR", help="the recordings")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "contract: the item, config and provenance of a contract case")
    config.addinivalue_line("markers", "slow(why): the case may take more than three seconds")
    if config.option.keyword:
        config.option.keyword = selection.rewrite_keyword(config.option.keyword)
    config.stash[RUN] = run = Run(config)
    config.pluginmanager.register(run, "contracts-run")
    tidying = ExitStack()
    tidying.enter_context(tidy_interrupts())
    tidying.callback(run.close)
    config.add_cleanup(tidying.close)


def pytest_report_header(config: pytest.Config) -> str:
    return config.stash[RUN].describe()


def pytest_itemcollected(item: pytest.Item) -> None:
    contract = contract_of(item)
    selection.add_item_keywords(item, contract)
    if contract:
        # Before xdist reads its group marks: the cases of one config share a worker, hence a process.
        item.add_marker(pytest.mark.xdist_group(contract.config))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    cases = [(item, contract) for item in items if (contract := contract_of(item))]
    silent = [
        item.nodeid
        for item, _ in cases
        if isinstance(item, pytest.Function) and selection.lacks_assertion(item.function)
    ]
    if silent:
        raise pytest.UsageError(
            "these cases assert nothing in their own words; add an assert beside assert_same_as_recorded: "
            + ", ".join(silent)
        )
    run = config.stash[RUN]
    run.collected([case_id(item) for item, _ in cases])
    dropped = []
    for item, contract in cases:
        reason = selection.reason_to_deselect(contract, run.target.kind)
        if reason:
            dropped.append(item)
            run.deselect(case_id(item), contract, reason)
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = [item for item in items if item not in dropped]
    items.sort(key=lambda item: found.config if (found := contract_of(item)) else "")


def pytest_collection_finish(session: pytest.Session) -> None:
    contracts = [contract for item in session.items if (contract := contract_of(item))]
    session.config.stash[RUN].choose_served_config([contract.config for contract in contracts])


@pytest.fixture
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    """The running case. Raises TargetUnavailable, Untestable or HarnessError when it cannot run."""
    run = request.config.stash[RUN]
    with ExitStack() as stack:
        setup = _setup(run, request.node)
        if setup.player is not None:
            stack.enter_context(setup.player.playing())
        if setup.recorder is not None:
            stack.enter_context(setup.recorder.recording())
        made = Case(setup)
        stack.callback(made.close)
        yield made


@pytest.fixture
def gateway(request: pytest.FixtureRequest) -> Running:
    """The running gateway, for cases that talk to it with a client of their own; they must be `documented`."""
    contract = contract_of(request.node)
    if contract is None:
        raise pytest.UsageError(f"{request.node.nodeid}: a test that takes `gateway` needs the mark contract(...)")
    return request.config.stash[RUN].gateways.running(contract.config)


def _setup(run: Run, node: pytest.Function) -> Setup:
    contract = contract_of(node)
    if contract is None:
        raise pytest.UsageError(f"{node.nodeid}: a test that takes `case` needs the mark contract(...)")
    cassette = run.cassettes / f"{recording_name(node)}.yaml"
    player = recorder = None
    translation, check_alive = Translation({}), _nothing
    if run.target.kind is Kind.CASSETTE:
        player = Recording.load(cassette)
    else:
        gateway = run.gateways.running(contract.config)
        translation, check_alive = gateway.translation, gateway.check_alive
        if run.records:
            recorder = Recorder(cassette, translation)
    return Setup(
        kind=run.target.kind,
        name=recording_name(node),
        case_id=case_id(node),
        contract=contract,
        cassette=cassette,
        translation=translation,
        check_alive=check_alive,
        naming=run.naming,
        player=player,
        recorder=recorder,
    )


def _nothing() -> None:
    """Recordings do not end."""


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    result = yield
    made = pyfuncitem.funcargs.get("case")
    if isinstance(made, Case):
        made.finish()
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    contract = contract_of(item)
    if contract is None:
        return report
    made = item.funcargs.get("case") if isinstance(item, pytest.Function) else None
    verdict = Verdict(item=contract.item, provenance=contract.provenance)
    if isinstance(made, Case):
        verdict.body = made.body
    if call.excinfo is not None:
        verdict.fault = fault_of(call.excinfo.value)
        verdict.message = first_line(call.excinfo.value)
        verdict.wire = render(made.evidence()) if isinstance(made, Case) else ""
        if (shown := trimmed(call.excinfo, item.path)) is not None:
            report.longrepr = shown
        report.sections.append(("whose fault", verdict.explanation))
        if verdict.wire:
            report.sections.append(("wire log", verdict.wire))
    item.config.stash[RUN].excuse(case_id(item), report, verdict)
    report.verdict = as_report_field(verdict)  # type: ignore[attr-defined]
    return report
