"""What becomes of the parameters of a chat completion that goes to Gemini."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

pytestmark = contract("core", config="google/gemini.yaml")

TOOL = {"type": "function", "function": {"name": "clock"}}
WEATHER = {
    "name": "weather",
    "description": "How it is",
    "parameters": {
        "type": "object",
        "properties": {
            "city": {"type": "string", "minLength": 1, "format": "hostname"},
            "days": {"type": ["integer", "null"], "minimum": 1, "default": 3},
            "unit": {"type": "string", "enum": ["", "C"], "title": "Unit"},
            "level": {"type": "integer", "enum": [1, 2]},
            "when": {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}], "description": "A day"},
            "place": {"$ref": "#/$defs/Place"},
            "tags": {"type": "array", "items": {}},
            "more": {"type": "object", "properties": {}, "required": None},
        },
        "required": ["city"],
        "additionalProperties": False,
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$defs": {"Place": {"type": "object", "properties": {"x": {"type": "number"}}}},
    },
    "strict": True,
}
SCHEMA = {
    "type": "object",
    "properties": {
        "age": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "home": {"$ref": "#/$defs/Home"},
        "kind": {"type": "string", "enum": ["", "a"]},
    },
    "required": ["age"],
    "additionalProperties": False,
    "$defs": {"Home": {"type": "object", "properties": {"floor": {"type": "integer", "enum": [1, 2]}}}},
}
IN_SCHEMA = {"type": "json_schema", "json_schema": {"name": "person", "strict": True, "schema": SCHEMA}}


def config(**fields: Any) -> dict[str, Any]:
    return {"generationConfig": fields}


def thinking(**fields: Any) -> dict[str, Any]:
    return config(thinkingConfig=fields)


FIELDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "sampling": (
        {"temperature": 0.3, "top_p": 0.5, "top_k": 3, "frequency_penalty": 0.1, "presence_penalty": 0.2},
        config(temperature=0.3, top_p=0.5, top_k=3, frequency_penalty=0.1, presence_penalty=0.2),
    ),
    "lengths": (
        {"max_tokens": 7, "n": 2, "stop": "x"},
        config(max_output_tokens=7, candidate_count=2, stop_sequences=["x"]),
    ),
    "completion-tokens": (
        {"max_completion_tokens": 9, "stop": ["a", "b"]},
        config(max_output_tokens=9, stop_sequences=["a", "b"]),
    ),
    "logprobs": ({"logprobs": True}, config(responseLogprobs=True)),
    "modalities": (
        {"modalities": ["text", "image", "audio", "smell"]},
        config(responseModalities=["TEXT", "IMAGE", "AUDIO", "MODALITY_UNSPECIFIED"]),
    ),
    "json": ({"response_format": {"type": "json_object"}}, config(response_mime_type="application/json")),
    "text": ({"response_format": {"type": "text"}}, config(response_mime_type="text/plain")),
    "old-schema": (
        {
            "response_format": {
                "type": "json_object",
                "response_schema": {"type": "object", "properties": {"a": {"type": "string"}}},
            }
        },
        config(
            response_mime_type="application/json",
            response_json_schema={"type": "object", "properties": {"a": {"type": "string"}}},
        ),
    ),
    "effort-low": ({"reasoning_effort": "low"}, thinking(thinkingBudget=1024, includeThoughts=True)),
    "effort-medium": ({"reasoning_effort": "medium"}, thinking(thinkingBudget=2048, includeThoughts=True)),
    "effort-minimal": ({"reasoning_effort": "minimal"}, thinking(thinkingBudget=1, includeThoughts=True)),
    "effort-none": ({"reasoning_effort": "none"}, thinking(thinkingBudget=0, includeThoughts=False)),
    "effort-disabled": ({"reasoning_effort": "disable"}, thinking(thinkingBudget=0, includeThoughts=False)),
    "effort-and-summary": (
        {"reasoning_effort": {"effort": "high", "summary": "auto"}},
        thinking(thinkingBudget=4096, includeThoughts=True),
    ),
    "thinking": (
        {"thinking": {"type": "enabled", "budget_tokens": 333}},
        thinking(thinkingBudget=333, includeThoughts=True),
    ),
    "thinking-of-nothing": ({"thinking": {"type": "enabled", "budget_tokens": 0}}, thinking(thinkingBudget=0)),
    "thinking-disabled": ({"thinking": {"type": "disabled"}}, thinking()),
    "googles-own": (
        {"topK": 3, "maxOutputTokens": 5, "thinkingConfig": {"thinkingBudget": 5}, "response_mime_type": "text/x.enum"},
        config(topK=3, maxOutputTokens=5, thinkingConfig={"thinkingBudget": 5}, response_mime_type="text/x.enum"),
    ),
    "pictures": (
        {"responseModalities": ["IMAGE"], "imageConfig": {"aspectRatio": "1:1"}},
        config(responseModalities=["IMAGE"], imageConfig={"aspectRatio": "1:1"}),
    ),
    "safety": (
        {"safety_settings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]},
        {"safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]},
    ),
    "cached": ({"cached_content": "cachedContents/1"}, {"cachedContent": "cachedContents/1"}),
    "unknown": ({"foo": 1, "user": "anna", "store": True, "verbosity": "low", "labels": {"a": "b"}}, {}),
    "metadata": ({"metadata": {"a": "b"}}, {}),
}


@pytest.mark.parametrize("fields", FIELDS)
def test_fields(case: Case, fields: str) -> None:
    given, expected = FIELDS[fields]
    case.script({"gemini-2.5-flash": []})
    answer = case.chat("gem-chat", **given)
    case.assert_same_as_recorded()
    assert answer.status == 200
    [body] = case.journal().bodies
    del body["contents"]
    assert body == expected


LEAST = {"gem-lite": ("gemini-2.5-flash-lite", 512), "gem-pro": ("gemini-2.5-pro", 128)}


@pytest.mark.parametrize("group", LEAST)
def test_the_least_thinking(case: Case, group: str) -> None:
    upstream, budget = LEAST[group]
    case.script({upstream: []})
    case.chat(group, reasoning_effort="minimal")
    case.assert_same_as_recorded()
    assert case.journal().bodies[0]["generationConfig"]["thinkingConfig"]["thinkingBudget"] == budget


THIRD: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "nothing": ("gem-three", {}, {"thinkingLevel": "low"}),
    "nothing-flash": ("gem-three-flash", {}, {"thinkingLevel": "minimal"}),
    "medium": ("gem-three", {"reasoning_effort": "medium"}, {"thinkingLevel": "high", "includeThoughts": True}),
    "medium-flash": (
        "gem-three-flash",
        {"reasoning_effort": "medium"},
        {"thinkingLevel": "medium", "includeThoughts": True},
    ),
    "minimal": ("gem-three", {"reasoning_effort": "minimal"}, {"thinkingLevel": "low", "includeThoughts": True}),
    "high": ("gem-three", {"reasoning_effort": "high"}, {"thinkingLevel": "high", "includeThoughts": True}),
    "none": ("gem-three-flash", {"reasoning_effort": "none"}, {"thinkingLevel": "minimal", "includeThoughts": False}),
    "thinking": (
        "gem-three",
        {"thinking": {"type": "enabled", "budget_tokens": 20_000}},
        {"includeThoughts": True, "thinkingLevel": "low"},
    ),
    "thinking-disabled": (
        "gem-three",
        {"thinking": {"type": "disabled"}},
        {"includeThoughts": False, "thinkingLevel": "low"},
    ),
}


@pytest.mark.parametrize("how", THIRD)
def test_thinking_of_the_third_generation(case: Case, how: str) -> None:
    group, given, expected = THIRD[how]
    case.script({"gemini-3-pro-preview": [], "gemini-3-flash-preview": []})
    case.chat(group, frequency_penalty=0.1, **given)
    case.assert_same_as_recorded()
    assert case.journal().bodies[0]["generationConfig"] == {"temperature": 1.0, "thinkingConfig": expected}


@pytest.mark.parametrize("group", ["gem-two", "gem-old", "gem-three"])
def test_an_answer_in_a_schema(case: Case, group: str) -> None:
    """Newer models take JSON schemas, others Google's dialect."""
    upstream = {"gem-two": "gemini-2.0-flash", "gem-old": "gemini-1.5-pro", "gem-three": "gemini-3-pro-preview"}[group]
    case.script({upstream: []})
    answer = case.chat(group, response_format=IN_SCHEMA)
    case.assert_same_as_recorded()
    assert answer.status == 200
    asked = case.journal().bodies[0]["generationConfig"]
    assert asked["response_mime_type"] == "application/json"
    schema = asked["response_json_schema" if group == "gem-two" else "response_schema"]
    assert schema["properties"]["home"] == {
        "type": "object",
        "properties": {"floor": {"type": "integer"}},
        **({} if group == "gem-two" else {"propertyOrdering": ["floor"]}),
    }


TOOLS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "functions": (
        {"tools": [TOOL, {"type": "function", "function": {"name": "stop", "description": "x", "parameters": {}}}]},
        {
            "tools": [
                {
                    "function_declarations": [
                        {"name": "clock"},
                        {"name": "stop", "description": "x", "parameters": {"type": "object"}},
                    ]
                }
            ]
        },
    ),
    "old-functions": ({"functions": [{"name": "clock"}]}, {"tools": [{"function_declarations": [{"name": "clock"}]}]}),
    "none-of-them": ({"tools": []}, {}),
    "unheard-of": ({"tools": [{"type": "hammer"}]}, {"tools": []}),
    "web-search": ({"tools": [{"type": "web_search"}]}, {"tools": [{"googleSearch": {}}]}),
    "search-options": ({"web_search_options": {}}, {"tools": [{"googleSearch": {}}]}),
    "search-and-function": (
        {"web_search_options": {}, "tools": [TOOL]},
        {"tools": [{"function_declarations": [{"name": "clock"}]}, {"googleSearch": {}}]},
    ),
    "googles": (
        {"tools": [{"codeExecution": {}}, {"url_context": {}}, TOOL, {"googleSearch": {}}]},
        {
            "tools": [
                {"function_declarations": [{"name": "clock"}]},
                {"googleSearch": {}},
                {"code_execution": {}},
                {"url_context": {}},
            ]
        },
    ),
    "googles-in-other-spellings": (
        {
            "tools": [
                {"google_search": {}},
                {"code_execution": {}},
                {"urlContext": {}},
                {"enterpriseWebSearch": {}},
                {"google_search_retrieval": {}},
            ]
        },
        {
            "tools": [
                {"googleSearch": {}},
                {"googleSearchRetrieval": {}},
                {"enterpriseWebSearch": {}},
                {"code_execution": {}},
                {"url_context": {}},
            ]
        },
    ),
    "maps": (
        {"tools": [{"googleMaps": {"enableWidget": "x", "latitude": 1, "longitude": 2, "languageCode": "en"}}]},
        {"tools": [{"googleMaps": {"enableWidget": "x"}}]},
    ),
    "computer": (
        {"tools": [{"type": "computer_use", "environment": "browser", "excluded_predefined_functions": ["a"]}]},
        {"tools": [{"computerUse": {"environment": "ENVIRONMENT_BROWSER", "excludedPredefinedFunctions": ["a"]}}]},
    ),
    "one-at-a-time": (
        {"tools": [TOOL], "parallel_tool_calls": False},
        {"tools": [{"function_declarations": [{"name": "clock"}]}]},
    ),
    "no-choice": (
        {"tools": [TOOL], "tool_choice": "none"},
        {
            "tools": [{"function_declarations": [{"name": "clock"}]}],
            "toolConfig": {"functionCallingConfig": {"mode": "NONE"}},
        },
    ),
    "any-choice": (
        {"tools": [TOOL], "tool_choice": "required"},
        {
            "tools": [{"function_declarations": [{"name": "clock"}]}],
            "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
        },
    ),
    "free-choice": (
        {"tools": [TOOL], "tool_choice": "auto"},
        {
            "tools": [{"function_declarations": [{"name": "clock"}]}],
            "toolConfig": {"functionCallingConfig": {"mode": "AUTO"}},
        },
    ),
    "named-choice": (
        {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "clock"}}},
        {
            "tools": [{"function_declarations": [{"name": "clock"}]}],
            "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowed_function_names": ["clock"]}},
        },
    ),
}


@pytest.mark.parametrize("tools", TOOLS)
def test_tools(case: Case, tools: str) -> None:
    given, expected = TOOLS[tools]
    case.script({"gemini-2.5-flash": []})
    answer = case.chat("gem-chat", **given)
    case.assert_same_as_recorded()
    assert answer.status == 200
    [body] = case.journal().bodies
    del body["contents"]
    assert body == expected


def test_the_parameters_of_a_function(case: Case) -> None:
    case.script({"gemini-2.5-flash": []})
    case.chat("gem-chat", tools=[{"type": "function", "function": WEATHER}])
    case.assert_same_as_recorded()
    [declared] = case.journal().bodies[0]["tools"][0]["function_declarations"]
    properties = declared["parameters"]["properties"]
    assert properties["city"] == {"type": "string", "minLength": 1}
    assert properties["days"] == {"anyOf": [{"type": "integer"}, {"type": "null"}]}
    assert properties["level"] == {"type": "integer"}
    assert "strict" not in declared


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "seed": ({"seed": 4}, "['seed']"),
    "several": ({"logit_bias": {"1": 1}, "service_tier": "auto", "top_logprobs": 2}, "'service_tier'"),
    "audio": ({"audio": {"voice": "alloy", "format": "pcm16"}}, "['audio']"),
    "function-call": ({"functions": [{"name": "clock"}], "function_call": "auto"}, "['function_call']"),
    "choice": ({"tools": [TOOL], "tool_choice": "any"}, "tool_choice=any"),
    "parallel": ({"tools": [TOOL, TOOL], "parallel_tool_calls": False}, "parallel_tool_calls"),
}


@pytest.mark.parametrize("fields", REFUSED)
def test_what_google_does_not_take(case: Case, fields: str) -> None:
    given, named = REFUSED[fields]
    case.script({"gemini-2.5-flash": []})
    answer = case.chat("gem-chat", **given)
    case.assert_same_as_recorded()
    assert answer.status == 400
    assert named in answer.json["error"]["message"]
    assert len(case.journal()) == 0


def test_what_is_dropped_if_wanted(case: Case) -> None:
    case.script({"gemini-2.5-flash-preview-09-2025": []})
    answer = case.chat(
        "gem-dropping", seed=4, service_tier="auto", temperature=0.5, tools=[TOOL, TOOL], parallel_tool_calls=False
    )
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert case.journal().bodies[0]["generationConfig"] == {"temperature": 0.5}


def test_what_is_allowed_all_the_same(case: Case) -> None:
    case.script({"gemini-2.5-flash": []})
    answer = case.chat("gem-chat", seed=4, allowed_openai_params=["seed"])
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert case.journal().bodies[0]["generationConfig"] == {"seed": 4}


def test_what_the_deployment_sets(case: Case) -> None:
    case.script({"upstream-default": []})
    case.chat("gem-default", max_tokens=5)
    case.assert_same_as_recorded()
    [received] = case.journal()
    assert received.headers["x-tenant"] == "blue"
    assert received.body["generationConfig"] == {"temperature": 0.7, "max_output_tokens": 5}
    assert received.body["safetySettings"][0]["threshold"] == "BLOCK_NONE"


HOPELESS: dict[str, dict[str, Any]] = {
    "effort": {"reasoning_effort": "extreme"},
    "nameless-tool": {"tools": [{"type": "function", "function": {}}]},
    "nothing-but-null": {
        "tools": [{"type": "function", "function": {"name": "x", "parameters": {"anyOf": [{"type": "null"}]}}}]
    },
}


@pytest.mark.parametrize("mistake", HOPELESS)
def test_a_value_that_makes_no_sense(case: Case, mistake: str) -> None:
    case.script({"gemini-2.5-flash": []})
    answer = case.chat("gem-chat", **HOPELESS[mistake])

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 400
        assert len(case.journal()) == 0

    case.deviates(answer, as_recorded=as_recorded, required=required)
    case.wait(1.1)
