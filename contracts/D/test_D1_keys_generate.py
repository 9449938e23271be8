"""D1: virtual keys are made as they were asked for, or refused."""

import re
from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

pytestmark = contract("D1", config="D1/keys_management.yaml")

REFUSED: dict[str, tuple[int, dict[str, Any]]] = {
    "negative-budget": (400, {"max_budget": -1}),
    "negative-soft-budget": (400, {"soft_budget": -0.5}),
    "budget-in-words": (422, {"max_budget": "much"}),
    "models-as-text": (422, {"models": "managed-group"}),
    "metadata-as-text": (422, {"metadata": "note"}),
    "unknown-type": (422, {"key_type": "everything"}),
    "unknown-limit-type": (422, {"rpm_limit_type": "sometimes"}),
    "fraction-of-a-limit": (422, {"tpm_limit": 1.5}),
    "short-key": (400, {"key": "pk-1"}),
    "long-key": (400, {"key": "key-without-the-prefix"}),
    "empty-key": (400, {"key": ""}),
    "service-account-without-team": (400, {"metadata": {"service_account_id": "robot"}}),
    "unknown-project": (404, {"project_id": "no-such-project"}),
    "index-without-name": (422, {"allowed_vector_store_indexes": [{"index_permissions": ["read"]}]}),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_is_refused(case: Case, kind: str) -> None:
    status, body = REFUSED[kind]
    answer = case.post("/key/generate", body)
    case.assert_same_as_recorded()
    assert answer.status == status


def test_no_body(case: Case) -> None:
    answer = case.request("POST", "/key/generate", content=b"", headers={"content-type": "application/json"})
    case.assert_same_as_recorded()
    assert answer.status == 422
    assert answer.json["detail"][0]["loc"] == ["body"]


def test_nobody_makes_a_key_without_one(case: Case) -> None:
    answer = case.request("POST", "/key/generate", json={}, key=None)
    case.assert_same_as_recorded()
    assert answer.status == 401
    assert answer.json["error"]["type"] == "auth_error"


def test_some_fields_are_kept_in_the_metadata(case: Case) -> None:
    answer = case.post(
        "/key/generate",
        {
            "metadata": {"note": "kept"},
            "model_rpm_limit": {"managed-group": 5},
            "model_tpm_limit": {"managed-group": 500},
            "rpm_limit_type": "best_effort_throughput",
            "enforced_params": ["user"],
            "allowed_vector_store_indexes": [{"index_name": "notes", "index_permissions": ["read"]}],
        },
    )
    case.assert_same_as_recorded()
    metadata = answer.json["metadata"]
    assert metadata["note"] == "kept"
    assert metadata["model_rpm_limit"] == {"managed-group": 5}
    assert metadata["enforced_params"] == ["user"]
    assert answer.json["model_rpm_limit"] is None


@pytest.mark.parametrize(
    ("kind", "routes"),
    [
        ("llm_api", ["llm_api_routes"]),
        ("management", ["management_routes"]),
        ("read_only", ["info_routes"]),
        ("default", []),
    ],
    ids=["llm_api", "management", "read_only", "default"],
)
def test_a_type_stands_for_routes(case: Case, kind: str, routes: list[str]) -> None:
    answer = case.post("/key/generate", {"key_type": kind})
    case.assert_same_as_recorded()
    assert answer.json["allowed_routes"] == routes


def test_a_soft_budget_is_a_budget_of_its_own(case: Case) -> None:
    made = case.post("/key/generate", {"soft_budget": 5, "max_budget": 10}).json
    found = case.get(f"/key/info?key={made['key']}")
    case.assert_same_as_recorded()
    assert made["litellm_budget_table"]["soft_budget"] == 5.0
    assert found.json["info"]["litellm_budget_table"]["budget_id"] == made["budget_id"]
    assert found.json["info"]["max_budget"] == 10.0


def test_a_key_may_refer_to_a_budget(case: Case) -> None:
    case.post("/budget/new", {"budget_id": "referred-to", "max_budget": 3, "rpm_limit": 4})
    made = case.post("/key/generate", {"budget_id": "referred-to"})
    found = case.get(f"/key/info?key={made.json['key']}")
    case.assert_same_as_recorded()
    assert made.json["budget_id"] == "referred-to"
    assert found.json["info"]["litellm_budget_table"]["rpm_limit"] == 4


def test_permissions_for_objects(case: Case) -> None:
    made = case.post("/key/generate", {"object_permission": {"mcp_servers": ["weather"], "agents": ["clerk"]}})
    found = case.get(f"/key/info?key={made.json['key']}")
    case.assert_same_as_recorded()
    assert found.json["info"]["object_permission"]["mcp_servers"] == ["weather"]
    assert found.json["info"]["object_permission"]["vector_stores"] == []


def test_a_chosen_key(case: Case) -> None:
    made = case.post("/key/generate", {"key": "sk-chosen-by-the-case"})
    found = case.get("/key/info?key=sk-chosen-by-the-case")
    case.assert_same_as_recorded()
    assert made.json["key"] == "sk-chosen-by-the-case"
    assert found.json["info"]["key_name"] == "sk-...case"


def test_a_key_that_rotates(case: Case) -> None:
    made = case.post("/key/generate", {"auto_rotate": True, "rotation_interval": "30d"})
    found = case.get(f"/key/info?key={made.json['key']}")
    case.assert_same_as_recorded()
    assert found.json["info"]["auto_rotate"] is True
    assert found.json["info"]["rotation_interval"] == "30d"
    assert found.json["info"]["key_rotation_at"] is not None
    assert found.json["info"]["rotation_count"] == 0


def test_rotation_needs_an_interval(case: Case) -> None:
    made = case.post("/key/generate", {"auto_rotate": True})
    found = case.get(f"/key/info?key={made.json['key']}")
    case.assert_same_as_recorded()
    assert found.json["info"]["auto_rotate"] is False
    assert found.json["info"]["key_rotation_at"] is None


def test_settings_of_the_router(case: Case) -> None:
    made = case.post("/key/generate", {"router_settings": {"num_retries": 2, "timeout": 1.5}})
    found = case.get(f"/key/info?key={made.json['key']}")
    case.assert_same_as_recorded()
    assert made.json["router_settings"]["num_retries"] == 2
    assert found.json["info"]["router_settings"] == {"num_retries": 2, "timeout": 1.5}


def test_unknown_fields_and_nulls_do_not_matter(case: Case) -> None:
    answer = case.post("/key/generate", {"unknown": 1, "metadata": None, "models": None, "max_budget": ""})
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert answer.json["metadata"] == {}
    assert answer.json["max_budget"] is None
    assert "unknown" not in answer.json


@pytest.mark.parametrize(
    "alias", ["größe 中文 🙂", "x'; DROP TABLE keys; --", "%_\\"], ids=["unicode", "sql", "pattern"]
)
def test_an_alias_may_be_any_text(case: Case, alias: str) -> None:
    made = case.post("/key/generate", {"key_alias": alias})
    found = case.get(f"/key/info?key={made.json['key']}")
    case.assert_same_as_recorded()
    assert made.json["key_alias"] == found.json["info"]["key_alias"] == alias


def test_an_alias_is_taken_once(case: Case) -> None:
    case.post("/key/generate", {"key_alias": "taken-once"})
    again = case.post("/key/generate", {"key_alias": "taken-once"})
    case.assert_same_as_recorded()
    assert again.status == 400
    assert again.json["error"]["param"] == "key_alias"


def test_a_budget_that_begins_anew(case: Case) -> None:
    made = [
        case.post("/key/generate", {"budget_duration": period}).json
        for period in ("30s", "2h", "1d", "7d", "30d", "1mo")
    ]
    found = [case.get(f"/key/info?key={each['key']}").json["info"]["budget_reset_at"] for each in made]
    case.assert_same_as_recorded()
    assert [each["budget_duration"] for each in made] == ["30s", "2h", "1d", "7d", "30d", "1mo"]
    assert all(re.search(r"T00:00:00|<midnight", moment) for moment in found[2:])


def test_service_accounts_belong_to_a_team(case: Case) -> None:
    nowhere = case.post("/key/service-account/generate", {"key_alias": "robot-of-nobody"})
    unknown = case.post("/key/service-account/generate", {"team_id": "no-such-team"})
    case.post("/team/new", {"team_id": "robots", "team_alias": "robots"})
    made = case.post(
        "/key/service-account/generate", {"team_id": "robots", "user_id": "somebody", "key_alias": "robot"}
    )
    case.assert_same_as_recorded()
    assert nowhere.status == unknown.status == 400
    assert made.json["team_id"] == "robots"
    assert made.json["user_id"] is None


def test_a_team_may_be_out_of_guaranteed_throughput(case: Case) -> None:
    case.post("/team/new", {"team_id": "throughput", "rpm_limit": 100, "tpm_limit": 1000})
    fields = {"team_id": "throughput", "rpm_limit_type": "guaranteed_throughput"}
    first = case.post("/key/generate", {**fields, "rpm_limit": 60})
    second = case.post("/key/generate", {**fields, "rpm_limit": 60})
    model = case.post("/key/generate", {**fields, "model_rpm_limit": {"managed-group": 200}})
    case.assert_same_as_recorded()
    assert first.status == 200
    assert second.status == model.status == 400
    assert "Allocated RPM limit=60 + Key RPM limit=60" in second.json["error"]["message"]


HURTS: dict[str, tuple[int, int, dict[str, Any]]] = {
    "no-duration": (500, 400, {"duration": "soon"}),
    "no-interval": (500, 400, {"auto_rotate": True, "rotation_interval": "often"}),
    "not-a-number": (500, 422, {"max_budget": "NaN"}),
    "infinite": (500, 422, {"max_budget": "Infinity"}),
    "huge-limit": (500, 422, {"tpm_limit": 10**30}),
    "nul": (500, 422, {"key_alias": "a\u0000b"}),
    "unknown-organization": (500, 404, {"organization_id": "no-such-organization"}),
    "unknown-budget": (500, 400, {"budget_id": "no-such-budget"}),
    "negative-spend": (200, 400, {"spend": -100}),
}


@pytest.mark.parametrize("kind", HURTS)
def test_a_mistake_of_the_client_is_told(case: Case, kind: str) -> None:
    recorded, ours, body = HURTS[kind]
    answer = case.post("/key/generate", body)

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == recorded

    def required(answer: Exchange) -> None:
        assert answer.status == ours

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_a_body_that_is_no_object(case: Case) -> None:
    answer = case.post("/key/generate", [])

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 422

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_a_key_for_ever(case: Case) -> None:
    answer = case.post("/key/generate", {"duration": "-1"})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 200
        assert answer.json["expires"] is None

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_a_key_that_exists_is_not_made_again(case: Case) -> None:
    case.post("/key/generate", {"key": "sk-made-only-once", "user_id": "first-owner"})
    answer = case.post("/key/generate", {"key": "sk-made-only-once", "user_id": "second-owner"})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 200
        assert answer.json["user_id"] == "second-owner"

    def required(answer: Exchange) -> None:
        assert answer.status == 400
        assert "exists already" in answer.json["error"]["message"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("field", ["tags", "guardrails", "policies", "prompts", "allowed_passthrough_routes"])
def test_fields_behind_a_licence(case: Case, field: str) -> None:
    answer = case.post("/key/generate", {field: ["one"], "metadata": {"note": "kept"}})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 403

    def required(answer: Exchange) -> None:
        assert answer.json["metadata"] == {"note": "kept", field: ["one"]}

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_budgets_of_models(case: Case) -> None:
    budgets = {"managed-group": {"budget_limit": 1.5, "time_period": "1d"}}
    answer = case.post("/key/generate", {"model_max_budget": budgets})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.json["model_max_budget"] == budgets

    case.deviates(answer, as_recorded=as_recorded, required=required)
