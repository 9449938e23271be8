"""D1: named credentials are made, looked up, changed and deleted, and deployments use them at once."""

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

pytestmark = contract("D1", config="D1/credentials.yaml")


def new(case: Case, name: str, **fields: object) -> Exchange:
    values = {"api_key": f"sk-secret-of-{name}", "api_base": "http://upstream.test/v1"}
    body = {"credential_name": name, "credential_values": values, "credential_info": {"description": "of a case"}}
    return case.post("/credentials", body | fields)


def by_name(case: Case, name: str) -> Exchange:
    return case.get(f"/credentials/by_name/{name}")


def test_a_credential_is_made_and_looked_up(case: Case) -> None:
    made = new(case, "made")
    found = by_name(case, "made")
    case.assert_same_as_recorded()
    assert made.json == {"success": True, "message": "Credential created successfully"}
    assert found.json["credential_name"] == "made"
    assert found.json["credential_info"] == {"description": "of a case"}
    assert found.json["credential_values"]["api_base"] == "http://upstream.test/v1"
    assert "sk-secret-of-made" not in found.text


def test_a_new_credential_counts_at_once(case: Case) -> None:
    case.script({"cred-to-come-upstream": []})
    made = new(case, "to-come")
    answer = case.chat("cred-to-come")
    case.assert_same_as_recorded()
    assert made.status == answer.status == 200
    [call] = case.journal().calls
    assert call.headers["authorization"] == "Bearer sk-secret-of-to-come"


def test_credentials_of_the_config(case: Case) -> None:
    case.script({"cred-of-config-upstream": []})
    found = by_name(case, "config-credential")
    answer = case.chat("cred-of-config")
    case.assert_same_as_recorded()
    assert found.json["credential_info"] == {"description": "of the config"}
    assert "sk-config-credential" not in found.text
    assert answer.status == 200
    [call] = case.journal().calls
    assert call.headers["authorization"] == "Bearer sk-config-credential"


def test_a_deployments_own_settings_come_first(case: Case) -> None:
    case.script({"cred-own-upstream": []})
    answer = case.chat("cred-own")
    case.assert_same_as_recorded()
    assert answer.status == 200
    [call] = case.journal().calls
    assert call.headers["authorization"] == "Bearer sk-own-key-of-model"


def test_a_patch_counts_at_once(case: Case) -> None:
    """In the reference it counts when the database is next looked at, every half minute."""
    case.script({"cred-patched-upstream": []})
    new(case, "patched")
    changed = case.request(
        "PATCH",
        "/credentials/patched",
        json={"credential_name": "patched", "credential_values": {"api_key": "sk-next"}, "credential_info": {}},
    )
    answer = case.chat("cred-patched")

    def as_recorded(answer: Exchange) -> None:
        assert changed.json == {"success": True, "message": "Credential updated successfully"}
        assert case.journal().calls[0].headers["authorization"] == "Bearer sk-secret-of-patched"
        assert answer.status == 200

    def required(answer: Exchange) -> None:
        assert changed.json == {"success": True, "message": "Credential updated successfully"}
        assert case.journal().calls[0].headers["authorization"] == "Bearer sk-next"
        assert answer.status == 200

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_a_deleted_credential_is_gone(case: Case) -> None:
    new(case, "deleted")
    answer = case.request("DELETE", "/credentials/deleted")
    found = by_name(case, "deleted")
    case.assert_same_as_recorded()
    assert answer.json == {"success": True, "message": "Credential deleted successfully"}
    assert found.status == 404


def test_an_unknown_credential(case: Case) -> None:
    answer = by_name(case, "nobody-s")
    case.assert_same_as_recorded()
    assert answer.status == 404
    assert "Credential not found. Got credential name: nobody-s" in answer.text


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_changing_an_unknown_credential(case: Case, method: str) -> None:
    """The reference answers with 200 and with what the error would have been."""
    body = {"credential_name": "nowhere", "credential_values": {"api_key": "x"}, "credential_info": {}}
    answer = case.request(method, "/credentials/nowhere", json=body)

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 200

    def required(answer: Exchange) -> None:
        assert answer.status == 404
        assert "Credential not found" in answer.json["error"]["message"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_a_name_that_is_taken(case: Case) -> None:
    """A 500 in the reference."""
    new(case, "taken")
    again = new(case, "taken")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 400
        assert "taken" in answer.json["error"]["message"]

    case.deviates(again, as_recorded=as_recorded, required=required)


def test_a_name_with_slashes(case: Case) -> None:
    new(case, "team/prod/openai")
    found = by_name(case, "team/prod/openai")
    case.assert_same_as_recorded()
    assert found.json["credential_name"] == "team/prod/openai"


def test_all_credentials(case: Case) -> None:
    new(case, "listed")
    answer = case.get("/credentials")
    case.assert_same_as_recorded(ignore=["body.credentials"])
    assert answer.json["success"] is True
    found = {entry["credential_name"]: entry for entry in answer.json["credentials"]}
    assert {"listed", "config-credential"} <= found.keys()
    assert found["listed"]["credential_values"]["api_base"] == "http://upstream.test/v1"
    assert "sk-secret-of-listed" not in answer.text


@pytest.mark.parametrize("missing", ["credential_name", "credential_info"])
def test_what_a_credential_must_have(case: Case, missing: str) -> None:
    body: dict[str, object] = {"credential_name": "x", "credential_values": {"api_key": "x"}, "credential_info": {}}
    del body[missing]
    answer = case.post("/credentials", body)
    case.assert_same_as_recorded()
    assert answer.status == 422
    assert answer.json["detail"][0]["loc"] == ["body", missing]


def test_neither_values_nor_a_model(case: Case) -> None:
    answer = case.post("/credentials", {"credential_name": "empty", "credential_info": {}})
    case.assert_same_as_recorded()
    assert answer.status == 422
    assert "credential_values" in answer.text


def test_a_credential_of_a_models_settings(case: Case) -> None:
    body = {"credential_name": "of-a-model", "model_id": "cred-own-1", "credential_info": {}}
    made = case.post("/credentials", body)
    found = by_name(case, "of-a-model")
    case.assert_same_as_recorded()
    assert made.status == found.status == 200
    assert "sk-own-key-of-model" not in found.text
    assert found.json["credential_values"]["api_key"].startswith("sk")


@pytest.mark.parametrize("model_id", ["cred-own-1", "no-such-model"])
def test_credentials_by_model(case: Case, model_id: str) -> None:
    """The reference wants a credential's name in a path that has none."""
    answer = case.get(f"/credentials/by_model/{model_id}")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 422

    def required(answer: Exchange) -> None:
        assert answer.status == (200 if model_id == "cred-own-1" else 404)
        assert "sk-own-key-of-model" not in answer.text
        if answer.status == 200:
            assert answer.json["credential_name"] == "cred-own-credential-cred-own-1"
            assert answer.json["credential_values"]["api_key"] == "sk****el"

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_a_credential_of_an_unknown_model(case: Case) -> None:
    body = {"credential_name": "of-no-model", "model_id": "no-such-model", "credential_info": {}}
    answer = case.post("/credentials", body)
    case.assert_same_as_recorded()
    assert answer.status == 404
    assert "Model not found" in answer.text


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_only_admins_have_credentials(case: Case, method: str) -> None:
    key = case.post("/key/generate", {}).json["key"]
    body = {"credential_name": "x", "credential_values": {}, "credential_info": {}} if method == "POST" else None
    answer = case.request(method, "/credentials", **({"json": body} if body else {}), key=key)
    case.assert_same_as_recorded()
    assert answer.status == 401
    assert "Only proxy admin" in answer.json["error"]["message"]
