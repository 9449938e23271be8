"""Streams from Amazon Bedrock, translated event by event."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.bedrock_replies import refused
from fixtures.replies import Reply, html, ok, stream, tool

pytestmark = contract("core", config="vendors/bedrock.yaml")

CLAUDE = "anthropic.claude-3-5-sonnet-20240620-v1:0"
TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}
    for name in ("weather", "clock")
]
SCHEMA = {"type": "json_schema", "json_schema": {"name": "p", "schema": {"type": "object", "properties": {}}}}
START = {"messageStart": {"role": "assistant"}}
USAGE = {"inputTokens": 10, "outputTokens": 5, "totalTokens": 15}

Event = dict[str, Any]


def delta(index: int, *deltas: Event) -> list[Event]:
    return [
        *({"contentBlockDelta": {"contentBlockIndex": index, "delta": one}} for one in deltas),
        {"contentBlockStop": {"contentBlockIndex": index}},
    ]


def text(index: int, *pieces: str) -> list[Event]:
    return delta(index, *({"text": piece} for piece in pieces))


def calls(index: int, name: str, *pieces: str) -> list[Event]:
    start = {"toolUse": {"toolUseId": f"tooluse_{index}", "name": name}}
    opening = {"contentBlockStart": {"contentBlockIndex": index, "start": start}}
    return [opening, *delta(index, *({"toolUse": {"input": piece}} for piece in pieces))]


def end(reason: str = "end_turn", **usage: int) -> list[Event]:
    metadata = {"metadata": {"usage": USAGE | usage, "metrics": {"latencyMs": 7}}}
    return [{"messageStop": {"stopReason": reason}}, metadata]


def events(*groups: Any) -> Reply:
    return Reply(events=[event for group in groups for event in (group if isinstance(group, list) else [group])])


def thought(*parts: Event) -> list[Event]:
    return delta(0, *({"reasoningContent": part} for part in parts))


SHAPES: dict[str, Reply] = {
    "ordinary": stream(["one ", "two"]),
    "full": events(START, text(0, "hi"), end("max_tokens")),
    "stopped": events(START, text(0, "hi"), end("stop_sequence")),
    "guarded": events(START, text(0, "no"), end("guardrail_intervened")),
    "conversation": events({"messageStart": {"role": "assistant", "conversationId": "c-1"}}, text(0, "hi"), end()),
    "two-texts": events(START, text(0, "a"), text(1, "b"), end()),
    "blank": events(START, text(0, " ", "\n"), end()),
    "unicode": events(START, text(0, "héllo 🌍"), end()),
    "nothing": events(START, end()),
    "empty-pieces": events(START, text(0, "", "a", ""), end()),
    "thinking": events(START, thought({"text": "hm "}, {"text": "yes"}, {"signature": "c2ln"}), text(1, "hi"), end()),
    "redacted": events(START, thought({"redactedContent": "c2VjcmV0"}), text(1, "hi"), end()),
    "redacted-at-the-start": events(
        START,
        {
            "contentBlockStart": {
                "contentBlockIndex": 0,
                "start": {"reasoningContent": {"redactedContent": "c2VjcmV0"}},
            }
        },
        {"contentBlockStop": {"contentBlockIndex": 0}},
        text(1, "hi"),
        end(),
    ),
    "citations": events(START, delta(0, {"text": "rain"}, {"citationsContent": {"title": "weather"}}), end()),
    "trace": events(
        START,
        text(0, "hi"),
        {"messageStop": {"stopReason": "end_turn"}},
        {"metadata": {"usage": USAGE, "metrics": {"latencyMs": 7}, "trace": {"guardrail": {"modelOutput": ["hi"]}}}},
    ),
    "cached": events(START, text(0, "hi"), end(cacheReadInputTokens=7, cacheWriteInputTokens=3)),
    "padded": events(
        {"messageStart": {"role": "assistant", "p": "abc"}},
        {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "hi"}, "p": "abcdef"}},
        {"contentBlockStop": {"contentBlockIndex": 0, "p": "ab"}},
        {"messageStop": {"stopReason": "end_turn", "p": "a"}},
        {"metadata": {"usage": USAGE, "metrics": {"latencyMs": 7}, "p": "abcd"}},
    ),
}


REASONS = {"full": "length", "guarded": "guardrail_intervened"}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_stream(case: Case, shape: str) -> None:
    case.script({CLAUDE: [SHAPES[shape]]})
    answer = case.stream("rock-claude", tools=TOOLS)
    case.assert_same_as_recorded(headers=["x-litellm-model-api-base"])
    *chunks, last = answer.events
    assert last == "[DONE]"
    assert len({chunk["id"] for chunk in chunks}) == 1
    told = [chunk["choices"][0].get("finish_reason") for chunk in chunks]
    assert next(filter(None, told)) == REASONS.get(shape, "stop")
    assert case.journal().paths[0].endswith("/converse-stream")


TOOL_CALLS: dict[str, Reply] = {
    "ordinary": ok(tool_calls=[tool("weather", city="Bonn"), tool("clock")]),
    "after-a-text": events(START, text(0, "let me see"), calls(1, "weather", '{"city"', ': "Bonn"}'), end("tool_use")),
    "one-empty-delta": events(START, calls(0, "clock", ""), end("tool_use")),
    "two-of-them": events(
        START, calls(0, "weather", '{"city": "Bonn"}'), calls(1, "weather", '{"city": "Kiel"}'), end("tool_use")
    ),
}


@pytest.mark.parametrize("shape", TOOL_CALLS)
def test_tool_calls_of_a_stream(case: Case, shape: str) -> None:
    case.script({CLAUDE: [TOOL_CALLS[shape]]})
    answer = case.stream("rock-claude", tools=TOOLS)
    case.assert_same_as_recorded()
    assert answer.events[-2]["choices"][0]["finish_reason"] == "tool_calls"
    pieces = [call for chunk in answer.events[:-1] for call in chunk["choices"][0]["delta"].get("tool_calls") or []]
    assert pieces[0]["function"]["name"] in ("weather", "clock")


def test_a_tool_call_whose_arguments_are_never_written(case: Case) -> None:
    case.script({CLAUDE: [events(START, calls(0, "clock"), end("tool_use"))]})
    answer = case.stream("rock-claude", tools=TOOLS)

    def arguments(answer: Exchange) -> str:
        pieces = [call for chunk in answer.events[:-1] for call in chunk["choices"][0]["delta"].get("tool_calls") or []]
        return "".join(piece["function"]["arguments"] for piece in pieces)

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 200
        assert arguments(answer) == ""

    def required(answer: Exchange) -> None:
        assert arguments(answer) == "{}"

    case.deviates(answer, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("shape", ["ordinary", "cached", "trace"])
def test_a_stream_with_its_usage(case: Case, shape: str) -> None:
    case.script({CLAUDE: [SHAPES[shape]]})
    answer = case.stream("rock-claude", stream_options={"include_usage": True})
    case.assert_same_as_recorded()
    told = answer.events[-2]["usage"]
    assert told["completion_tokens"] == 5
    assert told["prompt_tokens"] == (20 if shape == "cached" else 10)


STRUCTURED: dict[str, Reply] = {
    "ordinary": ok(tool_calls=[tool("json_tool_call", city="Bonn")]),
    "as-text": ok('{"city": "Bonn"}'),
}


@pytest.mark.parametrize("shape", STRUCTURED)
def test_a_stream_in_a_schema(case: Case, shape: str) -> None:
    """Asked for as a whole: a tool that stands for the schema cannot be told apart while it comes."""
    case.script({CLAUDE: [STRUCTURED[shape]]})
    answer = case.stream("rock-claude", response_format=SCHEMA, tools=TOOLS)
    case.assert_same_as_recorded()
    assert answer.events[-1] == "[DONE]"
    assert case.journal().paths[0].endswith("/converse")


def test_a_tool_that_is_called_instead_of_an_answer_in_a_schema(case: Case) -> None:
    case.script({CLAUDE: [ok(tool_calls=[tool("weather", city="Bonn")])]})
    answer = case.stream("rock-claude", response_format=SCHEMA, tools=TOOLS)

    def as_recorded(answer: Exchange) -> None:
        assert answer.content == '{"city": "Bonn"}'

    def required(answer: Exchange) -> None:
        assert answer.content == ""
        [called] = [chunk for chunk in answer.events[:-1] if chunk["choices"][0]["delta"].get("tool_calls")]
        assert called["choices"][0]["delta"]["tool_calls"][0]["function"]["name"] == "weather"

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_a_stream_in_a_schema_that_the_model_knows(case: Case) -> None:
    case.script({"eu.anthropic.claude-sonnet-4-5-20250929-v1:0": [ok('{"city": "Bonn"}')]})
    answer = case.stream("rock-schema", response_format=SCHEMA)
    case.assert_same_as_recorded()
    assert answer.content == '{"city": "Bonn"}'


# --- failures --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [400, 403, 429, 500, 503])
def test_a_stream_that_does_not_begin(case: Case, number: int) -> None:
    case.script({"upstream-rock-failing": [refused(number)]})
    answer = case.stream("rock-error")
    case.assert_same_as_recorded()
    assert answer.status == {403: 500, 500: 503}.get(number, number)


EXCEPTIONS = {"throttlingException": 429, "validationException": 400}
UNWELL = ("modelStreamErrorException", "internalServerException", "serviceUnavailableException")


@pytest.mark.parametrize("exception", EXCEPTIONS)
def test_an_exception_within_a_stream(case: Case, exception: str) -> None:
    case.script({"upstream-rock-failing": [events(START, text(0, "one")[:1], {exception: {"message": "not now"}})]})
    answer = case.stream("rock-error")
    case.assert_same_as_recorded(ignore=["events*.error.message"])
    assert answer.events[0]["choices"][0]["delta"]["content"] == "one"
    assert answer.events[-1]["error"]["code"] == str(EXCEPTIONS[exception])
    assert f'{exception} {{"message":"not now"}}' in answer.events[-1]["error"]["message"]


@pytest.mark.parametrize("exception", UNWELL)
def test_an_exception_within_a_stream_that_is_not_the_clients_fault(case: Case, exception: str) -> None:
    case.script({"upstream-rock-failing": [events(START, text(0, "one")[:1], {exception: {"message": "not now"}})]})
    answer = case.stream("rock-error")

    def as_recorded(answer: Exchange) -> None:
        assert answer.events[-1]["error"]["code"] == "400"

    def required(answer: Exchange) -> None:
        assert answer.events[-1]["error"]["code"] == "503"
        assert f"{exception} " in answer.events[-1]["error"]["message"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("exception", EXCEPTIONS)
def test_an_exception_before_anything_is_said(case: Case, exception: str) -> None:
    case.script({"upstream-rock-failing": [events({exception: {"message": "not now"}})]})
    answer = case.stream("rock-error")
    case.assert_same_as_recorded(ignore=["body.error.message"])
    assert answer.status == EXCEPTIONS[exception]
    assert len(case.journal()) == 1


BROKEN: dict[str, Reply] = {
    "cut": Reply(content=["one ", "two"], cut_after=2),
    "ended": Reply(content=["one ", "two"], end_after=2),
}


@pytest.mark.parametrize("shape", BROKEN)
def test_a_stream_that_breaks(case: Case, shape: str) -> None:
    case.script({"upstream-rock-failing": [BROKEN[shape]]})
    answer = case.stream("rock-error", options={"taped": True})

    def as_recorded(answer: Exchange) -> None:
        assert answer.events[-1] == "[DONE]" or "Traceback" in answer.text

    def required(answer: Exchange) -> None:
        assert answer.content == "one "
        assert answer.events[-1]["error"]["code"] == "503"

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_garbage_within_a_stream(case: Case) -> None:
    garbage = "<html>this is no event of a stream at all</html>"
    case.script({"upstream-rock-failing": [Reply(content=["one ", "two"], end_after=2, tail=garbage)]})
    answer = case.stream("rock-error")
    case.assert_same_as_recorded(ignore=["events*.error.message"])
    assert answer.content == "one "
    assert answer.events[-1]["error"]["code"] == "503"


def test_a_page_in_place_of_a_stream(case: Case) -> None:
    case.script({"upstream-rock-failing": [html(200)]})
    answer = case.stream("rock-error")
    case.assert_same_as_recorded(ignore=["body.error.message"])
    assert answer.status == 503
