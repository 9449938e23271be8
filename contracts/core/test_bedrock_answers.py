"""What clients get of Amazon Bedrock's answers and errors."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.bedrock_replies import refused, said
from fixtures.replies import Reply, broken_json, html, ok, slow, tool

pytestmark = contract("core", config="vendors/bedrock.yaml")

CLAUDE = "anthropic.claude-3-5-sonnet-20240620-v1:0"
TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}
    for name in ("weather", "clock")
]
SCHEMA = {"type": "json_schema", "json_schema": {"name": "p", "schema": {"type": "object", "properties": {}}}}
HEADERS = ["llm_provider-x-amzn-requestid", "x-litellm-model-id"]


def used(name: str, given: Any, index: int = 1) -> dict[str, Any]:
    return {"toolUse": {"toolUseId": f"tooluse_{index}", "name": name, "input": given}}


def thought(text: str, signature: str | None = "c2ln") -> dict[str, Any]:
    known = {"text": text} if signature is None else {"text": text, "signature": signature}
    return {"reasoningContent": {"reasoningText": known}}


CITATIONS = {"citationsContent": {"content": [{"text": "rain"}], "citations": [{"title": "weather"}]}}
ANSWERS: dict[str, Reply] = {
    "ordinary": ok("hello"),
    "two-texts": said({"text": "a"}, {"text": "b"}),
    "nothing": said(),
    "unicode": said({"text": "héllo 🌍"}),
    "tool-calls": ok(tool_calls=[tool("weather", city="Bonn"), tool("clock")]),
    "tool-call-after-a-text": said({"text": "let me see"}, used("weather", {"city": "Bönn"}), stop_reason="tool_use"),
    "tool-call-written-as-text": said({"text": '{"type": "function", "name": "weather", "arguments": "{}"}'}),
    "thinking": said(thought("hm "), thought("yes", None), {"text": "hi"}),
    "redacted": said({"reasoningContent": {"redactedContent": "c2VjcmV0"}}, {"text": "hi"}),
    "think-tags": said({"text": "<think>hm</think>hi"}),
    "thinking-tags": said({"text": "<thinking>hm</thinking>\n\nhi"}),
    "citations": said({"text": "rain"}, CITATIONS),
    "trace": said({"text": "hi"}, trace={"guardrail": {"inputAssessment": {}}}),
    "tier": said({"text": "hi"}, serviceTier={"type": "flex"}),
    "unknown-block": said({"text": "hi"}, {"unheard_of": 1}),
}


@pytest.mark.parametrize("shape", ANSWERS)
def test_an_answer(case: Case, shape: str) -> None:
    case.script({CLAUDE: [ANSWERS[shape]]})
    answer = case.chat("rock-claude", tools=TOOLS)
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 200
    calls = answer.json["choices"][0]["message"].get("tool_calls", [])
    assert len(calls) == {"tool-calls": 2, "tool-call-after-a-text": 1, "tool-call-written-as-text": 1}.get(shape, 0)


REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "guardrail_intervened": "guardrail_intervened",
}
UNKNOWN_REASONS = {
    "content_filtered": "content_filter",
    "model_context_window_exceeded": "length",
    "malformed_tool_use": "malformed_tool_use",
}


@pytest.mark.parametrize("reason", REASONS)
def test_why_an_answer_ends(case: Case, reason: str) -> None:
    case.script({CLAUDE: [said({"text": "hi"}, stop_reason=reason)]})
    answer = case.chat("rock-claude")
    case.assert_same_as_recorded()
    assert answer.json["choices"][0]["finish_reason"] == REASONS[reason]


@pytest.mark.parametrize("reason", UNKNOWN_REASONS)
def test_a_reason_that_the_reference_does_not_know(case: Case, reason: str) -> None:
    case.script({CLAUDE: [said({"text": "hi"}, stop_reason=reason)]})
    answer = case.chat("rock-claude")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 200
        assert answer.json["choices"][0]["finish_reason"] == UNKNOWN_REASONS[reason]

    case.deviates(answer, as_recorded=as_recorded, required=required)


USAGES: dict[str, dict[str, Any]] = {
    "read": {"cacheReadInputTokens": 7},
    "written": {"cacheWriteInputTokens": 3},
    "both": {"cacheReadInputTokens": 7, "cacheWriteInputTokens": 3, "cacheReadInputTokenCount": 7},
}


@pytest.mark.parametrize("kind", USAGES)
def test_the_usage(case: Case, kind: str) -> None:
    usage = {"inputTokens": 10, "outputTokens": 5, "totalTokens": 15} | USAGES[kind]
    case.script({CLAUDE: [said(thought("hm"), {"text": "hi"}, usage=usage)]})
    answer = case.chat("rock-claude")
    case.assert_same_as_recorded()
    told = answer.json["usage"]
    assert told["prompt_tokens"] == {"read": 17, "written": 13, "both": 20}[kind]


STRUCTURED: dict[str, Reply] = {
    "ordinary": said(used("json_tool_call", {"city": "Bonn"}), stop_reason="tool_use"),
    "wrapped": said(used("json_tool_call", {"properties": {"city": "Bonn"}}), stop_reason="tool_use"),
    "after-a-text": said({"text": "so"}, used("json_tool_call", {"city": "Bonn"}), stop_reason="tool_use"),
    "as-text": said({"text": '{"city": "Bonn"}'}),
    "another-tool": said(used("weather", {"city": "Bonn"}), stop_reason="tool_use"),
    "two-tools": said(used("json_tool_call", {"a": 1}), used("weather", {}, 2), stop_reason="tool_use"),
}


@pytest.mark.parametrize("shape", STRUCTURED)
def test_an_answer_in_a_schema(case: Case, shape: str) -> None:
    case.script({CLAUDE: [STRUCTURED[shape]]})
    answer = case.chat("rock-claude", response_format=SCHEMA, tools=TOOLS)
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert (answer.content != "") == (shape not in ("another-tool", "two-tools"))


# --- errors ----------------------------------------------------------------------------------------------------------

FAILURES = (400, 401, 403, 404, 408, 409, 413, 422, 424, 429, 500, 502, 503, 504, 529)


@pytest.mark.parametrize("number", FAILURES)
def test_an_error(case: Case, number: int) -> None:
    case.script({"upstream-rock-failing": [refused(number)]})
    answer = case.chat("rock-error")
    case.assert_same_as_recorded(headers=["retry-after"])
    assert answer.status >= 400
    assert len(case.journal()) == 1


WORDS = {
    "too-long": (400, "Input is too long for requested model."),
    "too-many-tokens": (400, "Too many input tokens. Max input tokens: 8192"),
    "max-length": (400, "expected maxLength: 10000, actual: 20000"),
    "prompt-too-long": (400, "prompt is too long: 210000 tokens > 200000 maximum"),
    "same-turn": (400, "Conversation blocks and tool result blocks cannot be provided in the same turn."),
    "malformed": (400, "Malformed input request: #: required key [messages] not found"),
    "user-first": (400, "A conversation must start with a user message. Try again with a conversation that does."),
    "token": (403, "The security token included in the request is invalid."),
    "denied": (403, "AccessDeniedException: You don't have access to the model with the specified model ID."),
    "throttled": (400, "ThrottlingException: Too many requests, please wait before trying again."),
    "timed-out": (500, "The operation timed out"),
    "image": (400, "Could not process image"),
    "too-many": (429, "Too many tokens, please wait before trying again."),
}

MEANT = {"token": 403, "denied": 403, "throttled": 429, "timed-out": 408, "image": 500, "too-many": 429}


@pytest.mark.parametrize("words", WORDS)
def test_what_the_words_of_an_error_mean(case: Case, words: str) -> None:
    number, text = WORDS[words]
    case.script({"upstream-rock-failing": [refused(number, message=text)]})
    answer = case.chat("rock-error")
    case.assert_same_as_recorded()
    assert text in answer.json["error"]["message"]
    assert answer.status == MEANT.get(words, 400)


def test_a_time_to_wait(case: Case) -> None:
    case.script({"upstream-rock-failing": [refused(429, headers={"retry-after": "7"})]})
    answer = case.chat("rock-error")
    case.assert_same_as_recorded(headers=["retry-after"])
    assert answer.status == 429


def test_a_page_in_place_of_an_error(case: Case) -> None:
    case.script({"upstream-rock-failing": [html(503)]})
    answer = case.chat("rock-error")
    case.assert_same_as_recorded()
    assert answer.status == 503


BROKEN = {"no-json": broken_json(), "page": html(200), "another-shape": Reply(body={"hello": "you"})}


@pytest.mark.parametrize("shape", BROKEN)
def test_an_answer_that_is_none(case: Case, shape: str) -> None:
    case.script({"upstream-rock-failing": [BROKEN[shape]]})
    answer = case.chat("rock-error")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status in (422, 500)
        assert "InternalServerError" not in answer.json["error"]["message"]

    def required(answer: Exchange) -> None:
        assert answer.status == 500
        assert "litellm.InternalServerError: BedrockException" in answer.json["error"]["message"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_no_connection(case: Case) -> None:
    answer = case.chat("rock-gone")
    case.assert_same_as_recorded(ignore=["body.error.message"])
    assert answer.status == 500


def test_a_time_that_is_up(case: Case) -> None:
    case.script({"upstream-short": [slow(2)]})
    answer = case.chat("rock-short")
    case.assert_same_as_recorded(ignore=["body.error.message"])
    assert answer.status == 408
    assert answer.json["error"]["message"].startswith("litellm.Timeout: ")
