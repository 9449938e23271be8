"""D1: keys are changed; what is not named stays."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

pytestmark = contract("D1", config="D1/keys_management.yaml")


def made(case: Case, **fields: Any) -> str:
    key: str = case.post("/key/generate", fields).json["key"]
    return key


def test_what_is_not_named_stays(case: Case) -> None:
    key = made(case, key_alias="partly-changed", max_budget=5, tpm_limit=10, metadata={"note": "old"})
    answer = case.post("/key/update", {"key": key, "max_budget": 20, "models": ["managed-group"], "unknown": 1})
    found = case.get(f"/key/info?key={key}")
    case.assert_same_as_recorded()
    assert answer.json["key"] == key
    assert found.json["info"]["max_budget"] == 20.0
    assert found.json["info"]["tpm_limit"] == 10
    assert found.json["info"]["metadata"] == {"note": "old"}
    assert found.json["info"]["models"] == ["managed-group"]


def test_null_takes_away(case: Case) -> None:
    key = made(case, max_budget=5, tpm_limit=10, key_alias="loses-things", budget_duration="1d")
    answer = case.post(
        "/key/update", {"key": key, "max_budget": None, "tpm_limit": None, "key_alias": None, "budget_duration": None}
    )
    case.assert_same_as_recorded()
    assert answer.json["max_budget"] is answer.json["tpm_limit"] is answer.json["key_alias"] is None
    assert answer.json["budget_duration"] == "1d"


def test_metadata_is_replaced_and_limits_are_folded_in(case: Case) -> None:
    key = made(case, metadata={"note": "old"})
    folded = case.post("/key/update", {"key": key, "model_rpm_limit": {"managed-group": 3}})
    replaced = case.post("/key/update", {"key": key, "metadata": {"note": "new"}})
    case.assert_same_as_recorded()
    assert folded.json["metadata"] == {"note": "old", "model_rpm_limit": {"managed-group": 3}}
    assert replaced.json["metadata"] == {"note": "new"}


def test_expiry_is_set_and_taken_away(case: Case) -> None:
    key = made(case)
    expiring = case.post("/key/update", {"key": key, "duration": "1h"})
    lasting = case.post("/key/update", {"key": key, "duration": "-1"})
    case.assert_same_as_recorded()
    assert expiring.json["expires"] is not None
    assert lasting.json["expires"] is None


def test_a_budget_gets_another_period(case: Case) -> None:
    key = made(case, max_budget=5)
    answer = case.post("/key/update", {"key": key, "budget_duration": "30d"})
    case.assert_same_as_recorded()
    assert answer.json["budget_duration"] == "30d"
    assert answer.json["budget_reset_at"] is not None


def test_rotation_is_switched_on_and_off(case: Case) -> None:
    key = made(case)
    on = case.post("/key/update", {"key": key, "auto_rotate": True, "rotation_interval": "90d"})
    off = case.post("/key/update", {"key": key, "auto_rotate": False})
    case.assert_same_as_recorded()
    assert on.json["auto_rotate"] is True
    assert on.json["key_rotation_at"] is not None
    assert off.json["auto_rotate"] is False
    assert off.json["rotation_interval"] == "90d"


def test_a_budget_is_increased_for_a_while(case: Case) -> None:
    key = made(case, max_budget=5)
    half = case.post("/key/update", {"key": key, "temp_budget_increase": 10})
    whole = case.post(
        "/key/update", {"key": key, "temp_budget_increase": 10, "temp_budget_expiry": "2099-01-01T00:00:00Z"}
    )
    case.assert_same_as_recorded()
    assert half.status == 422
    assert whole.json["metadata"]["temp_budget_increase"] == 10.0
    assert whole.json["metadata"]["temp_budget_expiry"] == "2099-01-01T00:00:00+00:00"


def test_permissions_for_objects_are_added_to(case: Case) -> None:
    key = made(case, object_permission={"mcp_servers": ["weather"]})
    case.post("/key/update", {"key": key, "object_permission": {"agents": ["clerk"]}})
    found = case.get(f"/key/info?key={key}")
    case.assert_same_as_recorded()
    assert found.json["info"]["object_permission"]["mcp_servers"] == ["weather"]
    assert found.json["info"]["object_permission"]["agents"] == ["clerk"]


def test_a_hash_names_a_key_too(case: Case) -> None:
    token = case.post("/key/generate", {}).json["token"]
    answer = case.post("/key/update", {"key": token, "rpm_limit": 7})
    case.assert_same_as_recorded()
    assert answer.json["rpm_limit"] == 7
    assert answer.json["token"] == token


def test_an_alias_of_another_key(case: Case) -> None:
    made(case, key_alias="others-alias")
    key = made(case, key_alias="own-alias")
    others = case.post("/key/update", {"key": key, "key_alias": "others-alias"})
    own = case.post("/key/update", {"key": key, "key_alias": "own-alias"})
    case.assert_same_as_recorded()
    assert others.status == 400
    assert own.status == 200


def test_a_key_moves_to_a_team(case: Case) -> None:
    case.post("/team/new", {"team_id": "moved-to", "models": ["managed-group"], "tpm_limit": 100})
    fitting = made(case, models=["managed-group"])
    model = made(case, models=["other-group"])
    owned = made(case, user_id="no-member")
    fast = made(case, tpm_limit=200)
    answers = [case.post("/key/update", {"key": key, "team_id": "moved-to"}) for key in (fitting, model, owned, fast)]
    case.assert_same_as_recorded()
    assert [answer.status for answer in answers] == [200, 401, 403, 403]
    assert answers[0].json["team_id"] == "moved-to"


REFUSED: dict[str, tuple[int, dict[str, Any]]] = {
    "negative-budget": (400, {"max_budget": -1}),
    "no-duration": (400, {"duration": "soon"}),
    "unknown-team": (404, {"team_id": "no-such-team"}),
    "budget-in-words": (422, {"max_budget": "much"}),
    "service-account-without-team": (400, {"metadata": {"service_account_id": "robot"}}),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_is_refused(case: Case, kind: str) -> None:
    status, fields = REFUSED[kind]
    key = made(case)
    answer = case.post("/key/update", {"key": key, **fields})
    case.assert_same_as_recorded()
    assert answer.status == status


def test_an_unknown_budget(case: Case) -> None:
    key = made(case)
    answer = case.post("/key/update", {"key": key, "budget_id": "no-such-budget"})
    found = case.get(f"/key/info?key={key}")
    case.assert_same_as_recorded(ignore=["body.error.message"])
    assert answer.status == 400
    assert found.json["info"]["budget_id"] is None


@pytest.mark.parametrize("key", ["sk-unknown-to-everybody", "no-hash"])
def test_an_unknown_key(case: Case, key: str) -> None:
    answer = case.post("/key/update", {"key": key, "max_budget": 1})
    case.assert_same_as_recorded()
    assert answer.status == 401
    assert answer.json["error"]["type"] == "auth_error"


def test_a_key_must_be_named(case: Case) -> None:
    answer = case.post("/key/update", {"max_budget": 1})
    case.assert_same_as_recorded()
    assert answer.status == 422
    assert answer.json["detail"][0]["loc"] == ["body", "key"]


def test_fields_behind_a_licence(case: Case) -> None:
    key = made(case, metadata={"note": "kept"})
    case.post("/key/update", {"key": key, "tags": ["one"]})
    found = case.get(f"/key/info?key={key}")

    def as_recorded(found: Exchange) -> None:
        assert found.json["info"]["metadata"] == {"note": "kept"}

    def required(found: Exchange) -> None:
        assert found.json["info"]["metadata"] == {"note": "kept", "tags": ["one"]}

    case.deviates(found, as_recorded=as_recorded, required=required)


def test_several_keys_at_once(case: Case) -> None:
    key = made(case, key_alias="bulk-changed", max_budget=1)
    answer = case.post(
        "/key/bulk_update",
        {
            "keys": [
                {"key": "sk-unknown-to-everybody", "max_budget": 5},
                {"key": key, "max_budget": -5},
                {"key": key, "team_id": "no-such-team"},
                {"key": key, "max_budget": 7},
            ]
        },
    )
    case.assert_same_as_recorded()
    assert answer.json["total_requested"] == 4
    assert [done["key_info"]["max_budget"] for done in answer.json["successful_updates"]] == [7.0]
    assert len(answer.json["failed_updates"]) == 3


@pytest.mark.parametrize("count", [0, 501])
def test_too_few_or_too_many_keys_at_once(case: Case, count: int) -> None:
    answer = case.post("/key/bulk_update", {"keys": [{"key": "sk-unknown-to-everybody"}] * count})
    case.assert_same_as_recorded()
    assert answer.status == 400


def test_changing_several_keys_leaves_the_rest_alone(case: Case) -> None:
    key = made(case, max_budget=3)
    case.post("/budget/new", {"budget_id": "for-many", "max_budget": 1})
    case.post("/key/bulk_update", {"keys": [{"key": key, "budget_id": "for-many"}]})
    found = case.get(f"/key/info?key={key}")

    def as_recorded(found: Exchange) -> None:
        assert found.json["info"]["max_budget"] is None

    def required(found: Exchange) -> None:
        assert found.json["info"]["max_budget"] == 3.0
        assert found.json["info"]["budget_id"] == "for-many"

    case.deviates(found, as_recorded=as_recorded, required=required)
