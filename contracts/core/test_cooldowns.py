"""Cooldowns: deployments that fail are left alone for a while."""

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import ok, status

pytestmark = contract("core", config="core/cooldowns.yaml")


def _is_refused(answer: Exchange) -> None:
    assert answer.status == 429
    error = answer.json["error"]
    assert error["message"].startswith("No deployments available for selected model, Try again in 1 seconds.")
    assert (error["type"], error["param"], error["code"]) == ("None", "None", "429")


@pytest.mark.parametrize("code", [429, 500, 503])
def test_one_failure_too_many(case: Case, code: int) -> None:
    case.script({"upstream-lone": [status(code), ok("back again")]})
    first, second = case.chat("lone-chat"), case.chat("lone-chat")
    case.wait(1.3)
    third = case.chat("lone-chat")
    case.assert_same_as_recorded(headers=["retry-after"])
    assert first.status == code
    _is_refused(second)
    assert third.content == "back again"
    assert len(case.journal()) == 2


def test_all_deployments_are_cooling(case: Case) -> None:
    case.script({"upstream-both": [status(500), status(500), ok("back again")]})
    answers = [case.chat("both-chat") for _ in range(3)]
    case.wait(1.3)
    answers.append(case.chat("both-chat"))
    assert [answer.status for answer in answers] == [500, 500, 429, 200]
    _is_refused(answers[2])
    assert "both-chat-1" in answers[2].json["error"]["message"]
    assert "both-chat-2" in answers[2].json["error"]["message"]
    assert len(case.journal()) == 3


@pytest.mark.parametrize("code", [400, 422])
def test_a_clients_mistake_cools_nothing_down(case: Case, code: int) -> None:
    case.script({"upstream-client": [status(code), ok("well")]})
    answers = [case.chat("client-chat") for _ in range(2)]
    case.assert_same_as_recorded()
    assert [answer.status for answer in answers] == [code, 200]


@contract("core", config="core/default_cooldowns.yaml")
@pytest.mark.parametrize("code", [401, 404])
def test_a_single_deployment_is_not_shut_by_one_error(case: Case, code: int) -> None:
    case.script({"upstream-single": [status(code), ok("well")]})
    answers = [case.chat("single-chat") for _ in range(2)]
    calls = len(case.journal())
    case.wait(1.3)
    again = case.chat("single-chat")

    def as_recorded(answers: list[Exchange]) -> None:
        assert answers[0].status == code
        _is_refused(answers[1])
        assert calls == 1
        assert again.status == 200

    def required(answers: list[Exchange]) -> None:
        assert [answer.status for answer in answers] == [code, 200]
        assert calls == 2
        assert again.status == 200

    case.deviates(answers, as_recorded=as_recorded, required=required)


@contract("core", config="core/default_cooldowns.yaml")
@pytest.mark.parametrize("code", [400, 403, 422, 429, 500])
def test_by_default_a_single_deployment_goes_on(case: Case, code: int) -> None:
    case.script({"upstream-sound": [status(code), ok("well")]})
    answers = [case.chat("sound-chat") for _ in range(2)]
    case.assert_same_as_recorded()
    assert [answer.status for answer in answers] == [code, 200]


@contract("core", config="core/default_cooldowns.yaml")
def test_by_default_one_of_several_is_left_alone(case: Case) -> None:
    case.script({"upstream-gone": [status(401), status(401), ok("back again")]})
    answers = [case.chat("gone-chat") for _ in range(3)]
    case.wait(1.3)
    answers.append(case.chat("gone-chat"))
    assert [answer.status for answer in answers] == [401, 401, 429, 200]
    _is_refused(answers[2])
    assert len(case.journal()) == 3


@contract("core", config="core/settings.yaml")
def test_cooldowns_that_are_switched_off(case: Case) -> None:
    case.script({"upstream-hidden": [status(401), status(404), ok("well")]})
    answers = [case.chat("hidden-chat") for _ in range(3)]
    case.assert_same_as_recorded()
    assert [answer.status for answer in answers] == [401, 404, 200]


@contract("core", config="core/settings.yaml")
def test_a_number_of_retries_in_litellm_settings_hides_the_clients(case: Case) -> None:
    case.script({"upstream-hidden": [status(500), ok("too late")]})
    answer = case.chat("hidden-chat", num_retries=2)
    case.assert_same_as_recorded()
    assert answer.status == 500
    assert len(case.journal()) == 1


@contract("core", config="core/settings.yaml")
@pytest.mark.parametrize("field", ["temperature", "top_p", "presence_penalty", "logprobs"])
def test_parameters_that_a_model_does_not_take_are_dropped(case: Case, field: str) -> None:
    case.script({"o3-mini": []})
    answer = case.chat("dropping-chat", **{field: True if field == "logprobs" else 0.5})
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert field not in case.journal().bodies[0]


@contract("core", config="core/settings.yaml")
def test_a_timeout_for_everybody(case: Case) -> None:
    case.script({"upstream-waiting": [ok().slow(2)]})
    answer = case.chat("waiting-chat")
    case.assert_same_as_recorded(headers=["x-litellm-timeout"])
    assert answer.status == 408
