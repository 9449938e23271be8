"""Streams from Cohere, translated event by event, and its embeddings."""

import base64
from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.cohere_replies import refused
from fixtures.replies import Reply, html, ok, stream, tool

pytestmark = contract("core", config="vendors/cohere.yaml")

#: Whose library is calling: not ours.
CALLER = "journal*.headers.request-source"
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}]
START = {"type": "message-start", "id": "up1", "delta": {"message": {"role": "assistant"}}}
USAGE = {"billed_units": {"input_tokens": 7, "output_tokens": 5}, "tokens": {"input_tokens": 10, "output_tokens": 5}}


def delta(kind: str, message: dict[str, Any], index: int = 0) -> dict[str, Any]:
    return {"type": kind, "index": index, "delta": {"message": message}}


def text(*pieces: str) -> list[dict[str, Any]]:
    return [delta("content-delta", {"content": {"text": piece}}) for piece in pieces]


def end(reason: str = "COMPLETE") -> dict[str, Any]:
    return {"type": "message-end", "delta": {"finish_reason": reason, "usage": USAGE}}


SHAPES: dict[str, Reply] = {
    "ordinary": stream(["one ", "two"]),
    "unicode": Reply(events=[START, *text("héllo 🌍"), end()]),
    "blank": Reply(events=[START, *text(" ", "\n"), end()]),
    "empty-pieces": Reply(events=[START, *text("", "a", ""), end()]),
    "unknown-event": Reply(events=[START, {"type": "unheard-of"}, *text("a"), end()]),
}


TEXTS = {"ordinary": "one two", "unicode": "héllo 🌍", "blank": " \n", "empty-pieces": "a", "unknown-event": "a"}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_stream(case: Case, shape: str) -> None:
    case.script({"upstream-coral": [SHAPES[shape]]})
    answer = case.stream("coral-talk", tools=TOOLS)
    assert case.journal().bodies[0]["stream"] is True

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 503

    def required(answer: Exchange) -> None:
        *chunks, last = answer.events
        assert last == "[DONE]"
        assert len({chunk["id"] for chunk in chunks}) == 1
        assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
        assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
        assert answer.content == TEXTS[shape]

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_the_usage_of_a_stream(case: Case) -> None:
    case.script({"upstream-coral": []})
    answer = case.stream("coral-talk", stream_options={"include_usage": True})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 503

    def required(answer: Exchange) -> None:
        assert answer.events[-2]["usage"]["prompt_tokens"] == 10
        assert answer.events[-2]["usage"]["completion_tokens"] == 5

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_tool_calls_of_a_stream(case: Case) -> None:
    case.script({"upstream-coral": [ok(tool_calls=[tool("weather", city="Bonn"), tool("clock")])]})
    answer = case.stream("coral-talk", tools=TOOLS)

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 503

    def required(answer: Exchange) -> None:
        deltas = [chunk["choices"][0]["delta"] for chunk in answer.events[:-1]]
        pieces = [call for delta in deltas for call in delta.get("tool_calls") or []]
        assert [piece["function"]["name"] for piece in pieces if "name" in piece["function"]] == ["weather", "clock"]
        arguments = "".join(piece["function"]["arguments"] for piece in pieces if piece["index"] == 0)
        assert arguments == '{"city":"Bonn"}'
        assert answer.events[-2]["choices"][0]["finish_reason"] == "tool_calls"

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_a_stream_that_is_full(case: Case) -> None:
    case.script({"upstream-coral": [Reply(events=[START, *text("hi"), end("MAX_TOKENS")])]})
    answer = case.stream("coral-talk")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 503

    def required(answer: Exchange) -> None:
        assert answer.events[-2]["choices"][0]["finish_reason"] == "length"

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_thinking_and_citations_of_a_stream(case: Case) -> None:
    citation = {"start": 0, "end": 2, "text": "hi", "sources": [], "type": "TEXT_CONTENT"}
    events = [
        START,
        delta("content-delta", {"content": {"thinking": "hm"}}),
        *text("hi"),
        delta("citation-start", {"citations": citation}),
        end(),
    ]
    case.script({"upstream-coral": [Reply(events=events)]})
    answer = case.stream("coral-talk")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 503

    def required(answer: Exchange) -> None:
        deltas = [chunk["choices"][0]["delta"] for chunk in answer.events[:-1]]
        assert deltas[0]["reasoning_content"] == "hm"
        assert deltas[2]["provider_specific_fields"]["citations"] == [citation]
        assert answer.content == "hi"

    case.deviates(answer, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("number", [400, 500])
def test_a_stream_that_does_not_begin(case: Case, number: int) -> None:
    case.script({"upstream-coral-failing": [refused(number)]})
    answer = case.stream("coral-error")
    case.assert_same_as_recorded(ignore=[CALLER, "body.error.message"])
    assert answer.status >= 400


BROKEN: dict[str, Reply] = {
    "ended": Reply(content=["one ", "two"], end_after=3),
    "failed": Reply(events=[START, *text("one "), end("ERROR")]),
}


@pytest.mark.parametrize("shape", BROKEN)
def test_a_stream_that_breaks(case: Case, shape: str) -> None:
    case.script({"upstream-coral-failing": [BROKEN[shape]]})
    answer = case.stream("coral-error", options={"taped": True})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 503

    def required(answer: Exchange) -> None:
        assert answer.content == "one "
        assert answer.events[-1]["error"]["code"] == "503"

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_a_page_in_place_of_a_stream(case: Case) -> None:
    case.script({"upstream-coral-failing": [html(200)]})
    answer = case.stream("coral-error")
    case.assert_same_as_recorded(ignore=[CALLER, "body.error.message"])
    assert answer.status == 503


# --- embeddings ------------------------------------------------------------------------------------------------------

VECTOR = "embed-english-v3.0"


@pytest.mark.parametrize("several", [False, True])
def test_embeddings(case: Case, several: bool) -> None:
    case.script({VECTOR: []})
    answer = case.embed("coral-vector", input=["one", "two"] if several else "one")
    case.assert_same_as_recorded(headers=["x-litellm-model-api-base"], ignore=[CALLER])
    assert len(answer.json["data"]) == 1 + several
    assert answer.json["usage"]["prompt_tokens"] == 10


OPTIONS: dict[str, dict[str, Any]] = {
    "dimensions": {"dimensions": 256},
    "float": {"encoding_format": "float"},
    "input_type": {"input_type": "search_query"},
    "user": {"user": "somebody"},
}


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_of_embeddings(case: Case, option: str) -> None:
    case.script({VECTOR: []})
    answer = case.embed("coral-vector", **OPTIONS[option])
    case.assert_same_as_recorded(ignore=[CALLER])
    assert len(case.journal()) == (answer.status == 200)


def test_base64_is_asked_for(case: Case) -> None:
    """As the openai SDK does unless it is told otherwise."""
    case.script({VECTOR: []})
    answer = case.embed("coral-vector", encoding_format="base64")

    def as_recorded(answer: Exchange) -> None:
        assert case.journal().bodies[0]["embedding_types"] == ["base64"]

    def required(answer: Exchange) -> None:
        assert case.journal().bodies[0]["embedding_types"] == ["float"]
        assert len(base64.b64decode(answer.json["data"][0]["embedding"])) == 16 * 4

    case.deviates(answer, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("number", [400, 500])
def test_an_error_of_embeddings(case: Case, number: int) -> None:
    case.script({VECTOR: [refused(number)]})
    answer = case.embed("coral-vector")
    case.assert_same_as_recorded(ignore=[CALLER])
    assert answer.status >= 400
