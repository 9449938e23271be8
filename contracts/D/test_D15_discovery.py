"""D15: what anybody may find out about a gateway without a key."""

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

pytestmark = contract("D15", config="D15/hub.yaml")

UI_CONFIG = "/.well-known/litellm-ui-config"
PUBLIC = (
    UI_CONFIG,
    "/litellm" + UI_CONFIG,
    "/public/providers",
    "/public/providers/fields",
    "/public/agents/fields",
    "/public/model_hub",
    "/public/model_hub/info",
    "/public/agent_hub",
    "/public/mcp_hub",
)


@pytest.mark.parametrize("path", PUBLIC)
@pytest.mark.parametrize("key", [None, "sk-nobody"], ids=["no-key", "wrong-key"])
def test_no_key_is_needed(case: Case, path: str, key: str | None) -> None:
    answer = case.request("GET", path, key=key)
    case.assert_same_as_recorded(ignore=["body"])
    assert answer.status == 200
    assert isinstance(answer.json, list | dict)


@pytest.mark.parametrize("path", [UI_CONFIG, "/litellm" + UI_CONFIG])
def test_what_the_dashboard_asks_first(case: Case, path: str) -> None:
    answer = case.request("GET", path, key=None)
    case.assert_same_as_recorded()
    assert answer.json == {
        "server_root_path": "",
        "proxy_base_url": None,
        "auto_redirect_to_sso": False,
        "admin_ui_disabled": False,
        "sso_configured": False,
    }


@contract("D15", config="D15/behind/proxied.yaml")
def test_the_dashboard_of_a_gateway_behind_another(case: Case) -> None:
    answer = case.request("GET", UI_CONFIG, key=None)
    case.assert_same_as_recorded()
    assert answer.json["server_root_path"] == "/llm"
    assert answer.json["proxy_base_url"] == "https://gateway.example/llm"
    assert answer.json["admin_ui_disabled"] is True
    assert answer.json["auto_redirect_to_sso"] is True
    assert answer.json["sso_configured"] is True


@contract("D15", config="D15/behind/proxied.yaml")
@pytest.mark.parametrize("path", ["/llm/health/liveliness", "/health/liveliness", "/llm/v1/models", "/v1/models"])
def test_paths_below_the_root(case: Case, path: str) -> None:
    """A reverse proxy may leave its prefix in the path or take it off."""
    answer = case.get(path)
    case.assert_same_as_recorded()
    assert answer.status == 200


@contract("D15", config="D15/behind/proxied.yaml")
@pytest.mark.parametrize("path", ["/llm/llm/v1/models", "/llmx/v1/models"])
def test_paths_that_are_not_below_the_root(case: Case, path: str) -> None:
    answer = case.get(path)
    case.assert_same_as_recorded()
    assert answer.status == 404


def test_providers_are_a_sorted_list_of_names(case: Case) -> None:
    answer = case.request("GET", "/public/providers", key=None)
    assert answer.json == sorted(set(answer.json))
    assert {"openai", "anthropic", "azure", "bedrock", "gemini", "vertex_ai", "cohere", "mistral", "groq"} <= set(
        answer.json
    )

    def as_recorded(answer: Exchange) -> None:
        assert "humanloop" in answer.json

    def required(answer: Exchange) -> None:
        assert "humanloop" not in answer.json

    case.deviates(answer, as_recorded=as_recorded, required=required)


FIELD = {"key", "label", "placeholder", "tooltip", "required", "field_type", "options", "default_value"}


def test_what_a_provider_wants_to_know(case: Case) -> None:
    answer = case.request("GET", "/public/providers/fields", key=None)
    assert answer.status == 200
    for entry in answer.json:
        assert entry.keys() == {
            "provider",
            "provider_display_name",
            "litellm_provider",
            "credential_fields",
            "default_model_placeholder",
        }
        for field in entry["credential_fields"]:
            assert field.keys() == FIELD
            assert field["field_type"] in ("text", "password", "select", "upload", "textarea")
            assert isinstance(field["required"], bool)
    by_name = {entry["litellm_provider"]: entry for entry in answer.json}
    assert {"openai", "anthropic", "azure", "bedrock", "gemini", "vertex_ai", "cohere", "groq"} <= set(by_name)
    secrets = {name: entry["credential_fields"] for name, entry in by_name.items()}
    assert [field["field_type"] for field in secrets["groq"] if field["key"] == "api_key"] == ["password"]
    assert {"api_key", "api_base"} <= {field["key"] for field in secrets["azure"]}
    assert {"aws_access_key_id", "aws_secret_access_key", "aws_region_name"} <= {f["key"] for f in secrets["bedrock"]}
    assert {"vertex_project", "vertex_location", "vertex_credentials"} <= {f["key"] for f in secrets["vertex_ai"]}

    def as_recorded(answer: Exchange) -> None:
        assert any(entry["litellm_provider"] == "aiml" and entry["provider"] == "AIML" for entry in answer.json)
        assert len({entry["litellm_provider"] for entry in answer.json}) < len(answer.json)

    def required(answer: Exchange) -> None:
        assert len({entry["litellm_provider"] for entry in answer.json}) == len(answer.json)

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_what_an_agent_wants_to_know(case: Case) -> None:
    answer = case.request("GET", "/public/agents/fields", key=None)
    [a2a] = [entry for entry in answer.json if entry["agent_type"] == "a2a"]
    assert a2a.keys() == {
        "agent_type",
        "agent_type_display_name",
        "description",
        "logo_url",
        "credential_fields",
        "litellm_params_template",
        "model_template",
    }
    assert (a2a["credential_fields"], a2a["litellm_params_template"], a2a["model_template"]) == ([], {}, None)

    def as_recorded(answer: Exchange) -> None:
        assert "langgraph" in {entry["agent_type"] for entry in answer.json}

    def required(answer: Exchange) -> None:
        assert [entry["agent_type"] for entry in answer.json] == ["a2a"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_the_hub_shows_public_groups_alone(case: Case) -> None:
    answer = case.request("GET", "/public/model_hub", key=None)
    case.assert_same_as_recorded()
    assert [group["model_group"] for group in answer.json] == ["gpt-4", "hub-claude", "hub-absent"]
    assert all(group["is_public_model_group"] for group in answer.json)
    assert "hub-private" not in answer.text


@contract("D15", config="D15/plain.yaml")
def test_nothing_is_public_unless_it_is_said(case: Case) -> None:
    answer = case.request("GET", "/public/model_hub", key=None)
    case.assert_same_as_recorded()
    assert answer.json == []


def test_the_hubs_links(case: Case) -> None:
    answer = case.request("GET", "/public/model_hub/info", key=None)
    case.assert_same_as_recorded()
    assert answer.json["useful_links"] == {"Our handbook": "https://handbook.test/llm"}
    assert answer.json["litellm_version"] == "1.81.14"


@contract("D15", config="D15/plain.yaml")
def test_a_hub_without_links(case: Case) -> None:
    answer = case.request("GET", "/public/model_hub/info", key=None)
    case.assert_same_as_recorded()
    assert answer.json["useful_links"] == {}


@pytest.mark.parametrize("path", ["/public/agent_hub", "/public/mcp_hub"])
def test_hubs_without_entries(case: Case, path: str) -> None:
    answer = case.request("GET", path, key=None)
    case.assert_same_as_recorded()
    assert answer.json == []


def test_prices_are_public(case: Case) -> None:
    answer = case.request("GET", "/public/litellm_model_cost_map", key=None)
    assert answer.status == 200
    assert answer.json["gpt-4"]["input_cost_per_token"] == 3e-05
    assert answer.json["gpt-4"]["litellm_provider"] == "openai"
    assert answer.json["gpt-4"]["max_tokens"] == 4096
    assert next(iter(answer.json)) == "sample_spec"
    assert len(answer.json) > 2000


def test_prices_are_not_where_they_once_were(case: Case) -> None:
    answer = case.get("/get/litellm_model_cost_map")
    case.assert_same_as_recorded()
    assert answer.status == 404


def test_the_routes_are_listed(case: Case) -> None:
    answer = case.request("GET", "/routes", key=None)
    assert answer.status == 200
    assert all({"path", "methods", "name", "endpoint"} <= route.keys() for route in answer.json["routes"])

    def as_recorded(answer: Exchange) -> None:
        assert "/v1/chat/completions" not in {route["path"] for route in answer.json["routes"]}

    def required(answer: Exchange) -> None:
        by_path = {route["path"]: route for route in answer.json["routes"]}
        assert by_path["/v1/chat/completions"]["methods"] == ["POST"]
        assert {"/v1/models", "/health/liveliness", "/public/providers", "/routes"} <= by_path.keys()

    case.deviates(answer, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize(
    "path", ["/model_group/info", "/v1/models", "/model/info", "/utils/supported_openai_params?model=gpt-4"]
)
def test_what_is_not_public(case: Case, path: str) -> None:
    answer = case.request("GET", path, key=None)
    case.assert_same_as_recorded()
    assert answer.status == 401
    assert answer.json["error"]["type"] == "auth_error"


def test_parameters_that_a_model_takes(case: Case) -> None:
    answer = case.get("/utils/supported_openai_params?model=gpt-4")
    case.assert_same_as_recorded()
    assert {"temperature", "tools", "max_tokens"} <= set(answer.json["supported_openai_params"])


@pytest.mark.parametrize("query", ["?model=zzz", ""], ids=["unknown", "none"])
def test_parameters_of_no_model(case: Case, query: str) -> None:
    answer = case.get(f"/utils/supported_openai_params{query}")
    case.assert_same_as_recorded()
    assert answer.status == (400 if query else 422)


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize("path", ["/public/providers", UI_CONFIG])
def test_other_methods(case: Case, method: str, path: str) -> None:
    answer = case.request(method, path, key=None)
    case.assert_same_as_recorded()
    assert answer.status == 405
