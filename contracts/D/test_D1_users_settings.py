"""D1: what new users get beside what is said of them."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

pytestmark = contract("D1", config="D1/users_settings.yaml")

patched = contract("D1", config="D1/users_patched.yaml")


def change(case: Case, settings: dict[str, Any]) -> Exchange:
    return case.request("PATCH", "/update/internal_user_settings", json=settings)


def test_defaults_of_the_config(case: Case) -> None:
    made = case.post("/user/new", {"user_id": "default-user"})
    found = case.get("/user/info?user_id=default-user")
    settings = case.get("/get/internal_user_settings")
    case.assert_same_as_recorded()
    assert (made.json["user_role"], made.json["max_budget"]) == ("internal_user_viewer", 4.5)
    assert found.json["user_info"]["models"] == ["defaults-group"]
    assert found.json["keys"][0]["models"] == ["defaults-group"]
    assert settings.json["values"]["budget_duration"] == "1d"


def test_what_is_said_comes_first(case: Case) -> None:
    fields = {"user_role": "internal_user", "max_budget": 1, "models": ["other"], "budget_duration": "2d"}
    made = case.post("/user/new", {"user_id": "special-user", **fields})
    case.assert_same_as_recorded()
    assert (made.json["user_role"], made.json["max_budget"], made.json["models"]) == ("internal_user", 1.0, ["other"])


def test_admins_have_no_defaults(case: Case) -> None:
    made = case.post("/user/new", {"user_id": "default-admin", "user_role": "proxy_admin"})
    case.assert_same_as_recorded()
    assert (made.json["max_budget"], made.json["models"]) == (None, [])


def test_teams_of_new_users(case: Case) -> None:
    case.post("/team/new", {"team_id": "default-team"})
    made = case.post("/user/new", {"user_id": "teamed-by-default"})
    found = case.get("/user/list?user_ids=teamed-by-default")
    assert made.status == 200
    assert found.json["users"][0]["teams"] == ["default-team"]


@patched
def test_settings_are_changed(case: Case) -> None:
    answer = change(case, {"user_role": "internal_user_viewer", "max_budget": 5, "models": ["patched-group"]})
    found = case.get("/get/internal_user_settings")
    case.assert_same_as_recorded()
    assert answer.json["settings"] == {
        "user_role": "internal_user_viewer",
        "max_budget": 5.0,
        "models": ["patched-group"],
    }
    assert found.json["values"]["max_budget"] == 5.0
    assert found.json["values"]["teams"] is None


@patched
def test_settings_are_replaced_wholly(case: Case) -> None:
    change(case, {"max_budget": 5, "teams": ["one-team"]})
    answer = change(case, {"budget_duration": "weekly"})
    found = case.get("/get/internal_user_settings")
    case.assert_same_as_recorded()
    assert answer.json["settings"] == {"user_role": "internal_user", "budget_duration": "weekly"}
    assert found.json["values"]["max_budget"] is found.json["values"]["teams"] is None


@patched
def test_changed_settings_hold_at_once(case: Case) -> None:
    """In the reference they hold after somebody has looked at them."""
    change(case, {"max_budget": 3})
    change(case, {"max_budget": 6})
    made = case.post("/user/new", {"user_id": "patched-user"})

    def as_recorded(made: Exchange) -> None:
        assert made.json["max_budget"] == 3.0

    def required(made: Exchange) -> None:
        assert made.json["max_budget"] == 6.0

    case.deviates(made, as_recorded=as_recorded, required=required)


@patched
def test_teams_of_settings_may_have_budgets(case: Case) -> None:
    team = {"team_id": "some-team", "max_budget_in_team": 2, "user_role": "user"}
    answer = change(case, {"teams": [team]})
    found = case.get("/get/internal_user_settings")
    case.assert_same_as_recorded()
    assert found.json["values"]["teams"] == answer.json["settings"]["teams"]
    assert found.json["values"]["teams"][0]["max_budget_in_team"] == 2.0


@patched
def test_a_budget_that_cannot_be(case: Case) -> None:
    change(case, {"max_budget": 1})
    answer = change(case, {"max_budget": -1})
    found = case.get("/get/internal_user_settings")

    def as_recorded(answer: Exchange, found: Exchange) -> None:
        assert answer.status == 200

    def required(answer: Exchange, found: Exchange) -> None:
        assert answer.status == 400
        assert found.json["values"]["max_budget"] == 1.0

    case.deviates(answer, found, as_recorded=as_recorded, required=required)


WRONG: dict[str, Any] = {
    "text": {"max_budget": "much"},
    "models": {"models": "patched-group"},
    "teams": {"teams": [7]},
}


@patched
@pytest.mark.parametrize("name", WRONG)
def test_settings_that_cannot_be(case: Case, name: str) -> None:
    answer = change(case, WRONG[name])
    case.assert_same_as_recorded(ignore=["body.detail[*].loc"])
    assert answer.status == 422


@patched
def test_a_role_that_is_none(case: Case) -> None:
    answer = change(case, {"user_role": "king"})
    case.assert_same_as_recorded(ignore=["body.detail[0].msg", "body.detail[0].ctx"])
    assert answer.status == 422


@patched
@pytest.mark.parametrize("role", ["internal_user", "proxy_admin_viewer"])
def test_settings_are_the_admins(case: Case, role: str) -> None:
    change(case, {})
    fields = {"user_role": role, "max_budget": 1, "budget_duration": "1d", "models": ["patched-group"]}
    key = case.post("/user/new", {"user_id": f"settings-{role}", **fields}).json["key"]
    seen = case.get("/get/internal_user_settings", key=key)
    changed = case.request("PATCH", "/update/internal_user_settings", json={"user_role": "proxy_admin"}, key=key)
    case.assert_same_as_recorded()
    assert {seen.status, changed.status} <= {401, 403}
