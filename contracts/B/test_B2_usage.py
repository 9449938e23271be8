"""B2: routing by what deployments were used for in the current minute."""

import pytest

from contracts.B.strategies import NO_LIMITS, chats, early_in_the_minute, used
from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract, slow
from fixtures.replies import ok, status

pytestmark = contract("B2", config="B2/v2.yaml")

LIMITS = [f"x-ratelimit-{kind}-{of}" for of in ("requests", "tokens") for kind in ("limit", "remaining")]


@slow("counts settle between the calls")
@pytest.mark.parametrize("stream", [False, True])
def test_the_least_used_deployment_serves(case: Case, stream: bool) -> None:
    group = "flowing" if stream else "lowest"
    case.script({f"{group}-first": [used(200)], f"{group}-second": [used(15)]})
    early_in_the_minute(case, 10)
    chats(case, group, 8, stream=stream)
    case.assert_same_as_recorded(ignore=["body.usage", "journal", "events"])
    models = case.journal().models
    assert models.count(f"{group}-first") == 1
    assert models[2:] == [f"{group}-second"] * 6


@pytest.mark.parametrize("group", ["once", "informed", "outside"])
def test_a_limit_may_stand_in_three_places(case: Case, group: str) -> None:
    case.script({f"upstream-{group}": []})
    early_in_the_minute(case)
    answers = chats(case, group, 2)
    case.assert_same_as_recorded(ignore=["body.error.message"])
    assert [answer.status for answer in answers] == [200, 429]
    error = answers[1].json["error"]
    assert (error["type"], error["param"], error["code"]) == ("throttling_error", None, "429")
    assert "'rpm_limit': 1}" in error["message"]
    assert len(case.journal()) == 1


def test_a_limit_admits_as_many_as_it_says(case: Case) -> None:
    case.script({"upstream-thrice": []})
    early_in_the_minute(case)
    answers = chats(case, "thrice", 4)

    def as_recorded(*answers: Exchange) -> None:
        assert [answer.status for answer in answers] == [200, 200, 429, 429]

    def required(*answers: Exchange) -> None:
        assert [answer.status for answer in answers] == [200, 200, 200, 429]
        assert answers[3].json["error"]["type"] == "throttling_error"

    case.deviates(*answers, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("group", ["tokened", "wordy"])
def test_tokens_are_limited(case: Case, group: str) -> None:
    case.script({f"upstream-{group}": [used(15)]})
    early_in_the_minute(case)
    answers = chats(case, group, 2)
    case.assert_same_as_recorded(ignore=["body.error.message"])
    assert [answer.status for answer in answers] == [200, 429]
    message = answers[1].json["error"]["message"]
    assert message.startswith(
        f"litellm.RateLimitError: No deployments available for selected model. Passed model={group}. Deployments="
    )
    assert "'current_tpm': 15" in message
    assert "'rpm_limit': inf}" in message
    assert len(case.journal()) == 1


def test_text_completions_are_limited(case: Case) -> None:
    case.script({"upstream-prompt": []})
    early_in_the_minute(case)
    answers = [case.completion("prompt"), case.completion("prompt")]
    case.assert_same_as_recorded(ignore=["body.error.message"])
    assert [answer.status for answer in answers] == [200, 429]
    assert len(case.journal()) == 1


def test_embeddings_are_limited(case: Case) -> None:
    case.script({"upstream-vector": []})
    early_in_the_minute(case)
    answers = [case.embed("vector"), case.embed("vector")]
    case.assert_same_as_recorded(ignore=["body.error.message"])
    assert [answer.status for answer in answers] == [200, 429]
    assert len(case.journal()) == 1


def test_a_group_over_its_limit_falls_back(case: Case) -> None:
    case.script({"upstream-falling": [], "upstream-rescue": [ok("rescued")]})
    early_in_the_minute(case)
    answers = chats(case, "falling", 2)
    case.assert_same_as_recorded(headers=["x-litellm-attempted-fallbacks", "x-litellm-model-id"])
    assert [answer.status for answer in answers] == [200, 200]
    assert answers[1].headers["x-litellm-attempted-fallbacks"] == "1"
    assert answers[1].content == "rescued"
    assert case.journal().models == ["upstream-falling", "upstream-rescue"]


def test_calls_that_fail_count_too(case: Case) -> None:
    case.script({"upstream-failing": [status(400)]})
    early_in_the_minute(case)
    answers = chats(case, "failing", 2)
    case.assert_same_as_recorded(ignore=["body.error.message"])
    assert [answer.status for answer in answers] == [400, 429]
    assert len(case.journal()) == 1


def test_answers_tell_what_the_group_has_left(case: Case) -> None:
    case.script({"headed-first": [ok(headers=NO_LIMITS)], "headed-second": [ok(headers=NO_LIMITS)]})
    early_in_the_minute(case)
    first, second = chats(case, "headed", 2)
    case.assert_same_as_recorded(headers=LIMITS, ignore=["journal"])
    assert [first.headers[name] for name in LIMITS] == ["15", "15", "1000", "1000"]
    assert second.headers["x-ratelimit-remaining-requests"] == "14"


def test_an_upstreams_own_limits_are_told_instead(case: Case) -> None:
    case.script({"headed-first": [], "headed-second": []})
    answer = case.chat("headed")
    case.assert_same_as_recorded(headers=LIMITS, ignore=["journal"])
    assert answer.headers["x-ratelimit-limit-requests"] == "100"


@contract("B2", config="B2/shared.yaml")
@slow("counts settle between the calls")
def test_usage_is_shared_through_redis(case: Case) -> None:
    case.script({"common-first": [used(200)], "common-second": [used(15)]})
    early_in_the_minute(case, 10)
    chats(case, "common", 6)
    case.assert_same_as_recorded(ignore=["body.usage", "journal"])
    models = case.journal().models
    assert models.count("common-first") == 1
    assert models[2:] == ["common-second"] * 4


@contract("B2", config="B2/shared.yaml")
def test_a_limit_is_shared_through_redis(case: Case) -> None:
    case.script({"upstream-single": []})
    early_in_the_minute(case)
    answers = chats(case, "single", 2)
    case.assert_same_as_recorded(ignore=["body.error.message"])
    assert [answer.status for answer in answers] == [200, 429]
    assert "Passed model=single. Deployments={'single-1': " in answers[1].json["error"]["message"]


@contract("B2", config="B2/named.yaml", provenance="documented")
def test_lowest_tpm_rpm_names_the_same(case: Case) -> None:
    case.script({"spoken-first": [used(200)], "spoken-second": [used(15)]})
    early_in_the_minute(case)
    answers = chats(case, "spoken", 5)
    assert [answer.status for answer in answers] == [200] * 5
    assert case.journal().models.count("spoken-first") == 1
