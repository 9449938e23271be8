"""What Anthropic receives for a chat completion: its parameters, tools and headers."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

pytestmark = contract("core", config="core/anthropic.yaml")

CACHED = {"cache_control": {"type": "ephemeral"}}
SCHEMA = {
    "type": "object",
    "properties": {"age": {"type": "integer", "minimum": 1}, "tags": {"type": "array", "minItems": 1}},
    "required": ["age"],
    "additionalProperties": False,
}
AS_SCHEMA = {"type": "json_schema", "json_schema": {"name": "person", "strict": True, "schema": SCHEMA}}
WEATHER = {"name": "weather", "description": "How it is", "parameters": {"type": "object", "properties": {}}}
TOOL = {"type": "function", "function": WEATHER}
SENT_TOOL = {"name": "weather", "description": "How it is", "input_schema": {"type": "object", "properties": {}}}

FIELDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "nothing": ({}, {"max_tokens": 4096}),
    "max_tokens": ({"max_tokens": 17}, {"max_tokens": 17}),
    "max_completion_tokens": ({"max_completion_tokens": 17}, {"max_tokens": 17}),
    "both-maxima": ({"max_tokens": 17, "max_completion_tokens": 18}, {"max_tokens": 18}),
    "max_tokens-as-a-fraction": ({"max_tokens": 17.6}, {"max_tokens": 18}),
    "temperature": ({"temperature": 0}, {"temperature": 0}),
    "top_p": ({"top_p": 0.5}, {"top_p": 0.5}),
    "top_k": ({"top_k": 5}, {"top_k": 5}),
    "stop": ({"stop": "end"}, {"stop_sequences": ["end"]}),
    "stops": ({"stop": ["end", " "]}, {"stop_sequences": ["end", " "]}),
    "user": ({"user": "u-1"}, {"metadata": {"user_id": "u-1"}}),
    "user-by-mail": ({"user": "anna@example.com"}, {"metadata": None}),
    "user-by-phone": ({"user": "+49 228 123456"}, {"metadata": None}),
    "metadata-with-a-user": ({"metadata": {"user_id": "u-2", "trace": "t"}}, {"metadata": {"user_id": "u-2"}}),
    "stream_options": ({"stream_options": {"include_usage": True}}, {"stream_options": None}),
    "unheard_of": ({"unheard_of": {"nested": [1, None]}}, {"unheard_of": {"nested": [1, None]}}),
    "speed": ({"speed": "fast"}, {"speed": "fast"}),
    "context_management": (
        {"context_management": [{"type": "compaction", "compact_threshold": 200000}]},
        {
            "context_management": {
                "edits": [{"type": "compact_20260112", "trigger": {"type": "input_tokens", "value": 200000}}]
            }
        },
    ),
    "context_management-of-anthropic": (
        {"context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]}},
        {"context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]}},
    ),
    "web_search_options": (
        {
            "web_search_options": {
                "search_context_size": "low",
                "user_location": {"type": "approximate", "approximate": {"city": "Bonn", "country": "DE"}},
            }
        },
        {
            "tools": [
                {
                    "type": "web_search_20250305",
                    "name": "web_search",
                    "user_location": {"type": "approximate", "city": "Bonn", "country": "DE"},
                    "max_uses": 1,
                }
            ]
        },
    ),
    "text-format": ({"response_format": {"type": "text"}}, {"tools": None, "tool_choice": None}),
    "json-object": ({"response_format": {"type": "json_object"}}, {"tools": None, "tool_choice": None}),
    "json-schema": (
        {"response_format": AS_SCHEMA},
        {
            "tools": [{"name": "json_tool_call", "input_schema": SCHEMA}],
            "tool_choice": {"type": "tool", "name": "json_tool_call"},
        },
    ),
    "json-schema-of-the-old-kind": (
        {"response_format": {"type": "json_object", "response_schema": SCHEMA}},
        {
            "tools": [{"name": "json_tool_call", "input_schema": SCHEMA}],
            "tool_choice": {"type": "tool", "name": "json_tool_call"},
        },
    ),
    "json-schema-and-tools": (
        {"response_format": AS_SCHEMA, "tools": [TOOL]},
        {"tool_choice": {"type": "tool", "name": "json_tool_call"}},
    ),
    "output_config": ({"output_config": {"effort": "low"}}, {"output_config": {"effort": "low"}}),
    "container": ({"container": {"skills": [{"skill_id": "pptx"}]}}, {"container": {"skills": [{"skill_id": "pptx"}]}}),
}


@pytest.mark.parametrize("field", FIELDS)
def test_a_field(case: Case, field: str) -> None:
    body, expected = FIELDS[field]
    case.script({"upstream-claude": []})
    answer = case.chat("claude-chat", **body)
    case.assert_same_as_recorded()
    assert answer.status == 200
    [call] = case.journal()
    assert {name: call.body.get(name) for name in expected} == expected
    assert call.headers["x-api-key"] == "sk-up"


TOOLS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "function": ({"tools": [TOOL]}, {"tools": [SENT_TOOL]}),
    "without-parameters": (
        {"tools": [{"type": "function", "function": {"name": "clock"}}]},
        {"tools": [{"name": "clock", "input_schema": {"type": "object", "properties": {}}}]},
    ),
    "with-more-schema": (
        {
            "tools": [
                {"type": "function", "function": {"name": "x", "strict": True, "parameters": {**SCHEMA, "title": "X"}}}
            ]
        },
        {"tools": [{"name": "x", "input_schema": SCHEMA}]},
    ),
    "cached": ({"tools": [{**TOOL, **CACHED}]}, {"tools": [{**SENT_TOOL, **CACHED}]}),
    "cached-function": (
        {"tools": [{"type": "function", "function": {**WEATHER, **CACHED}}]},
        {"tools": [{**SENT_TOOL, **CACHED}]},
    ),
    "of-anthropic": ({"tools": [SENT_TOOL]}, {"tools": [SENT_TOOL]}),
    "web-search": (
        {"tools": [{"type": "web_search_20250305", "name": "web_search", "max_uses": 3}]},
        {"tools": [{"type": "web_search_20250305", "name": "web_search", "max_uses": 3}]},
    ),
    "web-fetch": (
        {"tools": [{"type": "web_fetch_20250910", "name": "web_fetch"}]},
        {"tools": [{"type": "web_fetch_20250910", "name": "web_fetch"}]},
    ),
    "memory": (
        {"tools": [{"type": "memory_20250818", "name": "memory"}]},
        {"tools": [{"type": "memory_20250818", "name": "memory"}]},
    ),
    "code-execution": (
        {"tools": [{"type": "code_execution_20250825", "name": "code_execution"}]},
        {"tools": [{"type": "code_execution_20250825", "name": "code_execution"}]},
    ),
    "computer": (
        {
            "tools": [
                {
                    "type": "computer_20250124",
                    "function": {"name": "computer", "parameters": {"display_width_px": 9, "display_height_px": 8}},
                }
            ]
        },
        {"tools": [{"type": "computer_20250124", "name": "computer", "display_width_px": 9, "display_height_px": 8}]},
    ),
    "tool-search": (
        {
            "tools": [
                {"type": "tool_search_tool_regex_20251119", "name": "tool_search_tool_regex"},
                {**TOOL, "defer_loading": True},
            ]
        },
        {
            "tools": [
                {"type": "tool_search_tool_regex_20251119", "name": "tool_search_tool_regex"},
                {**SENT_TOOL, "defer_loading": True},
            ]
        },
    ),
    "callers": (
        {"tools": [{**TOOL, "allowed_callers": ["code_execution_20250825"]}]},
        {"tools": [{**SENT_TOOL, "allowed_callers": ["code_execution_20250825"]}]},
    ),
    "examples": (
        {"tools": [{**TOOL, "input_examples": [{"city": "Bonn"}]}]},
        {"tools": [{**SENT_TOOL, "input_examples": [{"city": "Bonn"}]}]},
    ),
    "mcp": (
        {
            "tools": [
                {
                    "type": "mcp",
                    "server_label": "house",
                    "server_url": "https://mcp.test/sse",
                    "allowed_tools": ["ask"],
                    "headers": {"Authorization": "Bearer sk-mcp"},
                }
            ]
        },
        {
            "mcp_servers": [
                {
                    "type": "url",
                    "url": "https://mcp.test/sse",
                    "name": "house",
                    "tool_configuration": {"allowed_tools": ["ask"]},
                    "authorization_token": "sk-mcp",
                }
            ]
        },
    ),
    "auto": ({"tools": [TOOL], "tool_choice": "auto"}, {"tool_choice": {"type": "auto"}}),
    "required": ({"tools": [TOOL], "tool_choice": "required"}, {"tool_choice": {"type": "any"}}),
    "forbidden": ({"tools": [TOOL], "tool_choice": "none"}, {"tool_choice": {"type": "none"}}),
    "this-one": (
        {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "weather"}}},
        {"tool_choice": {"type": "tool", "name": "weather"}},
    ),
    "one-at-a-time": (
        {"tools": [TOOL], "parallel_tool_calls": False},
        {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
    ),
    "in-parallel": (
        {"tools": [TOOL], "parallel_tool_calls": True, "tool_choice": "required"},
        {"tool_choice": {"type": "any", "disable_parallel_tool_use": False}},
    ),
    "none-at-a-time": (
        {"tools": [TOOL], "parallel_tool_calls": False, "tool_choice": "none"},
        {"tool_choice": {"type": "none"}},
    ),
}


@pytest.mark.parametrize("tools", TOOLS)
def test_tools(case: Case, tools: str) -> None:
    body, expected = TOOLS[tools]
    case.script({"upstream-claude": []})
    answer = case.chat("claude-chat", **body)
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert {name: case.journal().bodies[0].get(name) for name in expected} == expected


@pytest.mark.parametrize("effort", ["minimal", "low", "medium", "high"])
def test_reasoning_effort(case: Case, effort: str) -> None:
    case.script({"claude-3-7-sonnet-20250219": []})
    answer = case.chat("claude-thinker", reasoning_effort=effort)
    case.assert_same_as_recorded()
    assert answer.status == 200
    budget = {"minimal": 128, "low": 1024, "medium": 2048, "high": 4096}[effort]
    assert case.journal().bodies[0]["thinking"] == {"type": "enabled", "budget_tokens": budget}


THINKING: dict[str, tuple[str, dict[str, Any]]] = {
    "given": ("claude-thinker", {"thinking": {"type": "enabled", "budget_tokens": 2000}}),
    "given-with-a-maximum": (
        "claude-thinker",
        {"thinking": {"type": "enabled", "budget_tokens": 2000}, "max_tokens": 9000},
    ),
    "disabled": ("claude-thinker", {"thinking": {"type": "disabled"}}),
    "with-a-schema": ("claude-thinker", {"reasoning_effort": "low", "response_format": AS_SCHEMA}),
    "adaptive": ("claude-adaptive", {"reasoning_effort": "low"}),
    "known-maximum": ("claude-thinker", {}),
}


@pytest.mark.parametrize("thinking", THINKING)
def test_thinking(case: Case, thinking: str) -> None:
    model, body = THINKING[thinking]
    case.script({"claude-3-7-sonnet-20250219": [], "claude-opus-4-6": []})
    answer = case.chat(model, **body)
    case.assert_same_as_recorded()
    assert answer.status == 200
    sent = case.journal().bodies[0]
    maxima = {"given": 6096, "given-with-a-maximum": 9000, "with-a-schema": 5120}
    assert sent["max_tokens"] == maxima.get(thinking, sent["max_tokens"])
    assert "reasoning_effort" not in sent


def test_a_schema_for_models_that_know_schemas(case: Case) -> None:
    case.script({"claude-sonnet-4-5-20250929": []})
    answer = case.chat("claude-schema", response_format=AS_SCHEMA)
    case.assert_same_as_recorded()
    assert answer.status == 200
    [call] = case.journal()
    assert call.body["output_format"]["type"] == "json_schema"
    assert "minimum" not in call.body["output_format"]["schema"]["properties"]["age"]
    assert call.headers["anthropic-beta"] == "structured-outputs-2025-11-13"


UNSUPPORTED: dict[str, Any] = {
    "n": 2,
    "seed": 3,
    "presence_penalty": 0.1,
    "frequency_penalty": 0.2,
    "logit_bias": {"50256": -100},
    "logprobs": True,
    "top_logprobs": 2,
    "functions": [WEATHER],
    "modalities": ["text"],
    "prediction": {"type": "content", "content": "hello"},
    "service_tier": "flex",
    "store": True,
    "verbosity": "low",
    "prompt_cache_key": "cached",
    "safety_identifier": "safe",
    "reasoning_effort": "low",
    "thinking": {"type": "enabled", "budget_tokens": 2000},
}


@pytest.mark.parametrize("field", UNSUPPORTED)
@pytest.mark.parametrize("model", ["claude-chat", "claude-dropping"])
def test_a_field_that_anthropic_lacks(case: Case, field: str, model: str) -> None:
    case.script({"upstream-claude": [], "upstream-dropping": []})
    answer = case.chat(model, **{field: UNSUPPORTED[field]})
    case.assert_same_as_recorded()
    if answer.status == 200:
        assert len(case.journal()) == 1
    else:
        assert answer.json["error"]["message"].startswith("litellm.UnsupportedParamsError")
        assert len(case.journal()) == 0


def test_the_deployments_defaults(case: Case) -> None:
    case.script({"upstream-default": []})
    case.chat("claude-default")
    case.chat("claude-default", temperature=0.1, max_tokens=5)
    case.assert_same_as_recorded()
    first, second = case.journal()
    assert (first.body["temperature"], first.body["max_tokens"]) == (0.7, 99)
    assert (second.body["temperature"], second.body["max_tokens"]) == (0.1, 5)
    assert first.headers["x-tenant"] == "blue"


def test_further_fields_of_the_deployment(case: Case) -> None:
    case.script({"upstream-extra": []})
    answer = case.chat("claude-extra")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 200
        assert case.journal().bodies[0]["extra_body"] == {"vendor_flag": True}

    def required(answer: Exchange) -> None:
        assert answer.status == 200
        assert case.journal().bodies[0]["vendor_flag"] is True

    case.deviates(answer, as_recorded=as_recorded, required=required)


@contract("core", config="core/anthropic.yaml", provenance="documented")
@pytest.mark.parametrize(
    ("model", "body", "sent"),
    [
        ("claude-thinker", {"reasoning_effort": "none"}, {"thinking": None}),
        ("claude-chat", {"tools": [TOOL], "tool_choice": {"type": "any"}}, {"tool_choice": {"type": "any"}}),
    ],
    ids=["no-reasoning", "any-tool-as-anthropic-says"],
)
def test_what_only_fails_in_the_reference(case: Case, model: str, body: dict[str, Any], sent: dict[str, Any]) -> None:
    case.script({"claude-3-7-sonnet-20250219": [], "upstream-claude": []})
    answer = case.chat(model, **body)
    assert answer.status == 200
    assert {name: case.journal().bodies[0].get(name) for name in sent} == sent


def test_a_base_that_names_the_endpoint(case: Case) -> None:
    case.script({"upstream-path": []})
    answer = case.chat("claude-path")
    case.assert_same_as_recorded(headers=["x-litellm-model-api-base"])
    assert answer.status == 200
    assert case.journal().paths == ["/u/eu/v1/messages"]


def test_an_oauth_token(case: Case) -> None:
    case.script({"upstream-oauth": []})
    answer = case.chat("claude-oauth")
    case.assert_same_as_recorded()
    assert answer.status == 200
    [call] = case.journal()
    assert call.headers["authorization"] == "Bearer sk-ant-oat01-abcdefgh"
    assert "x-api-key" not in call.headers


BETAS = {"files": "files-api-2025-04-14", "kept": "context-1m-2025-08-07", "unknown": None}


@pytest.mark.parametrize("beta", BETAS)
def test_headers_of_the_client_for_the_vendor(case: Case, beta: str) -> None:
    sent = {"x-tenant": "green", "anthropic-beta": {"unknown": "unheard-of"}.get(beta, BETAS[beta])}
    case.script({"upstream-claude": []})
    answer = case.chat("claude-chat", extra_headers=sent)
    case.assert_same_as_recorded()
    assert answer.status == 200
    [call] = case.journal()
    assert call.headers["x-tenant"] == "green"
    assert call.headers.get("anthropic-beta") == BETAS[beta]


def test_headers_of_the_client_stay_here(case: Case) -> None:
    sent = {"x-tenant": "red", "cookie": "a=b", "x-forwarded-for": "10.0.0.1", "anthropic-version": "2099-01-01"}
    case.script({"upstream-claude": []})
    case.chat("claude-chat", options={"headers": sent})
    case.assert_same_as_recorded()
    [call] = case.journal()
    assert not {"x-tenant", "cookie", "x-forwarded-for"} & set(call.headers)
    assert call.headers["anthropic-version"] == "2023-06-01"
