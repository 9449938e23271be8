"""A4: a stream falls back before its first event, is continued after an error within it, and never passes for complete."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import Reply, broken_json, closed, hang, html, ok, reset, status, stream

pytestmark = contract("A4", config="A4/streams.yaml")
with_default = contract("A4", config="A4/default.yaml")

HEADERS = [
    "x-litellm-call-id",
    "x-litellm-model-id",
    "x-litellm-model-api-base",
    "x-litellm-model-group",
    "x-litellm-attempted-fallbacks",
    "x-litellm-attempted-retries",
]
PIECES = ["One ", "two ", "three."]
REST = ok(["and ", "four."])

# --- before the first event ------------------------------------------------------------------------------------------

EARLY = {
    "400": status(400),
    "429": status(429),
    "500": status(500),
    "reset": reset(),
    "closed": closed(),
    "html": html(502),
}


@pytest.mark.parametrize("what", EARLY)
def test_a_failure_before_the_first_event_triggers(case: Case, what: str) -> None:
    case.script({"early-a": [EARLY[what]], "early-b": [ok(PIECES)], "early-c": []})
    answer = case.stream("early-a")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 200
    assert answer.content == "One two three."
    assert answer.events[-1] == "[DONE]"
    assert {chunk["model"] for chunk in answer.events[:-1]} == {"early-a"}
    assert case.journal().models == ["early-a", "early-b"]


def test_streams_are_tried_in_order(case: Case) -> None:
    case.script({"early-a": [status(500)], "early-b": [status(429)], "early-c": [ok(PIECES)]})
    answer = case.stream("early-a")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.content == "One two three."
    assert "x-litellm-attempted-fallbacks" not in answer.headers
    assert case.journal().models == ["early-a", "early-b", "early-c"]


def test_silence_before_the_first_event_triggers(case: Case) -> None:
    case.script({"mute-a": [hang()], "early-b": [ok(PIECES)]})
    answer = case.stream("mute-a")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.content == "One two three."
    assert case.journal().models == ["mute-a", "early-b"]


def test_a_stream_that_nobody_starts_is_a_json_error(case: Case) -> None:
    case.script({"early-a": [status(503)], "early-b": [status(429)], "early-c": [status(500)]})
    answer = case.stream("early-a")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 503
    assert answer.headers["content-type"] == "application/json"
    assert "Error doing the fallback: " in answer.json["error"]["message"]
    assert case.journal().models == ["early-a", "early-b", "early-c"]


def test_the_clients_list_serves_streams(case: Case) -> None:
    case.script({"early-a": [status(500)], "early-b": [], "early-c": [ok(PIECES)]})
    answer = case.stream("early-a", fallbacks=["early-c"])
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.content == "One two three."
    assert case.journal().models == ["early-a", "early-c"]


def test_the_usage_of_the_fallback_is_told(case: Case) -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    case.script({"early-a": [status(500)], "early-b": [ok(PIECES, usage=usage)]})
    answer = case.stream("early-a", stream_options={"include_usage": True})
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.events[-2]["usage"]["total_tokens"] == 7


def test_a_streamed_text_completion_falls_back(case: Case) -> None:
    case.script({"written-a": [status(500)], "written-b": [ok(PIECES)]})
    answer = case.completion("written-a", stream=True)

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500
        assert case.journal().models == ["written-a"]

    def required(answer: Exchange) -> None:
        assert answer.content == "One two three."
        assert case.journal().models == ["written-a", "written-b"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


# --- an error event in the middle ------------------------------------------------------------------------------------


def continues(case: Case, answer: Exchange, first: str, second: str) -> None:
    """The client saw both texts as one stream; the fallback got the conversation and the text so far."""
    assert answer.content == "One two and four."
    assert answer.events[-1] == "[DONE]"
    assert case.journal().models == [first, second]
    asked, instruction, so_far = case.journal().bodies[1]["messages"]
    assert asked == {"role": "user", "content": "hello"}
    assert instruction["role"] == "system"
    assert so_far == {"role": "assistant", "content": "One two ", "prefix": True}


INSTRUCTION = "journal[1].body.messages[1].content"


def test_a_fallback_continues_after_an_error_event(case: Case) -> None:
    case.script({"midway-a": [stream(PIECES, error_after=3)], "midway-b": [REST], "midway-c": []})
    answer = case.stream("midway-a")
    case.assert_same_as_recorded(headers=HEADERS, ignore=[INSTRUCTION])
    continues(case, answer, "midway-a", "midway-b")


def test_the_next_fallback_continues_when_the_first_fails(case: Case) -> None:
    case.script({"midway-a": [stream(PIECES, error_after=3)], "midway-b": [status(500)], "midway-c": [REST]})
    answer = case.stream("midway-a")
    case.assert_same_as_recorded(headers=HEADERS, ignore=["journal[1].body.messages", "journal[2].body.messages"])
    assert answer.content == "One two and four."
    assert case.journal().models == ["midway-a", "midway-b", "midway-c"]
    assert case.journal().bodies[2]["messages"][-1]["content"] == "One two "


def test_the_clients_list_continues_too(case: Case) -> None:
    case.script({"midway-a": [stream(PIECES, error_after=3)], "midway-b": [], "midway-c": [REST]})
    answer = case.stream("midway-a", fallbacks=["midway-c"])

    def as_recorded(answer: Exchange) -> None:
        assert case.journal().models == ["midway-a", "midway-b"]

    def required(answer: Exchange) -> None:
        continues(case, answer, "midway-a", "midway-c")

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_a_fallback_continues_after_an_event_that_is_none(case: Case) -> None:
    broken = stream(PIECES, end_after=3).with_(tail="data: {oops\n\n")
    case.script({"midway-a": [broken], "midway-b": [REST], "midway-c": []})
    answer = case.stream("midway-a")
    case.assert_same_as_recorded(headers=HEADERS, ignore=[INSTRUCTION])
    continues(case, answer, "midway-a", "midway-b")


@with_default
def test_the_default_list_continues_too(case: Case) -> None:
    case.script({"basic-a": [stream(PIECES, error_after=3)], "basic-last": [REST]})
    answer = case.stream("basic-a")
    case.assert_same_as_recorded(headers=HEADERS, ignore=[INSTRUCTION])
    continues(case, answer, "basic-a", "basic-last")


ERRORS: dict[str, dict[str, Any]] = {
    "none": {"message": "no more", "type": "server_error", "code": None, "param": None},
    "rate": {"message": "too many", "type": "rate_limit_error", "code": "rate_limit_exceeded", "param": None},
    "number": {"message": "too many", "type": "rate_limit_error", "code": 429, "param": None},
}


@pytest.mark.parametrize("what", ERRORS)
def test_an_error_event_that_nobody_continues_ends_the_stream(case: Case, what: str) -> None:
    case.script({"alone-a": [stream(PIECES, error_after=3, error=ERRORS[what])]})
    answer = case.stream("alone-a", options={"taped": True})
    case.assert_same_as_recorded(headers=HEADERS)
    *chunks, last = answer.events
    assert answer.status == 200
    assert "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks) == "One two "
    assert set(last) == {"error"}
    assert last["error"]["code"] == "503"
    assert case.journal().models == ["alone-a"]


def test_a_continuation_that_fails_ends_the_stream_with_both_errors(case: Case) -> None:
    case.script({"midway-a": [stream(PIECES, error_after=3)], "midway-b": [status(500)], "midway-c": [status(429)]})
    answer = case.stream("midway-a", options={"taped": True})
    case.assert_same_as_recorded(headers=HEADERS, ignore=["journal[1].body.messages", "journal[2].body.messages"])
    last = answer.events[-1]
    assert set(last) == {"error"}
    assert "upstream says 429" in last["error"]["message"]
    assert case.journal().models == ["midway-a", "midway-b", "midway-c"]


def test_an_error_event_in_the_first_place_triggers(case: Case) -> None:
    case.script({"midway-a": [stream(PIECES, error_after=0)], "midway-b": [ok(PIECES)]})
    answer = case.stream("midway-a")

    def as_recorded(answer: Exchange) -> None:
        assert answer.headers["x-litellm-model-id"] == "midway-a-1"
        assert len(case.journal().bodies[1]["messages"]) == 3

    def required(answer: Exchange) -> None:
        assert answer.content == "One two three."
        assert answer.headers["x-litellm-model-id"] == "midway-b-1"
        assert case.journal().models == ["midway-a", "midway-b"]
        assert case.journal().bodies[1]["messages"] == [{"role": "user", "content": "hello"}]

    case.deviates(answer, as_recorded=as_recorded, required=required)


# --- streams that break off ------------------------------------------------------------------------------------------

GARBAGE = stream(PIECES, garbage_after=3)
CUTS = {
    "cut": stream(PIECES, cut_after=3),
    "reset": stream(PIECES, reset_after=3),
    "ended-early": stream(PIECES, end_after=3),
    "garbage": GARBAGE,
}


def looks_complete(answer: Exchange) -> None:
    assert answer.events[-1] == "[DONE]"
    assert answer.events[-2]["choices"][0]["finish_reason"] == "stop"


def says_that_it_is_not(answer: Exchange) -> None:
    assert answer.status == 200
    *chunks, last = answer.events
    assert set(last) == {"error"}
    assert "[DONE]" not in chunks
    assert all(chunk["choices"][0].get("finish_reason") is None for chunk in chunks)
    assert chunks[0]["choices"][0]["delta"]["content"] == "One "


@pytest.mark.parametrize("what", CUTS)
@pytest.mark.parametrize("model", ["alone-a", "midway-a"])
def test_a_stream_that_breaks_off_never_looks_complete(case: Case, what: str, model: str) -> None:
    case.script({model: [CUTS[what]], "midway-b": [REST]})
    answer = case.stream(model, options={"taped": True})
    case.deviates(answer, as_recorded=looks_complete, required=says_that_it_is_not)


NOTHING: dict[str, Reply] = {"broken-json": broken_json(), "html": html(200)}


@pytest.mark.parametrize("what", NOTHING)
def test_a_body_that_is_no_stream_triggers(case: Case, what: str) -> None:
    case.script({"early-a": [NOTHING[what]], "early-b": [ok(PIECES)], "early-c": []})
    answer = case.stream("early-a")

    def as_recorded(answer: Exchange) -> None:
        assert answer.content == ""
        assert case.journal().models == ["early-a"]

    def required(answer: Exchange) -> None:
        assert answer.content == "One two three."
        assert case.journal().models == ["early-a", "early-b"]

    case.deviates(answer, as_recorded=as_recorded, required=required)
