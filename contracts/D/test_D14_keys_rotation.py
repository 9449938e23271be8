"""D14: virtual keys get a new text, when somebody asks for it or when they are due."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract, slow

pytestmark = contract("D14", config="D14/keys/keys.yaml")

documented = contract("D14", config="D14/keys/keys.yaml", provenance="documented")
walled = contract("D14", config="D14/keys/keys.yaml", provenance="schema")


def welcome(case: Case, key: str) -> bool:
    """Whether a key is let in."""
    return case.request("GET", "/key/info", key=key).status == 200


def test_a_key_says_when_it_is_due(case: Case) -> None:
    made = case.post("/key/generate", {"auto_rotate": True, "rotation_interval": "90d"}).json
    found = case.get(f"/key/info?key={made['key']}")
    case.assert_same_as_recorded()
    info = found.json["info"]
    assert info["auto_rotate"] is True
    assert info["rotation_interval"] == "90d"
    assert info["rotation_count"] == 0
    assert info["key_rotation_at"] is not None
    assert info["last_rotation_at"] is None


def test_rotation_is_switched_on_later(case: Case) -> None:
    made = case.post("/key/generate", {}).json
    changed = case.post("/key/update", {"key": made["key"], "auto_rotate": True, "rotation_interval": "30d"})
    case.assert_same_as_recorded()
    assert changed.json["auto_rotate"] is True
    assert changed.json["key_rotation_at"] is not None


@pytest.mark.parametrize("place", ["path", "body"])
def test_a_key_is_regenerated(case: Case, place: str) -> None:
    old = case.post("/key/generate", {"key_alias": f"regenerated-{place}", "max_budget": 7, "spend": 1}).json
    path, body = ("/key/regenerate", {"key": old["key"]}) if place == "body" else (f"/key/{old['key']}/regenerate", {})
    answer = case.post(path, body)

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500
        assert "Enterprise feature" in answer.json["error"]["message"]

    def required(answer: Exchange) -> None:
        new = answer.json
        assert new["key"].startswith("sk-")
        assert new["key"] != old["key"]
        assert new["key_alias"] == f"regenerated-{place}"
        assert new["max_budget"] == 7.0
        assert new["spend"] == 1.0
        assert welcome(case, new["key"])
        assert not welcome(case, old["key"])

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_a_new_master_key(case: Case) -> None:
    answer = case.post("/key/regenerate", {"key": "sk-1234", "new_master_key": "sk-next-master"})
    case.assert_same_as_recorded()
    assert answer.json["key"] == answer.json["token"] == answer.json["key_name"] == "sk-next-master"
    assert answer.json["token_id"] is None


@walled
def test_a_new_master_key_must_be_named(case: Case) -> None:
    answer = case.post("/key/regenerate", {"key": "sk-1234"})
    assert answer.status == 400
    assert "New master key is required." in answer.json["error"]["message"]


REFUSED: dict[str, tuple[int, str, dict[str, Any]]] = {
    "nothing": (400, "No key passed in.", {}),
    "unknown": (404, "Key sk-unknown-to-everybody not found.", {"key": "sk-unknown-to-everybody"}),
}


@walled
@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_not_regenerated(case: Case, kind: str) -> None:
    status, message, body = REFUSED[kind]
    answer = case.post("/key/regenerate", body)
    assert answer.status == status
    assert message in answer.json["error"]["message"]


@walled
def test_a_chosen_key(case: Case) -> None:
    old = case.post("/key/generate", {"key_alias": "chosen-anew"}).json["key"]
    refused = case.post(f"/key/{old}/regenerate", {"new_key": "pk-1"})
    assert refused.status == 400
    assert "New key must start with 'sk-'" in refused.json["error"]["message"]
    assert welcome(case, old)
    new = case.post(f"/key/{old}/regenerate", {"new_key": "sk-chosen-as-the-next"}).json
    assert new["key"] == "sk-chosen-as-the-next"
    assert new["key_name"] == "sk-...next"
    assert welcome(case, "sk-chosen-as-the-next")


@walled
def test_fields_are_changed_on_the_way(case: Case) -> None:
    old = case.post("/key/generate", {"max_budget": 5, "metadata": {"note": "kept"}}).json["key"]
    new = case.post(f"/key/{old}/regenerate", {"max_budget": 9, "duration": "1h"}).json
    assert new["max_budget"] == 9.0
    assert new["expires"] is not None
    assert new["metadata"] == {"note": "kept"}


@walled
@slow("a grace period has to pass")
def test_a_grace_period(case: Case) -> None:
    old = case.post("/key/generate", {"key_alias": "with-grace"}).json
    new = case.post(f"/key/{old['key']}/regenerate", {"grace_period": "3s"}).json
    assert welcome(case, new["key"])
    meanwhile = case.request("GET", "/key/info", key=old["key"])
    assert meanwhile.json["info"]["key_name"] == new["key_name"]
    case.until(lambda: case.request("GET", "/key/info", key=old["key"]), lambda answer: answer.status == 401)
    assert welcome(case, new["key"])


@walled
def test_what_was_replaced_is_kept_among_the_deleted(case: Case) -> None:
    old = case.post("/key/generate", {"user_id": "replaced-user"}).json
    new = case.post(f"/key/{old['key']}/regenerate", {}).json
    deleted = case.get("/key/list?user_id=replaced-user&status=deleted").json["keys"]
    live = case.get("/key/list?user_id=replaced-user").json["keys"]
    assert deleted == [old["token"]]
    assert live == [new["token_id"]]


@walled
def test_a_deleted_key_takes_its_predecessors_along(case: Case) -> None:
    old = case.post("/key/generate", {}).json["key"]
    new = case.post(f"/key/{old}/regenerate", {"grace_period": "1h"}).json["key"]
    assert welcome(case, old)
    case.post("/key/delete", {"keys": [new]})
    assert not welcome(case, old)
    assert not welcome(case, new)


@walled
def test_users_regenerate_their_own_keys_alone(case: Case) -> None:
    case.post("/user/new", {"user_id": "regenerating-user", "user_role": "internal_user", "auto_create_key": False})
    own = case.post("/key/generate", {"user_id": "regenerating-user", "max_budget": 1}).json["key"]
    others = case.post("/key/generate", {"user_id": "another-user"}).json["key"]
    refused = case.request("POST", f"/key/{others}/regenerate", json={}, key=own)
    wider = case.request("POST", f"/key/{own}/regenerate", json={"max_budget": 100}, key=own)
    new = case.request("POST", f"/key/{own}/regenerate", json={}, key=own)
    assert refused.status == wider.status == 403
    assert new.json["max_budget"] == 1.0
    assert welcome(case, new.json["key"])


@documented
@slow("a key has to be due")
def test_a_key_that_is_due_is_rotated(case: Case) -> None:
    case.script({"rotated-upstream": []})
    old = case.post(
        "/key/generate", {"key_alias": "due-now", "auto_rotate": True, "rotation_interval": "1s", "max_budget": 4}
    ).json
    assert case.chat("rotated-group", options={"key": old["key"]}).status == 200

    def listed() -> Exchange:
        return case.get("/key/list?key_alias=due-now&return_full_object=true")

    found = case.until(listed, lambda answer: answer.json["keys"][0]["token"] != old["token"])
    [key] = found.json["keys"]
    assert key["rotation_count"] >= 1
    assert key["last_rotation_at"] is not None
    assert key["max_budget"] == 4.0
    assert case.chat("rotated-group", options={"key": old["key"]}).status == 401


@contract("D14", config="D14/keys_grace/keys.yaml", provenance="documented")
@slow("a key has to be due, and a grace period to pass")
def test_a_rotated_key_goes_on_for_a_while(case: Case) -> None:
    old = case.post(
        "/key/generate", {"key_alias": "due-with-grace", "auto_rotate": True, "rotation_interval": "1s"}
    ).json
    [token] = case.until(
        lambda: case.get("/key/list?key_alias=due-with-grace"), lambda answer: answer.json["keys"] != [old["token"]]
    ).json["keys"]
    case.post("/key/update", {"key": token, "auto_rotate": False})
    assert welcome(case, old["key"])
    case.until(lambda: case.request("GET", "/key/info", key=old["key"]), lambda answer: answer.status == 401)
