"""Record, replay, compare, mutate: the whole harness against a gateway of a few lines."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import httpcore  # noqa: F401 - httpx imports it late; in-process runs would each get another one
import pytest

from contracts.harness.catalogue import ROOT
from contracts.harness.mutate import Mutator
from contracts.harness.results import CaseResult, Fault, Outcome, Results, read_results

pytest_plugins = ["pytester"]

CONTRACTS = """
    from contracts.harness.mark import contract
    from fixtures.replies import ok, status, stream

    pytestmark = contract("core", config="core/basic.yaml")

    def test_chat(case):
        case.script({"upstream-plain": [ok("Counted carefully")]})
        answer = case.chat("chat-plain")
        case.assert_same_as_recorded(headers=["x-litellm-call-id"])
        assert answer.content == "Counted carefully"
        assert case.journal()[0].headers["authorization"] == "Bearer sk-up"

    def test_cut_stream(case):
        case.script({"upstream-stream": [stream(["one", "two"], pace=0.01, cut_after=2)]})
        answer = case.stream("chat-stream", options={"taped": True})
        case.assert_same_as_recorded()
        assert answer.content == "one"
        assert "[DONE]" not in answer.events

    def test_disconnect(case):
        case.script({"upstream-stream": [stream(["one", "two", "three"], pace=0.3)]})
        answer = case.stream("chat-stream", options={"close_after": 2})
        assert (answer.end, len(answer.frames)) == ("client-closed", 2)

    def test_at_the_same_time(case):
        case.script({"upstream-plain": [ok("late").slow(0.1)], "upstream-stream": []})
        late, early = case.concurrently([lambda: case.chat("chat-plain"), lambda: case.chat("chat-stream")])
        case.assert_same_as_recorded(ignore=["journal"])
        assert (late.content, early.content) == ("late", "Hello from the upstream.")

    @contract("core", config="core/basic.yaml", provenance="documented")
    def test_documented(case):
        assert case.chat("chat-plain", options={"key": "sk-wrong"}).status == 401
"""


class Suite:
    """Contracts in a folder of their own, recorded from the fake gateway as if it were the reference."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        self.cassettes = pytester.path / "cassettes"
        pytester.makepyfile(test_fake=CONTRACTS)
        (pytester.path / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n")

    def run(self, *arguments: str, broken: str = "", plugins: tuple[object, ...] = ()) -> pytest.RunResult:
        gateway = f"{sys.executable} {ROOT}/tests/harness/fake_gateway.py --config {{config}} --port {{port}} {broken}"
        command = ["-p", "contracts.harness.plugin", f"--cassettes={self.cassettes}", *arguments]
        if "--target=cassette" not in arguments:
            command.append(f"--gateway-cmd={gateway}")
        return self.pytester.runpytest(*command, plugins=plugins)

    def results(self, *arguments: str, broken: str = "") -> Results:
        path = self.pytester.path / "results.jsonl"
        self.run(f"--results={path}", *arguments, broken=broken)
        return read_results(path)

    def chat(self, *, broken: str) -> CaseResult:
        [found] = [
            case for case in self.results("-k", "test_chat", broken=broken).cases if case.case.endswith("test_chat")
        ]
        return found


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Filled by the first test that needs them."""
    return tmp_path_factory.mktemp("recorded") / "cassettes"


@pytest.fixture
def suite(pytester: pytest.Pytester, recordings: Path) -> Suite:
    made = Suite(pytester)
    if not recordings.exists():
        made.run("--target=reference", "--record-mode=rewrite").assert_outcomes(passed=4, deselected=1)
        shutil.copytree(made.cassettes, recordings)
    shutil.copytree(recordings, made.cassettes, dirs_exist_ok=True)
    return made


def test_what_was_recorded_holds_on_the_recording_and_live(suite: Suite) -> None:
    names = sorted(path.name for path in (suite.cassettes / "core").iterdir())
    assert names == [
        "test_fake.test_at_the_same_time.yaml",
        "test_fake.test_chat.yaml",
        "test_fake.test_cut_stream.2.tape",
        "test_fake.test_cut_stream.yaml",
        "test_fake.test_disconnect.2.tape",
        "test_fake.test_disconnect.yaml",
    ]
    assert "127.0.0.1" not in "".join(path.read_text() for path in (suite.cassettes / "core").iterdir())
    suite.run("--target=cassette").assert_outcomes(passed=4, deselected=1)
    suite.run().assert_outcomes(passed=5)
    suite.run("--reseed=3").assert_outcomes(passed=5)


def test_results_tell_what_ran_and_what_had_no_meaning(suite: Suite) -> None:
    found = suite.results("--target=cassette", "-n", "2", "--dist", "loadgroup")
    assert (found.header.target, found.header.version) == ("cassette", "1.81.14")
    assert sorted(case.outcome for case in found.cases) == [Outcome.DESELECTED] + [Outcome.PASSED] * 4


@pytest.mark.parametrize(
    ("broken", "path"),
    [
        ("--status 418", "status\n    - 200\n    + 418"),
        ("--text bye", "body.choices[0].message.content\n    - 'Counted carefully'\n    + 'bye'"),
        ("--leak", "journal[0].headers.authorization\n    - 'Bearer sk-up'\n    + 'Bearer sk-1234'"),
    ],
)
def test_a_gateway_that_differs_breaks_the_contract(suite: Suite, broken: str, path: str) -> None:
    found = suite.chat(broken=broken)
    assert (found.outcome, found.fault) == (Outcome.FAILED, Fault.CONTRACT)
    assert found.message == "not what the reference did (- expected, + got):"
    assert path in found.details
    assert "client > POST http://gateway.test/v1/chat/completions" in found.details
    assert "upstream < POST /v1/chat/completions" in found.details


def test_a_gateway_that_does_not_start_is_another_matter(suite: Suite) -> None:
    found = suite.chat(broken="--refuse-to-start")
    assert found.fault is Fault.TARGET
    assert "the fake gateway refuses to start" in found.details


def test_a_learned_answer_is_found_out_by_reseeding(suite: Suite) -> None:
    learned = "--text 'Counted carefully'"
    suite.run("-k", "test_chat", broken=learned).assert_outcomes(passed=1, deselected=4)
    suite.run("-k", "test_chat", "--reseed=3", broken=learned).assert_outcomes(failed=1, deselected=4)


def test_the_folder_of_the_reference_has_the_same_name_everywhere(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = Suite(pytester)
    pytester.makepyfile(
        test_fake="""
        from contracts.harness.mark import contract

        @contract("core", config="core/basic.yaml")
        def test_trace(case):
            case.script({"upstream-plain": [], "upstream-stream": []})
            answer = case.chat("chat-plain")
            taped = case.chat("chat-plain", options={"taped": True})
            case.assert_same_as_recorded()
            assert answer.content == taped.content == "File /reference/venv/x.py"
        """
    )
    for home, mode in (("one", ["--record-mode=rewrite"]), ("another", [])):
        folder = pytester.path / home
        monkeypatch.setenv("REFERENCE_HOME", str(folder))
        run = suite.run("--target=reference", *mode, broken=f"--text 'File {folder}/venv/x.py'")
        run.assert_outcomes(passed=1)
    assert str(pytester.path) not in "".join(path.read_text() for path in (suite.cassettes / "core").iterdir())


def test_a_failing_case_keeps_its_old_recording(suite: Suite) -> None:
    before = (suite.cassettes / "core" / "test_fake.test_chat.yaml").read_text()
    suite.run("--target=reference", "--record-mode=rewrite", "-k", "test_chat", broken="--text bye")
    assert (suite.cassettes / "core" / "test_fake.test_chat.yaml").read_text() == before


def test_excuses_hold_only_while_the_case_fails(suite: Suite) -> None:
    excuses = suite.pytester.path / "excuses.yaml"
    excuses.write_text("- {case: 'test_fake.py::test_chat', reason: it says bye}\n")
    only = ("-k", "test_chat", f"--expected-failures={excuses}")
    suite.run(*only, broken="--text bye").assert_outcomes(xfailed=1, deselected=4)
    stale = suite.run(*only)
    stale.assert_outcomes(failed=1, deselected=4)
    stale.stdout.fnmatch_lines(["*passes, though it is excused*"])
    suite.run(*only, broken="--refuse-to-start").assert_outcomes(errors=1, deselected=4)
    excuses.write_text("- {case: 'test_fake.py::test_gone', reason: x}\n")
    assert suite.run(*only).ret == pytest.ExitCode.USAGE_ERROR


def test_mutated_recordings_trip_assertions(suite: Suite) -> None:
    mutator = Mutator()
    suite.run("--target=cassette", plugins=(mutator,))
    assert (mutator.proven, mutator.findings) == (4, [])


def test_an_assertion_that_cannot_fail_is_found(suite: Suite) -> None:
    deaf = CONTRACTS.replace('assert answer.content == "Counted carefully"', "assert answer").replace(
        'assert case.journal()[0].headers["authorization"] == "Bearer sk-up"', "assert case.journal() is not None"
    )
    suite.pytester.makepyfile(test_fake=deaf)
    mutator = Mutator()
    suite.run("--target=cassette", "-k", "test_chat", plugins=(mutator,))
    [finding] = mutator.findings
    assert finding.startswith("test_fake.py::test_chat: none of ")


def test_a_case_of_a_config_that_a_running_gateway_has_not_loaded_is_untestable(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_fake=CONTRACTS.replace("core/basic.yaml", "core/unloaded.yaml"))
    url = ["--target=http://127.0.0.1:9", "--upstream-port=9", "--serving=core/basic.yaml", "--results=r.jsonl"]
    pytester.runpytest("-p", "contracts.harness.plugin", *url).assert_outcomes(errors=5)
    found = read_results(pytester.path / "r.jsonl").cases[0]
    assert (found.outcome, found.fault) == (Outcome.UNTESTABLE, Fault.PREREQUISITE)
    assert (
        "to be running core/unloaded.yaml; load it and select its cases with --serving core/unloaded.yaml"
        in found.message
    )


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--target=cassette", "--reseed=1"], "--reseed renames what a live gateway sees"),
        (["--record-mode=rewrite"], "records the reference; add --target=reference"),
        (["--target=reference", "--record-mode=once"], "--record-mode=rewrite"),
        (["--target=http://127.0.0.1:1"], "needs --upstream-port"),
        (["--target=moon"], "--target=moon"),
        (["--target=cassette", "--gateway-cmd=x"], "drop one of them"),
    ],
)
def test_options_that_do_not_fit_are_refused(pytester: pytest.Pytester, arguments: list[str], complaint: str) -> None:
    (pytester.path / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    result = pytester.runpytest("-p", "contracts.harness.plugin", *arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert complaint in result.stderr.str()
