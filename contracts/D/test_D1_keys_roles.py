"""D1: what users of each role may do to keys; a key never widens itself."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

pytestmark = contract("D1", config="D1/keys_roles.yaml")


def person(case: Case, name: str, role: str = "internal_user") -> str:
    """A key of a new user."""
    case.post("/user/new", {"user_id": name, "user_role": role, "auto_create_key": False})
    key: str = case.post("/key/generate", {"user_id": name}).json["key"]
    return key


def key_of(case: Case, **fields: Any) -> str:
    key: str = case.post("/key/generate", fields).json["key"]
    return key


def asks(case: Case, key: str, path: str, body: Any) -> Exchange:
    return case.request("POST", path, json=body, key=key)


def test_users_make_keys_for_themselves_alone(case: Case) -> None:
    user = person(case, "maker-user")
    own = asks(case, user, "/key/generate", {"user_id": "maker-user", "key_alias": "makers-own"})
    others = asks(case, user, "/key/generate", {"user_id": "another-user"})
    case.assert_same_as_recorded()
    assert own.json["user_id"] == own.json["created_by"] == "maker-user"
    assert others.status == 403


def test_a_key_belongs_to_whom_made_it(case: Case) -> None:
    user = person(case, "owner-user")
    answer = asks(case, user, "/key/generate", {})

    def as_recorded(answer: Exchange) -> None:
        assert answer.json["user_id"] is None

    def required(answer: Exchange) -> None:
        assert answer.json["user_id"] == "owner-user"

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_users_change_and_delete_their_own(case: Case) -> None:
    user = person(case, "changer-user")
    key = key_of(case, user_id="changer-user", key_alias="changers-own")
    changed = asks(case, user, "/key/update", {"key": key, "max_budget": 5})
    given_away = asks(case, user, "/key/update", {"key": key, "user_id": "another-user"})
    deleted = asks(case, user, "/key/delete", {"keys": [key]})
    case.assert_same_as_recorded()
    assert changed.json["max_budget"] == 5.0
    assert given_away.status == 403
    assert deleted.status == 200


def test_keys_of_others_are_out_of_reach(case: Case) -> None:
    user = person(case, "prying-user")
    key = key_of(case, user_id="private-user")
    seen = case.request("GET", f"/key/info?key={key}", key=user)
    changed = asks(case, user, "/key/update", {"key": key, "max_budget": 5})
    deleted = asks(case, user, "/key/delete", {"keys": [key]})
    case.assert_same_as_recorded()
    assert seen.status == changed.status == deleted.status == 403


@pytest.mark.parametrize("role", ["internal_user_viewer", "proxy_admin_viewer"])
def test_viewers_change_nothing(case: Case, role: str) -> None:
    viewer = person(case, f"{role}-of-keys", role)
    key = key_of(case)
    answers = [
        asks(case, viewer, "/key/generate", {}),
        asks(case, viewer, "/key/update", {"key": key, "max_budget": 5}),
        asks(case, viewer, "/key/delete", {"keys": [key]}),
        asks(case, viewer, "/budget/new", {}),
        case.request("GET", "/key/aliases", key=viewer),
    ]
    case.assert_same_as_recorded()
    assert {answer.status for answer in answers} <= {401, 403}


def test_a_key_of_nobody_manages_nothing(case: Case) -> None:
    key = key_of(case)
    made = asks(case, key, "/key/generate", {})
    listed = case.request("GET", "/key/list", key=key)
    budget = asks(case, key, "/budget/new", {"max_budget": 1})
    reset = asks(case, key, f"/key/{key}/reset_spend", {"reset_to": 0})
    audit = case.request("GET", "/audit", key=key)
    case.assert_same_as_recorded()
    assert made.status == budget.status == reset.status == audit.status == 401
    assert listed.status == 403


def test_members_manage_keys_of_their_team_as_far_as_it_says(case: Case) -> None:
    member = person(case, "member-user")
    case.post(
        "/team/new", {"team_id": "strict-team", "members_with_roles": [{"role": "user", "user_id": "member-user"}]}
    )
    case.post(
        "/team/new",
        {
            "team_id": "open-team",
            "members_with_roles": [{"role": "user", "user_id": "member-user"}],
            "team_member_permissions": ["/key/generate", "/key/update"],
        },
    )
    strict = asks(case, member, "/key/generate", {"team_id": "strict-team"})
    opened = asks(case, member, "/key/generate", {"team_id": "open-team", "user_id": "member-user"})
    outsider = asks(case, member, "/key/generate", {"team_id": "open-team", "user_id": "no-member"})
    changed = asks(case, member, "/key/update", {"key": opened.json["key"], "rpm_limit": 5})
    case.assert_same_as_recorded()
    assert strict.status == 401
    assert strict.json["error"]["type"] == "team_member_permission_error"
    assert opened.json["team_id"] == "open-team"
    assert outsider.status == 400
    assert changed.json["rpm_limit"] == 5


def test_team_admins_manage_keys_of_their_team(case: Case) -> None:
    admin = person(case, "team-admin-user")
    case.post(
        "/team/new",
        {"team_id": "administered", "members_with_roles": [{"role": "admin", "user_id": "team-admin-user"}]},
    )
    made = asks(case, admin, "/key/generate", {"team_id": "administered", "key_alias": "of-the-administered"})
    changed = asks(case, admin, "/key/update", {"key": made.json["key"], "max_budget": 9})
    listed = case.request("GET", "/key/list?include_team_keys=true&team_id=administered", key=admin)
    deleted = asks(case, admin, "/key/delete", {"keys": [made.json["key"]]})
    case.assert_same_as_recorded()
    assert made.json["team_id"] == "administered"
    assert changed.json["max_budget"] == 9.0
    assert listed.json["keys"] == [made.json["token"]]
    assert deleted.status == 200


@pytest.mark.parametrize("verb", ["generate", "update"])
def test_team_admins_manage_keys_of_their_members(case: Case, verb: str) -> None:
    name = f"caring-{verb}"
    admin = person(case, name)
    members = [{"role": "admin", "user_id": name}, {"role": "user", "user_id": f"{name}-member"}]
    case.post("/team/new", {"team_id": f"{name}-team", "members_with_roles": members})
    owned = {"team_id": f"{name}-team", "user_id": f"{name}-member"}
    body = owned if verb == "generate" else {"key": key_of(case, **owned), "max_budget": 1}
    answer = asks(case, admin, f"/key/{verb}", body)

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 403

    def required(answer: Exchange) -> None:
        assert answer.status == 200
        assert answer.json["user_id"] == f"{name}-member"

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_who_is_in_no_team_makes_no_keys_of_it(case: Case) -> None:
    user = person(case, "outside-user")
    case.post("/team/new", {"team_id": "closed-team"})
    key = key_of(case, team_id="closed-team")
    made = asks(case, user, "/key/generate", {"team_id": "closed-team"})
    seen = case.request("GET", f"/key/info?key={key}", key=user)
    listed = case.request("GET", "/key/list?team_id=closed-team", key=user)
    case.assert_same_as_recorded()
    assert made.status == 400
    assert seen.status == listed.status == 403


def test_users_list_their_own(case: Case) -> None:
    user = person(case, "listing-user")
    key_of(case, user_id="listed-by-nobody")
    own = case.request("GET", "/key/list?return_full_object=true", key=user)
    others = case.request("GET", "/key/list?user_id=listed-by-nobody", key=user)
    organization = case.request("GET", "/key/list?organization_id=foreign", key=user)
    case.assert_same_as_recorded()
    assert [key["user_id"] for key in own.json["keys"]] == ["listing-user"]
    assert others.status == organization.status == 403


def test_only_admins_change_several_keys(case: Case) -> None:
    user = person(case, "bulk-user")
    answer = asks(case, user, "/key/bulk_update", {"keys": [{"key": user, "max_budget": 1}]})
    case.assert_same_as_recorded()
    assert answer.status == 403


WIDENING: dict[str, dict[str, Any]] = {
    "budget": {"max_budget": 1000},
    "no-budget": {"max_budget": None},
    "models": {"models": ["guarded-group", "other-group"]},
    "all-models": {"models": []},
    "rate": {"rpm_limit": 1000},
    "spend": {"spend": 0},
}


@pytest.mark.parametrize("what", WIDENING)
def test_a_key_does_not_widen_itself(case: Case, what: str) -> None:
    name = f"widening-{what}"
    case.post("/user/new", {"user_id": name, "user_role": "internal_user", "auto_create_key": False})
    key = key_of(case, user_id=name, models=["guarded-group"], max_budget=1, rpm_limit=10, spend=0.5)
    answer = asks(case, key, "/key/update", {"key": key, **WIDENING[what]})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 200

    def required(answer: Exchange) -> None:
        assert answer.status == 403

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_a_key_may_narrow_itself(case: Case) -> None:
    case.post("/user/new", {"user_id": "narrow-user", "user_role": "internal_user", "auto_create_key": False})
    key = key_of(case, user_id="narrow-user", models=["guarded-group", "other-group"], max_budget=10)
    answer = asks(case, key, "/key/update", {"key": key, "models": ["guarded-group"], "max_budget": 5})
    case.assert_same_as_recorded()
    assert answer.json["max_budget"] == 5.0
    assert answer.json["models"] == ["guarded-group"]


@pytest.mark.parametrize(
    "routes", [["/*"], ["/budget/new"], ["management_routes"]], ids=["all", "budgets", "management"]
)
def test_nobody_grants_routes_that_he_may_not_call(case: Case, routes: list[str]) -> None:
    user = person(case, f"granting-{routes[0].strip('/*').replace('/', '-')}")
    answer = asks(case, user, "/key/generate", {"allowed_routes": routes})

    def as_recorded(answer: Exchange) -> None:
        assert answer.json["allowed_routes"] == routes

    def required(answer: Exchange) -> None:
        assert answer.status == 403

    case.deviates(answer, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("route", ["block", "unblock"])
def test_nobody_blocks_keys_of_others(case: Case, route: str) -> None:
    user = person(case, f"{route}ing-user")
    key = key_of(case, user_id="private-user")
    answer = asks(case, user, f"/key/{route}", {"key": key})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 200

    def required(answer: Exchange) -> None:
        assert answer.status == 403

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_several_keys_show_only_what_may_be_seen(case: Case) -> None:
    user = person(case, "curious-user")
    key = key_of(case, user_id="private-user", key_alias="private-alias")
    answer = asks(case, user, "/v2/key/info", {"keys": [key, user]})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 200
        assert len(answer.json["info"]) == 2

    def required(answer: Exchange) -> None:
        assert [row["user_id"] for row in answer.json["info"]] == ["curious-user"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_keys_of_a_team_that_is_not_there(case: Case) -> None:
    user = person(case, "early-user")
    answer = asks(case, user, "/key/generate", {"team_id": "made-later"})

    def as_recorded(answer: Exchange) -> None:
        assert answer.json["team_id"] == "made-later"

    def required(answer: Exchange) -> None:
        assert answer.status == 400

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_a_key_of_nobody_is_the_admins(case: Case) -> None:
    user = person(case, "taking-user")
    key = key_of(case)
    answer = asks(case, user, "/key/update", {"key": key, "max_budget": 1000})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 200

    def required(answer: Exchange) -> None:
        assert answer.status == 403

    case.deviates(answer, as_recorded=as_recorded, required=required)
