"""B1: a call that must stay in a region is served there or not at all."""

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import Reply, ok, rate_limited, status

pytestmark = contract("B1", config="B1/regions.yaml")

HEADERS = ["x-litellm-model-id", "x-litellm-attempted-fallbacks"]
EVERYWHERE: dict[str, list[Reply]] = {"placed-us": [], "placed-eu": [], "placed-none": []}
IN_CLOUDS: dict[str, list[Reply]] = {"cloud-us": [], "cloud-eu": []}


def _is_refused(answer: Exchange, group: str) -> None:
    assert answer.status == 429
    error = answer.json["error"]
    assert error["message"].startswith("No deployments available for selected model, Try again in 1 seconds.")
    assert f"Passed model={group}. pre-call-checks=True" in error["message"]
    assert (error["type"], error["param"], error["code"]) == ("None", "None", "429")


@pytest.mark.parametrize("region", ["us", "eu"])
def test_only_deployments_of_the_region_serve(case: Case, region: str) -> None:
    case.script(EVERYWHERE)
    answers = [case.chat("placed-chat", allowed_model_region=region) for _ in range(8)]
    case.assert_same_as_recorded(headers=HEADERS)
    assert {answer.headers["x-litellm-model-id"] for answer in answers} == {f"placed-{region}-1"}
    assert case.journal().models == [f"placed-{region}"] * 8
    assert not any("allowed_model_region" in body for body in case.journal().bodies)


@pytest.mark.parametrize("fields", [{}, {"allowed_model_region": None}], ids=["unsaid", "null"])
def test_without_a_region_everybody_serves(case: Case, fields: dict[str, None]) -> None:
    case.script(EVERYWHERE)
    answers = [case.chat("placed-chat", **fields) for _ in range(24)]
    assert {answer.status for answer in answers} == {200}
    assert set(case.journal().models) == {"placed-us", "placed-eu", "placed-none"}


def test_nobody_is_in_the_region(case: Case) -> None:
    case.script(EVERYWHERE)
    answer = case.chat("placed-chat", allowed_model_region="asia")
    case.assert_same_as_recorded(headers=["retry-after"])
    _is_refused(answer, "placed-chat")
    assert len(case.journal()) == 0


def test_who_says_no_region_is_in_none(case: Case) -> None:
    case.script({"homeless": []})
    answer = case.chat("homeless-chat", allowed_model_region="eu")
    case.assert_same_as_recorded()
    _is_refused(answer, "homeless-chat")
    assert len(case.journal()) == 0


def test_an_alias(case: Case) -> None:
    case.script(EVERYWHERE)
    served = case.chat("moved-chat", allowed_model_region="eu")
    refused = case.chat("moved-chat", allowed_model_region="asia")
    case.assert_same_as_recorded(headers=HEADERS)
    assert served.headers["x-litellm-model-id"] == "placed-eu-1"
    _is_refused(refused, "placed-chat")


def test_a_stream(case: Case) -> None:
    case.script(EVERYWHERE)
    answers = [case.stream("placed-chat", allowed_model_region="eu") for _ in range(4)]
    case.assert_same_as_recorded(headers=["x-litellm-model-id"])
    assert {answer.headers["x-litellm-model-id"] for answer in answers} == {"placed-eu-1"}
    assert case.journal().models == ["placed-eu"] * 4


def test_a_refused_stream(case: Case) -> None:
    case.script({"homeless": []})
    answer = case.stream("homeless-chat", allowed_model_region="eu")
    case.assert_same_as_recorded()
    _is_refused(answer, "homeless-chat")


def test_text_completions_stay_too(case: Case) -> None:
    case.script(EVERYWHERE)
    answers = [case.completion("placed-chat", allowed_model_region="eu") for _ in range(4)]
    case.assert_same_as_recorded()
    assert {answer.status for answer in answers} == {200}
    assert case.journal().models == ["placed-eu"] * 4


def test_messages_in_anthropics_format_stay_too(case: Case) -> None:
    case.script(EVERYWHERE)
    body = {"model": "placed-chat", "max_tokens": 9, "messages": [{"role": "user", "content": "hello"}]}
    answers = [case.post("/v1/messages", {**body, "allowed_model_region": "eu"}) for _ in range(4)]
    assert {answer.status for answer in answers} == {200}
    assert case.journal().models == ["placed-eu"] * 4


@pytest.mark.parametrize("path", ["/v1/embeddings", "/v1/responses"])
def test_whatever_has_no_messages_stays_too(case: Case, path: str) -> None:
    case.script(EVERYWHERE)
    body = {"model": "placed-chat", "input": "hello", "allowed_model_region": "eu"}
    answers = [case.post(path, body) for _ in range(16)]
    served = set(case.journal().models)

    def as_recorded(answers: list[Exchange]) -> None:
        assert {answer.status for answer in answers} == {200}
        assert len(served) > 1

    def required(answers: list[Exchange]) -> None:
        assert {answer.status for answer in answers} == {200}
        assert served == {"placed-eu"}

    case.deviates(answers, as_recorded=as_recorded, required=required)


# --- names of places -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("region", "served"), [("us-east1", "cloud-us"), ("eu-west1", "cloud-eu")])
def test_the_place_itself(case: Case, region: str, served: str) -> None:
    case.script(IN_CLOUDS)
    answers = [case.chat("cloud-chat", allowed_model_region=region) for _ in range(4)]
    case.assert_same_as_recorded(headers=HEADERS)
    assert {answer.status for answer in answers} == {200}
    assert case.journal().models == [served] * 4


@pytest.mark.parametrize(("region", "served"), [("us", "cloud-us"), ("eu", "cloud-eu")])
def test_the_region_that_a_place_lies_in(case: Case, region: str, served: str) -> None:
    case.script(IN_CLOUDS)
    answers = [case.chat("cloud-chat", allowed_model_region=region) for _ in range(4)]
    called = case.journal().models

    def as_recorded(answers: list[Exchange]) -> None:
        for answer in answers:
            _is_refused(answer, "cloud-chat")
        assert called == []

    def required(answers: list[Exchange]) -> None:
        assert {answer.status for answer in answers} == {200}
        assert called == [served] * 4

    case.deviates(answers, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("region", ["eu-west", "EU-WEST1", "west1"])
def test_parts_of_a_name_are_no_region(case: Case, region: str) -> None:
    case.script(IN_CLOUDS)
    answer = case.chat("cloud-chat", allowed_model_region=region)
    case.assert_same_as_recorded()
    _is_refused(answer, "cloud-chat")
    assert len(case.journal()) == 0


@pytest.mark.parametrize("region", [{"in": "eu"}, ["eu"], 7, True], ids=["object", "list", "number", "boolean"])
def test_what_is_no_name_is_the_clients_mistake(case: Case, region: object) -> None:
    case.script(EVERYWHERE)
    answer = case.chat("placed-chat", allowed_model_region=region)
    calls = len(case.journal())

    def as_recorded(answer: Exchange) -> None:
        _is_refused(answer, "placed-chat")
        assert calls == 0

    def required(answer: Exchange) -> None:
        assert answer.status == 400
        assert "allowed_model_region" in answer.json["error"]["message"]
        assert calls == 0

    case.deviates(answer, as_recorded=as_recorded, required=required)


# --- callers that are bound ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fields", [{}, {"allowed_model_region": "us"}], ids=["unsaid", "another"])
def test_a_callers_region_replaces_what_is_asked(case: Case, fields: dict[str, str]) -> None:
    case.script(EVERYWHERE)
    answers = [case.chat("placed-chat", **fields, options={"key": "sk-european"}) for _ in range(6)]
    case.assert_same_as_recorded(headers=HEADERS)
    assert {answer.headers["x-litellm-model-id"] for answer in answers} == {"placed-eu-1"}
    assert case.journal().models == ["placed-eu"] * 6


def test_nobody_is_in_the_callers_region(case: Case) -> None:
    case.script({"homeless": []})
    answer = case.chat("homeless-chat", options={"key": "sk-european"})
    case.assert_same_as_recorded()
    _is_refused(answer, "homeless-chat")
    assert len(case.journal()) == 0


# --- failures ------------------------------------------------------------------------------------------------------------


def test_a_fallback_may_be_in_the_region(case: Case) -> None:
    case.script({"abroad-us": [], **EVERYWHERE})
    answer = case.chat("abroad-chat", allowed_model_region="eu")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.headers["x-litellm-model-id"] == "placed-eu-1"
    assert answer.headers["x-litellm-attempted-fallbacks"] == "1"
    assert case.journal().models == ["placed-eu"]


def test_a_fallback_may_be_abroad_too(case: Case) -> None:
    case.script({"abroad-us": [], **EVERYWHERE})
    answer = case.chat("abroad-chat", allowed_model_region="asia")
    case.assert_same_as_recorded()
    assert answer.status == 429
    assert len(case.journal()) == 0


def test_a_retry_stays_in_the_region(case: Case) -> None:
    case.script({"faulty-us": [], "faulty-eu": [status(500), ok("at last")]})
    answer = case.chat("faulty-chat", allowed_model_region="eu", num_retries=1)
    case.assert_same_as_recorded(headers=[*HEADERS, "x-litellm-attempted-retries"])
    assert answer.content == "at last"
    assert case.journal().models == ["faulty-eu", "faulty-eu"]


def test_a_refusal_is_not_retried(case: Case) -> None:
    case.script({"homeless": []})
    answer = case.chat("homeless-chat", allowed_model_region="eu", num_retries=1, options={"taped": True})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 429
        assert answer.seconds > 0.5

    def required(answer: Exchange) -> None:
        assert answer.status == 429
        assert answer.seconds < 0.5

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_a_region_that_is_cooling_down(case: Case) -> None:
    case.script({"weary-us": [], "weary-eu": [rate_limited(), ok("awake")]})
    first = case.chat("weary-chat", allowed_model_region="eu")
    second = case.chat("weary-chat", allowed_model_region="eu")
    elsewhere = case.chat("weary-chat", allowed_model_region="us")
    case.wait(1.3)
    third = case.chat("weary-chat", allowed_model_region="eu")
    case.assert_same_as_recorded()
    assert first.status == 429
    _is_refused(second, "weary-chat")
    assert "weary-eu-1" in second.json["error"]["message"]
    assert (elsewhere.status, third.content) == (200, "awake")
    assert case.journal().models == ["weary-eu", "weary-us", "weary-eu"]


@contract("B1", config="B1/unchecked.yaml")
def test_nobody_looks_at_regions_without_checks_before_the_call(case: Case) -> None:
    case.script({"loose-us": [], "loose-eu": []})
    answers = [case.chat("loose-chat", allowed_model_region="eu") for _ in range(16)]
    assert {answer.status for answer in answers} == {200}
    assert set(case.journal().models) == {"loose-us", "loose-eu"}
