"""D1: budgets are made, changed, shown and deleted."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

pytestmark = contract("D1", config="D1/budgets.yaml")


def test_a_budget_with_defaults(case: Case) -> None:
    answer = case.post("/budget/new", {})
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert answer.json["budget_id"]
    assert answer.json["max_budget"] is None
    assert answer.json["created_by"] == "default_user_id"


def test_a_budget_with_every_field(case: Case) -> None:
    answer = case.post(
        "/budget/new",
        {
            "budget_id": "every-field",
            "max_budget": 5,
            "soft_budget": 4,
            "max_parallel_requests": 3,
            "tpm_limit": 2000,
            "rpm_limit": 20,
            "budget_duration": "7d",
            "unknown": 1,
        },
    )
    found = case.post("/budget/info", {"budgets": ["every-field", "no-such-budget"]})
    case.assert_same_as_recorded()
    assert answer.json["max_budget"] == 5.0
    assert answer.json["budget_reset_at"] is not None
    assert [budget["budget_id"] for budget in found.json] == ["every-field"]
    assert found.json[0]["rpm_limit"] == 20


def test_a_budget_that_begins_anew_on_a_day(case: Case) -> None:
    answer = case.post("/budget/new", {"budget_id": "on-a-day", "budget_reset_at": "2030-01-01T00:00:00Z"})
    case.assert_same_as_recorded()
    assert answer.json["budget_duration"] is None
    assert answer.json["budget_reset_at"] is not None


def test_a_budget_is_changed(case: Case) -> None:
    case.post("/budget/new", {"budget_id": "is-changed", "max_budget": 5, "tpm_limit": 10})
    raised = case.post("/budget/update", {"budget_id": "is-changed", "max_budget": 6})
    cleared = case.post("/budget/update", {"budget_id": "is-changed", "max_budget": None, "budget_duration": "1d"})
    case.assert_same_as_recorded()
    assert raised.json["max_budget"] == 6.0
    assert cleared.json["max_budget"] is None
    assert cleared.json["tpm_limit"] == 10
    assert cleared.json["budget_duration"] == "1d"


def test_a_budget_is_deleted(case: Case) -> None:
    case.post("/budget/new", {"budget_id": "is-deleted", "max_budget": 5})
    deleted = case.post("/budget/delete", {"id": "is-deleted"})
    again = case.post("/budget/delete", {"id": "is-deleted"})
    found = case.post("/budget/info", {"budgets": ["is-deleted"]})
    case.assert_same_as_recorded()
    assert deleted.json["budget_id"] == "is-deleted"
    assert again.json is None
    assert found.json == []


def test_keys_lose_a_budget_that_is_deleted(case: Case) -> None:
    case.post("/budget/new", {"budget_id": "lost-by-keys", "max_budget": 5})
    key = case.post("/key/generate", {"budget_id": "lost-by-keys"}).json["key"]
    case.post("/budget/delete", {"id": "lost-by-keys"})
    found = case.get(f"/key/info?key={key}")
    case.assert_same_as_recorded()
    assert found.json["info"]["budget_id"] is None
    assert found.json["info"]["litellm_budget_table"] is None


def test_an_unknown_budget_is_not_changed(case: Case) -> None:
    answer = case.post("/budget/update", {"budget_id": "no-such-budget", "max_budget": 1})
    found = case.post("/budget/info", {"budgets": ["no-such-budget"]})
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert answer.json is None
    assert found.json == []


def test_what_can_be_set(case: Case) -> None:
    case.post("/budget/new", {"budget_id": "is-set", "max_budget": 5, "tpm_limit": 10})
    known = case.get("/budget/settings?budget_id=is-set")
    unknown = case.get("/budget/settings?budget_id=no-such-budget")
    case.assert_same_as_recorded()
    values = {field["field_name"]: field["field_value"] for field in known.json}
    assert values["max_budget"] == 5.0
    assert values["tpm_limit"] == 10
    assert {field["field_value"] for field in unknown.json} == {None}


REFUSED: dict[str, tuple[int, str, dict[str, Any]]] = {
    "negative": (400, "new", {"max_budget": -1}),
    "negative-soft": (400, "new", {"soft_budget": -1}),
    "in-words": (422, "new", {"max_budget": "much"}),
    "update-negative": (400, "update", {"budget_id": "any", "max_budget": -1}),
    "update-none": (400, "update", {"max_budget": 1}),
    "info-empty": (400, "info", {"budgets": []}),
    "info-none": (422, "info", {}),
    "delete-none": (422, "delete", {}),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_is_refused(case: Case, kind: str) -> None:
    status, route, body = REFUSED[kind]
    answer = case.post(f"/budget/{route}", body)
    case.assert_same_as_recorded()
    assert answer.status == status


def test_settings_of_which_budget(case: Case) -> None:
    answer = case.get("/budget/settings")
    case.assert_same_as_recorded()
    assert answer.status == 422


def test_an_id_is_taken_once(case: Case) -> None:
    case.post("/budget/new", {"budget_id": "taken-once"})
    answer = case.post("/budget/new", {"budget_id": "taken-once", "max_budget": 3})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 400
        assert "taken-once already exists" in answer.json["detail"]["error"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


HURTS: dict[str, tuple[int, dict[str, Any]]] = {
    "no-duration": (400, {"budget_duration": "soon"}),
    "not-a-number": (422, {"max_budget": "NaN"}),
    "huge-limit": (422, {"tpm_limit": 10**30}),
    "nul": (422, {"budget_id": "a\u0000b"}),
}


@pytest.mark.parametrize("kind", HURTS)
def test_a_mistake_of_the_client_is_told(case: Case, kind: str) -> None:
    status, body = HURTS[kind]
    answer = case.post("/budget/new", body)

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == status

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_budgets_of_models(case: Case) -> None:
    limits = {"some-model": {"max_budget": 1.5, "budget_duration": "1d"}}
    answer = case.post("/budget/new", {"budget_id": "of-models", "model_max_budget": limits})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 400

    def required(answer: Exchange) -> None:
        assert answer.json["model_max_budget"]["some-model"]["max_budget"] == 1.5

    case.deviates(answer, as_recorded=as_recorded, required=required)
