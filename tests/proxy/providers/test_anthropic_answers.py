"""What cannot be seen in the recordings: odd messages and broken streams of Anthropic's."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.providers.anthropic.answers import chat_completion, chat_usage, estimated_tokens, finish_reason
from proxy.providers.anthropic.chunks import MessageChunks
from proxy.providers.anthropic.failures import FAILURES
from proxy.providers.failures import StreamFailure

odd = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3) | st.just([1]) | st.just({"a": 1})
blocks = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(("text", "tool_use", "thinking", "redacted_thinking", "web_search_tool_result", "x"))
        | odd,
        "text": odd,
        "thinking": odd,
        "name": odd,
        "id": odd,
        "input": odd,
        "data": odd,
        "citations": odd,
    },
)
usages = st.dictionaries(st.sampled_from(("input_tokens", "output_tokens", "cache_creation", "server_tool_use")), odd)
events = st.fixed_dictionaries(
    {
        "type": st.sampled_from(
            ("message_start", "content_block_start", "content_block_delta", "message_delta", "error")
        )
    },
    optional={
        "message": st.fixed_dictionaries({}, optional={"usage": usages | odd}) | odd,
        "content_block": blocks | odd,
        "delta": st.dictionaries(st.sampled_from(("text", "partial_json", "thinking", "citation", "stop_reason")), odd)
        | odd,
        "usage": usages | odd,
        "error": odd,
    },
)


def _message(content: Any, **more: Any) -> bytes:
    return json.dumps({"content": content, "usage": {"input_tokens": 3, "output_tokens": 2}} | more).encode()


@given(st.lists(blocks, max_size=3), usages, st.none() | st.text(max_size=3), st.booleans())
def test_any_message_is_an_answer_or_unreadable(content: Any, usage: Any, reason: Any, in_schema: bool) -> None:
    try:
        body, counted = chat_completion(
            _message(content, usage=usage, stop_reason=reason), "shown", prefix="p", in_schema=in_schema
        )
    except msgspec.DecodeError:
        return
    [choice] = json.loads(body)["choices"]
    assert isinstance(choice["finish_reason"], str)
    assert counted.total_tokens == counted.prompt_tokens + counted.completion_tokens


@given(st.lists(events, max_size=4))
def test_any_event_is_a_chunk_or_a_failure(given_events: list[Any]) -> None:
    chunks = MessageChunks("shown", include_usage=True)
    try:
        for event in given_events:
            chunk = chunks.feed(json.dumps(event).encode())
            assert chunk is None or json.loads(chunk)["object"] == "chat.completion.chunk"
    except StreamFailure:
        return
    assert chunks.usage.total_tokens >= 0
    with pytest.raises(StreamFailure):
        chunks.finish()


STREAM: list[dict[str, Any]] = [
    {"type": "message_start", "message": {"usage": {"input_tokens": 3, "cache_read_input_tokens": 2}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "ping"},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "one "}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "two"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2, "input_tokens": 0}},
    {"type": "message_stop"},
]


def _fed(*given_events: dict[str, Any], **options: Any) -> tuple[MessageChunks, list[Any]]:
    chunks = MessageChunks("shown", include_usage=True, **options)
    chunks.text = []
    made = (chunks.feed(json.dumps(event).encode()) for event in given_events)
    return chunks, [json.loads(chunk) for chunk in made if chunk is not None]


@pytest.mark.parametrize("events_sent", range(len(STREAM)))
def test_a_stream_that_is_cut_is_never_complete(events_sent: int) -> None:
    chunks, made = _fed(*STREAM[:events_sent])
    assert not any(chunk["choices"][0].get("finish_reason") for chunk in made)
    with pytest.raises(StreamFailure) as failed:
        chunks.finish()
    assert not failed.value.continuable


def test_a_whole_stream() -> None:
    chunks, made = _fed(*STREAM)
    assert [chunk["choices"][0]["delta"] for chunk in made] == [
        {"content": "one ", "role": "assistant"},
        {"content": "two"},
    ]
    assert chunks.text == ["one ", "two"]
    finish, usage = (json.loads(chunk) for chunk in chunks.finish())
    assert finish["choices"] == [{"finish_reason": "stop", "index": 0, "delta": {}}]
    assert usage["usage"]["prompt_tokens"] == 5
    assert (chunks.usage.prompt_tokens, chunks.usage.cached_tokens, chunks.usage.completion_tokens) == (5, 2, 2)


def test_an_answer_in_a_schema_is_told_as_text() -> None:
    opening = {"type": "tool_use", "id": "t", "name": "json_tool_call", "input": {}}
    chunks, made = _fed(
        STREAM[0],
        {"type": "content_block_start", "index": 0, "content_block": opening},
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "input_json_delta", "partial_json": '{"a": 1.50}'},
        },
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 2}},
        STREAM[-1],
        in_schema=True,
    )
    assert [chunk["choices"][0]["delta"]["content"] for chunk in made] == ['{"a": 1.50}']
    assert json.loads(chunks.finish()[0])["choices"][0]["finish_reason"] == "stop"


def test_secrets_stay_out_of_error_events() -> None:
    chunks = MessageChunks("shown", include_usage=False)
    chunks.secrets = [b"sk-secret"]
    with pytest.raises(StreamFailure) as failed:
        chunks.feed(b'{"type": "error", "error": {"type": "api_error", "message": "bad key sk-secret"}}')
    assert "sk-secret" not in failed.value.text()
    assert "bad key" in failed.value.message
    assert failed.value.continuable


def test_an_impossible_status_is_502() -> None:
    assert FAILURES.refused(302, [], b"elsewhere").status == 502
    assert FAILURES.refused(418, [], b"tea").status == 418


def test_a_wait_that_is_asked_for_is_kept() -> None:
    assert FAILURES.refused(429, [("retry-after", "3")], b"{}").retry_after == 3


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 0), ("The user said something.", 5), ("die Würfel sind gefallen", 5), ("天" * 50, 30)]
)
def test_tokens_are_estimated(text: str, tokens: int) -> None:
    assert estimated_tokens(text) == tokens


def test_thinking_takes_no_more_tokens_than_there_are() -> None:
    told, _ = chat_usage({"input_tokens": 1, "output_tokens": 4}, thoughts="a b c d e f")
    assert told["completion_tokens_details"] == {"reasoning_tokens": 4, "text_tokens": 0}


def test_reasons_that_openai_does_not_know_keep_their_names() -> None:
    assert [finish_reason(reason) for reason in (None, "end_turn", "refusal")] == ["stop", "stop", "refusal"]
