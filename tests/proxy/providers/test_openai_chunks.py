"""Streamed chunks: nothing lost, and nothing that looks finished before the vendor has said so."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.call import Usage
from proxy.providers.failures import StreamFailure
from proxy.providers.openai.chunks import Chunks, TextChunks
from tests.proxy.providers import answers

BASE = {
    "id": "chatcmpl-up1",
    "object": "chat.completion.chunk",
    "created": 1,
    "model": "gpt",
    "system_fingerprint": "fp",
}
USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


def event(*choices: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {**BASE, "choices": list(choices), **fields}


def say(content: str | None, index: int = 0, **fields: Any) -> dict[str, Any]:
    return {"index": index, "delta": {"content": content}, "finish_reason": None, **fields}


def end(index: int = 0, reason: str = "stop") -> dict[str, Any]:
    return {"index": index, "delta": {}, "finish_reason": reason}


class Fed:
    """Everything that a stream of these events becomes."""

    def __init__(self, *events: Any, done: bool = True, usage: bool = False, kind: type[Chunks] = Chunks) -> None:
        self.chunks = kind("asked-for", "OpenAIException", include_usage=usage)
        self.before_the_end = [json.loads(made) for one in events if (made := self._feed(one)) is not None]
        if done:
            self.chunks.feed(b"[DONE]")
        self.all = [*self.before_the_end, *map(json.loads, self.chunks.finish())]

    def _feed(self, one: Any) -> bytes | None:
        return self.chunks.feed(one if isinstance(one, bytes) else json.dumps(one).encode())

    def deltas(self, index: int = 0) -> list[dict[str, Any]]:
        return [c["delta"] for chunk in self.all for c in chunk["choices"] if c["index"] == index]

    def text(self, index: int = 0) -> str:
        return "".join(delta.get("content") or "" for delta in self.deltas(index))

    def reasons(self) -> list[tuple[int, str]]:
        return [
            (c["index"], c["finish_reason"]) for chunk in self.all for c in chunk["choices"] if c.get("finish_reason")
        ]


def test_a_stream_as_the_reference_lays_it_out() -> None:
    opening = {"index": 0, "delta": {"role": "assistant", "content": "", "refusal": None}, "finish_reason": None}
    fed = Fed(event(opening), event(say("Hel")), event(say("lo")), event(end()), event(usage=USAGE), usage=True)
    shown = [{name: value for name, value in chunk.items() if name != "created"} for chunk in fed.all]
    base = {"id": "chatcmpl-up1", "model": "asked-for", "object": "chat.completion.chunk", "system_fingerprint": "fp"}
    assert shown == [
        {**base, "choices": [{"index": 0, "delta": {"content": "Hel", "role": "assistant"}}]},
        {**base, "choices": [{"index": 0, "delta": {"content": "lo"}}]},
        {**base, "choices": [{"finish_reason": "stop", "index": 0, "delta": {}}]},
        {
            **base,
            "choices": [{"index": 0, "delta": {}}],
            "usage": {
                "completion_tokens": 5,
                "prompt_tokens": 10,
                "total_tokens": 15,
                "completion_tokens_details": {"reasoning_tokens": 0},
            },
        },
    ]
    assert fed.chunks.usage == Usage(10, 5, 15)


@given(st.lists(st.text(max_size=5), max_size=8), st.booleans(), st.integers(1, 3))
def test_the_text_is_whole_however_it_is_cut(pieces: list[str], together: bool, n: int) -> None:
    """Also where the last piece comes with the finish reason, and with several choices in one event."""
    events = [event(*(say(piece, index) for index in range(n))) for piece in pieces]
    last = say("end", 0, finish_reason="stop")
    events.append(event(last, *(say("end", i, finish_reason="length") for i in range(1, n)), usage=USAGE))
    if not together:
        events = [event(choice) for one in events for choice in one["choices"]]
    fed = Fed(*events)
    for index in range(n):
        assert fed.text(index) == "".join(pieces) + "end"
        assert [delta["role"] for delta in fed.deltas(index) if "role" in delta] == ["assistant"]
    assert sorted(fed.reasons()) == [(0, "stop"), *((index, "length") for index in range(1, n))]


@given(st.lists(st.text(min_size=1, max_size=3), min_size=1, max_size=6), st.data())
def test_a_stream_cut_at_any_event_never_looks_finished(pieces: list[str], data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 2))
    events = [event(say(piece, index)) for piece in pieces for index in range(n)]
    events += [event(end(index)) for index in range(n)]
    cut = data.draw(st.integers(0, len(events) - 1))
    chunks = Chunks("m", "OpenAIException", include_usage=True)
    made = [chunks.feed(json.dumps(one).encode()) for one in events[:cut]]
    assert not any(b"finish_reason" in chunk for chunk in made if chunk is not None)
    with pytest.raises(StreamFailure) as caught:
        chunks.finish()
    assert (caught.value.status, caught.value.continuable) == (503, False)


def test_a_finish_reason_is_enough_for_an_end() -> None:
    assert Fed(event(say("a")), event(end(reason="length")), done=False).reasons() == [(0, "length")]


def test_done_without_a_finish_reason_is_an_end_too() -> None:
    assert Fed(event(say("a"))).reasons() == [(0, "stop")]


def test_done_without_anything_before_is_none() -> None:
    with pytest.raises(StreamFailure):
        Fed()


@given(answers.tool_calls, st.data())
def test_tool_calls_are_whole(calls: list[dict[str, Any]], data: st.DataObject) -> None:
    events = [event({"index": 0, "delta": {"role": "assistant", "content": None}, "finish_reason": None})]
    for index, call in enumerate(calls):
        arguments = call["function"]["arguments"]
        at = data.draw(st.integers(0, len(arguments)))
        opening = {**call, "index": index, "function": {**call["function"], "arguments": ""}}
        events.append(event({"index": 0, "delta": {"tool_calls": [opening]}}))
        parts = ({"index": index, "function": {"arguments": part}} for part in (arguments[:at], arguments[at:]))
        events += [event({"index": 0, "delta": {"tool_calls": [part]}}) for part in parts]
    events.append(event(end(reason="tool_calls")))
    fed = Fed(*events)
    parts = [call for delta in fed.deltas() for call in delta.get("tool_calls", ())]
    for index, call in enumerate(calls):
        own = [part for part in parts if part["index"] == index]
        assert all(part["type"] == "function" for part in own)
        assert own[0]["id"] == call["id"]
        assert own[0]["function"]["name"] == call["function"]["name"]
        assert "".join(part["function"]["arguments"] for part in own) == call["function"]["arguments"]
    assert fed.reasons() == [(0, "tool_calls")]


def test_logprobs_and_other_fields_of_a_choice_stay() -> None:
    logprobs = {"content": [{"token": "a", "logprob": -0.1, "top_logprobs": []}]}
    fed = Fed(event(say("a", logprobs=logprobs, content_filter_results={"hate": {}})), event(end()))
    (choice,) = fed.all[0]["choices"]
    assert choice["logprobs"] == logprobs
    assert choice["content_filter_results"] == {"hate": {}}


def test_other_fields_of_deltas_and_chunks_stay() -> None:
    fed = Fed(event({"index": 0, "delta": {"reasoning_content": "hm"}}, service_tier="flex"), event(end()))
    assert fed.all[0]["service_tier"] == "flex"
    assert fed.deltas()[0] == {"reasoning_content": "hm", "role": "assistant"}


def test_usage_is_shown_only_to_those_who_asked() -> None:
    fed = Fed(event(say("a")), event(end()), event(usage=USAGE))
    assert not any("usage" in chunk for chunk in fed.all)
    assert fed.chunks.usage == Usage(10, 5, 15)


@pytest.mark.parametrize("usage", ["many", 5, [], {"prompt_tokens": "10"}, {"completion_tokens_details": 5}, [None]])
def test_an_odd_usage_breaks_no_stream(usage: Any) -> None:
    assert Fed(event(say("a")), event(end(), usage=usage), usage=True).text() == "a"


def test_the_text_is_collected_for_those_who_want_it() -> None:
    chunks = Chunks("m", "E", include_usage=False)
    chunks.keeps_text = True
    for one in (say("Hel"), say(None), say("lo"), end()):
        chunks.feed(json.dumps(event(one)).encode())
    assert "".join(chunks.text or ()) == "Hello"


def test_the_vendors_error_is_told_and_may_be_continued() -> None:
    for error, text in (({"message": "overloaded"}, "overloaded"), ("overloaded", "overloaded")):
        with pytest.raises(StreamFailure) as caught:
            Fed(event(say("a")), {"error": error})
        assert caught.value.continuable
        assert caught.value.message.endswith(f"OpenAIException - {text}")


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"<html>",
        b"null",
        b"[]",
        b"{}",
        b'{"choices": null}',
        b'{"choices": [null]}',
        b'{"choices": [{"delta": "text"}]}',
        b'{"choices": [{"delta": [1]}]}',
        b'{"choices": [{"delta": {"tool_calls": "x"}}]}',
        b'{"choices": [{"delta": {"tool_calls": [null]}}]}',
        b'{"choices": [' + b"[" * 5000,
        b'{"choices": [{"delta": {"content": "\xff"}}]}',
        b"\xff",
        b"[DONE",
    ],
)
def test_what_is_no_chunk_ends_the_stream(garbage: bytes) -> None:
    with pytest.raises(StreamFailure):
        Fed(event(say("a")), garbage)


@settings(max_examples=50)
@given(
    st.sampled_from((Chunks, TextChunks)),
    st.lists(
        st.dictionaries(
            st.sampled_from(("id", "model", "choices", "usage", "error", "system_fingerprint")), answers.values
        )
        | st.fixed_dictionaries(
            {
                "choices": st.lists(
                    st.dictionaries(
                        st.sampled_from(("index", "delta", "text", "finish_reason", "logprobs")),
                        answers.values
                        | st.dictionaries(st.sampled_from(("content", "tool_calls", "role")), answers.values),
                    ),
                    max_size=2,
                )
            }
        ),
        max_size=3,
    ),
)
def test_any_json_makes_chunks_or_a_failure(kind: type[Chunks], events: list[Any]) -> None:
    try:
        fed = Fed(*events, usage=True, kind=kind)
    except StreamFailure:
        return
    assert all(isinstance(chunk["choices"], list) for chunk in fed.all)


class TestTextChunks:
    def test_text_completions(self) -> None:
        events = [event({"index": 0, "text": text, "logprobs": None, "finish_reason": None}) for text in ("Hel", "lo")]
        last = event({"index": 0, "text": "", "finish_reason": "stop"})
        fed = Fed(*events, last, event(usage=USAGE), kind=TextChunks)
        assert "".join(chunk["choices"][0].get("text", "") for chunk in fed.all) == "Hello"
        assert fed.reasons() == [(0, "stop")]
        assert all(chunk["object"] == "text_completion" for chunk in fed.all)
        assert fed.all[-1]["usage"]["total_tokens"] == 15

    def test_cut(self) -> None:
        with pytest.raises(StreamFailure):
            Fed(event({"index": 0, "text": "Hel"}), done=False, kind=TextChunks)


class TestCounting:
    """Usage that the vendor does not tell."""

    def counted(self, chunks: Chunks, *events: dict[str, Any]) -> tuple[list[str], list[dict[str, Any]]]:
        """What was said, and the chunks that tell what was used: 3 and 4 tokens."""
        said: list[str] = []

        async def count(text: str) -> Usage:
            said.append(text)
            return Usage(3, 4, 7)

        chunks.keeps_text = True
        for one in events:
            chunks.feed(json.dumps(one).encode())
        chunks.finish()
        return said, [json.loads(chunk) for chunk in asyncio.run(chunks.count(count))]

    def test_it_is_told_to_clients_that_ask(self) -> None:
        chunks = Chunks("m", "X", include_usage=True)
        said, told = self.counted(chunks, event(say("Hel")), event(say("lo")), event(say("!")), event(end()))
        assert said == ["Hello!"]
        assert [chunk["usage"]["total_tokens"] for chunk in told] == [7]
        assert chunks.usage == Usage(3, 4, 7)

    def test_others_are_not_told(self) -> None:
        chunks = Chunks("m", "X", include_usage=False)
        said, told = self.counted(chunks, event(say("a")), event(end()))
        assert (said, told) == (["a"], [])
        assert chunks.usage.total_tokens == 7

    def test_calls_of_tools_are_joined(self) -> None:
        pieces: list[Any] = [
            {"index": 0, "id": "c1", "function": {"name": "f", "arguments": ""}},
            {"index": 0, "function": {"arguments": '{"a":'}},
            {"index": 1, "id": "c2", "function": {"name": "g", "arguments": "{}"}},
            {"index": 0, "function": {"arguments": " 1}"}},
            {"index": "zero", "function": {"arguments": "no call"}},
        ]
        events = [event({"index": 0, "delta": {"tool_calls": [piece]}}) for piece in pieces]
        [said], _ = self.counted(Chunks("m", "X", include_usage=True), *events, event(end()))
        first = {"function": {"arguments": '{"a": 1}', "name": "f"}, "id": "c1", "type": "function"}
        second = {"function": {"arguments": "{}", "name": "g"}, "id": "c2", "type": "function"}
        assert said == "".join(json.dumps(call, separators=(",", ":")) for call in (first, second))

    @pytest.mark.parametrize("content", [b"3", b'["a"]'])
    def test_what_cannot_be_read_reaches_the_client_all_the_same(self, content: bytes) -> None:
        plain = b'{"id":"c","choices":[{"index":0,"delta":{"content":%s}}]}'
        chunks = Chunks("m", "X", include_usage=False)
        chunks.keeps_text = True
        for piece in (b'"a"', content, content):
            made = chunks.feed(plain % piece)
            assert made is not None
            assert b'"content":' + piece in made
        assert chunks.text == ["a", "", ""]
