"""Streams: what arrives, how it is laid out, and that a broken one is never passed off as complete."""

from itertools import pairwise
from typing import Any

import pytest
from msgspec.json import encode

from contracts.harness.case import USER, Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import Reply, html, ok, stream, tool

pytestmark = contract("core", config="core/calls.yaml")

USAGE_OPTIONS = {"include_usage": True}


def _chunk(delta: dict[str, Any] | None = None, finish: str | None = None, **fields: Any) -> dict[str, Any]:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    base = {"id": "chatcmpl-9", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "vendor-name"}
    return {**base, "choices": choices, **fields}


ROLE = _chunk({"role": "assistant", "content": ""})
STOP = _chunk({}, "stop")
USAGE = {"prompt_tokens": 4, "completion_tokens": 6, "total_tokens": 10}
DETAILED = {
    **USAGE,
    "prompt_tokens_details": {"cached_tokens": 2},
    "completion_tokens_details": {"reasoning_tokens": 5, "audio_tokens": None},
}
LOGPROBS = {"content": [{"token": "hi", "logprob": -0.1, "bytes": [104, 105], "top_logprobs": []}]}


def _events(*chunks: Any, done: bool = True) -> Reply:
    return Reply(events=[*chunks, "[DONE]"] if done else list(chunks))


SHAPES: dict[str, Reply] = {
    "plain": _events(ROLE, _chunk({"content": "hi"}), STOP),
    "content-and-finish-together": _events(ROLE, _chunk({"content": "hi"}, "stop")),
    "role-in-every-chunk": _events(
        _chunk({"role": "assistant", "content": "h"}), _chunk({"role": "assistant", "content": "i"}), STOP
    ),
    "no-role": _events(_chunk({"content": "hi"}), STOP),
    "finish-of-length": _events(ROLE, _chunk({"content": "hi"}), _chunk({}, "length")),
    "null-content": _events(_chunk({"role": "assistant", "content": None}), _chunk({"content": "hi"}), STOP),
    "empty-deltas": _events(ROLE, _chunk({}), _chunk({"content": ""}), _chunk({"content": "hi"}), STOP),
    "reasoning": _events(
        ROLE, _chunk({"reasoning_content": "hm"}), _chunk({"reasoning_content": "m"}), _chunk({"content": "hi"}), STOP
    ),
    "fingerprint": _events(
        *(
            chunk | {"system_fingerprint": "fp_9", "service_tier": "default"}
            for chunk in (ROLE, _chunk({"content": "hi"}), STOP)
        )
    ),
    "blank": _events(ROLE, _chunk({"content": " "}), _chunk({"content": "\n"}), STOP),
    "unicode": _events(ROLE, _chunk({"content": "héllo 🌍"}), STOP),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_stream(case: Case, shape: str) -> None:
    case.script({"upstream-sent": [SHAPES[shape]]})
    answer = case.stream("sent-chat")
    case.assert_same_as_recorded()
    *chunks, last = answer.events
    assert last == "[DONE]"
    assert {chunk["id"] for chunk in chunks} == {"chatcmpl-9"}
    assert chunks[-1]["choices"][0]["finish_reason"] == ("length" if shape == "finish-of-length" else "stop")


@pytest.mark.parametrize("usage", ["plain", "detailed", "in-the-last-chunk", "none"])
@pytest.mark.parametrize("asked", [True, False], ids=["asked", "unasked"])
def test_the_usage_of_a_stream(case: Case, usage: str, asked: bool) -> None:
    said = [ROLE, _chunk({"content": "hi"})]
    replies = {
        "plain": _events(*said, STOP, _chunk(usage=USAGE)),
        "detailed": _events(*said, STOP, _chunk(usage=DETAILED)),
        "in-the-last-chunk": _events(*said, STOP | {"usage": USAGE}),
        "none": _events(*said, STOP),
    }
    case.script({"upstream-sent": [replies[usage]]})
    answer = case.stream("sent-chat", **({"stream_options": USAGE_OPTIONS} if asked else {}))
    if usage == "none" and asked:
        assert answer.events[-1] == "[DONE]"
        return
    case.assert_same_as_recorded()
    assert answer.content == "hi"
    assert any("usage" in chunk for chunk in answer.events[:-1]) is asked


def test_a_refusal_within_a_stream(case: Case) -> None:
    case.script({"upstream-sent": [_events(ROLE, _chunk({"refusal": "I may not"}), STOP)]})
    answer = case.stream("sent-chat")
    deltas = [chunk["choices"][0]["delta"] for chunk in answer.events[:-1]]

    def as_recorded(answer: Exchange) -> None:
        assert answer.events[-1] == "[DONE]"
        assert not any("refusal" in delta for delta in deltas)

    def required(answer: Exchange) -> None:
        assert answer.events[-1] == "[DONE]"
        assert deltas[0]["refusal"] == "I may not"

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_tool_calls_of_a_stream(case: Case) -> None:
    case.script({"upstream-sent": [ok(tool_calls=[tool("weather", city="Bonn"), tool("clock")])]})
    answer = case.stream("sent-chat")
    case.assert_same_as_recorded()
    pieces = [call for chunk in answer.events[:-1] for call in chunk["choices"][0]["delta"].get("tool_calls") or []]
    arguments = "".join(piece["function"].get("arguments") or "" for piece in pieces if piece["index"] == 0)
    assert arguments == '{"city":"Bonn"}'
    assert answer.events[-2]["choices"][0]["finish_reason"] == "tool_calls"


def test_several_choices_of_a_stream(case: Case) -> None:
    case.script({"upstream-sent": [stream(["one ", "two"])]})
    answer = case.stream("sent-chat", n=2)
    texts = {0: "", 1: ""}
    for chunk in answer.events[:-1]:
        for choice in chunk["choices"]:
            texts[choice["index"]] += choice["delta"].get("content") or ""
    assert texts == {0: "one two", 1: "one two"}
    assert answer.events[-1] == "[DONE]"


def test_the_usage_of_several_choices(case: Case) -> None:
    case.script({"upstream-sent": [stream(["one ", "two"])]})
    answer = case.stream("sent-chat", n=2, stream_options=USAGE_OPTIONS)
    told = [chunk["usage"] for chunk in answer.events[:-1] if "usage" in chunk]
    ends = [choice for chunk in answer.events[:-1] for choice in chunk["choices"] if choice.get("finish_reason")]

    def as_recorded(answer: Exchange) -> None:
        assert answer.events[-1] == "[DONE]"
        assert len(ends) == 1

    def required(answer: Exchange) -> None:
        assert answer.events[-1] == "[DONE]"
        assert [choice["index"] for choice in ends] == [0, 1]
        assert [usage["total_tokens"] for usage in told] == [15]

    case.deviates(answer, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("named", [True, False], ids=["named", "unnamed"])
def test_a_stream_of_a_model_in_the_path(case: Case, named: bool) -> None:
    case.script({"upstream-sent": [stream(["one ", "two"])]})
    body = {"messages": USER, "stream": True} | ({"model": "another-name"} if named else {})
    answer = case.post("/openai/deployments/sent-chat/chat/completions", body)
    case.assert_same_as_recorded()
    assert answer.content == "one two"
    assert answer.events[-1] == "[DONE]"


def test_a_stream_that_falls_silent(case: Case) -> None:
    case.script({"upstream-timed": [stream(["one ", "two ", "three"], pace=0.05, hang_after=2)]})
    answer = case.stream("timed-chat", timeout=0.6, options={"taped": True})
    assert answer.content == "one "
    assert answer.seconds < 3
    assert "[DONE]" not in answer.events
    assert answer.events[-1]["error"]["code"] in ("408", "500", "503")


def test_logprobs_of_a_stream(case: Case) -> None:
    chunk = _chunk({"content": "hi"})
    chunk["choices"][0]["logprobs"] = LOGPROBS
    case.script({"upstream-sent": [_events(ROLE, chunk, STOP)]})
    answer = case.stream("sent-chat", logprobs=True)
    case.assert_same_as_recorded()
    assert answer.events[0]["choices"][0]["logprobs"]["content"][0]["logprob"] == -0.1


FRAMES = {
    "comments": ": ping\n\ndata: {role}\n\n: ping\n\ndata: {text}\n\ndata: {stop}\n\ndata: [DONE]\n\n",
    "crlf": "data: {role}\r\n\r\ndata: {text}\r\n\r\ndata: {stop}\r\n\r\ndata: [DONE]\r\n\r\n",
    "no-blank": "data:{role}\n\ndata:{text}\n\ndata:{stop}\n\ndata:[DONE]\n\n",
    "ids": "id: 1\ndata: {role}\n\nid: 2\nretry: 9\ndata: {text}\n\ndata: {stop}\n\ndata: [DONE]\n\n",
    "no-end": "data: {role}\n\ndata: {text}\n\ndata: {stop}\n\ndata: [DONE]",
}


@pytest.mark.parametrize("framing", FRAMES)
def test_a_way_of_framing(case: Case, framing: str) -> None:
    text = FRAMES[framing]
    for name, chunk in (("role", ROLE), ("text", _chunk({"content": "hi"})), ("stop", STOP)):
        text = text.replace(f"{{{name}}}", encode(chunk).decode())
    case.script({"upstream-sent": [Reply(text=text, headers={"content-type": "text/event-stream"})]})
    answer = case.stream("sent-chat")
    case.assert_same_as_recorded()
    assert answer.content == "hi"
    assert answer.events[-1] == "[DONE]"


@pytest.mark.parametrize("endpoint", ["completion"])
def test_a_streamed_text_completion(case: Case, endpoint: str) -> None:
    case.script({"upstream-prompt": [stream(["one ", "two"])]})
    answer = getattr(case, endpoint)("sent-prompt", stream=True)
    case.assert_same_as_recorded()
    assert answer.content == "one two"
    assert {chunk["object"] for chunk in answer.events[:-1]} == {"text_completion"}


def test_a_streamed_text_completion_with_usage(case: Case) -> None:
    case.script({"upstream-prompt": [stream(["one ", "two"])]})
    answer = case.completion("sent-prompt", stream=True, stream_options=USAGE_OPTIONS)
    case.assert_same_as_recorded()
    assert answer.content == "one two"
    assert answer.events[-1] == "[DONE]"


def test_a_vendor_that_never_says_done(case: Case) -> None:
    case.script({"upstream-sent": [_events(ROLE, _chunk({"content": "hi"}), STOP, done=False)]})
    answer = case.stream("sent-chat")
    case.assert_same_as_recorded()
    assert answer.events[-1] == "[DONE]"
    assert answer.events[-2]["choices"][0]["finish_reason"] == "stop"


def _is_passed_off_as_complete(answer: Exchange) -> None:
    assert answer.events[-1] == "[DONE]"
    assert answer.events[-2]["choices"][0]["finish_reason"] == "stop"


def _is_told_to_be_broken(answer: Exchange) -> None:
    assert answer.events[-1]["error"]["code"] == "503"
    assert "[DONE]" not in answer.events
    assert not any(chunk["choices"][0].get("finish_reason") for chunk in answer.events[:-1])


@pytest.mark.parametrize("how", ["cut_after", "reset_after", "end_after", "garbage_after"])
def test_a_stream_that_the_vendor_breaks_off(case: Case, how: str) -> None:
    case.script({"upstream-sent": [stream(["one ", "two ", "three"], pace=0.05, **{how: 2})]})
    answer = case.stream("sent-chat", options={"taped": True})
    assert "one" in answer.text
    case.deviates(answer, as_recorded=_is_passed_off_as_complete, required=_is_told_to_be_broken)


def test_an_error_within_a_stream(case: Case) -> None:
    case.script({"upstream-sent": [stream(["one ", "two ", "three"], pace=0.05, error_after=2)]})
    answer = case.stream("sent-chat", options={"taped": True})
    case.assert_same_as_recorded()
    assert answer.content == "one "
    assert answer.events[-1]["error"]["code"] == "503"
    assert "upstream failed in the middle" in answer.events[-1]["error"]["message"]


@pytest.mark.parametrize("reply", [html(200), Reply(events=[])], ids=["html", "empty"])
def test_something_else_in_place_of_a_stream(case: Case, reply: Reply) -> None:
    case.script({"upstream-sent": [reply]})
    answer = case.stream("sent-chat", options={"taped": True})

    def required(answer: Exchange) -> None:
        assert answer.status >= 500
        assert set(answer.json["error"]) == {"message", "type", "param", "code"}

    case.deviates(answer, as_recorded=_is_passed_off_as_complete, required=required)


def test_chunks_arrive_one_by_one(case: Case) -> None:
    case.script({"upstream-sent": [stream(["one ", "two ", "three ", "four"], pace=0.1)]})
    answer = case.stream("sent-chat", options={"taped": True})
    case.assert_same_as_recorded()
    times = [frame.at for frame in answer.frames if b'"content"' in frame.data]
    assert len(times) == 4
    assert all(later - earlier > 0.04 for earlier, later in pairwise(times))


def test_a_client_that_leaves_ends_the_upstream_call(case: Case) -> None:
    case.script({"upstream-sent": [stream(["word "] * 40, pace=0.1)]})
    answer = case.stream("sent-chat", options={"close_after": 2})
    case.wait(1.0)
    assert answer.end == "client-closed"
    [call] = case.journal(calls=1, within=1.0)
    assert call.end == "client-closed"
