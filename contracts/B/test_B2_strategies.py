"""B2: the other strategies: at random, in order of usage, by price, by speed, by calls in progress."""

import pytest

from contracts.B.strategies import chats, early_in_the_minute, used
from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract, slow
from fixtures.replies import ok

SHUFFLE = {"config": "B2/shuffle.yaml"}
COST = {"config": "B2/cost.yaml"}
LATENCY = {"config": "B2/latency.yaml"}
BUSY = {"config": "B2/busy.yaml"}
V1 = {"config": "B2/v1.yaml"}
ID = ["x-litellm-model-id"]

pytestmark = contract("B2", **SHUFFLE)


def _shares(case: Case, group: str, count: int) -> int:
    """How many of the calls the first deployment served."""
    case.script({f"{group}-first": [], f"{group}-second": []})
    for _ in range(count):
        case.chat(group)
    case.assert_same_as_recorded(ignore=["journal"])
    models = case.journal().models
    assert len(models) == count
    return models.count(f"{group}-first")


@pytest.mark.parametrize("group", ["weighted", "rated"])
def test_traffic_follows_shares(case: Case, group: str) -> None:
    assert _shares(case, group, 60) >= 45


def test_shares_that_the_first_deployment_does_not_have_are_ignored(case: Case) -> None:
    assert 10 <= _shares(case, "latter", 60) <= 50


def test_whoever_lacks_the_share_of_the_first_gets_nothing(case: Case) -> None:
    assert _shares(case, "former", 12) == 12


def test_shares_of_nothing_are_none(case: Case) -> None:
    case.script({"nothing-first": [], "nothing-second": []})
    answer = case.chat("nothing")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 200

    case.deviates(answer, as_recorded=as_recorded, required=required)


@contract("B2", **V1)
@slow("counts settle between the calls")
def test_the_first_of_the_least_used_serves(case: Case) -> None:
    case.script({"ordered-first": [used(200)], "ordered-second": [used(15)]})
    early_in_the_minute(case, 10)
    answers = chats(case, "ordered", 8)
    case.assert_same_as_recorded(headers=ID)
    assert answers[0].headers["x-litellm-model-id"] == "ordered-1"
    assert case.journal().models == ["ordered-first"] + ["ordered-second"] * 7


@contract("B2", **V1)
def test_requests_are_limited_by_the_first_strategy_too(case: Case) -> None:
    case.script({"upstream-alone": []})
    early_in_the_minute(case)
    answers = chats(case, "alone", 3)

    def as_recorded(*answers: Exchange) -> None:
        assert [answer.status for answer in answers] == [200, 429, 429]

    def required(*answers: Exchange) -> None:
        assert [answer.status for answer in answers] == [200, 200, 429]
        assert answers[2].json["error"]["message"].startswith("No deployments available for selected model")

    case.deviates(*answers, as_recorded=as_recorded, required=required)


@contract("B2", **V1)
def test_tokens_are_limited_by_the_first_strategy_too(case: Case) -> None:
    case.script({"upstream-tokened": [used(15)]})
    early_in_the_minute(case)
    answers = chats(case, "tokened", 2)
    case.assert_same_as_recorded()
    assert [answer.status for answer in answers] == [200, 429]
    assert len(case.journal()) == 1


@contract("B2", **V1)
def test_budgets_hold_under_the_first_strategy(case: Case) -> None:
    case.script({"upstream-poor": []})
    answers = chats(case, "poor", 2)

    def as_recorded(*answers: Exchange) -> None:
        assert [answer.status for answer in answers] == [200, 200]

    def required(*answers: Exchange) -> None:
        assert [answer.status for answer in answers] == [200, 429]
        assert "crossed budget" in answers[1].json["error"]["message"]

    case.deviates(*answers, as_recorded=as_recorded, required=required)


@contract("B2", **COST)
@pytest.mark.parametrize(("group", "cheapest"), [("priced", 2), ("equal", 1), ("unknown", 2)])
def test_the_cheapest_serves(case: Case, group: str, cheapest: int) -> None:
    case.script({f"{group}-first": [], f"{group}-second": []})
    for _ in range(8):
        case.chat(group)
    case.assert_same_as_recorded(headers=ID)
    served = f"{group}-{'first' if cheapest == 1 else 'second'}"
    assert case.journal().models == [served] * 8


@contract("B2", **COST)
def test_the_cheapest_is_limited(case: Case) -> None:
    case.script({"upstream-limited": []})
    early_in_the_minute(case)
    answers = chats(case, "limited", 3)
    case.assert_same_as_recorded()
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert answers[2].json["error"]["message"].startswith("No deployments available for selected model")
    assert len(case.journal()) == 2


@contract("B2", **LATENCY)
@slow("an answer of 0.4 s, and counts settle between the calls")
@pytest.mark.parametrize("stream", [False, True])
def test_the_fastest_serves(case: Case, stream: bool) -> None:
    group = "flowing" if stream else "racing"
    case.script({f"{group}-slow": [ok().slow(0.4)], f"{group}-fast": [ok()]})
    chats(case, group, 8, stream=stream)
    case.assert_same_as_recorded(ignore=["journal"])
    assert case.journal().models.count(f"{group}-slow") == 1


@contract("B2", **BUSY, provenance="documented")
@slow("a call that takes longer than those meanwhile")
def test_whoever_has_the_fewest_calls_serves(case: Case) -> None:
    """Of the reference this was seen by hand (B.md, B2), where its count of calls in progress had not gone wrong yet."""
    case.script({"busy-first": [ok("late").slow(1.5)], "busy-second": [ok("soon")]})

    def meanwhile() -> list[str | None]:
        case.wait(0.5)
        return [case.chat("busy").content for _ in range(3)]

    late, soon = case.concurrently([lambda: case.chat("busy").content, meanwhile])
    assert (late, soon) == ("late", ["soon"] * 3)
    assert case.journal().models.count("busy-second") == 3
