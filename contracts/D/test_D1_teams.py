"""D1: teams are made, looked up, changed, blocked and deleted."""

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import ok

pytestmark = contract("D1", config="D1/teams.yaml")


def test_a_team_with_defaults(case: Case) -> None:
    made = case.post("/team/new", {"team_id": "plain-team"})
    found = case.get("/team/info?team_id=plain-team")
    case.assert_same_as_recorded()
    assert made.status == found.status == 200
    assert made.json["team_id"] == "plain-team"
    assert made.json["models"] == []
    assert made.json["blocked"] is False
    assert found.json["team_info"]["spend"] == 0.0
    assert [member["role"] for member in found.json["team_info"]["members_with_roles"]] == ["admin"]


def test_an_id_is_made(case: Case) -> None:
    made = case.post("/team/new", {"team_alias": "Nameless"})
    found = case.get(f"/team/info?team_id={made.json['team_id']}")
    case.assert_same_as_recorded()
    assert found.json["team_info"]["team_alias"] == "Nameless"
    assert len(made.json["team_id"]) == 36


def test_a_team_with_many_fields(case: Case) -> None:
    made = case.post(
        "/team/new",
        {
            "team_id": "full-team",
            "team_alias": "Full Team",
            "members_with_roles": [{"role": "user", "user_id": "full-member"}],
            "team_member_permissions": ["/key/generate", "/key/info"],
            "metadata": {"cost_center": "R&D", "naïve": "ünïcode"},
            "tpm_limit": 1000,
            "rpm_limit": 10,
            "max_budget": 12.5,
            "soft_budget": 10.0,
            "budget_duration": "1d",
            "models": ["teamed-group"],
            "model_rpm_limit": {"teamed-group": 5},
            "model_tpm_limit": {"teamed-group": 500},
            "rpm_limit_type": "best_effort_throughput",
            "router_settings": {"num_retries": 2},
            "access_group_ids": ["some-group"],
            "admins": ["an-admin"],
            "members": ["a-member"],
        },
    )
    found = case.get("/team/info?team_id=full-team")
    case.assert_same_as_recorded()
    assert made.status == 200
    team = found.json["team_info"]
    assert team["max_budget"] == 12.5
    assert team["budget_reset_at"] is not None
    assert team["metadata"]["model_rpm_limit"] == {"teamed-group": 5}
    assert team["metadata"]["naïve"] == "ünïcode"
    assert team["models"] == ["teamed-group"]
    assert team["team_member_permissions"] == ["/key/generate", "/key/info"]


def test_an_id_is_taken_once(case: Case) -> None:
    first = case.post("/team/new", {"team_id": "taken-team"})
    second = case.post("/team/new", {"team_id": "taken-team", "team_alias": "another"})
    case.assert_same_as_recorded()
    assert first.status == 200
    assert second.status == 400
    assert "Team id = taken-team already exists" in second.json["error"]["message"]


def test_aliases_may_be_shared(case: Case) -> None:
    answers = [case.post("/team/new", {"team_id": f"namesake-{number}", "team_alias": "Namesake"}) for number in (1, 2)]
    case.assert_same_as_recorded()
    assert [answer.json["team_alias"] for answer in answers] == ["Namesake", "Namesake"]


def test_a_team_has_aliases_of_models(case: Case) -> None:
    made = case.post("/team/new", {"team_id": "aliasing-team", "model_aliases": {"quick": "teamed-group"}})
    case.get("/team/info?team_id=aliasing-team")
    changed = case.post("/team/update", {"team_id": "aliasing-team", "model_aliases": {"slow": "unteamed-group"}})
    case.assert_same_as_recorded(ignore=["*.model_id", "*.litellm_model_table.id"])
    assert made.status == changed.status == 200
    assert changed.json["data"]["litellm_model_table"]["model_aliases"] == {"slow": "unteamed-group"}


def test_a_team_has_permissions_for_objects(case: Case) -> None:
    made = case.post(
        "/team/new",
        {"team_id": "permitted-team", "object_permission": {"vector_stores": ["store-1"], "mcp_servers": ["s1"]}},
    )
    case.get("/team/info?team_id=permitted-team")
    case.post("/team/update", {"team_id": "permitted-team", "object_permission": {"agents": ["agent-1"]}})
    found = case.get("/team/info?team_id=permitted-team")
    case.assert_same_as_recorded()
    assert made.status == 200
    assert found.json["team_info"]["object_permission"]["vector_stores"] == ["store-1"]
    assert found.json["team_info"]["object_permission"]["agents"] == ["agent-1"]


def test_a_team_is_changed(case: Case) -> None:
    case.post("/team/new", {"team_id": "changed-team", "team_alias": "before", "metadata": {"kept": False}})
    changed = case.post(
        "/team/update",
        {
            "team_id": "changed-team",
            "team_alias": "after",
            "max_budget": 7,
            "budget_duration": "30d",
            "models": ["teamed-group"],
            "metadata": {"new": True},
            "tpm_limit": 9,
            "blocked": True,
        },
    )
    found = case.get("/team/info?team_id=changed-team")
    case.assert_same_as_recorded()
    assert changed.json["data"]["team_alias"] == "after"
    assert found.json["team_info"]["metadata"] == {"new": True}
    assert found.json["team_info"]["max_budget"] == 7.0
    assert found.json["team_info"]["blocked"] is True


def test_limits_that_are_not_named_stay(case: Case) -> None:
    case.post("/team/new", {"team_id": "constant-team", "max_budget": 3.0, "models": ["teamed-group"], "rpm_limit": 4})
    changed = case.post("/team/update", {"team_id": "constant-team", "team_alias": "renamed"})
    cleared = case.post("/team/update", {"team_id": "constant-team", "max_budget": None, "rpm_limit": None})
    case.assert_same_as_recorded()
    assert changed.json["data"]["max_budget"] == 3.0
    assert changed.json["data"]["models"] == ["teamed-group"]
    assert cleared.json["data"]["max_budget"] is None
    assert cleared.json["data"]["rpm_limit"] is None


def test_limits_of_models_go_into_the_metadata(case: Case) -> None:
    case.post("/team/new", {"team_id": "limiting-team"})
    changed = case.post("/team/update", {"team_id": "limiting-team", "model_tpm_limit": {"teamed-group": 9}})
    case.assert_same_as_recorded()
    assert changed.json["data"]["metadata"]["model_tpm_limit"] == {"teamed-group": 9}


def test_a_deleted_team_takes_its_keys_along(case: Case) -> None:
    case.post("/team/new", {"team_id": "doomed-team"})
    case.post("/team/member_add", {"team_id": "doomed-team", "member": {"role": "user", "user_id": "doomed-member"}})
    key = case.post("/key/generate", {"team_id": "doomed-team", "key_alias": "doomed-key"}).json["key"]
    deleted = case.post("/team/delete", {"team_ids": ["doomed-team"]})
    after = case.chat("teamed-group", options={"key": key})
    gone = case.get("/team/info?team_id=doomed-team")
    user = case.get("/user/info?user_id=doomed-member")
    case.assert_same_as_recorded(ignore=["body.user_info.*", "body.error.message"])
    assert deleted.status == 200
    assert after.status == 401
    assert gone.status == 404
    assert user.json["user_info"]["teams"] == []


@pytest.mark.parametrize("how", ["block", "delete"])
def test_a_key_in_use_stops_with_its_team(case: Case, how: str) -> None:
    case.script({"teamed-upstream": [ok("Teamed")]})
    team_id = f"stopped-by-{how}"
    case.post("/team/new", {"team_id": team_id})
    key = case.post("/key/generate", {"team_id": team_id}).json["key"]
    before = case.chat("teamed-group", options={"key": key})
    stopped = case.post(f"/team/{how}", {"team_id": team_id, "team_ids": [team_id]})
    after = case.chat("teamed-group", options={"key": key})
    assert before.status == stopped.status == 200

    def as_recorded(after: Exchange) -> None:
        assert after.status == 200

    def required(after: Exchange) -> None:
        assert after.status == 401

    case.deviates(after, as_recorded=as_recorded, required=required)


def test_a_team_shows_its_keys(case: Case) -> None:
    case.post("/team/new", {"team_id": "keyed-team"})
    case.post("/key/generate", {"team_id": "keyed-team", "key_alias": "shown-key", "max_budget": 2})
    found = case.get("/team/info?team_id=keyed-team")
    case.assert_same_as_recorded()
    [key] = found.json["keys"]
    assert key["key_alias"] == "shown-key"
    assert key["max_budget"] == 2.0


def test_deleting_an_unknown_team_deletes_none(case: Case) -> None:
    case.post("/team/new", {"team_id": "spared-team"})
    refused = case.post("/team/delete", {"team_ids": ["spared-team", "no-such-team"]})
    found = case.get("/team/info?team_id=spared-team")
    case.assert_same_as_recorded()
    assert refused.status == 404
    assert refused.json["detail"]["error"] == "Team not found, passed team_id=no-such-team"
    assert found.status == 200


def test_a_team_is_blocked_and_unblocked(case: Case) -> None:
    case.post("/team/new", {"team_id": "blocked-team"})
    blocked = case.post("/team/block", {"team_id": "blocked-team"})
    unblocked = case.post("/team/unblock", {"team_id": "blocked-team"})
    case.assert_same_as_recorded()
    assert blocked.json["blocked"] is True
    assert unblocked.json["blocked"] is False


def test_a_team_that_is_not_there(case: Case) -> None:
    def all_refused() -> list[Exchange]:
        return [
            case.get("/team/info?team_id=nowhere"),
            case.post("/team/update", {"team_id": "nowhere", "team_alias": "x"}),
            case.post("/team/model/add", {"team_id": "nowhere", "models": ["teamed-group"]}),
            case.post("/team/model/delete", {"team_id": "nowhere", "models": ["teamed-group"]}),
            case.post("/team/block", {"team_id": "nowhere"}),
            case.post("/team/unblock", {"team_id": "nowhere"}),
            case.post("/team/delete", {"team_ids": ["nowhere"]}),
        ]

    answers = all_refused()
    case.assert_same_as_recorded()
    assert [answer.status for answer in answers] == [404] * 7
