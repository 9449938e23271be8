"""Anthropic's format in front of Gemini: a chat completion in between."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.mark import contract
from fixtures.google_replies import candidate, said
from fixtures.replies import ok, stream, tool

pytestmark = contract("core", config="google/gemini.yaml")

HI = {"role": "user", "content": "hi"}
WEATHER = {"name": "weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}
CALL = [
    HI,
    {
        "role": "assistant",
        "content": [{"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Bonn"}}],
    },
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": "rain"}]},
]


def ask(case: Case, **fields: Any) -> Any:
    return case.post("/v1/messages", {"model": "gem-chat", "max_tokens": 50, "messages": [HI], **fields})


def test_a_message(case: Case) -> None:
    case.script({"gemini-2.5-flash": [ok("hello")]})
    answer = ask(case, system="be brief")
    case.assert_same_as_recorded()
    assert answer.json["content"] == [{"type": "text", "text": "hello"}]
    assert answer.json["usage"]["input_tokens"] == 10
    [body] = case.journal().bodies
    assert body["system_instruction"] == {"parts": [{"text": "be brief"}]}
    assert body["generationConfig"] == {"max_output_tokens": 50}


def test_a_tool_is_called(case: Case) -> None:
    case.script({"gemini-2.5-flash": [ok(tool_calls=[tool("weather", city="Bonn")])]})
    answer = ask(case, tools=[WEATHER], tool_choice={"type": "any"})
    case.assert_same_as_recorded(ignore=["body.content[0].id"])
    assert answer.json["stop_reason"] == "tool_use"
    assert answer.json["content"][0]["input"] == {"city": "Bonn"}
    assert case.journal().bodies[0]["toolConfig"] == {"functionCallingConfig": {"mode": "ANY"}}


def test_the_result_of_a_tool(case: Case) -> None:
    case.script({"gemini-2.5-flash": [ok("it rains")]})
    answer = ask(case, tools=[WEATHER], messages=CALL)
    case.assert_same_as_recorded()
    assert answer.json["stop_reason"] == "end_turn"
    called, result = case.journal().bodies[0]["contents"][1:]
    assert called["parts"] == [{"function_call": {"name": "weather", "args": {"city": "Bonn"}}}]
    assert result["parts"] == [{"function_response": {"name": "weather", "response": {"content": "rain"}}}]


def test_an_answer_that_is_full(case: Case) -> None:
    case.script({"gemini-2.5-flash": [said(candidate({"text": "hel"}, reason="MAX_TOKENS"))]})
    answer = ask(case)
    case.assert_same_as_recorded()
    assert answer.json["stop_reason"] == "max_tokens"


@pytest.mark.parametrize("effort", ["thinking", "none"])
def test_thinking(case: Case, effort: str) -> None:
    fields = {"thinking": {"type": "enabled", "budget_tokens": 1024}} if effort == "thinking" else {}
    case.script({"gemini-2.5-flash": [ok("hello")]})
    answer = ask(case, **fields)
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert ("thinkingConfig" in case.journal().bodies[0]["generationConfig"]) is bool(fields)


def test_a_stream(case: Case) -> None:
    case.script({"gemini-2.5-flash": [stream(["one ", "two"])]})
    answer = ask(case, stream=True)
    case.assert_same_as_recorded()
    texts = [event.json["delta"].get("text") for event in answer.sse if event.event == "content_block_delta"]
    assert texts == ["one ", "two"]
    assert answer.sse[-1].event == "message_stop"
