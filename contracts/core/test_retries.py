"""Retries: how often, after which errors, and after how long."""

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract, slow
from fixtures.replies import ok, rate_limited, status
from fixtures.replies import slow as late

pytestmark = contract("core", config="core/retries.yaml")

HEADERS = ["x-litellm-attempted-retries", "x-litellm-max-retries", "x-litellm-model-id"]


@pytest.mark.parametrize("code", [403, 408, 409, 429, 500, 502, 503, 504])
def test_errors_that_may_pass_are_retried(case: Case, code: int) -> None:
    case.script({f"twin-{code}": [status(code), ok("at last")]})
    answer = case.chat(f"retry-{code}", num_retries=1)
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.content == "at last"
    assert answer.headers["x-litellm-attempted-retries"] == "1"
    assert answer.headers["x-litellm-max-retries"] == "1"
    assert len(case.journal()) == 2


@pytest.mark.parametrize("code", [400, 401, 404, 413, 422])
def test_other_errors_are_not(case: Case, code: int) -> None:
    case.script({f"single-{code}": [status(code), ok("too late")]})
    answer = case.chat(f"final-{code}", num_retries=2)
    case.assert_same_as_recorded()
    assert answer.status == code
    assert len(case.journal()) == 1


@pytest.mark.parametrize("asked", [1, 2])
def test_the_body_says_how_often(case: Case, asked: int) -> None:
    case.script({"counted": [status(500)]})
    answer = case.chat("count-chat", num_retries=asked)
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 500
    assert len(case.journal()) == asked + 1


def test_the_header_says_how_often(case: Case) -> None:
    case.script({"counted": [status(500)]})
    answer = case.chat("count-chat", num_retries=0, options={"headers": {"x-litellm-num-retries": "1"}})
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 500
    assert len(case.journal()) == 2


def test_no_retry_at_all(case: Case) -> None:
    case.script({"counted": [status(500)]})
    answer = case.chat("count-chat", num_retries=0)
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 500
    assert len(case.journal()) == 1


@slow("three calls with two pauses of back-off between them")
def test_two_retries_unless_somebody_says_otherwise(case: Case) -> None:
    case.script({"counted": [status(500), status(500), ok("at last")]})
    answer = case.chat("count-chat")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.content == "at last"
    assert answer.headers["x-litellm-attempted-retries"] == "2"
    assert len(case.journal()) == 3


def test_a_stream_is_retried_before_it_begins(case: Case) -> None:
    case.script({"streamed": [status(500), ok("at last")]})
    answer = case.stream("stream-chat", num_retries=1)
    case.assert_same_as_recorded()
    assert answer.content == "at last"
    assert len(case.journal()) == 2


def test_text_completions_are_retried(case: Case) -> None:
    case.script({"prompted": [status(500), ok("at last")]})
    answer = case.completion("prompt-chat", num_retries=1)
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.content == "at last"
    assert len(case.journal()) == 2


def test_embeddings_are_retried_as_often_as_asked(case: Case) -> None:
    case.script({"embedded": [status(500)]})
    answer = case.embed("vector-chat", num_retries=0)
    calls = len(case.journal())

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500
        assert calls == 3

    def required(answer: Exchange) -> None:
        assert answer.status == 500
        assert calls == 1

    case.deviates(answer, as_recorded=as_recorded, required=required)


@slow("the reference makes nine calls")
def test_retries_of_a_deployment_are_not_squared(case: Case) -> None:
    case.script({"squared": [status(500)]})
    answer = case.chat("squared-chat")
    calls = len(case.journal())

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500
        assert calls == 4

    def required(answer: Exchange) -> None:
        assert answer.status == 500
        assert calls == 2

    case.deviates(answer, as_recorded=as_recorded, required=required)


@slow("retry-after is a second, and jitter comes on top")
def test_retry_after_is_honoured(case: Case) -> None:
    case.script({"patient": [rate_limited(1), ok("at last")]})
    answer = case.chat("patient-chat", num_retries=1, options={"taped": True})
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.content == "at last"
    assert answer.seconds >= 1.0
    assert case.journal().models == ["patient", "patient"]


def test_a_retry_goes_to_another_deployment_at_once(case: Case) -> None:
    case.script({"pair-bad": [status(401)], "pair-good": [ok("from the other")]})
    answers = [case.chat("pair-chat", num_retries=1) for _ in range(4)]
    assert [answer.content for answer in answers] == ["from the other"] * 4
    assert all(answer.seconds < 0.5 for answer in answers)
    assert case.journal().models.count("pair-bad") <= 1
    assert case.journal().models.count("pair-good") == 4


@contract("core", config="core/cooldowns.yaml")
def test_the_order_of_deployments(case: Case) -> None:
    case.script({"order-first": [ok("first")], "order-second": [ok("second")]})
    answers = [case.chat("order-chat") for _ in range(6)]
    case.assert_same_as_recorded(headers=["x-litellm-model-id"])
    assert {answer.content for answer in answers} == {"first"}


def test_the_order_counts_without_pre_call_checks_too(case: Case) -> None:
    case.script({"ranked-first": [ok("first")], "ranked-second": [ok("second")]})
    answers = [case.chat("ranked-chat") for _ in range(16)]

    def as_recorded(answers: list[Exchange]) -> None:
        assert {answer.content for answer in answers} == {"first", "second"}

    def required(answers: list[Exchange]) -> None:
        assert {answer.content for answer in answers} == {"first"}

    case.deviates(answers, as_recorded=as_recorded, required=required)


def test_weights(case: Case) -> None:
    case.script({"weight-all": [ok("all")], "weight-none": [ok("none")]})
    answers = [case.chat("weight-chat") for _ in range(8)]
    case.assert_same_as_recorded(headers=["x-litellm-model-id"])
    assert {answer.content for answer in answers} == {"all"}


# --- timeouts ------------------------------------------------------------------------------------------------------------


def _is_a_timeout(answer: Exchange) -> None:
    assert answer.status == 408
    assert answer.json["error"]["message"].startswith("litellm.Timeout: ")


@contract("core", config="core/calls.yaml")
@pytest.mark.parametrize("endpoint", ["chat", "stream"])
def test_a_timeout_in_the_body(case: Case, endpoint: str) -> None:
    case.script({"upstream-timed": [late(3)]})
    answer = getattr(case, endpoint)("timed-chat", timeout=0.4)
    case.assert_same_as_recorded(headers=["x-litellm-timeout"])
    _is_a_timeout(answer)


@contract("core", config="core/calls.yaml")
@pytest.mark.parametrize(
    ("header", "endpoint"), [("x-litellm-timeout", "chat"), ("x-litellm-stream-timeout", "stream")]
)
def test_a_timeout_in_a_header(case: Case, header: str, endpoint: str) -> None:
    case.script({"upstream-timed": [late(3)]})
    answer = getattr(case, endpoint)("timed-chat", options={"headers": {header: "0.4"}})
    case.assert_same_as_recorded(headers=["x-litellm-timeout"])
    _is_a_timeout(answer)


@contract("core", config="core/calls.yaml")
def test_a_timeout_of_the_deployment(case: Case) -> None:
    case.script({"upstream-short": [late(3)]})
    answer = case.chat("short-chat")
    case.assert_same_as_recorded(headers=["x-litellm-timeout"])
    _is_a_timeout(answer)
    assert "timeout value=0.5" in answer.json["error"]["message"]


@contract("core", config="core/calls.yaml")
@pytest.mark.parametrize("endpoint", ["chat", "stream"])
def test_a_stream_timeout_of_the_deployment(case: Case, endpoint: str) -> None:
    case.script({"upstream-streamed": [late(0.9)]})
    answer = getattr(case, endpoint)("short-stream")
    case.assert_same_as_recorded(headers=["x-litellm-timeout"] if endpoint == "stream" else [])
    assert answer.status == (408 if endpoint == "stream" else 200)


@contract("core", config="core/calls.yaml")
def test_a_timeout_that_is_long_enough(case: Case) -> None:
    case.script({"upstream-short": [late(0.2)]})
    answer = case.chat("short-chat")
    case.assert_same_as_recorded()
    assert answer.status == 200
