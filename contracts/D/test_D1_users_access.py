"""D1: who may see and change which user."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

pytestmark = contract("D1", config="D1/users.yaml")

ROLES = ("internal_user", "internal_user_viewer", "proxy_admin_viewer")


def key_of(case: Case, name: str, **fields: Any) -> str:
    """The key of a new user."""
    key: str = case.post("/user/new", {"user_id": name, **fields}).json["key"]
    return key


def org_admin(case: Case, name: str) -> str:
    """The key of an admin of the organization ``NAME-org``, which has the member ``NAME-member``."""
    case.post("/organization/new", {"organization_id": f"{name}-org", "organization_alias": name})
    key = key_of(case, name, user_role="internal_user", organizations=[f"{name}-org"])
    promotion = {"organization_id": f"{name}-org", "user_id": name, "role": "org_admin"}
    case.request("PATCH", "/organization/member_update", json=promotion)
    key_of(case, f"{name}-member", organizations=[f"{name}-org"], auto_create_key=False)
    return key


@pytest.mark.parametrize("role", ROLES)
def test_everybody_sees_himself(case: Case, role: str) -> None:
    key = key_of(case, f"self-{role}", user_role=role)
    unnamed = case.get("/user/info", key=key)
    named = case.get(f"/user/info?user_id=self-{role}", key=key)
    case.assert_same_as_recorded()
    assert unnamed.json["user_id"] == named.json["user_info"]["user_id"] == f"self-{role}"


@pytest.mark.parametrize("role", ROLES)
def test_nobody_sees_others(case: Case, role: str) -> None:
    key_of(case, f"seen-by-{role}", auto_create_key=False)
    key = key_of(case, f"looking-{role}", user_role=role)
    answer = case.get(f"/user/info?user_id=seen-by-{role}", key=key)
    case.assert_same_as_recorded()
    assert answer.status == 403
    assert f"user_id=seen-by-{role}, key's user_id=looking-{role}" in answer.json["error"]["message"]


@pytest.mark.parametrize("role", ["internal_user", "internal_user_viewer"])
@pytest.mark.parametrize(
    "path", ["/user/new", "/user/update", "/user/delete", "/user/bulk_update", "/user/list", "/user/available_users"]
)
def test_what_users_may_not_call(case: Case, role: str, path: str) -> None:
    name = f"calling-{role}-{path.rsplit('/', 1)[1]}"
    key = key_of(case, name, user_role=role)
    bodies: dict[str, Any] = {
        "/user/new": {"user_id": "made-by-user"},
        "/user/update": {"user_id": name, "max_budget": 1000000},
        "/user/delete": {"user_ids": [name]},
        "/user/bulk_update": {"users": [{"user_id": name, "max_budget": 1000000}]},
    }
    answer = case.post(path, bodies[path], key=key) if path in bodies else case.get(path, key=key)
    case.assert_same_as_recorded()
    assert answer.status == 401
    assert f"Route={path}. Your role={role}." in answer.json["error"]["message"]


def test_viewers_see_the_list(case: Case) -> None:
    key = key_of(case, "listing-viewer", user_role="proxy_admin_viewer")
    key_of(case, "listed-for-viewer", auto_create_key=False)
    listed = case.get("/user/list?user_ids=listed-for-viewer", key=key)
    roles = case.get("/user/available_roles", key=key)
    searched = case.get("/user/filter/ui?user_id=listed-for-viewer", key=key)
    case.assert_same_as_recorded()
    assert listed.json["total"] == 1
    assert len(roles.json) == 4
    assert len(searched.json) == 1


VIEWERS_CHANGES: dict[str, dict[str, Any]] = {
    "role": {"user_id": "changing-viewer-role", "user_role": "proxy_admin"},
    "budget": {"user_email": "budget@viewers.test", "max_budget": 1000},
}


@pytest.mark.parametrize("name", VIEWERS_CHANGES)
def test_viewers_do_not_raise_themselves(case: Case, name: str) -> None:
    fields = {"user_role": "proxy_admin_viewer", "user_email": f"{name}@viewers.test"}
    key = key_of(case, f"changing-viewer-{name}", **fields)
    answer = case.post("/user/update", VIEWERS_CHANGES[name], key=key)
    case.assert_same_as_recorded(ignore=["body.error.message"])
    assert answer.status == 403
    assert "only user_email and password can be updated" in answer.json["error"]["message"]


def test_viewers_set_their_password(case: Case) -> None:
    fields = {"user_role": "proxy_admin_viewer", "user_email": "password@viewers.test"}
    key = key_of(case, "password-viewer", **fields)
    body = {"user_email": "password@viewers.test", "password": "open sesame"}
    answer = case.post("/user/update", body, key=key)
    case.assert_same_as_recorded(ignore=["body.data.password"])
    assert answer.status == 200


@pytest.mark.parametrize("path", ["/user/new", "/user/delete"])
def test_viewers_only_view(case: Case, path: str) -> None:
    key = key_of(case, f"viewing{path.replace('/', '-')}", user_role="proxy_admin_viewer")
    answer = case.post(path, {"user_ids": ["anybody"]}, key=key)
    case.assert_same_as_recorded()
    assert answer.status == 403


def test_admins_of_the_database_are_admins(case: Case) -> None:
    key = key_of(case, "stored-admin", user_role="proxy_admin")
    made = case.post("/user/new", {"user_id": "made-by-admin", "user_role": "proxy_admin"}, key=key)
    changed = case.post("/user/update", {"user_id": "made-by-admin", "max_budget": 5}, key=key)
    deleted = case.post("/user/delete", {"user_ids": ["made-by-admin"]}, key=key)
    case.assert_same_as_recorded()
    assert (made.status, changed.status, deleted.json) == (200, 200, 1)


#: What a user sends whose key was made for /user/update.
RAISES: dict[str, dict[str, Any]] = {
    "role": {"user_role": "proxy_admin"},
    "budget": {"max_budget": 1000000},
    "no-budget": {"max_budget": None},
    "models": {"models": ["users-group"]},
    "limits": {"tpm_limit": 1000000},
    "spend": {"spend": 0},
    "metadata": {"metadata": {"anything": True}},
}


@pytest.mark.parametrize("name", RAISES)
def test_nobody_raises_himself(case: Case, name: str) -> None:
    """Not even with a key that was made to call /user/update."""
    user = f"raising-{name}-user"
    key_of(case, user, user_role="internal_user", max_budget=1, spend=0.5, auto_create_key=False)
    key = case.post("/key/generate", {"user_id": user, "allowed_routes": ["/user/update"]}).json["key"]
    answer = case.post("/user/update", {"user_id": user, **RAISES[name]}, key=key)
    found = case.get(f"/user/info?user_id={user}").json["user_info"]

    def as_recorded(answer: Exchange, found: dict[str, Any]) -> None:
        assert answer.status == 200
        field, value = next(iter(RAISES[name].items()))
        assert found[field] == value

    def required(answer: Exchange, found: dict[str, Any]) -> None:
        assert answer.status == 403
        assert (found["user_role"], found["max_budget"], found["spend"]) == ("internal_user", 1.0, 0.5)

    case.deviates(answer, found, as_recorded=as_recorded, required=required)


def test_users_change_what_names_them(case: Case) -> None:
    key_of(case, "naming-user", user_role="internal_user", auto_create_key=False)
    key = case.post("/key/generate", {"user_id": "naming-user", "allowed_routes": ["/user/update"]}).json["key"]
    answer = case.post(
        "/user/update", {"user_id": "naming-user", "user_alias": "Me", "user_email": "me@me.test"}, key=key
    )
    case.assert_same_as_recorded()
    assert (answer.json["data"]["user_alias"], answer.json["data"]["user_email"]) == ("Me", "me@me.test")


def test_users_do_not_change_others(case: Case) -> None:
    for name in ("meddling-user", "meddled-user"):
        key_of(case, name, user_role="internal_user", auto_create_key=False)
    key = case.post("/key/generate", {"user_id": "meddling-user", "allowed_routes": ["/user/update"]}).json["key"]
    answer = case.post("/user/update", {"user_id": "meddled-user", "user_alias": "You"}, key=key)
    case.assert_same_as_recorded()
    assert answer.status == 403
    assert "User does not have permission to update this user" in answer.json["error"]["message"]


def test_users_make_no_users_by_changing_them(case: Case) -> None:
    """The reference asks nothing of who changes somebody who is not there."""
    key_of(case, "inventing-user", user_role="internal_user", auto_create_key=False)
    key = case.post("/key/generate", {"user_id": "inventing-user", "allowed_routes": ["/user/update"]}).json["key"]
    answer = case.post("/user/update", {"user_id": "invented-user", "user_role": "proxy_admin"}, key=key)

    def as_recorded(answer: Exchange) -> None:
        assert answer.json["data"]["user_role"] == "proxy_admin"

    def required(answer: Exchange) -> None:
        assert answer.status == 403

    case.deviates(answer, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("role", ["proxy_admin", "proxy_admin_viewer"])
def test_only_admins_make_admins(case: Case, role: str) -> None:
    key = case.post("/key/generate", {"allowed_routes": ["/user/new"]}).json["key"]
    answer = case.post("/user/new", {"user_id": f"made-{role}", "user_role": role}, key=key)
    case.assert_same_as_recorded()
    assert answer.status == 403
    assert f"Attempted to create user with role: {role}" in answer.json["error"]["message"]


def test_a_key_that_was_made_to_make_users(case: Case) -> None:
    key = case.post("/key/generate", {"allowed_routes": ["/user/new"]}).json["key"]
    made = case.post("/user/new", {"user_id": "made-by-a-key"}, key=key)
    case.assert_same_as_recorded()
    assert made.status == 200


def test_an_organizations_admin_makes_users(case: Case) -> None:
    key = org_admin(case, "making-admin")
    body = {"user_id": "made-in-org", "organizations": ["making-admin-org"], "organization_id": "making-admin-org"}
    made = case.post("/user/new", body, key=key)
    found = case.get("/user/info?user_id=made-in-org")
    case.assert_same_as_recorded()
    assert made.status == 200
    [membership] = found.json["user_info"]["organization_memberships"]
    assert membership["organization_id"] == "making-admin-org"


@pytest.mark.parametrize("role", ["proxy_admin", "proxy_admin_viewer"])
def test_an_organizations_admin_makes_no_admins(case: Case, role: str) -> None:
    key = org_admin(case, f"raising-{role}")
    body = {"user_id": f"raised-{role}", "user_role": role, "organization_id": f"raising-{role}-org"}
    answer = case.post("/user/new", body, key=key)
    case.assert_same_as_recorded()
    assert answer.status == 403


def test_an_organizations_admin_does_not_raise_himself(case: Case) -> None:
    """In the reference he makes himself an admin of everything."""
    key = org_admin(case, "climbing-admin")
    body = {"user_id": "climbing-admin", "organization_id": "climbing-admin-org", "user_role": "proxy_admin"}
    answer = case.post("/user/update", {**body, "max_budget": 1000}, key=key)
    found = case.get("/user/info?user_id=climbing-admin")

    def as_recorded(answer: Exchange, found: Exchange) -> None:
        assert found.json["user_info"]["user_role"] == "proxy_admin"

    def required(answer: Exchange, found: Exchange) -> None:
        assert answer.status == 403
        assert found.json["user_info"]["user_role"] == "internal_user"

    case.deviates(answer, found, as_recorded=as_recorded, required=required)


def test_an_organizations_admin_manages_its_members(case: Case) -> None:
    """The reference lets him do neither."""
    key = org_admin(case, "managing-admin")
    named = {"organization_id": "managing-admin-org"}
    changed = case.post("/user/update", {"user_id": "managing-admin-member", "tpm_limit": 5, **named}, key=key)
    seen = case.get("/user/info?user_id=managing-admin-member", key=key)

    def as_recorded(changed: Exchange, seen: Exchange) -> None:
        assert (changed.status, seen.status) == (403, 403)

    def required(changed: Exchange, seen: Exchange) -> None:
        assert (changed.status, seen.status) == (200, 200)
        assert seen.json["user_info"]["tpm_limit"] == 5

    case.deviates(changed, seen, as_recorded=as_recorded, required=required)


def test_an_organizations_admin_leaves_others_alone(case: Case) -> None:
    """In the reference he lists everybody and deletes anybody."""
    key = org_admin(case, "strange-admin")
    key_of(case, "stranger-user", auto_create_key=False)
    listed = case.get("/user/list?user_ids=stranger-user&organization_id=strange-admin-org", key=key)
    deleted = case.post(
        "/user/delete", {"user_ids": ["stranger-user"], "organization_id": "strange-admin-org"}, key=key
    )
    found = case.get("/user/info?user_id=stranger-user")

    def as_recorded(listed: Exchange, deleted: Exchange, found: Exchange) -> None:
        assert listed.json["total"] == 1
        assert (deleted.status, found.status) == (200, 404)

    def required(listed: Exchange, deleted: Exchange, found: Exchange) -> None:
        assert listed.json["total"] == 0
        assert (deleted.status, found.status) == (403, 200)

    case.deviates(listed, deleted, found, as_recorded=as_recorded, required=required)


def test_an_organizations_admin_lists_its_members(case: Case) -> None:
    key = org_admin(case, "reading-admin")
    answer = case.get("/user/list?user_ids=reading-admin-member&organization_id=reading-admin-org", key=key)
    case.assert_same_as_recorded()
    assert [user["user_id"] for user in answer.json["users"]] == ["reading-admin-member"]


def test_users_search_for_nobody_else(case: Case) -> None:
    """Addresses of everybody are for those who add people to teams."""
    key_of(case, "searched-stranger", user_email="stranger@search.test", auto_create_key=False)
    key = key_of(case, "searching-user", user_role="internal_user", user_email="searcher@search.test")
    answer = case.get("/user/filter/ui?user_email=search.test", key=key)

    def as_recorded(answer: Exchange) -> None:
        assert {user["user_id"] for user in answer.json} == {"searched-stranger", "searching-user"}

    def required(answer: Exchange) -> None:
        assert [user["user_id"] for user in answer.json] == ["searching-user"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_a_teams_admin_searches_for_everybody(case: Case) -> None:
    key_of(case, "found-stranger", user_email="found@stranger.test", auto_create_key=False)
    admin = {"user_id": "searching-admin", "role": "admin"}
    key = key_of(case, "searching-admin", user_role="internal_user")
    case.post("/team/new", {"team_id": "searching-team", "members_with_roles": [admin]})
    answer = case.get("/user/filter/ui?user_email=found@stranger.test", key=key)
    case.assert_same_as_recorded()
    assert [user["user_id"] for user in answer.json] == ["found-stranger"]


def test_no_key_at_all(case: Case) -> None:
    answers = [case.get(path, key=None) for path in ("/user/info", "/user/list", "/user/available_roles")]
    answers.append(case.post("/user/new", {}, key=None))
    case.assert_same_as_recorded()
    assert {answer.status for answer in answers} == {401}
