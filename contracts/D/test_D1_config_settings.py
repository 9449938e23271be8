"""D1: settings of the config are listed, changed and reset at run time."""

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

pytestmark = contract("D1", config="D1/config.yaml")

#: Sentences that a form shows.
WORDS = ["body[*].field_description", "body[*].nested_fields", "body.fields[*].field_description"]


def field(name: str, value: object = None, **fields: object) -> dict[str, object]:
    return {"field_name": name, "field_value": value, "config_type": "general_settings", **fields}


def test_a_field_is_changed_looked_up_and_reset(case: Case) -> None:
    changed = case.post("/config/field/update", field("max_request_size_mb", 50))
    found = case.get("/config/field/info?field_name=max_request_size_mb")
    reset = case.post("/config/field/delete", field("max_request_size_mb"))
    gone = case.get("/config/field/info?field_name=max_request_size_mb")
    case.assert_same_as_recorded(ignore=["body.param_value"])
    assert changed.json["param_name"] == reset.json["param_name"] == "general_settings"
    assert changed.json["param_value"]["max_request_size_mb"] == 50
    assert found.json == {"field_name": "max_request_size_mb", "field_value": 50}
    assert "max_request_size_mb" not in reset.json["param_value"]
    assert gone.status == 400
    assert gone.json["detail"]["error"] == "Field name=max_request_size_mb not in DB"


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("no_such_field", 1, "Invalid field=no_such_field passed in."),
        ("max_parallel_requests", "many", "Invalid type of field value=<class 'str'> passed in."),
        ("pass_through_endpoints", [{"path": "/x"}], "Invalid type of field value=<class 'list'> passed in."),
    ],
    ids=["unknown", "type", "incomplete"],
)
def test_fields_that_cannot_be(case: Case, name: str, value: object, told: str) -> None:
    answer = case.post("/config/field/update", field(name, value))
    case.assert_same_as_recorded()
    assert answer.status == 400
    assert answer.json["detail"]["error"] == told


@pytest.mark.parametrize("path", ["/config/field/update", "/config/field/delete"])
def test_other_sections_have_no_fields(case: Case, path: str) -> None:
    answer = case.post(path, field("max_parallel_requests", 5, config_type="router_settings"))
    case.assert_same_as_recorded()
    assert answer.status == 422
    assert answer.json["detail"][0]["loc"] == ["body", "config_type"]


def test_a_field_that_is_none(case: Case) -> None:
    answer = case.get("/config/field/info?field_name=no_such_field")
    case.assert_same_as_recorded()
    assert answer.status == 400
    assert answer.json["detail"]["error"] == "Invalid field=no_such_field passed in."


@pytest.mark.parametrize("name", ["master_key", "database_url", "custom_auth"])
def test_what_the_gateway_is_guarded_by_is_not_changed(case: Case, name: str) -> None:
    """The reference stores another master key, and code to load."""
    answer = case.post("/config/field/update", field(name, "sk-other"))
    case.post("/config/field/delete", field(name))

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 200

    def required(answer: Exchange) -> None:
        assert answer.status == 400
        assert name in answer.json["detail"]["error"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_the_fields_of_general_settings(case: Case) -> None:
    case.post("/config/field/update", field("forward_client_headers_to_llm_api", value=False))
    answer = case.get("/config/list?config_type=general_settings")
    case.assert_same_as_recorded(ignore=[*WORDS, "body.param_value"])
    assert answer.status == 200
    fields = {entry["field_name"]: entry for entry in answer.json}
    assert fields["store_model_in_db"]["field_value"] is True
    assert fields["store_model_in_db"]["stored_in_db"] is False
    assert fields["forward_client_headers_to_llm_api"]["stored_in_db"] is True
    assert len(fields) == 11


@pytest.mark.parametrize("query", ["", "?config_type=router_settings"])
def test_lists_that_are_none(case: Case, query: str) -> None:
    answer = case.get(f"/config/list{query}")
    case.assert_same_as_recorded()
    assert answer.status == 422
    assert answer.json["detail"][0]["loc"] == ["query", "config_type"]


def test_settings_of_the_router_are_changed(case: Case) -> None:
    changed = case.post("/config/update", {"router_settings": {"allowed_fails": 7, "retry_after": 3}})
    found = case.get("/router/settings")
    case.assert_same_as_recorded(ignore=["body.fields", "body.current_values", "body.routing_strategy_descriptions"])
    assert changed.json == {"message": "Config updated successfully"}
    assert found.json["current_values"]["allowed_fails"] == 7


@pytest.mark.parametrize("body", [{"router_settings": 5}, {"general_settings": "x"}], ids=["router", "general"])
def test_sections_of_the_wrong_type(case: Case, body: dict[str, object]) -> None:
    answer = case.post("/config/update", body)
    case.assert_same_as_recorded()
    assert answer.status == 422
    assert answer.json["detail"][0]["loc"][0] == "body"


def test_settings_with_which_no_gateway_runs(case: Case) -> None:
    """The reference stores them, and does not start any more."""
    answer = case.post("/config/update", {"router_settings": {"routing_strategy": "no-such-strategy"}})
    case.post("/config/update", {"router_settings": {"routing_strategy": "simple-shuffle"}})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status in (200, 422)

    def required(answer: Exchange) -> None:
        assert answer.status == 400
        assert "no-such-strategy" in answer.text or "strategy" in answer.text

    case.deviates(answer, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("path", ["/router/settings", "/router/fields"])
def test_what_can_be_set_of_the_router(case: Case, path: str) -> None:
    answer = case.get(path)
    case.assert_same_as_recorded(
        ignore=["body.fields", "body.current_values", "body.routing_strategy_descriptions"],
    )
    fields = {entry["field_name"]: entry for entry in answer.json["fields"]}
    assert {"routing_strategy", "num_retries", "timeout", "fallbacks", "cooldown_time"} <= fields.keys()
    assert "simple-shuffle" in fields["routing_strategy"]["options"]
    assert (fields["num_retries"]["field_value"] is None) is (path == "/router/fields")


def test_a_callback_that_is_not_configured(case: Case) -> None:
    answer = case.post("/config/callback/delete", {"callback_name": "no-such-callback"})
    case.assert_same_as_recorded()
    assert answer.status == 404
    assert answer.json["detail"]["error"] == "Callback 'no-such-callback' not found in active configuration"


def test_callbacks_are_listed_and_deleted(case: Case) -> None:
    case.post("/config/update", {"litellm_settings": {"success_callback": ["langfuse", "s3"]}})
    deleted = case.post("/config/callback/delete", {"callback_name": "langfuse"})
    case.assert_same_as_recorded(ignore=["body.remaining_callbacks"])
    assert deleted.json["removed_callback"] == "langfuse"
    assert "langfuse" not in deleted.json["remaining_callbacks"]


def test_callbacks_and_alerts(case: Case) -> None:
    answer = case.get("/get/config/callbacks")
    case.assert_same_as_recorded(ignore=["body.available_callbacks", "body.router_settings", "body.callbacks"])
    assert answer.json["status"] == "success"
    assert [alert["name"] for alert in answer.json["alerts"]] == ["email"]


@pytest.mark.parametrize("path", ["/config/list?config_type=general_settings", "/get/config/callbacks"])
def test_only_admins_see_settings(case: Case, path: str) -> None:
    key = case.post("/key/generate", {}).json["key"]
    answer = case.get(path, key=key)
    case.assert_same_as_recorded()
    assert answer.status == 401
    assert "Only proxy admin" in answer.json["error"]["message"]


@pytest.mark.parametrize("name", ["ui_theme_settings", "ui_settings"])
def test_settings_of_the_dashboard(case: Case, name: str) -> None:
    answer = case.get(f"/get/{name}")
    case.assert_same_as_recorded(ignore=["body.field_schema", "body.values"])
    assert answer.status == 200
    assert isinstance(answer.json["values"], dict)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("ui_theme_settings", {"logo_url": "https://example.com/logo.png"}),
        ("ui_settings", {"disable_model_add_for_internal_users": True}),
    ],
    ids=["theme", "ui"],
)
def test_settings_of_the_dashboard_are_changed(case: Case, name: str, values: dict[str, object]) -> None:
    changed = case.request("PATCH", f"/update/{name}", json=values)
    found = case.get(f"/get/{name}")
    case.assert_same_as_recorded(ignore=["body.field_schema", "body.values", "body.settings", "body.theme_config"])
    assert changed.status == 200
    assert {key: found.json["values"][key] for key in values} == values
