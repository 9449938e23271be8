"""D1: who may do what to which team."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

pytestmark = contract("D1", config="D1/organizations.yaml")


def _user(case: Case, user_id: str, role: str = "internal_user") -> str:
    key: str = case.post("/user/new", {"user_id": user_id, "user_role": role}).json["key"]
    return key


def _administered(case: Case, team_id: str, admin: str) -> None:
    """A team whose admin is that user."""
    case.post("/team/new", {"team_id": team_id, "members_with_roles": [{"role": "admin", "user_id": admin}]})


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param("/team/new", {"team_id": "refused-team"}, id="new"),
        pytest.param("/team/update", {"team_id": "foreign-team", "max_budget": 1000}, id="update"),
        pytest.param("/team/delete", {"team_ids": ["foreign-team"]}, id="delete"),
        pytest.param("/team/block", {"team_id": "foreign-team"}, id="block"),
        pytest.param("/team/unblock", {"team_id": "foreign-team"}, id="unblock"),
        pytest.param("/team/bulk_member_add", {"team_id": "foreign-team", "all_users": True}, id="bulk"),
        pytest.param("/team/foreign-team/callback", {"callback_name": "x", "callback_vars": {}}, id="callback"),
        pytest.param("/team/foreign-team/disable_logging", {}, id="logging"),
    ],
)
def test_an_ordinary_user_is_refused(case: Case, path: str, body: Any) -> None:
    key = _user(case, f"ordinary-{path.rpartition('/')[2].replace('_', '-')}")
    case.assert_same_as_recorded()
    answer = case.post(path, body, key=key)
    case.assert_same_as_recorded()
    assert answer.status == 401
    assert "Only proxy admin can be used to generate, delete, update info" in answer.json["error"]["message"]


def test_strangers_see_and_change_nothing(case: Case) -> None:
    case.post("/team/new", {"team_id": "private-team"})
    key = _user(case, "curious-user")
    member = {"role": "user", "user_id": "curious-user"}
    answers = [
        case.get("/team/info?team_id=private-team", key=key),
        case.get("/team/list", key=key),
        case.get("/team/list?user_id=default_user_id", key=key),
        case.get("/v2/team/list", key=key),
        case.get("/team/permissions_list?team_id=private-team", key=key),
        case.post("/team/member_add", {"team_id": "private-team", "member": member}, key=key),
        case.post("/team/member_delete", {"team_id": "private-team", "user_id": "default_user_id"}, key=key),
        case.post("/team/member_update", {"team_id": "private-team", "user_id": "default_user_id"}, key=key),
        case.post("/team/permissions_update", {"team_id": "private-team", "team_member_permissions": []}, key=key),
    ]
    case.assert_same_as_recorded()
    assert [answer.status for answer in answers] == [403, 401, 401, 401, 403, 403, 403, 403, 403]
    assert answers[0].json["error"]["message"].count("not authorized to access this team=private-team") == 1


def test_members_see_their_team(case: Case) -> None:
    key = _user(case, "seeing-user")
    members = [{"role": "user", "user_id": "seeing-user"}]
    case.post("/team/new", {"team_id": "seen-team", "members_with_roles": members})
    found = case.get("/team/info?team_id=seen-team", key=key)
    mine = case.get("/team/list?user_id=seeing-user", key=key)
    paged = case.get("/v2/team/list?user_id=seeing-user", key=key)
    refused = case.post("/team/member_delete", {"team_id": "seen-team", "user_id": "seeing-user"}, key=key)
    case.assert_same_as_recorded()
    assert found.json["team_id"] == "seen-team"
    assert [team["team_id"] for team in mine.json] == ["seen-team"]
    assert [team["team_id"] for team in paged.json["teams"]] == ["seen-team"]
    assert refused.status == 403


def test_a_key_of_a_team_sees_it(case: Case) -> None:
    case.post("/team/new", {"team_id": "own-team"})
    case.post("/team/new", {"team_id": "other-team"})
    key = case.post("/key/generate", {"team_id": "own-team"}).json["key"]
    own = case.get("/team/info?team_id=own-team", key=key)
    other = case.get("/team/info?team_id=other-team", key=key)
    case.assert_same_as_recorded()
    assert own.status == 200
    assert other.status == 403
    assert "Team key for team=own-team" in other.json["error"]["message"]


def test_an_admin_of_a_team_manages_its_members(case: Case) -> None:
    key = _user(case, "managing-user")
    _administered(case, "managed-team", "managing-user")
    member = {"role": "user", "user_id": "managed-member"}
    added = case.post("/team/member_add", {"team_id": "managed-team", "member": member}, key=key)
    changed = case.post(
        "/team/member_update", {"team_id": "managed-team", "user_id": "managed-member", "rpm_limit": 5}, key=key
    )
    allowed = case.post(
        "/team/permissions_update", {"team_id": "managed-team", "team_member_permissions": ["/key/list"]}, key=key
    )
    removed = case.post("/team/member_delete", {"team_id": "managed-team", "user_id": "managed-member"}, key=key)
    update = case.post("/team/update", {"team_id": "managed-team", "max_budget": 1000}, key=key)
    models = case.post("/team/model/add", {"team_id": "managed-team", "models": ["organized-group"]}, key=key)
    case.assert_same_as_recorded(ignore=["body.models*"])
    assert [answer.status for answer in (added, changed, allowed, removed)] == [200] * 4
    assert update.status == 401
    assert models.status == 401


def test_an_admin_of_another_team_is_a_stranger(case: Case) -> None:
    key = _user(case, "neighbouring-user")
    _administered(case, "neighbouring-team", "neighbouring-user")
    case.post("/team/new", {"team_id": "fenced-team"})
    member = {"role": "admin", "user_id": "neighbouring-user"}
    answers = [
        case.get("/team/info?team_id=fenced-team", key=key),
        case.post("/team/member_delete", {"team_id": "fenced-team", "user_id": "default_user_id"}, key=key),
        case.post("/team/permissions_update", {"team_id": "fenced-team", "team_member_permissions": []}, key=key),
    ]
    case.assert_same_as_recorded()
    joined = case.post("/team/member_add", {"team_id": "fenced-team", "member": {**member, "role": "user"}}, key=key)
    case.assert_same_as_recorded()
    assert [answer.status for answer in answers] == [403, 403, 403]
    assert joined.status == 403


def _organized(case: Case, name: str) -> str:
    """An organization with an admin, whose key is returned."""
    case.post(
        "/organization/new",
        {"organization_alias": name, "organization_id": name, "models": ["organized-group"], "max_budget": 10},
    )
    key = _user(case, f"{name}-admin")
    member = {"role": "org_admin", "user_id": f"{name}-admin"}
    case.post("/organization/member_add", {"organization_id": name, "member": member})
    return key


def test_an_admin_of_an_organization_makes_teams(case: Case) -> None:
    key = _organized(case, "making-organization")
    made = case.post(
        "/team/new",
        {"team_id": "made-team", "organization_id": "making-organization", "models": ["organized-group"]},
        key=key,
    )
    beyond = case.post(
        "/team/new",
        {"team_id": "beyond-team", "organization_id": "making-organization", "models": ["disorganized-group"]},
        key=key,
    )
    elsewhere = case.post("/team/new", {"team_id": "elsewhere-team", "organization_id": "nowhere"}, key=key)
    nameless = case.post("/team/new", {"team_id": "nameless-team"}, key=key)
    case.assert_same_as_recorded()
    assert made.status == 200
    assert beyond.status == 400
    assert elsewhere.status == nameless.status == 401


def test_an_admin_of_an_organization_manages_members(case: Case) -> None:
    key = _organized(case, "managing-organization")
    member = {"role": "internal_user", "user_id": "managed-user"}
    added = case.post(
        "/organization/member_add", {"organization_id": "managing-organization", "member": member}, key=key
    )
    changed = case.request(
        "PATCH",
        "/organization/member_update",
        json={"organization_id": "managing-organization", "user_id": "managed-user", "role": "internal_user_viewer"},
        key=key,
    )
    listed = case.get("/organization/list", key=key)
    refused = [
        case.request(
            "PATCH",
            "/organization/update",
            json={"organization_id": "managing-organization", "max_budget": 1000},
            key=key,
        ),
        case.request(
            "DELETE",
            "/organization/delete",
            json={"organization_id": "managing-organization", "organization_ids": ["managing-organization"]},
            key=key,
        ),
        case.post("/organization/new", {"organization_alias": "mine"}, key=key),
        case.post("/organization/member_add", {"organization_id": "nowhere", "member": member}, key=key),
    ]
    case.assert_same_as_recorded()
    assert added.status == changed.status == 200
    assert [row["organization_id"] for row in listed.json] == ["managing-organization"]
    assert [answer.status for answer in refused] == [401, 401, 401, 401]


def test_an_admin_of_an_organization_takes_no_foreign_team(case: Case) -> None:
    key = _organized(case, "grasping-organization")
    case.post("/team/new", {"team_id": "grasped-team", "models": ["organized-group"]})
    named = {"organization_id": "grasping-organization"}
    changed = case.post("/team/update", {"team_id": "grasped-team", "team_alias": "mine", **named}, key=key)
    blocked = case.post("/team/block", {"team_id": "grasped-team", **named}, key=key)
    deleted = case.post("/team/delete", {"team_ids": ["grasped-team"], **named}, key=key)
    found = case.get("/team/info?team_id=grasped-team")

    def as_recorded(changed: Exchange, blocked: Exchange, deleted: Exchange, found: Exchange) -> None:
        assert changed.status == blocked.status == 200
        assert found.json["team_info"]["team_alias"] == "mine"

    def required(changed: Exchange, blocked: Exchange, deleted: Exchange, found: Exchange) -> None:
        assert changed.status == blocked.status == deleted.status == 403
        assert found.json["team_info"]["team_alias"] is None
        assert found.json["team_info"]["blocked"] is False

    case.deviates(changed, blocked, deleted, found, as_recorded=as_recorded, required=required)


def test_an_admin_of_an_organization_manages_its_teams(case: Case) -> None:
    key = _organized(case, "caring-organization")
    named = {"organization_id": "caring-organization"}
    case.post("/team/new", {"team_id": "cared-team", "models": ["organized-group"], **named})
    renamed = case.post("/team/update", {"team_id": "cared-team", "team_alias": "Cared", **named}, key=key)
    beyond = case.post("/team/update", {"team_id": "cared-team", "models": ["disorganized-group"], **named}, key=key)
    case.assert_same_as_recorded()
    assert renamed.json["data"]["team_alias"] == "Cared"
    assert beyond.status == 400


def test_an_admin_of_an_organization_deletes_its_teams(case: Case) -> None:
    key = _organized(case, "clearing-organization")
    named = {"organization_id": "clearing-organization"}
    case.post("/team/new", {"team_id": "cleared-team", **named})
    deleted = case.post("/team/delete", {"team_ids": ["cleared-team"], **named}, key=key)

    def as_recorded(deleted: Exchange) -> None:
        assert deleted.status == 403

    def required(deleted: Exchange) -> None:
        assert deleted.json == {"deleted_teams": ["cleared-team"]}

    case.deviates(deleted, as_recorded=as_recorded, required=required)


def test_an_admin_of_an_organization_manages_members_of_its_teams(case: Case) -> None:
    key = _organized(case, "helping-organization")
    case.post("/team/new", {"team_id": "helped-team", "organization_id": "helping-organization"})
    member = {"role": "user", "user_id": "helped-member"}
    added = case.post("/team/member_add", {"team_id": "helped-team", "member": member}, key=key)

    def as_recorded(added: Exchange) -> None:
        assert added.status == 403

    def required(added: Exchange) -> None:
        assert added.status == 200
        assert added.json["members_with_roles"][-1]["user_id"] == "helped-member"

    case.deviates(added, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("role", ["internal_user_viewer", "proxy_admin_viewer"])
def test_who_only_views_changes_nothing(case: Case, role: str) -> None:
    key = _user(case, f"viewing-{role.replace('_', '-')}", role)
    member = {"role": "user", "user_id": "viewed-user"}
    case.post("/team/new", {"team_id": f"viewed-{role.replace('_', '-')}"})
    case.assert_same_as_recorded()
    answers = [
        case.post("/team/new", {"team_id": "viewers-team"}, key=key),
        case.post("/team/member_add", {"team_id": f"viewed-{role.replace('_', '-')}", "member": member}, key=key),
        case.post("/organization/new", {"organization_alias": "viewers"}, key=key),
        case.get("/team/list", key=key),
    ]
    case.assert_same_as_recorded(ignore=["body*"])
    assert {answer.status for answer in answers[:3]} <= {401, 403}
    assert answers[3].status == (200 if role == "proxy_admin_viewer" else 401)
