"""The report tells the truth about every item, on every target, in every format."""

from __future__ import annotations

import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as Xml

import msgspec
import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from contracts.harness.matrix import ROOT, Matrix
from contracts.harness.results import (
    Body,
    CaseResult,
    Fault,
    Header,
    Outcome,
    Provenance,
    Results,
    ResultsWriter,
)
from tests.tools.evidence import plain_matrix, plain_matrix_text
from tools.impl.gap_report import __main__ as command
from tools.impl.gap_report.config_use import ConfigError, config_use, places
from tools.impl.gap_report.report import Report, Tally, Verdict, build_report
from tools.impl.gap_report.views import VIEWS
from tools.impl.suite import SuiteError

A4, A5, CORE = "contracts/A/test_A4_chain.py", "contracts/A/test_A5_alias.py", "contracts/core/test_chat.py"
HOSTILE = 'expected <b>200</b> & "ok" | got \x1b[31m500'


def case(name: str, outcome: Outcome = Outcome.PASSED, **more: object) -> CaseResult:
    fault = {Outcome.FAILED: Fault.CONTRACT, Outcome.UNTESTABLE: Fault.PREREQUISITE}.get(outcome)
    item = "core" if "/core/" in name else name.split("_")[1]
    fields = {"item": item, "provenance": Provenance.RECORDED, "message": HOSTILE if fault else "", **more}
    return CaseResult(case=name, outcome=outcome, fault=fault, **fields)  # type: ignore[arg-type]


def run(target: str, *cases: CaseResult) -> Results:
    return Results(header=Header(target=target, version="7", suite="abc", reproduce=f"pytest -x {target}"), cases=cases)


OURS = run(
    "proxy",
    case(f"{A4}::test_order"),
    case(f"{A4}::test_max[1]", Outcome.FAILED, details="> POST /v1/chat\n< 500"),
    case(f"{A4}::test_written", provenance=Provenance.DOCUMENTED, body=Body.REQUIRED),
    case(f"{A5}::test_hidden"),
    case(f"{CORE}::test_answers"),
)
THEIRS = run(
    "go",
    case(f"{A4}::test_order"),
    case(f"{A4}::test_written", provenance=Provenance.DOCUMENTED, body=Body.AS_RECORDED),
    case(f"{A4}::test_licence", Outcome.DESELECTED, provenance=Provenance.SCHEMA),
    case(f"{A5}::test_hidden", Outcome.UNTESTABLE),
    case(f"{CORE}::test_answers"),
)


@pytest.fixture(scope="module")
def matrix() -> Matrix:
    """A5 is implemented, every other item missing."""
    return plain_matrix("A5")


@pytest.fixture(scope="module")
def report(matrix: Matrix) -> Report:
    return build_report(matrix, {"proxy": OURS, "go": THEIRS}, "abc")


def test_every_item_has_a_verdict_on_every_target(report: Report) -> None:
    assert len(report.items) == 70
    assert {name for item in report.items for name in item.standings} == {"proxy", "go"}
    assert report.verdict("A4", "proxy") is Verdict.FAILING
    assert report.verdict("A4", "go") is Verdict.PARTIAL, "the contracts of an item that is missing are not complete"
    assert report.verdict("A5", "proxy") is Verdict.READY
    assert report.verdict("A5", "go") is Verdict.FAILING, "what cannot be tested is not ready"
    assert report.verdict("F8", "go") is Verdict.UNTESTED
    assert report.core["go"].verdict is Verdict.READY


def test_cases_are_counted_by_provenance(report: Report) -> None:
    standing = report.items[3].standings
    assert standing["proxy"].tallies == {
        Provenance.RECORDED: Tally(1, 2),
        Provenance.DOCUMENTED: Tally(1, 1),
        Provenance.SCHEMA: Tally(0, 0),
    }
    assert standing["go"].tallies[Provenance.SCHEMA] == Tally(0, 0), "a deselected case counts nowhere"


def test_it_says_which_body_a_deviating_case_passed_by(report: Report) -> None:
    standing = report.items[3].standings
    assert standing["proxy"].deviating == {Body.AS_RECORDED: 0, Body.REQUIRED: 1}
    assert standing["go"].deviating == {Body.AS_RECORDED: 1, Body.REQUIRED: 0}


def test_readiness_of_categories_and_requirements(report: Report) -> None:
    categories = {entry.id: entry for entry in report.categories}
    requirements = {entry.id: entry for entry in report.requirements}
    assert categories["A"].ready == {"proxy": 1, "go": 0}
    assert [len(entry.items) for entry in report.categories] == [6, 6, 22, 16, 12, 8]
    assert requirements["FR-001"].ready == {"proxy": 1, "go": 0}
    assert not requirements["FR-001"].met("proxy")
    assert requirements["FR-008"].met("proxy"), "its proof exists"


def test_a_requirement_whose_proof_is_gone_is_not_met(matrix: Matrix) -> None:
    gone = "tests/tools/test_gone.py::test_x"
    requirements = tuple(replace(requirement, items=(), proof=(gone,)) for requirement in matrix.requirements)
    report = build_report(replace(matrix, requirements=requirements), {"proxy": OURS}, "abc")
    assert not any(entry.met("proxy") for entry in report.requirements)


def test_the_json_is_the_report(report: Report) -> None:
    assert msgspec.json.decode(VIEWS["json"](report), type=Report) == report


@pytest.mark.parametrize("view", ["terminal", "markdown", "html"])
def test_a_page_shows_all_items_targets_and_how_to_reproduce(report: Report, view: str) -> None:
    text = VIEWS[view](report)
    missing = [item.id for item in report.items if not re.search(rf"\b{item.id}\b", text)]
    assert not missing
    for needed in ("FR-001", "SC-005", "pytest -x go", "version 7", "1/2 recorded", "1/1 documented", "1 as recorded"):
        assert needed in text, needed
    assert "70 items: 69 missing, 0 partial, 1 implemented" in text
    assert f"{A4}::test_max[1]" in text


def test_a_terminal_that_is_none_gets_no_colours(report: Report) -> None:
    assert "\x1b" not in VIEWS["terminal"](report).replace("\x1b[31m500", "")


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.opened.append(tag)

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_the_page_holds_the_wire_log_and_no_foreign_markup(report: Report) -> None:
    page = Tags()
    page.feed(VIEWS["html"](report))
    assert "b" not in page.opened, "a message must not become markup"
    assert any("expected <b>200</b>" in text for text in page.text)
    assert any("> POST /v1/chat\n< 500" in text for text in page.text)
    assert page.opened.count("details") == 2


def test_a_table_row_of_the_markdown_stays_one_row(report: Report) -> None:
    text = VIEWS["markdown"](report)
    rows = [line for line in text.splitlines() if line.startswith("| A4 |")]
    assert [row.count("|") for row in rows] == [7]
    assert 'expected <b>200</b> & "ok" \\| got' in text


def test_junit_counts_as_a_ci_system_does(report: Report) -> None:
    ours, theirs = Xml.fromstring(VIEWS["junit"](report)).findall("testsuite")
    assert (ours.get("tests"), ours.get("failures"), ours.get("skipped")) == ("71", "1", "68")
    assert len(ours.findall("testcase/skipped")) == 68
    failure = theirs.find("testcase[@name='A5 Model group aliases']/failure")
    assert failure is not None
    assert "untestable (prerequisite)" in (failure.text or "")
    assert "?[31m500" in (failure.text or ""), "what XML cannot hold is replaced"


CONFIG = """
router_settings: {fallbacks: [{a: [b]}], enable_tag_filtering: false, model_group_alias: {}}
litellm_settings: {callbacks: [arize, hooks.mine], success_callback: langtrace, cache: true, num_retries: 0}
guardrails: [{guardrail_name: g, litellm_params: {guardrail: aim}}]
model_list: [{model_name: x, litellm_params: {model: auto_router/one}}, {model_name: y, litellm_params: null}]
callback_settings: {mine: {callback_type: generic_api}}
"""


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("router_settings.fallbacks", ["router_settings.fallbacks"]),
        ("router_settings.enable_tag_filtering", []),
        ("router_settings.model_group_alias", []),
        ("router_settings.absent.deeper", []),
        ("litellm_settings.num_retries", ["litellm_settings.num_retries"]),
        ("litellm_settings.cache=true", ["litellm_settings.cache"]),
        ("litellm_settings.cache=yes", []),
        ("litellm_settings.callbacks[]=arize", ["litellm_settings.callbacks[0]"]),
        ("litellm_settings.callbacks=arize", []),
        ("litellm_settings.*callback*[]=langtrace", ["litellm_settings.success_callback"]),
        ("litellm_settings.callbacks[]=*.*", ["litellm_settings.callbacks[1]"]),
        ("guardrails[].litellm_params.guardrail=aim", ["guardrails[0].litellm_params.guardrail"]),
        ("guardrails[].litellm_params.guardrail=AIM", []),
        ("model_list[].litellm_params.model=auto_router/*", ["model_list[0].litellm_params.model"]),
        ("callback_settings.*.callback_type=generic_api", ["callback_settings.mine.callback_type"]),
    ],
)
def test_the_syntax_of_config_keys(key: str, expected: list[str]) -> None:
    assert list(places(msgspec.yaml.decode(CONFIG), key)) == expected


def test_a_config_names_the_items_it_depends_on(matrix: Matrix, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(CONFIG)
    use = config_use(matrix, tmp_path / "c.yaml")
    assert [one.item for one in use.uses] == ["A4", "B4", "C1", "C21", "D12", "E1", "E5", "E12", "F2"]
    assert use.invisible == ("D7", "D9", "D11")


def test_both_spellings_and_included_files_count(matrix: Matrix, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(
        "include: [more.yaml]\n"
        "environment_variables: {TIANJI_KEY_ROTATION_ENABLED: 'true'}\n"
        "model_list: [{model_name: m, tianji_params: {model: openai/m}}]\n"
    )
    (tmp_path / "more.yaml").write_text(
        "tianji_settings: {post_call_rules: rules.check}\n"
        "model_list: [{model_name: n, tianji_params: {model: openai/n, region_name: eu}}]\n"
    )
    uses = {one.item: one.places for one in config_use(matrix, tmp_path / "c.yaml").uses}
    assert uses == {
        "B1": ("model_list[1].litellm_params.region_name",),
        "D13": ("litellm_settings.post_call_rules",),
        "D14": ("environment_variables.LITELLM_KEY_ROTATION_ENABLED",),
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [", "not YAML"),
        ("- a", "must be a mapping"),
        ("include: [c.yaml]", "includes itself"),
        (None, "No such file"),
    ],
)
def test_a_config_that_cannot_be_read_is_told(matrix: Matrix, tmp_path: Path, text: str | None, told: str) -> None:
    if text is not None:
        (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(ConfigError, match=f"c.yaml: .*{told}"):
        config_use(matrix, tmp_path / "c.yaml")


class Bench:
    """A matrix in which A5 alone is implemented, and files of results."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "m.yaml").write_text(plain_matrix_text("A5"))

    def results(self, results: Results) -> str:
        path = self.folder / f"{results.header.target}.jsonl"
        with ResultsWriter(path, results.header) as writer:
            for one in results.cases:
                writer.record(one)
        return str(path)

    def report(self, *arguments: str) -> Result:
        return CliRunner().invoke(command.main, ["--matrix", str(self.folder / "m.yaml"), *arguments])


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_targets_stand_side_by_side(bench: Bench) -> None:
    done = bench.report("--results", bench.results(OURS), "--results", bench.results(THEIRS), "--format", "markdown")
    assert done.exit_code == 0, done.output
    assert "| Item | Title | Priority | Declared | proxy | go |" in done.stdout


def test_two_runs_of_one_target_are_told_apart(bench: Bench) -> None:
    first = bench.results(THEIRS)
    Path(first).rename(bench.folder / "before.jsonl")
    done = bench.report(
        "--results", str(bench.folder / "before.jsonl"), "--results", bench.results(THEIRS), "--format=json"
    )
    assert list(msgspec.json.decode(done.stdout)["targets"]) == ["go", "go 2"]


def test_our_own_claims_must_hold(bench: Bench) -> None:
    broken = run("proxy", case(f"{A5}::test_hidden", Outcome.FAILED))
    done = bench.report("--results", bench.results(broken))
    assert done.exit_code == 1
    assert "A5 is declared implemented; on proxy: failing" in done.stderr


@pytest.mark.parametrize(
    ("name", "code", "told"),
    [
        ("A5", 0, ""),
        ("core", 0, ""),
        ("FR-008", 0, ""),
        ("A4", 1, "A4 is required; on proxy: failing"),
        ("A", 1, "A is required; on proxy: 1/6 ready"),
        ("FR-001", 1, "FR-001 is required; on proxy: 1/6 ready"),
        ("Z", 2, "--require Z: name an item"),
    ],
)
def test_what_is_required_decides_the_exit_status(bench: Bench, name: str, code: int, told: str) -> None:
    done = bench.report("--results", bench.results(OURS), "--require", name)
    assert done.exit_code == code, done.output
    assert told in done.stderr


def test_a_config_decides_the_exit_status(bench: Bench) -> None:
    config = bench.folder / "c.yaml"
    config.write_text("router_settings: {model_group_alias: {a: b}}")
    ready = bench.report("--results", bench.results(OURS), "--config", str(config))
    assert ready.exit_code == 0
    assert "router_settings.model_group_alias" in ready.stdout
    config.write_text("guardrails: [{litellm_params: {guardrail: aim}}]")
    lacking = bench.report("--results", bench.results(OURS), "--config", str(config))
    assert lacking.exit_code == 1
    assert (
        "C1 is needed by guardrails[0].litellm_params.guardrail in the config; on proxy: no contracts" in lacking.stderr
    )


def test_bad_files_are_told_in_one_line(bench: Bench) -> None:
    for arguments in (["--results", "/absent.jsonl"], ["--results", bench.results(OURS), "--config", "/absent.yaml"]):
        done = bench.report(*arguments)
        assert done.exit_code == 2
        assert done.stderr.startswith("gap_report: /absent.")
        assert done.stderr.count("\n") == 1


def test_the_report_can_go_to_a_file(bench: Bench) -> None:
    done = bench.report(
        "--results", bench.results(OURS), "--format", "html", "--output", str(bench.folder / "x" / "r.html")
    )
    assert done.stdout == ""
    assert (bench.folder / "x" / "r.html").read_text().startswith("<!doctype html>")


def test_the_last_results_are_used_else_the_contracts_run(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []

    def run_contracts(arguments: list[str]) -> Results:
        ran.append(arguments)
        return OURS

    monkeypatch.setattr(command, "run_contracts", run_contracts)
    monkeypatch.setattr(command, "results_path", lambda target: bench.folder / f"{target}.jsonl")
    assert bench.report().exit_code == 0
    bench.results(OURS)
    done = bench.report()
    assert "using" in done.stderr
    assert "--run renews it" in done.stderr
    (bench.folder / "proxy.jsonl").write_text("")
    bench.report()
    bench.report("--run", "--target", "cassette")
    bench.report("--gateway-cmd", "serve {config} {port}", "--gateway-name", "gw", "--", "--reseed", "7")
    assert ran == [
        ["--target=proxy"],
        ["--target=proxy"],
        ["--target=cassette"],
        ["--gateway-cmd=serve {config} {port}", "--gateway-name=gw", "--reseed", "7"],
    ]


def test_a_suite_that_did_not_run_gives_no_report(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def run_contracts(arguments: list[str]) -> Results:
        raise SuiteError("the contracts did not run on proxy")

    monkeypatch.setattr(command, "run_contracts", run_contracts)
    done = bench.report("--run")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == "gap_report: the contracts did not run on proxy\n"


@pytest.mark.parametrize("tool", ["gap_report", "gate"])
def test_the_launchers_work_from_any_folder(tool: str, tmp_path: Path) -> None:
    done = subprocess.run([ROOT / "tools" / tool, "-h"], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"Usage: tools/{tool} ")
