"""D1: virtual keys are generated, used, looked up and blocked."""

from contracts.harness.case import Case
from contracts.harness.mark import contract
from fixtures.replies import ok

pytestmark = contract("D1", config="D1/keys.yaml")


def test_a_key_with_defaults(case: Case) -> None:
    answer = case.post("/key/generate", {})
    case.assert_same_as_recorded()
    assert answer.status == 200
    made = answer.json
    assert made["key"].startswith("sk-")
    assert made["key_name"] == f"sk-...{made['key'][-4:]}"
    assert made["token"] == made["token_id"]
    assert made["expires"] is None
    assert made["models"] == []


def test_a_key_with_many_fields(case: Case) -> None:
    answer = case.post(
        "/key/generate",
        {
            "key_alias": "many-fields",
            "duration": "30d",
            "models": ["keyed-group"],
            "aliases": {"short": "keyed-group"},
            "spend": 0.5,
            "max_budget": 12.5,
            "budget_duration": "1d",
            "user_id": "many-fields-user",
            "max_parallel_requests": 7,
            "tpm_limit": 1000,
            "rpm_limit": 100,
            "metadata": {"note": "of a case"},
            "permissions": {"allow_pii_controls": True},
            "model_max_budget": {},
        },
    )
    made = answer.json
    found = case.get(f"/key/info?key={made['key']}")
    case.assert_same_as_recorded()
    assert answer.status == found.status == 200
    assert made["max_budget"] == found.json["info"]["max_budget"] == 12.5
    assert made["expires"] is not None
    assert found.json["info"]["key_alias"] == "many-fields"
    assert "token" not in found.json["info"]


def test_a_chat_with_a_key_is_charged_to_it(case: Case) -> None:
    case.script({"keyed-upstream": [ok("Keyed")]})
    key = case.post("/key/generate", {"key_alias": "charged", "models": ["keyed-group"]}).json["key"]
    answer = case.chat("keyed-group", options={"key": key})
    case.until(lambda: case.get(f"/key/info?key={key}"), lambda found: found.json["info"]["spend"] > 0)
    logs = case.until(lambda: case.get(f"/spend/logs?api_key={key}"), lambda found: len(found.json) > 0)
    case.assert_same_as_recorded(headers=["x-litellm-key-spend", "x-litellm-response-cost"])
    assert answer.content == "Keyed"
    assert case.journal().models == ["keyed-upstream"]
    [log] = logs.json
    assert log["model_group"] == "keyed-group"
    assert log["spend"] == 10 * 0.001 + 5 * 0.002


def test_a_blocked_key_is_refused(case: Case) -> None:
    case.script({"blocked-upstream": []})
    key = case.post("/key/generate", {"key_alias": "to-be-blocked"}).json["key"]
    before = case.chat("blocked-group", options={"key": key})
    blocked = case.post("/key/block", {"key": key})
    after = case.chat("blocked-group", options={"key": key})
    case.assert_same_as_recorded()
    assert before.status == 200
    assert blocked.json["blocked"] is True
    assert after.status == 401
    assert len(case.journal().models) == 1
