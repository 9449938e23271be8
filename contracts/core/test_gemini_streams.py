"""Streams from Gemini, translated event by event."""

from itertools import pairwise
from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.google_replies import answer as event
from fixtures.google_replies import candidate, fails_within, refused, streamed
from fixtures.replies import Reply, html, ok, stream

pytestmark = contract("core", config="google/gemini.yaml")

TEXT = {"text": "hi"}
CALL = {"functionCall": {"name": "weather", "args": {"city": "Köln"}}}
OPEN = event(candidate(TEXT, reason=None))
END = event(candidate({"text": ""}))
GROUNDING = {
    "webSearchQueries": ["rain", "sun"],
    "groundingChunks": [{"web": {"uri": "https://weather.test", "title": "Weather"}}],
    "groundingSupports": [{"segment": {"startIndex": 0, "endIndex": 2}, "groundingChunkIndices": [0]}],
}
ANY_CALL_ID = ["events[*].choices[0].delta.tool_calls[*].id"]


def counted(**more: Any) -> dict[str, Any]:
    return {"usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15, **more}}


def thought(said: str, **more: Any) -> dict[str, Any]:
    return event(candidate({"text": said, "thought": True, **more}, reason=None))


SHAPES: dict[str, tuple[Reply, str]] = {
    "ordinary": (stream(["one ", "two"]), "stop"),
    "full": (streamed(OPEN, event(candidate({"text": " you"}, reason="MAX_TOKENS"))), "length"),
    "in-one": (streamed(event(candidate(TEXT))), "stop"),
    "unsafe": (streamed(OPEN, event(candidate(reason="SAFETY"))), "content_filter"),
    "refused-prompt": (
        streamed(
            {
                "promptFeedback": {"blockReason": "SAFETY"},
                "usageMetadata": {"promptTokenCount": 4, "totalTokenCount": 4},
            }
        ),
        "content_filter",
    ),
    "malformed-call": (streamed(event(candidate(TEXT, reason="MALFORMED_FUNCTION_CALL"))), "malformed_function_call"),
    "thoughts": (
        streamed(
            thought("hm "),
            thought("yes", thoughtSignature="c2ln"),
            OPEN,
            event(
                candidate({"text": "", "thoughtSignature": "c2ln"}), **counted(thoughtsTokenCount=7, totalTokenCount=22)
            ),
        ),
        "stop",
    ),
    "grounded": (
        streamed(
            OPEN,
            event(
                candidate(
                    {"text": ""},
                    groundingMetadata=GROUNDING,
                    safetyRatings=[{"category": "c"}],
                    citationMetadata={"a": 1},
                    urlContextMetadata={"u": 1},
                )
            ),
        ),
        "stop",
    ),
    "rated": (streamed(event(candidate(TEXT, reason=None, safetyRatings=[{"category": "c"}])), END), "stop"),
    "no-id": (
        streamed(
            event(candidate(TEXT, reason=None), responseId=None), event(candidate({"text": "x"}), responseId=None)
        ),
        "stop",
    ),
    "no-candidates-at-first": (streamed(event(), event(candidate(TEXT))), "stop"),
    "nothing": (streamed(event({"finishReason": "STOP", "index": 0})), "stop"),
    "code": (
        streamed(event(candidate({"executableCode": {"language": "PYTHON", "code": "1"}}, reason=None)), OPEN, END),
        "stop",
    ),
    "logprobs": (
        streamed(
            event(candidate(TEXT, logprobsResult={"chosenCandidates": [{"token": "hi", "logProbability": -0.1}]}))
        ),
        "stop",
    ),
    "unicode": (stream(["héllo ", "🌍"]), "stop"),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_stream(case: Case, shape: str) -> None:
    reply, reason = SHAPES[shape]
    case.script({"gemini-2.5-flash": [reply]})
    answer = case.stream("gem-chat")
    case.assert_same_as_recorded(headers=["x-litellm-model-api-base"])
    *chunks, last = answer.events
    assert last == "[DONE]"
    assert chunks[-1]["choices"][0]["finish_reason"] == reason


def test_what_is_asked_for_a_stream(case: Case) -> None:
    case.script({"gemini-2.5-flash": []})
    case.stream("gem-chat", max_tokens=7)
    case.assert_same_as_recorded()
    [received] = case.journal()
    assert received.path == "/v1beta/models/gemini-2.5-flash:streamGenerateContent"
    assert received.entry["query"] == {"alt": "sse"}


TOOL_CALLS: dict[str, Reply] = {
    "one": streamed(event(candidate(CALL))),
    "two-at-once": streamed(event(candidate(CALL, {**CALL, "thoughtSignature": "c2ln"}))),
    "two-apart": streamed(OPEN, event(candidate(CALL, reason=None)), event(candidate(CALL))),
}


@pytest.mark.parametrize("shape", TOOL_CALLS)
def test_tool_calls_of_a_stream(case: Case, shape: str) -> None:
    case.script({"gemini-2.5-flash": [TOOL_CALLS[shape]]})
    answer = case.stream("gem-chat")
    case.assert_same_as_recorded(ignore=ANY_CALL_ID)
    assert answer.events[-2]["choices"][0]["finish_reason"] == "tool_calls"
    deltas = [chunk["choices"][0]["delta"] for chunk in answer.events[:-1]]
    calls = [call for delta in deltas for call in delta.get("tool_calls") or ()]
    assert [call["index"] for call in calls] == list(range(1 if shape == "one" else 2))


def test_a_tool_call_before_an_empty_end(case: Case) -> None:
    case.script({"gemini-2.5-flash": [streamed(event(candidate(CALL, reason=None)), END)]})
    answer = case.stream("gem-chat")

    def as_recorded(answer: Exchange) -> None:
        assert answer.events[-2]["choices"][0]["finish_reason"] == "stop"

    def required(answer: Exchange) -> None:
        assert answer.events[-2]["choices"][0]["finish_reason"] == "tool_calls"
        assert answer.events[0]["choices"][0]["delta"]["tool_calls"][0]["function"]["name"] == "weather"

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_an_image(case: Case) -> None:
    case.script(
        {"gemini-2.5-flash": [streamed(event(candidate({"inlineData": {"mimeType": "image/png", "data": "AA=="}})))]}
    )
    answer = case.stream("gem-chat")
    case.assert_same_as_recorded(ignore=["events[0].vertex_ai_*"])
    assert answer.events[0]["choices"][0]["delta"]["images"][0]["image_url"]["url"] == "data:image/png;base64,AA=="


USAGES: dict[str, Reply] = {
    "ordinary": ok("hi"),
    "growing": streamed(
        event(candidate(TEXT, reason=None), usageMetadata={"promptTokenCount": 10, "totalTokenCount": 10}),
        event(candidate({"text": ""})),
    ),
    "cached": streamed(
        event(
            candidate(TEXT),
            **counted(cachedContentTokenCount=4, promptTokensDetails=[{"modality": "TEXT", "tokenCount": 10}]),
        )
    ),
    "thoughts": streamed(event(candidate(TEXT), **counted(thoughtsTokenCount=7, totalTokenCount=22))),
    "searched": streamed(event(candidate(TEXT, groundingMetadata={"webSearchQueries": ["rain", "sun"]}))),
}


@pytest.mark.parametrize("usage", USAGES)
@pytest.mark.parametrize("asked", [True, False], ids=["asked", "unasked"])
def test_the_usage_of_a_stream(case: Case, usage: str, asked: bool) -> None:
    case.script({"gemini-2.5-flash": [USAGES[usage]]})
    answer = case.stream("gem-chat", **({"stream_options": {"include_usage": True}} if asked else {}))
    case.assert_same_as_recorded()
    assert any("usage" in chunk for chunk in answer.events[:-1]) is asked
    assert answer.content == "hi"


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
    case.script({"gemini-2.5-flash": [stream(["one ", "two ", "three"], **{how: 2})]})
    answer = case.stream("gem-chat", options={"taped": True})
    case.deviates(answer, as_recorded=_is_passed_off_as_complete, required=_is_told_to_be_broken)


def test_an_error_event(case: Case) -> None:
    case.script({"gemini-2.5-flash": [fails_within(2).with_(content=["one ", "two ", "three"])]})
    answer = case.stream("gem-chat")

    def required(answer: Exchange) -> None:
        _is_told_to_be_broken(answer)
        assert "overloaded" in answer.text

    case.deviates(answer, as_recorded=_is_passed_off_as_complete, required=required)


def test_an_unsafe_end_without_content(case: Case) -> None:
    case.script({"gemini-2.5-flash": [streamed(OPEN, event({"finishReason": "SAFETY", "index": 0}))]})
    answer = case.stream("gem-chat")

    def required(answer: Exchange) -> None:
        assert answer.events[-2]["choices"][0]["finish_reason"] == "content_filter"

    case.deviates(answer, as_recorded=_is_passed_off_as_complete, required=required)


@pytest.mark.parametrize("what", ["empty", "error"])
def test_a_stream_that_never_begins(case: Case, what: str) -> None:
    case.script({"upstream-failing": [Reply(events=[]) if what == "empty" else fails_within(0)]})
    answer = case.stream("gem-error", options={"taped": True})

    def required(answer: Exchange) -> None:
        assert answer.status >= 500
        assert "[DONE]" not in answer.text

    case.deviates(answer, as_recorded=_is_passed_off_as_complete, required=required)
    case.wait(1.1)


@contract("core", config="google/gemini.yaml", provenance="documented")
@pytest.mark.parametrize("what", ["page", "no-json"])
def test_something_else_in_place_of_a_stream(case: Case, what: str) -> None:
    """The reference never answers, and is busy for ever."""
    case.script({"upstream-failing": [html(200) if what == "page" else Reply(events=["{", "nothing"])]})
    answer = case.stream("gem-error")
    assert answer.status >= 500
    assert "[DONE]" not in answer.text
    case.wait(1.1)


def test_a_stream_that_is_refused_goes_to_its_fallback(case: Case) -> None:
    case.script({"upstream-first": [refused(500)], "upstream-second": [stream(["from ", "two"])]})
    answer = case.stream("gem-first", fallbacks=["gem-second"])

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 503

    def required(answer: Exchange) -> None:
        assert answer.content == "from two"
        assert answer.events[-1] == "[DONE]"

    case.deviates(answer, as_recorded=as_recorded, required=required)
    case.wait(1.1)


def test_chunks_arrive_one_by_one(case: Case) -> None:
    case.script({"gemini-2.5-flash": [stream(["one ", "two ", "three ", "four"], pace=0.1)]})
    answer = case.stream("gem-chat", options={"taped": True})
    case.assert_same_as_recorded()
    times = [frame.at for frame in answer.frames if b'"content"' in frame.data]
    assert len(times) == 4
    assert all(later - earlier > 0.04 for earlier, later in pairwise(times))
