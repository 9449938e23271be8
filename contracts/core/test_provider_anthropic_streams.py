"""Streams from Anthropic, translated event by event."""

from itertools import pairwise
from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.anthropic_replies import fails_within, refused
from fixtures.replies import Reply, html, ok, stream, tool

pytestmark = contract("core", config="core/anthropic.yaml")

TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}]
SCHEMA = {"type": "json_schema", "json_schema": {"name": "p", "schema": {"type": "object", "properties": {}}}}
USAGE = {"input_tokens": 10, "output_tokens": 1}


def start(**usage: Any) -> dict[str, Any]:
    message = {"id": "msg_9", "type": "message", "role": "assistant", "model": "claude-up", "content": []}
    return {"type": "message_start", "message": message | {"stop_reason": None, "usage": USAGE | usage}}


def block(index: int, opening: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "content_block_start", "index": index, "content_block": opening},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def text(index: int, *pieces: str) -> list[dict[str, Any]]:
    deltas = [{"type": "text_delta", "text": piece} for piece in pieces]
    return block(index, {"type": "text", "text": ""}, *deltas)


def calls(index: int, name: str, *pieces: str, kind: str = "tool_use", **more: Any) -> list[dict[str, Any]]:
    opening = {"type": kind, "id": f"toolu_{index}", "name": name, "input": {}, **more}
    return block(index, opening, *({"type": "input_json_delta", "partial_json": piece} for piece in pieces))


def end(reason: str | None = "end_turn", delta: dict[str, Any] | None = None, **usage: Any) -> list[dict[str, Any]]:
    ended = {"stop_reason": reason, "stop_sequence": None} | (delta or {})
    return [
        {"type": "message_delta", "delta": ended, "usage": {"output_tokens": 5, **usage}},
        {"type": "message_stop"},
    ]


def _events(*groups: Any) -> Reply:
    return Reply(events=[event for group in groups for event in (group if isinstance(group, list) else [group])])


CITATION = {"type": "char_location", "cited_text": "rain", "document_index": 0}
SHAPES: dict[str, Reply] = {
    "ordinary": stream(["one ", "two"]),
    "full": _events(start(), text(0, "hi"), end("max_tokens")),
    "stopped": _events(start(), text(0, "hi"), end("stop_sequence")),
    "two-texts": _events(start(), text(0, "a"), text(1, "b"), end()),
    "text-in-the-opening": _events(
        start(), block(0, {"type": "text", "text": "h"}, {"type": "text_delta", "text": "i"}), end()
    ),
    "blank": _events(start(), text(0, " ", "\n"), end()),
    "unicode": _events(start(), text(0, "héllo 🌍"), end()),
    "nothing": _events(start(), end()),
    "no-deltas": _events(start(), text(0), end()),
    "thinking": _events(
        start(),
        block(
            0,
            {"type": "thinking", "thinking": "", "signature": ""},
            {"type": "thinking_delta", "thinking": "hm "},
            {"type": "thinking_delta", "thinking": "yes"},
            {"type": "signature_delta", "signature": "c2ln"},
        ),
        text(1, "hi"),
        end(),
    ),
    "redacted": _events(start(), block(0, {"type": "redacted_thinking", "data": "c2VjcmV0"}), text(1, "hi"), end()),
    "citations": _events(
        start(),
        block(
            0,
            {"type": "text", "text": ""},
            {"type": "text_delta", "text": "rain"},
            {"type": "citations_delta", "citation": CITATION},
        ),
        end(),
    ),
    "web-search": _events(
        start(),
        calls(0, "web_search", '{"query": "rain"}', kind="server_tool_use"),
        block(1, {"type": "web_search_tool_result", "tool_use_id": "toolu_0", "content": []}),
        text(2, "rain"),
        end(),
    ),
    "code-execution": _events(
        start(),
        calls(0, "bash_code_execution", '{"command": "ls"}', kind="server_tool_use"),
        block(1, {"type": "bash_code_execution_tool_result", "tool_use_id": "toolu_0", "content": {"stdout": "1"}}),
        text(2, "1"),
        end(delta={"container": {"id": "container_1"}}),
    ),
    "compaction": _events(
        start(),
        block(0, {"type": "compaction", "content": "so"}, {"type": "compaction_delta", "content": " far"}),
        text(1, "hi"),
        end(),
    ),
    "ping-in-between": _events(start(), {"type": "ping"}, text(0, "a", "b"), {"type": "ping"}, end()),
    "unknown-event": _events(start(), {"type": "unheard_of", "x": 1}, text(0, "a"), end()),
    "null-reason": _events(start(), text(0, "hi"), end(None)),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_stream(case: Case, shape: str) -> None:
    case.script({"upstream-claude": [SHAPES[shape]]})
    answer = case.stream("claude-chat", tools=TOOLS)
    case.assert_same_as_recorded(headers=["x-litellm-model-api-base"])
    *chunks, last = answer.events
    assert last == "[DONE]"
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert chunks[-1]["choices"][0]["finish_reason"] == ("length" if shape == "full" else "stop")


def test_a_stream_that_ends_in_a_refusal(case: Case) -> None:
    case.script({"upstream-claude": [_events(start(), text(0, "no"), end("refusal"))]})
    answer = case.stream("claude-chat")

    def as_recorded(answer: Exchange) -> None:
        assert answer.events[-1]["error"]["code"] == "500"

    def required(answer: Exchange) -> None:
        assert answer.events[-1] == "[DONE]"
        assert answer.events[-2]["choices"][0]["finish_reason"] == "refusal"

    case.deviates(answer, as_recorded=as_recorded, required=required)


TOOL_CALLS: dict[str, Reply] = {
    "ordinary": ok(tool_calls=[tool("weather", city="Bonn"), tool("clock")]),
    "after-a-text": _events(
        start(), text(0, "let me see"), calls(1, "weather", '{"city"', ': "Bonn"}'), end("tool_use")
    ),
    "one-empty-delta": _events(start(), calls(0, "clock", ""), end("tool_use")),
    "two-of-them": _events(
        start(), calls(0, "weather", '{"city": "Bonn"}'), calls(1, "weather", '{"city": "Kiel"}'), end("tool_use")
    ),
    "called-by-code": _events(start(), calls(0, "weather", "{}", caller={"type": "direct"}), end("tool_use")),
}


@pytest.mark.parametrize("shape", TOOL_CALLS)
def test_tool_calls_of_a_stream(case: Case, shape: str) -> None:
    case.script({"upstream-claude": [TOOL_CALLS[shape]]})
    answer = case.stream("claude-chat", tools=TOOLS)
    case.assert_same_as_recorded()
    assert answer.events[-2]["choices"][0]["finish_reason"] == "tool_calls"
    pieces = [call for chunk in answer.events[:-1] for call in chunk["choices"][0]["delta"].get("tool_calls") or []]
    assert pieces[0]["function"]["name"] in ("weather", "clock")


def test_a_tool_call_whose_arguments_are_never_written(case: Case) -> None:
    case.script({"upstream-claude": [_events(start(), calls(0, "clock"), end("tool_use"))]})
    answer = case.stream("claude-chat", tools=TOOLS)

    def arguments(answer: Exchange) -> str:
        assert answer.events[-2]["choices"][0]["finish_reason"] == "tool_calls"
        deltas = [chunk["choices"][0]["delta"] for chunk in answer.events[:-1]]
        return "".join(call["function"]["arguments"] for delta in deltas for call in delta.get("tool_calls") or [])

    def as_recorded(answer: Exchange) -> None:
        assert arguments(answer) == ""

    def required(answer: Exchange) -> None:
        assert arguments(answer) == "{}"

    case.deviates(answer, as_recorded=as_recorded, required=required)


JSON_STREAMS: dict[str, Reply] = {
    "object": _events(start(), calls(0, "json_tool_call", '{"age"', ": 3}"), end("tool_use")),
    "text": _events(start(), text(0, "I may not"), end()),
    "other-tool": _events(start(), calls(0, "weather", '{"city": "Bonn"}'), end("tool_use")),
}


@pytest.mark.parametrize("shape", JSON_STREAMS)
def test_a_stream_in_a_schema(case: Case, shape: str) -> None:
    case.script({"upstream-claude": [JSON_STREAMS[shape]]})
    answer = case.stream("claude-chat", response_format=SCHEMA)
    case.assert_same_as_recorded()
    assert answer.content == {"object": '{"age": 3}', "text": "I may not", "other-tool": ""}[shape]
    assert answer.events[-1] == "[DONE]"


USAGES: dict[str, Reply] = {
    "ordinary": _events(start(), text(0, "hi"), end()),
    "repeated": _events(start(), text(0, "hi"), end(input_tokens=10)),
    "corrected": _events(start(), text(0, "hi"), end(input_tokens=12)),
    "cached": _events(start(cache_creation_input_tokens=7, cache_read_input_tokens=3), text(0, "hi"), end()),
    "cached-at-the-end": _events(
        start(cache_creation_input_tokens=7, cache_read_input_tokens=3),
        text(0, "hi"),
        end(input_tokens=10, cache_creation_input_tokens=7, cache_read_input_tokens=3),
    ),
    "server-tools": _events(start(), text(0, "hi"), end(server_tool_use={"web_search_requests": 2})),
    "thinking": _events(
        start(),
        block(0, {"type": "thinking", "thinking": ""}, {"type": "thinking_delta", "thinking": "The user said hi."}),
        text(1, "hi"),
        end(),
    ),
}


@pytest.mark.parametrize("usage", USAGES)
@pytest.mark.parametrize("asked", [True, False], ids=["asked", "unasked"])
def test_the_usage_of_a_stream(case: Case, usage: str, asked: bool) -> None:
    case.script({"upstream-claude": [USAGES[usage]]})
    answer = case.stream("claude-chat", **({"stream_options": {"include_usage": True}} if asked else {}))
    case.assert_same_as_recorded()
    assert any("usage" in chunk for chunk in answer.events[:-1]) is asked
    assert answer.content == "hi"
    assert answer.events[-1] == "[DONE]"


def test_what_is_asked_for_a_stream(case: Case) -> None:
    case.script({"upstream-claude": []})
    case.stream("claude-chat", max_tokens=7)
    case.assert_same_as_recorded()
    assert case.journal().bodies[0]["stream"] is True


def _is_passed_off_as_complete(answer: Exchange) -> None:
    assert answer.events[-1] == "[DONE]"
    assert answer.events[-2]["choices"][0]["finish_reason"] == "stop"


def _is_told_to_be_broken(answer: Exchange) -> None:
    assert "one" in answer.text
    assert answer.events[-1]["error"]["code"] == "503"
    assert "[DONE]" not in answer.events
    assert not any(chunk["choices"][0].get("finish_reason") for chunk in answer.events[:-1])


@pytest.mark.parametrize("how", ["cut_after", "reset_after", "end_after"])
def test_a_stream_that_breaks_off(case: Case, how: str) -> None:
    case.script({"upstream-claude": [stream(["one ", "two ", "three"], **{how: 4})]})
    answer = case.stream("claude-chat", options={"taped": True})
    case.deviates(answer, as_recorded=_is_passed_off_as_complete, required=_is_told_to_be_broken)


def test_an_error_event(case: Case) -> None:
    case.script({"upstream-claude": [fails_within(5)]})
    answer = case.stream("claude-chat")
    assert answer.events[-1]["error"]["code"] == "503"
    assert "[DONE]" not in answer.events
    assert "Overloaded" in answer.text


def test_an_error_event_before_anything_is_said(case: Case) -> None:
    case.script({"upstream-failing": [fails_within(0)]})
    answer = case.stream("claude-error", options={"taped": True})
    assert "Overloaded" in answer.text
    assert "[DONE]" not in answer.text
    case.wait(1.1)


@contract("core", config="core/anthropic_fallbacks.yaml")
def test_a_fallback_continues_a_stream(case: Case) -> None:
    case.script({"upstream-broken": [fails_within(5)], "upstream-spare": [stream(["the ", "rest"])]})
    answer = case.stream("claude-broken")
    case.assert_same_as_recorded(ignore=["journal[1].body"])
    assert answer.events[-1] == "[DONE]"
    assert answer.content == "Hello fromthe rest"
    assert case.journal().models == ["upstream-broken", "upstream-spare"]
    assert case.journal().bodies[1]["messages"][-1]["role"] == "assistant"


def test_a_stream_that_is_refused_goes_to_its_fallback(case: Case) -> None:
    case.script({"upstream-first": [refused(500)], "upstream-second": [stream(["from ", "two"])]})
    answer = case.stream("claude-first", fallbacks=["claude-second"])
    case.assert_same_as_recorded()
    assert answer.content == "from two"


@pytest.mark.parametrize("what", ["html", "empty", "no-json"])
def test_something_else_in_place_of_a_stream(case: Case, what: str) -> None:
    replies = {"html": html(200), "empty": Reply(events=[]), "no-json": Reply(events=["{", "nothing"])}
    case.script({"upstream-failing": [replies[what]]})
    answer = case.stream("claude-error", options={"taped": True})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 200
        assert answer.events[-1] == "[DONE]"

    def required(answer: Exchange) -> None:
        assert answer.status >= 500
        assert "[DONE]" not in answer.text

    case.deviates(answer, as_recorded=as_recorded, required=required)
    case.wait(1.1)


def test_chunks_arrive_one_by_one(case: Case) -> None:
    case.script({"upstream-claude": [stream(["one ", "two ", "three ", "four"], pace=0.1)]})
    answer = case.stream("claude-chat", options={"taped": True})
    case.assert_same_as_recorded()
    times = [frame.at for frame in answer.frames if b'"content"' in frame.data]
    assert len(times) == 4
    assert all(later - earlier > 0.04 for earlier, later in pairwise(times))


def test_a_client_that_leaves_ends_the_upstream_call(case: Case) -> None:
    case.script({"upstream-claude": [stream(["word "] * 40, pace=0.1)]})
    answer = case.stream("claude-chat", options={"close_after": 2})
    case.wait(1.0)
    assert answer.end == "client-closed"
    calls = case.journal(calls=1, within=1.0)

    def as_recorded() -> None:
        assert [call.end for call in calls] == ["open"]

    def required() -> None:
        assert [call.end for call in calls] == ["client-closed"]

    case.deviates(as_recorded=as_recorded, required=required)
