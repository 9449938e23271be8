"""Limits that a user's own function says of callers; windows of four seconds; tokens that models write."""

import pytest

from contracts.core.test_limits import hashed, refusal, refused
from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract, slow
from fixtures.replies import ok, stream

pytestmark = contract("core", config="limits/own.yaml")

NAMES = {
    "user": "somebody",
    "team": "crew",
    "team_member": "crew:sailor",
    "organization": "house",
    "end_user": "guest",
    "model_per_key": f"{hashed('sk-model-per-key')}:own-limited",
    "model_per_organization": "house:own-limited",
}


def called(case: Case, key: str) -> Exchange:
    return case.chat("own-limited", options={"key": key})


@slow("a window has to end")
def test_a_window_ends(case: Case) -> None:
    case.script({"own-limited-up": []})
    answers = [called(case, "sk-window"), called(case, "sk-window")]
    case.wait(4.5)
    answers.append(called(case, "sk-window"))
    case.assert_same_as_recorded(headers=["rate_limit_type", "x-ratelimit-api_key-remaining-requests"])
    assert [answer.status for answer in answers] == [200, 429, 200]
    assert 0 < int(answers[1].headers["retry-after"]) <= 4


def test_what_models_write_counts(case: Case) -> None:
    case.script({"own-limited-up": []})
    answers = []
    for _ in range(3):
        answers.append(called(case, "sk-output"))
        case.wait(0.3)
    case.assert_same_as_recorded(headers=["rate_limit_type", "x-ratelimit-api_key-remaining-tokens"])
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert answers[1].headers["x-ratelimit-api_key-remaining-tokens"] == "1"


@pytest.mark.parametrize("scope", sorted(NAMES))
def test_whose_limit_it_is(case: Case, scope: str) -> None:
    case.script({"own-limited-up": []})
    answers = [called(case, f"sk-{scope.replace('_', '-')}") for _ in range(2)]
    case.assert_same_as_recorded(headers=["rate_limit_type", f"x-ratelimit-{scope}-remaining-requests"])
    assert answers[0].headers[f"x-ratelimit-{scope}-remaining-requests"] == "0"
    assert refusal(answers[1]) == refused(scope, NAMES[scope])


def test_who_goes_away_gives_its_place_back(case: Case) -> None:
    case.script({"own-limited-up": [stream(["a", "b", "c", "d", "e"], pace=0.3), ok()]})
    gone = case.post(
        "/v1/chat/completions",
        {"model": "own-limited", "stream": True, "messages": [{"role": "user", "content": "hello"}]},
        key="sk-parallel",
        close_after=1,
    )
    case.wait(2.0)
    answer = called(case, "sk-parallel")
    assert gone.end == "client-closed"

    def as_recorded(answer: Exchange) -> None:
        assert refusal(answer) == refused("api_key", hashed("sk-parallel"), "max_parallel_requests")

    def required(answer: Exchange) -> None:
        assert answer.status == 200

    case.deviates(answer, as_recorded=as_recorded, required=required)
