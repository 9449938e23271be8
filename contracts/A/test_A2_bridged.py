"""A2: vendors that only chat are asked in a chat, and their answers told as responses."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import Reply, ok, tool

pytestmark = contract("A2", config="A2/main.yaml")

HEADERS = ["x-litellm-model-id", "x-litellm-model-group", "x-litellm-attempted-fallbacks"]
WEATHER = {"type": "function", "name": "weather", "description": "How it is", "parameters": {"type": "object"}}
KIND = "body.object"
"""The reference calls such a response a chat completion; a case of its own says so."""
NO_TOOLS = "journal[*].body.tools"
"""The reference sends an empty list of tools where there are none; a case of its own says so."""


def respond(case: Case, model: str = "bridged", **body: Any) -> Exchange:
    return case.post("/v1/responses", {"model": model, "input": "hello", **body})


def test_a_response(case: Case) -> None:
    case.script({"upstream-bridged": [ok("Good day.")]})
    answer = respond(case, instructions="be brief")
    case.assert_same_as_recorded(headers=HEADERS, ignore=[KIND, NO_TOOLS])
    assert answer.status == 200
    assert answer.json["id"].startswith("resp_")
    assert answer.json["output"][0]["content"][0]["text"] == "Good day."
    assert answer.json["usage"]["input_tokens"] == 10
    [call] = case.journal()
    assert call.path == "/v1/messages"
    assert call.body["system"] == [{"type": "text", "text": "be brief"}]
    assert call.body["messages"] == [{"role": "user", "content": [{"type": "text", "text": "hello"}]}]


def test_it_says_what_it_is(case: Case) -> None:
    case.script({"upstream-bridged": []})
    answer = respond(case)

    def as_recorded(answer: Exchange) -> None:
        assert answer.json["object"] == "chat.completion"

    def required(answer: Exchange) -> None:
        assert answer.json["object"] == "response"

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_no_tools_are_none(case: Case) -> None:
    case.script({"upstream-bridged": []})
    respond(case)
    [body] = case.journal().bodies

    def as_recorded(body: Any) -> None:
        assert body["tools"] == []

    def required(body: Any) -> None:
        assert "tools" not in body

    case.deviates(body, as_recorded=as_recorded, required=required)


FIELDS: dict[str, Any] = {
    "temperature": 0.5,
    "top_p": 0.5,
    "max_output_tokens": 17,
    "user": "u-1",
    "parallel_tool_calls": True,
    "metadata": {"user_id": "u-2"},
    "store": False,
    "truncation": "auto",
    "include": ["reasoning.encrypted_content"],
    "unheard_of": {"a": 1},
}


@pytest.mark.parametrize("field", FIELDS)
def test_a_field(case: Case, field: str) -> None:
    case.script({"upstream-bridged": []})
    answer = respond(case, **{field: FIELDS[field]})
    case.assert_same_as_recorded(headers=HEADERS, ignore=[KIND, NO_TOOLS])
    assert answer.status == 200
    assert case.journal().paths == ["/v1/messages"]


TOOLS: dict[str, dict[str, Any]] = {
    "function": {"tools": [WEATHER]},
    "bare": {"tools": [{"type": "function", "name": "now"}]},
    "any": {"tools": [WEATHER], "tool_choice": "required"},
    "none": {"tools": [WEATHER], "tool_choice": "none"},
    "auto": {"tools": [WEATHER], "tool_choice": {"type": "auto"}},
    "cached": {"tools": [WEATHER | {"cache_control": {"type": "ephemeral"}}]},
    "search": {"tools": [{"type": "web_search", "search_context_size": "low"}]},
    "search-preview": {"tools": [WEATHER, {"type": "web_search_preview"}]},
}


@pytest.mark.parametrize("kind", TOOLS)
def test_tools(case: Case, kind: str) -> None:
    case.script({"upstream-bridged": [ok(tool_calls=[tool("weather", city="Rome")])]})
    answer = respond(case, **TOOLS[kind])
    case.assert_same_as_recorded(headers=HEADERS, ignore=[KIND, "body.output"])
    assert answer.status == 200
    last = answer.json["output"][-1]
    assert (last["type"], last["name"], last["arguments"]) == ("function_call", "weather", '{"city": "Rome"}')
    assert last["call_id"] == "toolu_up1"
    assert case.journal().bodies[0]["tools"]


def test_a_call_alone_is_no_empty_message(case: Case) -> None:
    case.script({"upstream-bridged": [ok(tool_calls=[tool("weather", city="Rome"), tool("weather", city="Paris")])]})
    answer = respond(case, tools=[WEATHER])
    kinds = [item["type"] for item in answer.json["output"]]

    def as_recorded(kinds: list[str]) -> None:
        assert kinds == ["message", "function_call", "function_call"]

    def required(kinds: list[str]) -> None:
        assert kinds == ["function_call", "function_call"]

    case.deviates(kinds, as_recorded=as_recorded, required=required)


def test_a_tool_that_is_asked_for_by_name(case: Case) -> None:
    case.script({"upstream-bridged": []})
    respond(case, tools=[WEATHER], tool_choice={"type": "function", "name": "weather"})
    [body] = case.journal().bodies

    def as_recorded(body: Any) -> None:
        assert body["tool_choice"]["type"] == "any"

    def required(body: Any) -> None:
        assert body["tool_choice"] == {"type": "tool", "name": "weather"}

    case.deviates(body, as_recorded=as_recorded, required=required)


PNG = "data:image/png;base64,iVBORw0KGgo="
INPUTS: dict[str, Any] = {
    "parts": [{"role": "user", "content": [{"type": "input_text", "text": "what is this?"}]}],
    "image": [{"role": "user", "content": [{"type": "input_image", "image_url": PNG, "detail": "low"}]}],
    "turns": [
        {"role": "user", "content": "hi"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hello"}]},
        {"role": "user", "content": "again"},
    ],
    "system": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}],
    "developer": [{"role": "developer", "content": "be brief"}, {"role": "user", "content": "hi"}],
    "called": [
        {"role": "user", "content": "weather?"},
        {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "weather", "arguments": '{"city":"Rome"}'},
        {"type": "function_call_output", "call_id": "call_1", "output": "rain"},
    ],
    "called-in-parts": [
        {"role": "user", "content": "weather?"},
        {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": [{"type": "input_text", "text": "rain"}]},
    ],
    "called-with-image": [
        {"role": "user", "content": "weather?"},
        {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": [{"type": "input_image", "image_url": PNG}]},
    ],
    "reasoned": [
        {"type": "reasoning", "id": "rs_1", "summary": []},
        {"role": "user", "content": "hi"},
    ],
}


@pytest.mark.parametrize("kind", INPUTS)
def test_input(case: Case, kind: str) -> None:
    case.script({"upstream-bridged": []})
    tools = [WEATHER] if kind.startswith("called") else []
    answer = respond(case, input=INPUTS[kind], tools=tools)
    case.assert_same_as_recorded(ignore=[KIND, *([] if tools else [NO_TOOLS])])
    assert answer.status == 200
    assert case.journal().bodies[0]["messages"]


def test_calls_made_together_stay_together(case: Case) -> None:
    case.script({"upstream-grouped": []})
    calls = [{"type": "function_call", "call_id": f"call_{n}", "name": "weather", "arguments": "{}"} for n in (1, 2)]
    outputs = [{"type": "function_call_output", "call_id": f"call_{n}", "output": "rain"} for n in (1, 2)]
    answer = respond(case, "grouped", input=[{"role": "user", "content": "?"}, *calls, *outputs], tools=[WEATHER])

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 200
        messages = case.journal().bodies[0]["messages"]
        assert [message["role"] for message in messages] == ["user", "assistant", "tool", "tool"]
        assert [call["id"] for call in messages[1]["tool_calls"]] == ["call_1", "call_2"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


FORMATS: dict[str, Any] = {
    "text": {"type": "text"},
    "object": {"type": "json_object"},
    "schema": {"type": "json_schema", "name": "city", "schema": {"type": "object", "properties": {}}, "strict": True},
}


@pytest.mark.parametrize("kind", FORMATS)
def test_a_format(case: Case, kind: str) -> None:
    case.script({"upstream-bridged": []})
    answer = respond(case, text={"format": FORMATS[kind]})
    case.assert_same_as_recorded(ignore=[KIND, *([NO_TOOLS] if kind != "schema" else [])])
    assert answer.status == 200
    assert case.journal().paths == ["/v1/messages"]


def test_reasoning(case: Case) -> None:
    case.script({"claude-sonnet-4-5": []})
    answer = respond(case, "thinking", reasoning={"effort": "low"})
    case.assert_same_as_recorded(ignore=[KIND, NO_TOOLS, "body.output[0].id", "body.output[0].summary"])
    assert [item["type"] for item in answer.json["output"]] == ["reasoning", "message"]
    assert answer.json["output"][0]["content"][0]["text"] == "The user said something."
    assert case.journal().bodies[0]["thinking"]["type"] == "enabled"


@pytest.mark.parametrize("reason", ["max_tokens", "end_turn", "stop_sequence"])
def test_how_it_ended(case: Case, reason: str) -> None:
    case.script({"upstream-bridged": [ok("cut", finish_reason=reason)]})
    answer = respond(case)
    case.assert_same_as_recorded(ignore=[KIND, NO_TOOLS, "body.incomplete_details"])
    assert answer.json["status"] == ("incomplete" if reason == "max_tokens" else "completed")
    assert case.journal().paths == ["/v1/messages"]


def test_usage(case: Case) -> None:
    usage = {"input_tokens": 3, "cache_creation_input_tokens": 2, "cache_read_input_tokens": 7, "output_tokens": 4}
    case.script({"upstream-bridged": [ok(usage=usage)]})
    answer = respond(case)
    case.assert_same_as_recorded(ignore=[KIND, NO_TOOLS])
    assert answer.json["usage"]["input_tokens_details"]["cached_tokens"] == 7
    assert case.journal().paths == ["/v1/messages"]


@pytest.mark.parametrize("how", ["whole", "streamed"])
def test_vendors_of_openais_dialect(case: Case, how: str) -> None:
    """The reference cannot ask most of them: it fails before it calls."""
    case.script({"upstream-grouped": [ok("Good day.")]})
    answer = respond(case, "grouped", instructions="be brief", stream=how == "streamed")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 200
        assert b"Good day." in answer.body
        [call] = case.journal()
        assert call.path == "/v1/chat/completions"
        assert call.body["messages"] == [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "hello"},
        ]

    case.deviates(answer, as_recorded=as_recorded, required=required)


def kinds(answer: Exchange) -> list[str]:
    return [event if isinstance(event, str) else event["type"] for event in answer.events]


STREAMS: dict[str, tuple[Reply, list[str]]] = {
    "text": (ok(["Good", " day."]), ["message"]),
    "call": (ok(tool_calls=[tool("weather", city="Rome"), tool("weather", city="Paris")]), ["function_call"] * 2),
    "both": (ok(["look"], tool_calls=[tool("weather", city="Rome")]), ["message", "function_call"]),
    "cut": (ok(["cut"], finish_reason="max_tokens"), ["message"]),
}
INSIDE = {
    "message": ["content_part.added", "output_text.delta", "output_text.done", "content_part.done"],
    "function_call": ["function_call_arguments.delta", "function_call_arguments.done"],
    "reasoning": [
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
    ],
}


def check_stream(answer: Exchange, items: list[str], last: str = "response.completed") -> None:
    """Events as OpenAI sends them, of which clients build the response."""
    *events, done = answer.events
    assert done == "[DONE]"
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert kinds(answer)[:2] == ["response.created", "response.in_progress"]
    assert events[-1]["type"] == last
    response = events[-1]["response"]
    assert [item["type"] for item in response["output"]] == items
    assert {event["response"]["id"] for event in events if "response" in event} == {response["id"]}
    for index, item in enumerate(response["output"]):
        own = [event for event in events if event.get("output_index") == index]
        assert own[0]["type"] == "response.output_item.added"
        assert own[-1] == {
            "type": "response.output_item.done",
            "item": item,
            "output_index": index,
            "sequence_number": own[-1]["sequence_number"],
            "model": own[-1]["model"],
        }
        assert (
            list(dict.fromkeys(event["type"].removeprefix("response.") for event in own[1:-1])) == INSIDE[item["type"]]
        )
        assert {event["item_id"] for event in own[1:-1]} == {item["id"]}


@pytest.mark.parametrize("kind", STREAMS)
def test_a_stream(case: Case, kind: str) -> None:
    reply, items = STREAMS[kind]
    case.script({"upstream-bridged": [reply]})
    answer = respond(case, stream=True, tools=[WEATHER])

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 200
        assert "response.content_part.added" not in kinds(answer)
        assert "sequence_number" not in answer.events[0]

    def required(answer: Exchange) -> None:
        check_stream(answer, items, "response.incomplete" if kind == "cut" else "response.completed")
        usage = answer.events[-2]["response"]["usage"]
        assert (usage["input_tokens"], usage["output_tokens"]) == (10, 5)
        assert case.journal().bodies[0]["stream"] is True

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_a_stream_of_thoughts(case: Case) -> None:
    case.script({"claude-sonnet-4-5": [ok(["Good", " day."])]})
    answer = respond(case, "thinking", stream=True, reasoning={"effort": "low"})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 200
        assert kinds(answer)[-2:] == ["response.completed", "[DONE]"]
        assert "response.reasoning_summary_part.added" not in kinds(answer)

    def required(answer: Exchange) -> None:
        check_stream(answer, ["reasoning", "message"])
        assert answer.events[-2]["response"]["output"][0]["summary"][0]["text"] == "The user said something."

    case.deviates(answer, as_recorded=as_recorded, required=required)
