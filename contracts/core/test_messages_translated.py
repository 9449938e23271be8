"""/v1/messages in front of a vendor of OpenAI's dialect: translated both ways."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import Reply, context_window_exceeded, ok, rate_limited, status, stream, tool

pytestmark = contract("core", config="core/anthropic.yaml")

HI = {"role": "user", "content": "hi"}
CACHED = {"cache_control": {"type": "ephemeral"}}
PIXEL = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
WEATHER = {"name": "weather", "description": "How it is", "input_schema": {"type": "object", "properties": {}}}
SENT_WEATHER = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}, "description": "How it is"},
}


def ask(case: Case, model: str = "other-vendor", *, options: dict[str, Any] | None = None, **body: Any) -> Exchange:
    return case.post("/v1/messages", {"model": model, "max_tokens": 9, "messages": [HI], **body}, **(options or {}))


def text(said: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": said, **more}


def user(*content: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(content)}


def used(index: int, city: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": f"toolu_{index}", "name": "weather", "input": {"city": city}}


def asked(index: int, city: str) -> dict[str, Any]:
    return {
        "id": f"toolu_{index}",
        "type": "function",
        "function": {"name": "weather", "arguments": f'{{"city": "{city}"}}'},
    }


def result(index: int, **content: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": f"toolu_{index}", **content}


def told(index: int, content: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": f"toolu_{index}", "content": content}


CALL = {"role": "assistant", "content": [used(1, "Bonn")]}
SENT_CALL = {"role": "assistant", "tool_calls": [asked(1, "Bonn")]}
CONVERSATIONS: dict[str, tuple[list[Any], list[Any]]] = {
    "text": ([HI], [HI]),
    "blocks": ([user(text("hi", **CACHED), text("there"))], [user(text("hi"), text("there"))]),
    "image": (
        [user(text("what?"), {"type": "image", "source": PIXEL})],
        [user(text("what?"), {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}})],
    ),
    "image-url": (
        [user({"type": "image", "source": {"type": "url", "url": "https://pictures.test/cat.png"}})],
        [user({"type": "image_url", "image_url": {"url": "https://pictures.test/cat.png"}})],
    ),
    "assistant-text": (
        [HI, {"role": "assistant", "content": "a"}, HI],
        [HI, {"role": "assistant", "content": "a"}, HI],
    ),
    "assistant-blocks": (
        [HI, {"role": "assistant", "content": [text("a"), text("b", **CACHED)]}, HI],
        [HI, {"role": "assistant", "content": "ab"}, HI],
    ),
    "tool": ([HI, CALL, user(result(1, content="rain"))], [HI, SENT_CALL, told(1, "rain")]),
    "tool-and-text": (
        [
            HI,
            {"role": "assistant", "content": [text("see"), used(1, "Bonn")]},
            user(result(1, content="rain"), text("so?")),
        ],
        [
            HI,
            {"role": "assistant", "content": "see", "tool_calls": [asked(1, "Bonn")]},
            told(1, "rain"),
            user(text("so?")),
        ],
    ),
    "parallel-tools": (
        [
            HI,
            {"role": "assistant", "content": [used(1, "Bonn"), used(2, "Kiel")]},
            user(result(1, content="rain"), result(2, content=[text("sun")])),
        ],
        [
            HI,
            {"role": "assistant", "tool_calls": [asked(1, "Bonn"), asked(2, "Kiel")]},
            told(1, "rain"),
            told(2, "sun"),
        ],
    ),
    "tool-result-of-blocks": (
        [HI, CALL, user(result(1, content=[text("rain"), {"type": "image", "source": PIXEL}]))],
        [
            HI,
            SENT_CALL,
            told(1, [text("rain"), {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}]),
        ],
    ),
    "tool-without-result": ([HI, CALL, user(result(1))], [HI, SENT_CALL, told(1, "")]),
    "document": (
        [user({"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}})],
        [user({"type": "image_url", "image_url": {"url": "data:application/pdf;base64,JVBERi0="}})],
    ),
}


@pytest.mark.parametrize("conversation", CONVERSATIONS)
def test_a_conversation(case: Case, conversation: str) -> None:
    messages, expected = CONVERSATIONS[conversation]
    case.script({"upstream-other": []})
    answer = ask(case, messages=messages, tools=[WEATHER])
    case.assert_same_as_recorded()
    assert answer.status == 200
    sent = [
        {name: value for name, value in one.items() if value is not None}
        for one in case.journal().bodies[0]["messages"]
    ]
    assert sent == expected


def test_thinking_of_the_assistant(case: Case) -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}
    case.script({"upstream-other": []})
    answer = ask(case, messages=[HI, {"role": "assistant", "content": [thought, text("a")]}, HI])
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert case.journal().bodies[0]["messages"][1]["content"] == "a"


FIELDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "nothing": ({}, {"max_tokens": 9}),
    "system": ({"system": "be brief"}, {"messages": [{"role": "system", "content": "be brief"}, HI]}),
    "system-blocks": (
        {"system": [text("be brief", **CACHED), text("be kind")]},
        {"messages": [{"role": "system", "content": [text("be brief"), text("be kind")]}, HI]},
    ),
    "temperature": ({"temperature": 0}, {"temperature": 0}),
    "top_p": ({"top_p": 0.5}, {"top_p": 0.5}),
    "tools": ({"tools": [WEATHER]}, {"tools": [SENT_WEATHER]}),
    "tool-auto": ({"tools": [WEATHER], "tool_choice": {"type": "auto"}}, {"tool_choice": "auto"}),
    "tool-any": ({"tools": [WEATHER], "tool_choice": {"type": "any"}}, {"tool_choice": "required"}),
    "tool-this": (
        {"tools": [WEATHER], "tool_choice": {"type": "tool", "name": "weather"}},
        {"tool_choice": {"type": "function", "function": {"name": "weather"}}},
    ),
    "thinking-disabled": ({"thinking": {"type": "disabled"}}, {"max_tokens": 9}),
    "output_format": (
        {"output_format": {"type": "json_schema", "schema": {"type": "object"}}},
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "structured_output", "schema": {"type": "object"}, "strict": True},
            }
        },
    ),
    "unheard_of": ({"unheard_of": {"a": 1}}, {"max_tokens": 9}),
}


@pytest.mark.parametrize("field", FIELDS)
def test_a_field(case: Case, field: str) -> None:
    body, expected = FIELDS[field]
    case.script({"upstream-other": []})
    answer = ask(case, **body)
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert {name: case.journal().bodies[0].get(name) for name in expected} == expected


def test_the_user(case: Case) -> None:
    case.script({"upstream-other": []})
    answer = ask(case, metadata={"user_id": "u-1"})
    case.assert_same_as_recorded(ignore=["journal[0].body.user"])
    assert answer.status == 200
    assert "metadata" not in case.journal().bodies[0]


SPECIAL: dict[str, dict[str, Any]] = {
    "top_k": {"top_k": 5},
    "web-search": {"tools": [{"type": "web_search_20250305", "name": "web_search", "max_uses": 2}]},
    "computer": {"tools": [{"type": "computer_20250124", "name": "computer", "display_width_px": 9}]},
    "long-name": {"tools": [{"name": "w" * 70, "input_schema": {"type": "object"}}]},
    "one-tool-at-a-time": {"tools": [WEATHER], "tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
}


@pytest.mark.parametrize("field", SPECIAL)
def test_a_field_without_a_twin(case: Case, field: str) -> None:
    case.script({"upstream-other": []})
    answer = ask(case, **SPECIAL[field])
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert len(case.journal()) == 1


def test_stop_sequences(case: Case) -> None:
    case.script({"upstream-other": []})
    answer = ask(case, stop_sequences=["end"])

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 200
        assert case.journal().bodies[0]["stop_sequences"] == ["end"]

    def required(answer: Exchange) -> None:
        assert answer.status == 200
        assert case.journal().bodies[0]["stop"] == ["end"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_no_tool_is_wanted(case: Case) -> None:
    case.script({"upstream-other": []})
    answer = ask(case, tools=[WEATHER], tool_choice={"type": "none"})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 200
        assert case.journal().bodies[0]["tool_choice"] == "none"

    case.deviates(answer, as_recorded=as_recorded, required=required)


def _answered(content: Any, reason: str = "stop", **message: Any) -> Reply:
    choice = {"index": 0, "message": {"role": "assistant", "content": content, **message}, "finish_reason": reason}
    body = {
        "id": "chatcmpl-9",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "up",
        "choices": [choice],
    }
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    return Reply(body=body | {"usage": usage})


ANSWERS: dict[str, tuple[Reply, str]] = {
    "ordinary": (ok(), "end_turn"),
    "full": (_answered("hi", "length"), "max_tokens"),
    "filtered": (_answered("hi", "content_filter"), "end_turn"),
    "tool": (ok(tool_calls=[tool("weather", city="Bonn")]), "tool_use"),
    "tools-and-text": (ok("see", tool_calls=[tool("weather", city="Bonn"), tool("clock")]), "tool_use"),
    "reasoning": (_answered("hi", reasoning_content="hm"), "end_turn"),
    "nothing": (_answered(None), "end_turn"),
    "cached": (
        ok().with_(
            usage={
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "total_tokens": 15,
                "prompt_tokens_details": {"cached_tokens": 4},
            }
        ),
        "end_turn",
    ),
}


@pytest.mark.parametrize("shape", ANSWERS)
def test_an_answer(case: Case, shape: str) -> None:
    reply, reason = ANSWERS[shape]
    case.script({"upstream-other": [reply]})
    answer = ask(case, tools=[WEATHER])
    case.assert_same_as_recorded(headers=["x-litellm-model-id"])
    assert answer.status == 200
    assert answer.json["stop_reason"] == reason
    assert answer.json["model"] == "other-vendor"


STREAMS: dict[str, Reply] = {
    "text": stream(["one ", "two"]),
    "tool": ok(tool_calls=[tool("weather", city="Bonn")]),
    "text-and-tools": ok("see", tool_calls=[tool("weather", city="Bonn"), tool("clock")]),
    "full": stream(["one"]).with_(finish_reason="length"),
}


@pytest.mark.parametrize("shape", STREAMS)
def test_a_stream(case: Case, shape: str) -> None:
    case.script({"upstream-other": [STREAMS[shape]]})
    answer = ask(case, stream=True, tools=[WEATHER])
    case.assert_same_as_recorded()
    assert answer.sse[0].event == "message_start"
    assert answer.sse[-1].event == "message_stop"
    texts = [event.json["delta"].get("text", "") for event in answer.sse if event.event == "content_block_delta"]
    assert "".join(texts) == {"text": "one two", "text-and-tools": "see", "full": "one"}.get(shape, "")
    parts = [
        event.json["delta"].get("partial_json", "") for event in answer.sse if event.event == "content_block_delta"
    ]
    assert "".join(parts).startswith('{"city":"Bonn"}') is ("tool" in shape)
    deltas = [event.json for event in answer.sse if event.event == "message_delta"]
    assert deltas[-1]["delta"]["stop_reason"] == {"text": "end_turn", "full": "max_tokens"}.get(shape, "tool_use")
    assert deltas[-1]["usage"]["output_tokens"] == 5
    assert case.journal().bodies[0]["stream_options"] == {"include_usage": True}


REFUSALS: dict[str, tuple[Reply, int]] = {
    "400": (status(400), 400),
    "401": (status(401), 401),
    "429": (rate_limited(3), 429),
    "500": (status(500), 500),
    "too-long": (context_window_exceeded(), 400),
}


@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_a_refusal(case: Case, refusal: str, streamed: bool) -> None:
    reply, expected = REFUSALS[refusal]
    case.script({"upstream-unwell": [reply]})
    answer = ask(case, "other-error", **({"stream": True} if streamed else {}))
    case.assert_same_as_recorded(headers=["x-litellm-model-id"])
    assert answer.status == expected
    assert answer.json["error"]["code"] == str(expected)
    case.wait(1.1)


def test_a_stream_that_breaks_off(case: Case) -> None:
    case.script({"upstream-other": [stream(["one ", "two ", "three"], cut_after=3)]})
    answer = ask(case, stream=True, options={"taped": True})

    def as_recorded(answer: Exchange) -> None:
        assert answer.sse[-1].event == "message_stop"

    def required(answer: Exchange) -> None:
        assert "one" in answer.text
        assert answer.sse[-1].event == "error"
        assert "message_stop" not in answer.text

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_counting_tokens(case: Case) -> None:
    case.script({"upstream-other": []})
    answer = case.post("/v1/messages/count_tokens", {"model": "other-vendor", "messages": [HI]})
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert answer.json == {"input_tokens": 8}
