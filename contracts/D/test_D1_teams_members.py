"""D1: users become members of teams, get budgets and roles there, and leave."""

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

pytestmark = contract("D1", config="D1/teams.yaml")


def test_a_member_who_is_no_user_yet(case: Case) -> None:
    case.post("/team/new", {"team_id": "welcoming-team"})
    added = case.post(
        "/team/member_add", {"team_id": "welcoming-team", "member": {"role": "user", "user_id": "newcomer"}}
    )
    user = case.get("/user/info?user_id=newcomer")
    case.assert_same_as_recorded(ignore=["body.keys", "body.teams", "body.teams.*"])
    assert added.status == 200
    assert added.json["members_with_roles"][-1]["user_id"] == "newcomer"
    assert added.json["updated_users"][0]["teams"] == ["welcoming-team"]
    assert added.json["updated_team_memberships"] == []
    assert user.json["user_info"]["max_budget"] == 25.0


def test_a_member_by_address(case: Case) -> None:
    case.post("/team/new", {"team_id": "written-team"})
    added = case.post(
        "/team/member_add", {"team_id": "written-team", "member": {"role": "user", "user_email": "new@written.test"}}
    )
    case.assert_same_as_recorded()
    [user] = added.json["updated_users"]
    assert user["user_email"] == "new@written.test"
    assert added.json["members_with_roles"][-1]["user_id"] == user["user_id"]


def test_a_user_is_found_by_address(case: Case) -> None:
    case.post(
        "/user/new", {"user_id": "addressed-user", "user_email": "known@addressed.test", "auto_create_key": False}
    )
    case.post("/team/new", {"team_id": "addressed-team"})
    added = case.post(
        "/team/member_add",
        {"team_id": "addressed-team", "member": {"role": "user", "user_email": "known@addressed.test"}},
    )
    case.assert_same_as_recorded()
    assert added.json["updated_users"][0]["user_id"] == "addressed-user"
    assert added.json["members_with_roles"][-1]["user_id"] == "addressed-user"


def test_an_address_of_another_user(case: Case) -> None:
    case.post("/user/new", {"user_id": "rightful-user", "user_email": "mine@rightful.test", "auto_create_key": False})
    case.post("/team/new", {"team_id": "mixed-team"})
    member = {"role": "user", "user_id": "someone-else", "user_email": "mine@rightful.test"}
    refused = case.post("/team/member_add", {"team_id": "mixed-team", "member": member})
    case.assert_same_as_recorded()
    assert refused.status == 400
    assert "do not belong to the same user" in refused.json["detail"]["error"]


def test_a_list_of_members_with_a_budget(case: Case) -> None:
    case.post("/team/new", {"team_id": "paying-team"})
    added = case.post(
        "/team/member_add",
        {
            "team_id": "paying-team",
            "member": [{"role": "user", "user_id": "payer-1"}, {"role": "user", "user_id": "payer-2"}],
            "max_budget_in_team": 4.5,
        },
    )
    found = case.get("/team/info?team_id=paying-team")
    case.assert_same_as_recorded()
    assert [row["litellm_budget_table"]["max_budget"] for row in found.json["team_memberships"]] == [4.5, 4.5]
    assert len(added.json["updated_team_memberships"]) == 2


def test_nobody_is_added_twice(case: Case) -> None:
    case.post(
        "/team/new", {"team_id": "small-team", "members_with_roles": [{"role": "user", "user_id": "small-member"}]}
    )
    again = case.post(
        "/team/member_add", {"team_id": "small-team", "member": {"role": "user", "user_id": "small-member"}}
    )
    both = case.post(
        "/team/member_add", {"team_id": "small-team", "member": [{"role": "user", "user_id": "small-member"}]}
    )
    case.assert_same_as_recorded()
    assert again.status == both.status == 400
    assert again.json["error"]["type"] == "team_member_already_in_team"
    assert "User already in team" in again.json["error"]["message"]
    assert "All users are already in team" in both.json["error"]["message"]


def test_a_team_has_a_budget_for_its_members(case: Case) -> None:
    made = case.post(
        "/team/new",
        {
            "team_id": "generous-team",
            "team_member_budget": 2.5,
            "team_member_rpm_limit": 3,
            "team_member_tpm_limit": 400,
            "members_with_roles": [{"role": "user", "user_id": "generous-member"}],
        },
    )
    found = case.get("/team/info?team_id=generous-team")
    changed = case.post("/team/update", {"team_id": "generous-team", "team_member_budget": 5})
    after = case.get("/team/info?team_id=generous-team")
    ids = ["*.team_member_budget_id", "*.budget_id"]
    case.assert_same_as_recorded(ignore=ids)
    assert made.status == changed.status == 200
    assert found.json["team_info"]["team_member_budget_table"]["max_budget"] == 2.5
    assert after.json["team_info"]["team_member_budget_table"]["max_budget"] == 5.0
    assert after.json["team_info"]["team_member_budget_table"]["rpm_limit"] == 3
    assert found.json["team_memberships"][0]["litellm_budget_table"]["tpm_limit"] == 400


def test_a_member_is_changed(case: Case) -> None:
    case.post(
        "/team/new", {"team_id": "moving-team", "members_with_roles": [{"role": "user", "user_id": "moved-member"}]}
    )
    changed = case.post(
        "/team/member_update",
        {
            "team_id": "moving-team",
            "user_id": "moved-member",
            "max_budget_in_team": 1.5,
            "tpm_limit": 10,
            "rpm_limit": 2,
            "role": "user",
        },
    )
    found = case.get("/team/info?team_id=moving-team")
    case.assert_same_as_recorded()
    assert changed.json["max_budget_in_team"] == 1.5
    [membership] = found.json["team_memberships"]
    assert membership["litellm_budget_table"]["max_budget"] == 1.5
    assert membership["litellm_budget_table"]["rpm_limit"] == 2


def test_a_member_loses_the_budget(case: Case) -> None:
    case.post("/team/new", {"team_id": "frugal-team"})
    member = {"role": "user", "user_id": "frugal-member"}
    case.post("/team/member_add", {"team_id": "frugal-team", "member": member, "max_budget_in_team": 1.5})
    changed = case.post("/team/member_update", {"team_id": "frugal-team", "user_id": "frugal-member"})
    found = case.get("/team/info?team_id=frugal-team")
    case.assert_same_as_recorded()
    assert changed.status == 200
    assert found.json["team_memberships"][0]["litellm_budget_table"] is None


def test_a_member_becomes_admin(case: Case) -> None:
    case.post("/team/new", {"team_id": "rising-team", "members_with_roles": [{"role": "user", "user_id": "riser"}]})
    changed = case.post("/team/member_update", {"team_id": "rising-team", "user_id": "riser", "role": "admin"})
    member = {"role": "admin", "user_id": "second-riser"}
    added = case.post("/team/member_add", {"team_id": "rising-team", "member": member})
    found = case.get("/team/info?team_id=rising-team")

    def as_recorded(changed: Exchange, added: Exchange, found: Exchange) -> None:
        assert changed.status == added.status == 400
        assert "premium feature" in changed.json["detail"]
        assert "premium feature" in added.json["detail"]["error"]

    def required(changed: Exchange, added: Exchange, found: Exchange) -> None:
        assert changed.status == added.status == 200
        members = found.json["team_info"]["members_with_roles"]
        assert {member["user_id"] for member in members if member["role"] == "admin"} >= {"riser", "second-riser"}

    case.deviates(changed, added, found, as_recorded=as_recorded, required=required)


def test_a_member_leaves(case: Case) -> None:
    case.post("/team/new", {"team_id": "left-team"})
    member = {"role": "user", "user_id": "leaver"}
    case.post("/team/member_add", {"team_id": "left-team", "member": member, "max_budget_in_team": 1.0})
    key = case.post("/key/generate", {"team_id": "left-team", "user_id": "leaver"}).json["key"]
    left = case.post("/team/member_delete", {"team_id": "left-team", "user_id": "leaver"})
    found = case.get("/team/info?team_id=left-team")
    user = case.get("/user/info?user_id=leaver")
    refused = case.get("/models", key=key)
    case.assert_same_as_recorded(ignore=["body.keys", "body.teams", "body.error.message"])
    assert left.status == 200
    assert found.json["team_memberships"] == []
    assert found.json["keys"] == []
    assert user.json["user_info"]["teams"] == []
    assert refused.status == 401


def test_who_is_no_member(case: Case) -> None:
    case.post("/team/new", {"team_id": "closed-team"})
    answers = [
        case.post("/team/member_delete", {"team_id": "closed-team", "user_id": "a-stranger"}),
        case.post("/team/member_delete", {"team_id": "nowhere", "user_id": "a-stranger"}),
        case.post("/team/member_update", {"team_id": "nowhere", "user_id": "a-stranger", "rpm_limit": 1}),
        case.post("/team/member_update", {"team_id": "closed-team", "user_email": "a@stranger.test", "rpm_limit": 1}),
        case.post("/team/member_add", {"team_id": "nowhere", "member": {"role": "user", "user_id": "a-stranger"}}),
    ]
    case.assert_same_as_recorded()
    assert [answer.status for answer in answers] == [400, 400, 400, 400, 404]
    assert answers[0].json["detail"]["error"] == "User not found in team"
    assert answers[1].json["detail"]["error"] == "Team id=nowhere does not exist in db"


def test_many_members_at_once(case: Case) -> None:
    case.post("/team/new", {"team_id": "crowded-team"})
    added = case.post(
        "/team/bulk_member_add",
        {
            "team_id": "crowded-team",
            "members": [{"role": "user", "user_id": "crowd-1"}, {"role": "user", "user_email": "two@crowd.test"}],
            "max_budget_in_team": 9,
        },
    )
    again = case.post(
        "/team/bulk_member_add", {"team_id": "crowded-team", "members": [{"role": "user", "user_id": "crowd-1"}]}
    )
    none = case.post("/team/bulk_member_add", {"team_id": "crowded-team", "members": []})
    nowhere = case.post("/team/bulk_member_add", {"team_id": "nowhere", "members": [{"role": "user", "user_id": "c"}]})
    case.assert_same_as_recorded(ignore=["body.results*.error"])
    assert added.json["successful_additions"] == 2
    assert again.json["failed_additions"] == 1
    assert none.status == 400
    assert nowhere.json["failed_additions"] == 1
