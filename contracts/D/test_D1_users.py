"""D1: users are made, with a key of their own, and looked up."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import ok

pytestmark = contract("D1", config="D1/users.yaml")


def test_a_user_with_defaults(case: Case) -> None:
    made = case.post("/user/new", {})
    found = case.get(f"/user/info?user_id={made.json['user_id']}")
    case.assert_same_as_recorded()
    assert made.status == 200
    assert made.json["key"].startswith("sk-")
    assert made.json["token"] is None
    assert len(made.json["user_id"]) == 36
    assert found.json["user_info"]["models"] == []
    assert [key["key_name"] for key in found.json["keys"]] == [made.json["key_name"]]


def test_a_user_with_many_fields(case: Case) -> None:
    made = case.post(
        "/user/new",
        {
            "user_id": "full-user",
            "user_email": "Full@Users.test",
            "user_alias": "Füll Üser",
            "user_role": "internal_user_viewer",
            "models": ["users-group"],
            "max_budget": 8.5,
            "budget_duration": "1d",
            "tpm_limit": 1000,
            "rpm_limit": 10,
            "max_parallel_requests": 3,
            "metadata": {"cost_center": "R&D"},
            "model_rpm_limit": {"users-group": 3},
            "model_tpm_limit": {"users-group": 30},
            "aliases": {"short": "users-group"},
            "permissions": {"get_something": True},
            "allowed_cache_controls": ["no-cache"],
            "sso_user_id": "full-sso",
            "key_alias": "full-user-key",
            "duration": "30d",
            "spend": 1,
            "blocked": False,
        },
    )
    found = case.get("/user/info?user_id=full-user")
    case.assert_same_as_recorded()
    assert made.status == found.status == 200
    assert made.json["max_budget"] == 8.5
    assert made.json["metadata"]["model_rpm_limit"] == {"users-group": 3}
    user = found.json["user_info"]
    assert user["user_email"] == "Full@Users.test"
    assert user["budget_reset_at"] is not None
    [key] = found.json["keys"]
    assert key["max_budget"] is None
    assert key["spend"] == 1.0
    assert key["key_alias"] == "full-user-key"


def test_a_user_without_a_key(case: Case) -> None:
    made = case.post("/user/new", {"user_id": "keyless-user", "auto_create_key": False})
    found = case.get("/user/info?user_id=keyless-user")
    case.assert_same_as_recorded()
    assert made.json["key"] == ""
    assert found.json["keys"] == []


def test_a_key_of_a_new_user_works(case: Case) -> None:
    case.script({"users-upstream": [ok("Hello user")]})
    key = case.post("/user/new", {"user_id": "chatting-user", "models": ["users-group"]}).json["key"]
    answer = case.chat("users-group", options={"key": key})
    found = case.until(
        lambda: case.get("/user/info?user_id=chatting-user"), lambda found: found.json["user_info"]["spend"] > 0
    )
    case.assert_same_as_recorded(
        ignore=["body.user_info.model_spend", "body.keys[0].last_active", "body.user_info.updated_at"]
    )
    assert answer.content == "Hello user"
    assert found.json["user_info"]["spend"] == 10 * 0.001 + 5 * 0.002
    assert len(case.journal().models) == 1


@pytest.mark.parametrize("role", ["proxy_admin", "proxy_admin_viewer", "internal_user", "internal_user_viewer"])
def test_roles(case: Case, role: str) -> None:
    made = case.post("/user/new", {"user_id": f"{role}-user", "user_role": role, "auto_create_key": False})
    found = case.get(f"/user/info?user_id={role}-user")
    case.assert_same_as_recorded()
    assert made.json["user_role"] == found.json["user_info"]["user_role"] == role
    internal = role == "internal_user"
    assert found.json["user_info"]["max_budget"] == (12.5 if internal else None)
    assert found.json["user_info"]["budget_duration"] == ("7d" if internal else None)


def test_a_role_that_is_none(case: Case) -> None:
    """The words name the classes of the implementation."""
    answer = case.post("/user/new", {"user_role": "king"})
    case.assert_same_as_recorded(ignore=["body.detail[0].msg", "body.detail[0].ctx"])
    assert answer.status == 422
    assert answer.json["detail"][0]["loc"] == ["body", "user_role"]


@pytest.mark.parametrize(("name", "blank"), [("taken-user", ""), ("spaced-user", " ")], ids=["same", "with-blanks"])
def test_an_id_is_taken_once(case: Case, name: str, blank: str) -> None:
    case.post("/user/new", {"user_id": name, "auto_create_key": False})
    answer = case.post("/user/new", {"user_id": f"{blank}{name}{blank}"})
    case.assert_same_as_recorded()
    assert answer.status == 409
    assert answer.json["error"]["message"] == f"{{'error': 'User with id {name} already exists'}}"


def test_an_address_is_taken_once(case: Case) -> None:
    case.post("/user/new", {"user_id": "addressed-user", "user_email": "Taken@Users.test", "auto_create_key": False})
    answer = case.post("/user/new", {"user_email": "taken@users.TEST"})
    case.assert_same_as_recorded()
    assert answer.status == 409
    assert "User with email Taken@Users.test already exists" in answer.json["error"]["message"]


def test_an_id_of_a_provider_is_taken_once(case: Case) -> None:
    case.post("/user/new", {"user_id": "sso-user", "sso_user_id": "same-sso", "auto_create_key": False})
    answer = case.post("/user/new", {"user_id": "other-sso-user", "sso_user_id": "same-sso"})
    found = case.get("/user/info?user_id=other-sso-user")

    def as_recorded(answer: Exchange, found: Exchange) -> None:
        assert (answer.status, found.status) == (500, 404)

    def required(answer: Exchange, found: Exchange) -> None:
        assert (answer.status, found.status) == (409, 404)
        assert "same-sso" in answer.json["error"]["message"]

    case.deviates(answer, found, as_recorded=as_recorded, required=required)


def test_a_user_of_a_team(case: Case) -> None:
    case.post("/team/new", {"team_id": "users-team", "team_alias": "Users' Team"})
    made = case.post(
        "/user/new", {"user_id": "teamed-user", "user_email": "teamed@users.test", "team_id": "users-team"}
    )
    found = case.get("/user/info?user_id=teamed-user")
    case.assert_same_as_recorded()
    assert made.json["team_id"] == "users-team"
    assert found.json["user_info"]["teams"] == ["users-team"]
    assert found.json["keys"][0]["team_alias"] == "Users' Team"
    members = found.json["teams"][0]["members_with_roles"]
    assert members[-1] == {"user_id": "teamed-user", "user_email": "teamed@users.test", "role": "user"}


def test_a_user_of_several_teams(case: Case) -> None:
    for name in ("first", "second"):
        case.post("/team/new", {"team_id": f"{name}-users-team", "team_alias": name})
    made = case.post("/user/new", {"user_id": "twice-teamed-user", "teams": ["second-users-team", "first-users-team"]})
    found = case.get("/user/info?user_id=twice-teamed-user")
    case.assert_same_as_recorded(ignore=["body.user_info.teams"])
    assert made.json["team_id"] is None
    assert sorted(found.json["user_info"]["teams"]) == ["first-users-team", "second-users-team"]
    assert [team["team_alias"] for team in found.json["teams"]] == ["first", "second"]


def test_a_role_and_a_budget_in_a_team(case: Case) -> None:
    """In the reference an admin of a team needs a licence, and the budget is dropped; nobody is told."""
    case.post("/team/new", {"team_id": "rich-users-team"})
    team = {"team_id": "rich-users-team", "max_budget_in_team": 3, "user_role": "admin"}
    case.post("/user/new", {"user_id": "rich-user", "teams": [team]})
    found = case.get("/team/info?team_id=rich-users-team")

    def as_recorded(found: Exchange) -> None:
        assert found.json["team_memberships"] == []
        assert len(found.json["team_info"]["members_with_roles"]) == 1

    def required(found: Exchange) -> None:
        assert found.json["team_info"]["members_with_roles"][-1]["role"] == "admin"
        [membership] = found.json["team_memberships"]
        assert membership["litellm_budget_table"]["max_budget"] == 3.0

    case.deviates(found, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("field", ["team_id", "teams", "organizations"])
def test_what_is_not_there_is_not_joined(case: Case, field: str) -> None:
    name = f"missing-{field}-user"
    value: Any = "no-such-place" if field == "team_id" else ["no-such-place"]
    made = case.post("/user/new", {"user_id": name, field: value})
    found = case.get(f"/user/info?user_id={name}")
    case.assert_same_as_recorded()
    assert made.status == 200
    assert found.json["user_info"]["teams"] == []
    assert found.json["user_info"]["organization_memberships"] == []


def test_a_user_of_an_organization(case: Case) -> None:
    case.post("/organization/new", {"organization_id": "users-org", "organization_alias": "Users' organization"})
    made = case.post("/user/new", {"user_id": "organized-user", "organizations": ["users-org"]})
    found = case.get("/user/info?user_id=organized-user")
    case.assert_same_as_recorded()
    assert made.status == 200
    [membership] = found.json["user_info"]["organization_memberships"]
    assert (membership["organization_id"], membership["user_role"]) == ("users-org", "internal_user")


def test_what_a_user_may_reach(case: Case) -> None:
    """The reference drops it."""
    case.post("/user/new", {"user_id": "reaching-user", "object_permission": {"vector_stores": ["some-store"]}})
    found = case.get("/user/info?user_id=reaching-user")

    def as_recorded(found: Exchange) -> None:
        assert found.json["user_info"]["object_permission_id"] is None

    def required(found: Exchange) -> None:
        assert found.json["user_info"]["object_permission_id"] is not None

    case.deviates(found, as_recorded=as_recorded, required=required)


def test_budgets_by_model(case: Case) -> None:
    """A licence in the reference."""
    budgets = {"users-group": {"max_budget": 1.0, "budget_duration": "1d"}}
    answer = case.post("/user/new", {"user_id": "model-budget-user", "model_max_budget": budgets})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 200
        assert answer.json["model_max_budget"] == budgets

    case.deviates(answer, as_recorded=as_recorded, required=required)


WRONG_TYPES: dict[str, dict[str, Any]] = {
    "text-for-a-budget": {"max_budget": "x"},
    "list-for-metadata": {"metadata": [1]},
    "text-for-models": {"models": "users-group"},
    "half-a-limit": {"tpm_limit": 1.5},
    "number-for-an-id": {"user_id": 7},
}


@pytest.mark.parametrize("name", WRONG_TYPES)
def test_fields_of_the_wrong_type(case: Case, name: str) -> None:
    fields = WRONG_TYPES[name]
    answer = case.post("/user/new", {"user_alias": name, **fields})
    case.assert_same_as_recorded()
    assert answer.status == 422
    assert answer.json["detail"][0]["loc"][:2] == ["body", next(iter(fields))]


def test_fields_that_do_not_matter(case: Case) -> None:
    made = case.post(
        "/user/new", {"user_id": "odd-user", "max_budget": "", "no_such_field": 1, "send_invite_email": True}
    )
    found = case.get("/user/info?user_id=odd-user")
    case.assert_same_as_recorded()
    assert made.status == 200
    assert "no_such_field" not in found.text


@pytest.mark.parametrize("period", ["daily", "12h", "1mo"])
def test_periods_of_a_budget(case: Case, period: str) -> None:
    made = case.post("/user/new", {"user_id": f"{period}-user", "budget_duration": period, "auto_create_key": False})
    found = case.get(f"/user/info?user_id={period}-user")
    case.assert_same_as_recorded(ignore=["body.user_info.budget_reset_at"])
    assert made.json["budget_duration"] == period
    assert found.json["user_info"]["budget_reset_at"].endswith(":00:00Z")


def test_names_that_look_like_sql(case: Case) -> None:
    name = "x'; DROP TABLE users;--"
    made = case.post("/user/new", {"user_id": name, "user_alias": name, "user_email": name, "auto_create_key": False})
    found = case.request("GET", "/user/info?user_id=x%27%3B%20DROP%20TABLE%20users%3B--")
    case.assert_same_as_recorded()
    assert made.status == 200
    assert found.json["user_info"]["user_alias"] == name


#: By name: fields, the reference's status, and ours.
IMPOSSIBLE: dict[str, tuple[dict[str, Any], int, int]] = {
    "negative-budget": ({"max_budget": -1}, 200, 400),
    "no-number": ({"max_budget": "nan"}, 500, 422),
    "huge-limit": ({"tpm_limit": 10**30}, 500, 422),
    "no-duration": ({"duration": "soon"}, 500, 400),
    "nul": ({"user_alias": "a\x00b"}, 500, 422),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_what_cannot_be(case: Case, name: str) -> None:
    fields, status, refused = IMPOSSIBLE[name]
    user = f"{name}-user"
    answer = case.post("/user/new", {"user_id": user, **fields})
    found = case.get(f"/user/info?user_id={user}")

    def as_recorded(answer: Exchange, found: Exchange) -> None:
        assert answer.status == status

    def required(answer: Exchange, found: Exchange) -> None:
        assert (answer.status, found.status) == (refused, 404)

    case.deviates(answer, found, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("asked", ["?user_id=nobody-at-all", "?user_id=a%2Bb%40users.test", "?user_id=a+b"])
def test_nobody(case: Case, asked: str) -> None:
    answer = case.get(f"/user/info{asked}")
    case.assert_same_as_recorded()
    assert answer.status == 404
    assert "not found" in answer.json["error"]["message"]


def test_an_address_as_an_id(case: Case) -> None:
    """A plus may stand in a query as it is."""
    case.post("/user/new", {"user_id": "plus+sign@users.test", "auto_create_key": False})
    found = case.get("/user/info?user_id=plus+sign@users.test")
    case.assert_same_as_recorded()
    assert found.json["user_id"] == "plus+sign@users.test"


def test_everybodys_keys_and_teams(case: Case) -> None:
    """Without an id an admin is shown all of them; the case looks at its own."""
    case.post("/team/new", {"team_id": "overview-team", "team_alias": "Overview"})
    case.post("/user/new", {"user_id": "overview-user", "team_id": "overview-team"})
    answer = case.get("/user/info")

    def look(answer: Exchange) -> None:
        assert answer.json["user_id"] is answer.json["user_info"] is None
        [key] = [key for key in answer.json["keys"] if key["user_id"] == "overview-user"]
        assert key["team_alias"] == "Overview"
        assert key["org_id"] is None
        assert len(key["token"]) == 64
        [team] = [team for team in answer.json["teams"] if team["team_id"] == "overview-team"]
        assert team["members_with_roles"][-1]["user_id"] == "overview-user"

    look(answer)
    case.assert_same_as_recorded(ignore=["body.keys", "body.teams"])
