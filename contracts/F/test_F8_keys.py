"""F8: budgets of keys, for all models and for single ones. They are looked at before a deployment is picked."""

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract, slow

pytestmark = contract("F8", config="F8/keys.yaml")

DOCUMENTED = {"config": "F8/keys.yaml", "provenance": "documented"}


def generated(case: Case, **fields: object) -> str:
    """A new key."""
    key: str = case.post("/key/generate", fields).json["key"]
    return key


def budgeted(case: Case, **budgets: object) -> str:
    """A new key with budgets for models."""
    return generated(case, model_max_budget=budgets)


def chats(case: Case, key: str, model: str, count: int) -> list[Exchange]:
    return [case.chat(model, options={"key": key}) for _ in range(count)]


def test_a_key_over_its_budget_does_not_fall_back(case: Case) -> None:
    case.script({"upstream-bought": [], "upstream-rescue": []})
    answer = case.chat("bought", options={"key": generated(case, spend=0.5, max_budget=0.25)})
    case.assert_same_as_recorded()
    assert answer.status == 400
    assert answer.json["error"]["type"] == "budget_exceeded"
    assert case.journal().models == []


@contract("F8", **DOCUMENTED)
@pytest.mark.parametrize(
    "entry",
    [{"budget_limit": 0.01, "time_period": "1d"}, {"max_budget": 0.01, "budget_duration": "1d"}],
    ids=["budget_limit", "max_budget"],
)
def test_a_model_whose_budget_is_spent(case: Case, entry: dict[str, object]) -> None:
    case.script({"upstream-bought": [], "upstream-rescue": [], "upstream-other": []})
    key = budgeted(case, bought=entry)
    first, second = chats(case, key, "bought", 2)
    assert (first.status, second.status) == (200, 400)
    error = second.json["error"]
    assert (error["type"], error["param"], error["code"]) == ("budget_exceeded", None, "400")
    assert error["message"].startswith("LiteLLM Virtual Key: ")
    assert error["message"].endswith(", key_alias: None, exceeded budget for model=bought")
    assert chats(case, key, "other", 1)[0].status == 200
    assert case.journal().models == ["upstream-bought", "upstream-other"]


@contract("F8", **DOCUMENTED)
def test_the_model_behind_a_group_has_the_budget(case: Case) -> None:
    case.script({"upstream-other": []})
    key = budgeted(case, **{"upstream-other": {"budget_limit": 0.01, "time_period": "1d"}})
    assert [answer.status for answer in chats(case, key, "other", 2)] == [200, 400]


@contract("F8", **DOCUMENTED)
@slow("a period must end, and what is known of a key is a few seconds old")
def test_a_period_ends(case: Case) -> None:
    case.script({"upstream-other": []})
    key = budgeted(case, other={"budget_limit": 0.01, "time_period": "2s"})
    assert [answer.status for answer in chats(case, key, "other", 2)] == [200, 400]
    case.until(lambda: case.chat("other", options={"key": key}), lambda answer: answer.status == 200)


@contract("F8", **DOCUMENTED)
def test_dollars_of_nothing_are_no_limit(case: Case) -> None:
    case.script({"upstream-other": []})
    key = budgeted(case, other={"budget_limit": 0, "time_period": "1d"})
    assert [answer.status for answer in chats(case, key, "other", 2)] == [200, 200]


@contract("F8", **DOCUMENTED)
@pytest.mark.parametrize("entry", [{"budget_limit": -1}, {"budget_limit": 1, "time_period": "soon"}, 5], ids=str)
def test_what_is_no_budget_is_refused(case: Case, entry: object) -> None:
    answer = case.post("/key/generate", {"model_max_budget": {"other": entry}})
    assert answer.status == 400
    assert "Invalid model_max_budget: other: " in str(answer.json)
