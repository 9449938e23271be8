"""F1: what a stream used is counted where its vendor does not tell, for clients that ask and for what is charged."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.mark import contract
from contracts.spending import logged, new_key
from fixtures.replies import Reply, ok

pytestmark = contract("F1", config="F1/streams.yaml")

ASKED = {"include_usage": True}
TEXT = "Hello, how are you today?"
HELLO = [{"role": "user", "content": TEXT}]
UNLIKE = [f"body[0].metadata.{name}*" for name in ("usage_object", "additional_usage_values", "model_map_information")]
PIECES = ["Fine, ", "thank you", ". 你好"]


def untold(*deltas: dict[str, Any], id: str = "chatcmpl-untold") -> Reply:  # noqa: A002
    """A stream of a vendor that tells no usage."""
    head = {"id": id, "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "vendors-name"}
    told = [{"index": 0, "delta": delta, "finish_reason": None} for delta in ({"role": "assistant"}, *deltas)]
    told.append({"index": 0, "delta": {}, "finish_reason": "stop"})
    return Reply(events=[*({**head, "choices": [choice]} for choice in told), "[DONE]"])


def spoken(**fields: Any) -> Reply:
    return untold(*({"content": piece} for piece in PIECES), **fields)


def test_clients_that_ask_are_told(case: Case) -> None:
    case.script({"gpt-4o": [spoken()]})
    answer = case.stream("untold-four", messages=HELLO, stream_options=ASKED)
    case.assert_same_as_recorded()
    usage = answer.events[-2]["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (14, 7, 21)


def test_others_are_not_told(case: Case) -> None:
    case.script({"gpt-4o": [spoken()]})
    answer = case.stream("untold-four", messages=HELLO)
    case.assert_same_as_recorded()
    assert answer.content == "".join(PIECES)
    assert all("usage" not in event for event in answer.events[:-1])


def test_what_the_vendor_tells_counts(case: Case) -> None:
    case.script({"gpt-4o": [ok(PIECES)]})
    answer = case.stream("untold-four", messages=HELLO, stream_options=ASKED)
    case.assert_same_as_recorded()
    assert answer.events[-2]["usage"]["total_tokens"] == 15


def test_calls_of_tools_count(case: Case) -> None:
    called = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ""}}
    more = [{"index": 0, "function": {"arguments": piece}} for piece in ('{"city"', ': "Bonn"}')]
    case.script({"gpt-4o": [untold(*({"tool_calls": [call]} for call in (called, *more)))]})
    answer = case.stream("untold-four", messages=HELLO, stream_options=ASKED)
    case.assert_same_as_recorded()
    assert answer.events[-2]["usage"]["completion_tokens"] == 29


def test_what_cannot_be_counted_is_nothing(case: Case) -> None:
    case.script({"gpt-4o": [spoken()]})
    audio = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
    answer = case.stream("untold-four", messages=[{"role": "user", "content": [audio]}], stream_options=ASKED)
    case.assert_same_as_recorded()
    assert answer.events[-2]["usage"]["prompt_tokens"] == 0
    assert answer.events[-2]["usage"]["completion_tokens"] == 7


def test_a_text_completion(case: Case) -> None:
    case.script({"gpt-3.5-turbo-instruct": [ok(PIECES, usage=None)]})
    answer = case.completion("untold-text", prompt=TEXT, stream=True, stream_options=ASKED)
    case.assert_same_as_recorded()
    usage = answer.events[-2]["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (14, 8)


def test_it_is_charged(case: Case) -> None:
    case.script({"untold-upstream": [spoken(id="chatcmpl-charged")]})
    key = new_key(case, "untold-stream")
    case.stream("untold-priced", messages=HELLO, options={"key": key})
    found = logged(case, key)
    case.assert_same_as_recorded(ignore=UNLIKE)
    [row] = found.json
    assert (row["prompt_tokens"], row["completion_tokens"]) == (14, 8)
    assert row["spend"] == pytest.approx(0.03)
