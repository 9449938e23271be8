"""A2: chats of models that only the Responses API serves, and Cursor's mixture of both formats."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import ok, stream, tool

pytestmark = contract("A2", config="A2/main.yaml")

FUNCTION = {"name": "weather", "description": "How it is", "parameters": {"type": "object"}}
WEATHER = {"type": "function", "function": FUNCTION}
SPECIFIC = ["body.choices[*].message.provider_specific_fields", "body.choices[*].message.tool_calls[*].index"]


@pytest.mark.parametrize("model", ["moded", "prefixed", "codex"])
def test_a_chat(case: Case, model: str) -> None:
    upstream = {"codex": "gpt-5-codex"}.get(model, f"upstream-{model}")
    case.script({upstream: [ok("Good day.")]})
    answer = case.chat(model)
    case.assert_same_as_recorded(headers=["x-litellm-model-id"])
    assert answer.json["object"] == "chat.completion"
    assert answer.content == "Good day."
    assert case.journal().paths == ["/v1/responses"]


FIELDS: dict[str, dict[str, Any]] = {
    "max_tokens": {"max_tokens": 17},
    "tools": {"tools": [WEATHER], "tool_choice": "auto"},
    "reasoning_effort": {"reasoning_effort": "low"},
    "response_format": {
        "response_format": {"type": "json_schema", "json_schema": {"name": "city", "schema": {"type": "object"}}}
    },
    "json": {"response_format": {"type": "json_object"}},
    "sampling": {"temperature": 0.5, "top_p": 0.5},
    "user": {"user": "u-1"},
    "parallel_tool_calls": {"parallel_tool_calls": False, "tools": [WEATHER]},
}


@pytest.mark.parametrize("field", FIELDS)
def test_a_field(case: Case, field: str) -> None:
    model, upstream = ("codex", "gpt-5-codex") if field == "reasoning_effort" else ("moded", "upstream-moded")
    case.script({upstream: []})
    answer = case.chat(model, **FIELDS[field])
    # The reference loses the user of models that it does not know, as the core cases of other chats say.
    case.assert_same_as_recorded(ignore=["journal[0].body.user"] if field == "user" else [])
    assert answer.status == 200
    assert case.journal().paths == ["/v1/responses"]


MESSAGES: dict[str, list[Any]] = {
    "system": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}],
    "image": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "what?"},
                {"type": "image_url", "image_url": {"url": "https://images.test/a.png"}},
            ],
        }
    ],
    "called": [
        {"role": "user", "content": "weather?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Rome"}'}}
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
    ],
    "turns": [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "hello"},
        {"role": "user", "content": "again"},
    ],
}


@pytest.mark.parametrize("kind", MESSAGES)
def test_messages(case: Case, kind: str) -> None:
    case.script({"upstream-moded": []})
    answer = case.chat("moded", messages=MESSAGES[kind])
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert case.journal().bodies[0]["input"]


def test_a_call_of_a_tool(case: Case) -> None:
    case.script({"upstream-moded": [ok(tool_calls=[tool("weather", city="Rome"), tool("weather", city="Paris")])]})
    answer = case.chat("moded", tools=[WEATHER])
    case.assert_same_as_recorded(ignore=SPECIFIC)
    assert answer.json["choices"][0]["finish_reason"] == "tool_calls"
    assert [call["id"] for call in answer.json["choices"][0]["message"]["tool_calls"]] == ["call_up1", "call_up2"]
    assert case.journal().paths == ["/v1/responses"]


def test_a_stream(case: Case) -> None:
    case.script({"upstream-moded": [stream(["Good", " day."])]})
    answer = case.stream("moded", stream_options={"include_usage": True})
    assert answer.content == "Good day."
    assert answer.events[-1] == "[DONE]"
    ids = {event["id"] for event in answer.events[:-1]}

    def as_recorded(answer: Exchange) -> None:
        assert answer.events[-2]["usage"]["total_tokens"] == 11
        assert len(ids) > 1

    def required(answer: Exchange) -> None:
        assert answer.events[-2]["usage"]["total_tokens"] == 15
        assert len(ids) == 1

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_a_stream_of_calls(case: Case) -> None:
    case.script({"upstream-moded": [ok(tool_calls=[tool("weather", city="Rome"), tool("weather", city="Paris")])]})
    answer = case.stream("moded", tools=[WEATHER])
    calls: dict[int, str] = {}
    for event in answer.events[:-1]:
        for call in event["choices"][0]["delta"].get("tool_calls") or ():
            calls[call["index"]] = calls.get(call["index"], "") + call["function"].get("arguments", "")

    def as_recorded(arguments: list[str]) -> None:
        assert arguments == ['{"city":"Rome"}{"city":"Paris"}']

    def required(arguments: list[str]) -> None:
        assert arguments == ['{"city":"Rome"}', '{"city":"Paris"}']
        assert answer.events[-2]["choices"][0]["finish_reason"] == "tool_calls"

    case.deviates([*calls.values()], as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("how", ["input", "messages"])
def test_cursor(case: Case, how: str) -> None:
    case.script({"upstream-native": [ok("Good day.")]})
    given = "hello" if how == "input" else [{"role": "user", "content": "hello"}]
    answer = case.post("/cursor/chat/completions", {"model": "native", how: given})
    nulls = ["body.system_fingerprint", "body.choices[0].message", "body.usage.*_details", "journal[0].body.metadata"]
    case.assert_same_as_recorded(ignore=nulls)
    assert answer.content == "Good day."
    assert answer.json["choices"][0]["message"]["role"] == "assistant"
    assert case.journal().paths == ["/v1/responses"]


def test_cursor_streams(case: Case) -> None:
    case.script({"upstream-native": [stream(["Good", " day."])]})
    answer = case.post("/cursor/chat/completions", {"model": "native", "input": "hello", "stream": True})
    case.assert_same_as_recorded(ignore=["journal[0].body.metadata"])
    assert answer.content == "Good day."
    assert answer.events[-1] == "[DONE]"


def test_cursor_tells_the_vendor_nothing_of_its_key(case: Case) -> None:
    case.script({"upstream-native": []})
    case.post("/cursor/chat/completions", {"model": "native", "input": "hello"})
    [body] = case.journal().bodies

    def as_recorded(body: Any) -> None:
        assert "user_api_key_hash" in body["metadata"]

    def required(body: Any) -> None:
        assert body == {"model": "upstream-native", "input": "hello"}

    case.deviates(body, as_recorded=as_recorded, required=required)


def test_cursor_in_front_of_vendors_that_only_chat(case: Case) -> None:
    case.script({"upstream-bridged": [ok("Good day.")]})
    answer = case.post("/cursor/chat/completions", {"model": "bridged", "input": "hello"})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 200
        assert answer.content == "Good day."

    case.deviates(answer, as_recorded=as_recorded, required=required)
