"""Gemini's answers as chat completions."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.google_replies import candidate, said
from fixtures.replies import Reply, ok

pytestmark = contract("core", config="google/gemini.yaml")

TEXT = {"text": "hi"}
CALL = {"functionCall": {"name": "weather", "args": {"city": "Köln"}}}
GROUNDING = {
    "webSearchQueries": ["rain", "sun"],
    "groundingChunks": [{"web": {"uri": "https://weather.test", "title": "Weather"}}],
    "groundingSupports": [{"segment": {"startIndex": 0, "endIndex": 2}, "groundingChunkIndices": [0]}],
}
PROBABLY = {"token": "hi", "logProbability": -0.1}


def counted(**more: Any) -> dict[str, Any]:
    return {"usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15, **more}}


def tokens(**counts: int) -> list[dict[str, Any]]:
    return [{"modality": kind.upper(), "tokenCount": count} for kind, count in counts.items()]


SHAPES: dict[str, tuple[Reply, str]] = {
    "ordinary": (ok("hi"), "stop"),
    "full": (said(candidate(TEXT, reason="MAX_TOKENS")), "length"),
    "unsafe": (said(candidate(reason="SAFETY")), "content_filter"),
    "recited": (said(candidate(TEXT, reason="RECITATION", safetyRatings=[{"category": "x"}])), "content_filter"),
    "language": (said(candidate(TEXT, reason="LANGUAGE")), "content_filter"),
    "other": (said(candidate(TEXT, reason="OTHER")), "content_filter"),
    "malformed-call": (said(candidate(TEXT, reason="MALFORMED_FUNCTION_CALL")), "malformed_function_call"),
    "unspecified": (said(candidate(TEXT, reason="FINISH_REASON_UNSPECIFIED")), "finish_reason_unspecified"),
    "new-reason": (said(candidate(TEXT, reason="TOO_MANY_TOOL_CALLS")), "stop"),
    "no-reason": (said(candidate(TEXT, reason=None)), "stop"),
    "refused-prompt": (
        Reply(
            body={
                "promptFeedback": {"blockReason": "SAFETY", "safetyRatings": []},
                "usageMetadata": {"promptTokenCount": 4, "totalTokenCount": 4},
            }
        ),
        "content_filter",
    ),
    "two-parts": (said(candidate(TEXT, {"text": " there"})), "stop"),
    "two-answers": (said(candidate(TEXT), candidate({"text": "yo"}, index=1)), "stop"),
    "no-parts": (said({"content": {"role": "model"}, "finishReason": "STOP", "index": 0}), "stop"),
    "no-id": (said(candidate(TEXT), responseId=None), "stop"),
    "thought": (
        said(
            candidate({"text": "hm", "thought": True}, {"text": "hi", "thoughtSignature": "c2ln"}),
            **counted(thoughtsTokenCount=7, totalTokenCount=22),
        ),
        "stop",
    ),
    "signed-thought": (
        said(
            candidate({"text": "hm", "thought": True, "thoughtSignature": "c2ln"}, TEXT),
            **counted(thoughtsTokenCount=3, totalTokenCount=18),
        ),
        "stop",
    ),
    "image": (said(candidate(TEXT, {"inlineData": {"mimeType": "image/png", "data": "AA=="}})), "stop"),
    "document": (said(candidate({"inlineData": {"mimeType": "application/pdf", "data": "AA=="}})), "stop"),
    "code": (
        said(
            candidate(
                {"executableCode": {"language": "PYTHON", "code": "1"}},
                {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
                TEXT,
            )
        ),
        "stop",
    ),
    "grounded": (
        said(
            candidate(
                TEXT,
                groundingMetadata=GROUNDING,
                citationMetadata={"citationSources": [{"uri": "x"}]},
                safetyRatings=[{"category": "c", "probability": "LOW"}],
                urlContextMetadata={"urlMetadata": []},
            )
        ),
        "stop",
    ),
    "logprobs": (
        said(
            candidate(
                TEXT, logprobsResult={"chosenCandidates": [PROBABLY], "topCandidates": [{"candidates": [PROBABLY]}]}
            )
        ),
        "stop",
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_an_answer(case: Case, shape: str) -> None:
    reply, reason = SHAPES[shape]
    case.script({"gemini-2.5-flash": [reply]})
    answer = case.chat("gem-chat")
    case.assert_same_as_recorded(headers=["x-litellm-model-api-base", "x-litellm-response-cost"])
    assert answer.status == 200
    assert answer.json["choices"][0]["finish_reason"] == reason


TOOL_CALLS: dict[str, Reply] = {
    "one": said(candidate(CALL)),
    "text-and-two": said(candidate(TEXT, CALL, {**CALL, "thoughtSignature": "c2ln"})),
    "no-arguments": said(candidate({"functionCall": {"name": "clock", "args": {}}})),
}


@pytest.mark.parametrize("shape", TOOL_CALLS)
def test_tool_calls(case: Case, shape: str) -> None:
    case.script({"gemini-2.5-flash": [TOOL_CALLS[shape]]})
    answer = case.chat("gem-chat")
    case.assert_same_as_recorded(ignore=["body.choices[0].message.tool_calls[*].id"])
    [choice] = answer.json["choices"]
    assert choice["finish_reason"] == "tool_calls"
    ids = [call["id"] for call in choice["message"]["tool_calls"]]
    assert all(call_id.startswith("call_") for call_id in ids)
    assert shape != "text-and-two" or ids[1].endswith("__thought__c2ln")


USAGES: dict[str, tuple[dict[str, Any], tuple[int, int, int]]] = {
    "ordinary": (counted(), (10, 5, 15)),
    "cached": (counted(cachedContentTokenCount=4, promptTokensDetails=tokens(text=10)), (10, 5, 15)),
    "cached-by-kind": (
        counted(
            cachedContentTokenCount=4,
            cacheTokensDetails=tokens(text=4),
            promptTokensDetails=tokens(text=8, image=1, audio=1),
        ),
        (10, 5, 15),
    ),
    "thoughts-apart": (counted(thoughtsTokenCount=7, totalTokenCount=22), (10, 12, 22)),
    "thoughts-within": (counted(thoughtsTokenCount=3), (10, 5, 15)),
    "by-kind": (counted(candidatesTokensDetails=tokens(image=2, text=3), trafficType="ON_DEMAND"), (10, 5, 15)),
    "no-text": (counted(candidatesTokensDetails=tokens(image=2)), (10, 5, 15)),
    "tools": (counted(toolUsePromptTokenCount=8), (10, 5, 15)),
    "nothing": ({"usageMetadata": {}}, (0, 0, 0)),
}


@pytest.mark.parametrize("usage", USAGES)
def test_the_usage(case: Case, usage: str) -> None:
    told, expected = USAGES[usage]
    case.script({"gemini-2.5-flash": [said(candidate(TEXT), **told)]})
    answer = case.chat("gem-chat")
    case.assert_same_as_recorded()
    counts = answer.json["usage"]
    assert (counts["prompt_tokens"], counts["completion_tokens"], counts["total_tokens"]) == expected


def test_a_sound(case: Case) -> None:
    case.script({"gemini-2.5-flash": [said(candidate({"inlineData": {"mimeType": "audio/L16", "data": "AA=="}}))]})
    answer = case.chat("gem-chat")
    case.assert_same_as_recorded(ignore=["body.choices[0].message.audio.expires_at"])
    assert answer.json["choices"][0]["message"]["audio"]["data"] == "AA=="


INCOMPLETE: dict[str, Reply] = {
    "a-call-without-arguments": said(candidate({"functionCall": {"name": "clock"}})),
    "no-usage": said(candidate(TEXT), usageMetadata=None),
}


@pytest.mark.parametrize("what", INCOMPLETE)
def test_what_google_leaves_out(case: Case, what: str) -> None:
    case.script({"gemini-2.5-flash": [INCOMPLETE[what]]})
    answer = case.chat("gem-chat")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 200
        assert answer.json["choices"][0]["finish_reason"] == ("stop" if what == "no-usage" else "tool_calls")

    case.deviates(answer, as_recorded=as_recorded, required=required)
    case.wait(1.1)


def test_an_answer_of_which_nothing_is_left(case: Case) -> None:
    case.script({"gemini-2.5-flash": [said({"finishReason": "MAX_TOKENS", "index": 0})]})
    answer = case.chat("gem-chat")

    def as_recorded(answer: Exchange) -> None:
        assert answer.json["choices"] == []

    def required(answer: Exchange) -> None:
        assert answer.json["choices"][0]["finish_reason"] == "length"
        assert answer.json["choices"][0]["message"] == {"role": "assistant", "content": None}

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_a_text_completion_is_asked_for_in_a_chat(case: Case) -> None:
    case.script({"gemini-2.5-flash": [ok("hi")]})
    answer = case.completion("gem-chat")
    # The reference names what was not counted too.
    case.assert_same_as_recorded(ignore=["body.usage.*_details.*", "body.usage.cache_read_input_tokens"])
    assert answer.json["choices"][0]["text"] == "hi"
    assert answer.json["usage"]["total_tokens"] == 15
    assert case.journal().bodies[0]["contents"] == [{"role": "user", "parts": [{"text": "hello"}]}]
