"""What Amazon Bedrock receives for a chat completion: its parameters, its tools and the choice among them."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import Reply

pytestmark = contract("core", config="vendors/bedrock.yaml")

CLAUDE = "anthropic.claude-3-5-sonnet-20240620-v1:0"
MODELS = {
    "rock-chat": "upstream-rock",
    "rock-claude": CLAUDE,
    "rock-thinker": "us.anthropic.claude-3-7-sonnet-20250219-v1:0",
    "rock-schema": "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "rock-nova": "amazon.nova-pro-v1:0",
    "rock-nova-two": "us.amazon.nova-2-lite-v1:0",
    "rock-llama": "meta.llama3-1-70b-instruct-v1:0",
    "rock-oss": "openai.gpt-oss-120b-1:0",
    "rock-profile": "arn:aws:bedrock:us-east-2:123456789012:application-inference-profile/ab1",
    "rock-guarded": "upstream-guarded",
    "rock-dropping": "upstream-dropping",
}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = {"type": "function", "function": {"name": "weather", "description": "How it is", "parameters": SCHEMA}}


def asking(case: Case, model: str, **body: Any) -> Any:
    """The body that Bedrock received; None: the call was refused."""
    case.script({MODELS[model]: []})
    answer = case.chat(model, **body)
    case.assert_same_as_recorded()
    journal = case.journal()
    assert answer.status == (200 if len(journal) else 400)
    return journal.bodies[0] if len(journal) else None


FIELDS: dict[str, dict[str, Any]] = {
    "max_tokens": {"max_tokens": 17},
    "max_completion_tokens": {"max_completion_tokens": 17},
    "temperature": {"temperature": 0.5},
    "top_p": {"top_p": 0.9},
    "stop": {"stop": "end"},
    "stops": {"stop": ["end", "fin"]},
    "empty-stop": {"stop": ""},
    "top_k": {"top_k": 5},
    "user": {"user": "somebody"},
    "metadata": {"requestMetadata": {"team": "blue"}},
    "service_tier": {"service_tier": "flex"},
    "service_tier-auto": {"service_tier": "auto"},
    "performance": {"performanceConfig": {"latency": "optimized"}},
    "guardrail": {"guardrailConfig": {"guardrailIdentifier": "gr-1", "guardrailVersion": "1"}},
    "unheard-of": {"unheard_of": {"x": 1}},
    "several": {"temperature": 0.5, "max_tokens": 17, "stop": ["end"], "top_k": 5},
}


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("model", ["rock-claude", "rock-nova"])
def test_a_parameter(case: Case, model: str, field: str) -> None:
    body = asking(case, model, **FIELDS[field])
    assert body["system"] == []


VALUES: dict[str, Any] = {
    "n": 2,
    "seed": 3,
    "logprobs": True,
    "presence_penalty": 0.1,
    "logit_bias": {"50256": -100},
    "reasoning_effort": "low",
    "thinking": {"type": "enabled", "budget_tokens": 2000},
    "tools": [WEATHER],
    "functions": [WEATHER["function"]],
    "tool_choice": "auto",
    "parallel_tool_calls": False,
    "web_search_options": {},
    "response_format": {"type": "json_object"},
    "verbosity": "low",
    "store": True,
    "stream_options": {"include_usage": True},
}


@pytest.mark.parametrize("field", VALUES)
@pytest.mark.parametrize("model", ["rock-chat", "rock-claude", "rock-llama", "rock-profile"])
def test_a_parameter_that_not_every_model_takes(case: Case, model: str, field: str) -> None:
    body = asking(case, model, **{field: VALUES[field]})
    assert body is None or set(body) >= {"messages", "system", "inferenceConfig", "additionalModelRequestFields"}


@pytest.mark.parametrize("field", VALUES)
def test_what_is_dropped(case: Case, field: str) -> None:
    assert asking(case, "rock-dropping", **{field: VALUES[field]}) is not None


# --- tools -----------------------------------------------------------------------------------------------------------

REFERRING = {
    "type": "object",
    "properties": {"place": {"$ref": "#/$defs/place"}, "places": {"type": "array", "items": {"$ref": "#/$defs/place"}}},
    "$defs": {"place": {"type": "object", "properties": {"city": {"type": "string"}}}},
    "additionalProperties": False,
}
TOOLS: dict[str, dict[str, Any]] = {
    "ordinary": WEATHER,
    "no-description": {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}},
    "empty-description": {"type": "function", "function": {"name": "clock", "description": ""}},
    "no-parameters": {"type": "function", "function": {"name": "clock"}},
    "strict": {"type": "function", "function": {"name": "weather", "strict": True, "parameters": SCHEMA}},
    "references": {"type": "function", "function": {"name": "weather", "parameters": REFERRING}},
    "odd-name": {"type": "function", "function": {"name": "get-weather.now", "parameters": SCHEMA}},
    "digit-first": {"type": "function", "function": {"name": "2weather", "parameters": SCHEMA}},
    "cached": {**WEATHER, "cache_control": {"type": "ephemeral"}},
    "own-kind": {"toolSpec": {"name": "weather", "inputSchema": {"json": SCHEMA}}},
    "system": {"systemTool": {"name": "nova_grounding"}},
    "computer": {
        "type": "computer_20241022",
        "function": {"name": "computer", "parameters": {"display_height_px": 768, "display_width_px": 1024}},
    },
    "bash": {"type": "bash_20241022", "name": "bash"},
    "bash-without-a-name": {"type": "bash_20241022"},
    "editor": {"type": "text_editor_20241022"},
    "search": {"type": "tool_search_tool_regex_20251119", "name": "tool_search_tool_regex"},
}


@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool(case: Case, tool: str) -> None:
    body = asking(case, "rock-claude", tools=[TOOLS[tool]])
    assert "toolConfig" in body or tool in ("computer", "bash", "bash-without-a-name", "editor", "search")


def test_a_tool_with_an_odd_name_keeps_it_for_the_client(case: Case) -> None:
    use = {"toolUse": {"toolUseId": "tooluse_1", "name": "get_weather_now", "input": {"city": "Bonn"}}}
    usage = {"inputTokens": 10, "outputTokens": 5, "totalTokens": 15}
    message = {"role": "assistant", "content": [use]}
    case.script({CLAUDE: [Reply(body={"output": {"message": message}, "stopReason": "tool_use", "usage": usage})]})
    answer = case.chat("rock-claude", tools=[TOOLS["odd-name"]])
    case.assert_same_as_recorded()
    assert answer.json["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "get-weather.now"
    assert case.journal().bodies[0]["toolConfig"]["tools"][0]["toolSpec"]["name"] == "get_weather_now"


@pytest.mark.parametrize("model", ["rock-thinker", "rock-schema"])
def test_several_kinds_of_tools(case: Case, model: str) -> None:
    body = asking(case, model, tools=[WEATHER, TOOLS["computer"], TOOLS["bash"]])
    assert [tool["type"] for tool in body["additionalModelRequestFields"]["tools"]] == [
        "computer_20241022",
        "bash_20241022",
    ]
    assert len(body["toolConfig"]["tools"]) == 1


CHOICES: dict[str, Any] = {
    "auto": "auto",
    "required": "required",
    "none": "none",
    "odd": "whatever",
    "named": {"type": "function", "function": {"name": "weather"}},
}


@pytest.mark.parametrize("choice", CHOICES)
def test_a_choice_among_tools(case: Case, choice: str) -> None:
    body = asking(case, "rock-claude", tools=[WEATHER], tool_choice=CHOICES[choice])
    assert (body is None) == (choice in ("none", "odd"))


@pytest.mark.parametrize("choice", ["required", "named"])
def test_no_tool_is_forced_on_a_model_that_thinks(case: Case, choice: str) -> None:
    body = asking(
        case,
        "rock-thinker",
        tools=[WEATHER],
        tool_choice=CHOICES[choice],
        thinking={"type": "enabled", "budget_tokens": 2000},
    )
    assert body["toolConfig"]["toolChoice"] == {"auto": {}}


@pytest.mark.parametrize("parallel", [True, False])
@pytest.mark.parametrize("model", ["rock-claude", "rock-nova"])
def test_parallel_calls(case: Case, model: str, parallel: bool) -> None:
    body = asking(case, model, tools=[WEATHER], parallel_tool_calls=parallel)
    assert body["toolConfig"]["tools"][0]["toolSpec"]["name"] == "weather"


# --- thinking --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("effort", ["minimal", "low", "medium", "high"])
def test_an_effort(case: Case, effort: str) -> None:
    body = asking(case, "rock-thinker", reasoning_effort=effort)
    assert body["additionalModelRequestFields"]["thinking"]["budget_tokens"] >= 1024


@pytest.mark.parametrize("effort", ["minimal", "low", "medium", "high", "none"])
@pytest.mark.parametrize("model", ["rock-nova-two", "rock-oss"])
def test_an_effort_of_models_that_name_it_otherwise(case: Case, model: str, effort: str) -> None:
    body = asking(case, model, reasoning_effort=effort)
    refused = model == "rock-nova-two" and effort in ("minimal", "none")
    assert (body is None) == refused


def test_no_effort_at_all(case: Case) -> None:
    case.script({MODELS["rock-thinker"]: []})
    answer = case.chat("rock-thinker", reasoning_effort="none")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 400
        assert "NoneType" in answer.json["error"]["message"]

    def required(answer: Exchange) -> None:
        assert answer.status == 200
        assert "thinking" not in case.journal().bodies[0]["additionalModelRequestFields"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_an_unknown_effort_is_the_clients_mistake(case: Case) -> None:
    case.script({MODELS["rock-thinker"]: []})
    answer = case.chat("rock-thinker", reasoning_effort="whatever")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 400
        assert "whatever" in answer.json["error"]["message"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("budget", [100, 2000])
@pytest.mark.parametrize("limit", [None, 9000])
def test_a_budget_for_thinking(case: Case, budget: int, limit: int | None) -> None:
    further = {} if limit is None else {"max_tokens": limit}
    body = asking(case, "rock-thinker", thinking={"type": "enabled", "budget_tokens": budget}, **further)
    thinking = body["additionalModelRequestFields"]["thinking"]
    assert thinking["budget_tokens"] == max(budget, 1024)
    assert body["inferenceConfig"]["maxTokens"] == (limit or max(budget, 1024) + 4096)


# --- answers in a JSON schema ----------------------------------------------------------------------------------------

NESTED = {
    "type": "object",
    "properties": {"place": {"type": "object", "properties": {"city": {"type": "string"}}}},
    "$defs": {"x": {"type": "object"}},
}
FORMATS: dict[str, dict[str, Any]] = {
    "text": {"type": "text"},
    "object": {"type": "json_object"},
    "schema": {"type": "json_schema", "json_schema": {"name": "place", "schema": SCHEMA, "strict": True}},
    "described": {"type": "json_schema", "json_schema": {"name": "place", "description": "a place", "schema": NESTED}},
    "old": {"type": "json_object", "response_schema": SCHEMA},
}


@pytest.mark.parametrize("wanted", FORMATS)
@pytest.mark.parametrize("model", ["rock-claude", "rock-thinker", "rock-schema", "rock-nova", "rock-chat"])
def test_an_answer_format(case: Case, model: str, wanted: str) -> None:
    body = asking(case, model, response_format=FORMATS[wanted])
    assert ("toolConfig" in body or "outputConfig" in body) == (wanted != "text")


def test_an_answer_format_beside_tools_and_thinking(case: Case) -> None:
    body = asking(
        case,
        "rock-thinker",
        response_format=FORMATS["schema"],
        tools=[WEATHER],
        thinking={"type": "enabled", "budget_tokens": 2000},
    )
    assert len(body["toolConfig"]["tools"]) == 2


# --- guardrails ------------------------------------------------------------------------------------------------------


def test_what_a_guardrail_looks_at(case: Case) -> None:
    messages = [
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "two"},
        {"role": "user", "content": "three"},
        {"role": "user", "content": [{"type": "text", "text": "four"}]},
        {"role": "user", "content": [{"type": "guarded_text", "text": "five"}, {"type": "text", "text": "six"}]},
    ]
    body = asking(case, "rock-guarded", messages=messages)
    assert body["guardrailConfig"]["guardrailIdentifier"] == "gr-1"
    assert body["messages"][0]["content"] == [{"text": "one"}]
    assert body["messages"][2]["content"][0] == {"guardContent": {"text": {"text": "three"}}}


def test_a_beta_of_anthropic(case: Case) -> None:
    case.script({CLAUDE: []})
    answer = case.chat("rock-claude", options={"headers": {"anthropic-beta": "context-1m-2025-08-07"}})
    case.assert_same_as_recorded()
    assert answer.status == 200
