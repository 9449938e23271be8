"""A4: a group is retried first, then its fallbacks come, each with retries of its own."""

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract, slow
from fixtures.replies import ok, status

pytestmark = contract("A4", config="A4/retries.yaml")

HEADERS = [
    "x-litellm-model-id",
    "x-litellm-model-group",
    "x-litellm-attempted-retries",
    "x-litellm-attempted-fallbacks",
    "x-litellm-max-retries",
]


@slow("two groups wait before a retry of their only deployment")
def test_every_group_is_retried_before_the_next(case: Case) -> None:
    case.script({"again-a": [status(500)], "again-b": [status(503)], "again-c": []})
    answer = case.chat("again-a")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 200
    assert answer.headers["x-litellm-attempted-fallbacks"] == "2"
    assert case.journal().models == ["again-a", "again-a", "again-b", "again-b", "again-c"]


def test_a_retry_that_succeeds_needs_no_fallback(case: Case) -> None:
    case.script({"again-a": [status(500), ok()], "again-b": []})
    answer = case.chat("again-a")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.headers["x-litellm-attempted-retries"] == "1"
    assert answer.headers["x-litellm-max-retries"] == "1"
    assert answer.headers["x-litellm-attempted-fallbacks"] == "0"
    assert case.journal().models == ["again-a", "again-a"]


@pytest.mark.parametrize("code", [400, 401, 404, 422])
def test_what_no_retry_mends_goes_straight_to_the_fallback(case: Case, code: int) -> None:
    model = f"steady-{code}"
    case.script({model: [status(code)], "steady-b": []})
    answer = case.chat(model)
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.headers["x-litellm-attempted-fallbacks"] == "1"
    assert answer.headers["x-litellm-attempted-retries"] == "0"
    assert case.journal().models == [model, "steady-b"]


def test_a_retry_goes_to_a_deployment_that_has_not_failed_yet(case: Case) -> None:
    crew = [f"crew-a{number}" for number in range(1, 6)]
    case.script({model: [status(500)] for model in crew} | {"crew-b": []})
    answer = case.chat("crew-a", num_retries=4)
    case.assert_same_as_recorded(headers=HEADERS, ignore=["journal"])

    def as_recorded(answer: Exchange) -> None:
        assert len(case.journal()) == 6
        assert case.journal().models[-1] == "crew-b"

    def required(answer: Exchange) -> None:
        assert answer.headers["x-litellm-attempted-fallbacks"] == "1"
        assert sorted(case.journal().models) == [*crew, "crew-b"]
        assert case.journal().models[-1] == "crew-b"

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_the_retries_of_the_fallback_are_told(case: Case) -> None:
    case.script({model: [status(500)] for model in ("pair-a1", "pair-a2", "pair-b1", "pair-b2")})
    answer = case.chat("pair-a")
    case.assert_same_as_recorded(headers=["x-litellm-attempted-fallbacks"], ignore=["journal"])
    assert answer.status == 500
    assert "LiteLLM Retried: 1 times, LiteLLM Max Retries: 1" in answer.json["error"]["message"]
    assert [model[:-1] for model in case.journal().models] == ["pair-a", "pair-a", "pair-b", "pair-b"]


@pytest.mark.parametrize("code", [401, 429])
def test_a_healthy_deployment_answers_before_any_fallback(case: Case, code: int) -> None:
    case.script({f"lame-{code}-1": [status(code)], f"lame-{code}-2": [], "lame-b": []})
    answers = [case.chat(f"lame-{code}") for _ in range(2)]
    case.assert_same_as_recorded(
        headers=["x-litellm-attempted-fallbacks", "x-litellm-model-group", "x-litellm-model-id"], ignore=["journal"]
    )
    assert [answer.headers["x-litellm-attempted-fallbacks"] for answer in answers] == ["0", "0"]
    assert {answer.headers["x-litellm-model-id"] for answer in answers} == {f"lame-{code}-2"}
    assert "lame-b" not in case.journal().models


@pytest.mark.parametrize("retries", [0, 2])
def test_the_client_says_how_often_a_group_is_retried(case: Case, retries: int) -> None:
    case.script({"pair-a1": [status(500)], "pair-a2": [status(500)], "pair-b1": [], "pair-b2": []})
    answer = case.chat("pair-a", num_retries=retries)
    case.assert_same_as_recorded(headers=["x-litellm-attempted-fallbacks"], ignore=["journal", "body.model"])
    assert answer.status == 200
    models = case.journal().models
    assert {model[:-1] for model in models[:-1]} == {"pair-a"}
    assert len(models) == retries + 2


def test_a_header_says_how_often_a_group_is_retried(case: Case) -> None:
    case.script({"again-a": [status(500)], "again-b": []})
    answer = case.chat("again-a", options={"headers": {"x-litellm-num-retries": "0"}})
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.headers["x-litellm-attempted-fallbacks"] == "1"
    assert case.journal().models == ["again-a", "again-b"]


@slow("the only deployment waits before its retry")
def test_a_deployment_is_retried_as_often_as_it_says(case: Case) -> None:
    case.script({"often-a": [status(500)], "often-b": []})
    answer = case.chat("often-a", num_retries=0)

    def as_recorded(answer: Exchange) -> None:
        assert case.journal().models == ["often-a"] * 4 + ["often-b"]

    def required(answer: Exchange) -> None:
        assert answer.headers["x-litellm-attempted-fallbacks"] == "1"
        assert case.journal().models == ["often-a", "often-a", "often-b"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("kind", ["completions", "embeddings"])
def test_other_endpoints_are_retried_too(case: Case, kind: str) -> None:
    case.wait(1.1)  # the other kind's failures may have cooled the deployments down
    case.script({"pair-a1": [status(500)], "pair-a2": [status(500)], "pair-b1": [], "pair-b2": []})
    answer = case.completion("pair-a") if kind == "completions" else case.embed("pair-a")
    case.assert_same_as_recorded(headers=["x-litellm-attempted-fallbacks"], ignore=["journal", "body.model"])
    assert answer.status == 200
    assert answer.headers["x-litellm-attempted-fallbacks"] == "1"
    assert {model[:-1] for model in case.journal().models[:-1]} == {"pair-a"}
