"""What cannot be seen in the recordings: odd calls, answers and chunks on their way between the two formats."""

import asyncio
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.call import Body, Usage
from proxy.errors import Failure
from proxy.providers.base import Sink
from proxy.providers.failures import StreamFailure
from proxy.providers.messages.answer import MessageStream, to_message
from proxy.providers.messages.bridge import asked
from proxy.providers.messages.request import shortened, to_chat
from tests.proxy.providers.pumping import events_of

odd = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(("", "x")),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(("type", "name")), inner, max_size=2),
    max_leaves=3,
)


def shaped(**known: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={name: value | odd for name, value in known.items()})


sources = shaped(type=st.sampled_from(("base64", "url")), data=st.just("AA=="), url=st.just("https://x.test/a.png"))
blocks = shaped(
    type=st.sampled_from(("text", "image", "document", "tool_use", "tool_result", "thinking", "redacted_thinking")),
    text=st.text(max_size=3),
    source=sources,
    id=st.just("toolu_1"),
    name=st.just("weather"),
    input=odd,
    tool_use_id=st.just("toolu_1"),
    content=st.lists(shaped(type=st.just("text"), text=st.just("x"), source=sources), max_size=2),
    cache_control=st.just({"type": "ephemeral"}),
)
calls = shaped(
    messages=st.lists(
        shaped(role=st.sampled_from(("user", "assistant")), content=st.lists(blocks, max_size=2) | st.text(max_size=3)),
        max_size=3,
    ),
    system=st.lists(blocks, max_size=2) | st.text(max_size=3),
    tools=st.lists(
        shaped(name=st.just("x"), type=st.just("web_search_1"), input_schema=odd, description=odd), max_size=2
    ),
    tool_choice=shaped(type=st.sampled_from(("auto", "any", "none", "tool")), name=st.just("x")),
    thinking=shaped(type=st.just("enabled"), budget_tokens=st.integers(0, 20_000)),
    output_format=shaped(type=st.just("json_schema"), schema=odd),
    stop_sequences=st.just(["x"]),
    max_tokens=st.just(9),
)


def _encoded(fields: dict[str, Any]) -> Body:
    return {name: msgspec.Raw(json.dumps(value).encode()) for name, value in fields.items()}


@given(calls, st.sampled_from(("gpt", "claude")), shaped(user_id=st.just("u")) | odd)
def test_any_call_is_translated_or_refused(call: dict[str, Any], model: str, metadata: Any) -> None:
    given_metadata = msgspec.Raw(json.dumps(metadata).encode())
    try:
        chat = asked(_encoded(call), model, given_metadata, stream=False)
    except Failure as failure:
        assert failure.status == 400
        return
    body = json.loads(msgspec.json.encode(chat.body))
    assert all(message["role"] in ("system", "user", "assistant", "tool") for message in body["messages"])
    assert not {"system", "thinking_blocks", "output_format", "stop_sequences", "metadata"} & body.keys()


def test_long_names_of_tools_come_back() -> None:
    name = "w" * 70
    body = _encoded({"messages": [{"role": "user", "content": "hi"}], "tools": [{"name": name, "input_schema": {}}]})
    chat = to_chat(body, "gpt", None, stream=False)
    assert chat.names == {shortened(name): name}
    assert len(shortened(name)) == 64
    call = {"id": "c", "type": "function", "function": {"name": shortened(name), "arguments": "{}"}}
    answer = {"id": "a", "choices": [{"message": {"tool_calls": [call]}, "finish_reason": "tool_calls"}]}
    [block] = json.loads(to_message(json.dumps(answer).encode(), "m", chat.names))["content"]
    assert block["name"] == name


def test_models_of_anthropic_keep_what_only_they_understand() -> None:
    text = {"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}
    body = _encoded({"messages": [{"role": "user", "content": [text]}], "thinking": {"type": "enabled"}})
    own = to_chat(body, "bedrock-claude", None, stream=True).body
    other = to_chat(body, "gpt", None, stream=True).body
    assert b"cache_control" in bytes(own["messages"])
    assert b"cache_control" not in bytes(other["messages"])
    assert ("thinking" in own, "thinking" in other) == (True, False)
    assert json.loads(bytes(other["reasoning_effort"])) == "minimal"
    assert json.loads(bytes(own["stream_options"])) == {"include_usage": True}


@pytest.mark.parametrize("arguments", ["{", "nothing"])
def test_arguments_that_are_no_json_make_the_answer_unreadable(arguments: str) -> None:
    call = {"id": "c", "function": {"name": "weather", "arguments": arguments}}
    with pytest.raises(msgspec.DecodeError):
        to_message(json.dumps({"choices": [{"message": {"tool_calls": [call]}}]}).encode(), "m", {})


class Chunks:
    """A stream of chunks that are all known beforehand."""

    text: list[str] | None = None
    usage = Usage(3, 2, 5)

    def __init__(self, *batches: list[bytes]) -> None:
        self._batches = iter(batches)
        self.closed = False

    async def pump(self, sink: Sink) -> None:
        for batch in self._batches:
            sink(batch)

    async def aclose(self) -> None:
        self.closed = True


def _delta(finish: str | None = None, **delta: Any) -> bytes:
    return json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}).encode()


def _told(*batches: list[bytes]) -> list[dict[str, Any]]:
    async def collected() -> list[bytes]:
        return await events_of(MessageStream(Chunks(*batches), "m", {}))

    events = []
    for event in asyncio.run(collected()):
        name, data = event.decode().removesuffix("\n\n").split("\n")
        events.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {events[-1]['type']}"
    return events


def test_blocks_are_opened_and_closed_in_order() -> None:
    call = {"index": 0, "id": "c", "function": {"name": "weather", "arguments": ""}}
    events = _told(
        [_delta(reasoning_content="hm"), _delta(content="see")],
        [_delta(tool_calls=[call]), _delta(tool_calls=[{"index": 0, "function": {"arguments": "{}"}}])],
        [_delta("tool_calls"), b'{"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}', b"[DONE]"],
    )
    opened = [event["content_block"]["type"] for event in events if event["type"] == "content_block_start"]
    assert opened == ["text", "thinking", "text", "tool_use"]
    stopped = [event["index"] for event in events if event["type"] == "content_block_stop"]
    assert stopped == [0, 1, 2, 3]
    assert [event["type"] for event in events[-2:]] == ["message_delta", "message_stop"]
    assert events[-2]["delta"] == {"stop_reason": "tool_use"}
    assert events[-2]["usage"] == {"input_tokens": 3, "output_tokens": 2}


def test_a_stream_that_breaks_has_no_end() -> None:
    with pytest.raises(StreamFailure):
        _told([_delta(content="one"), b"<html>"])
    assert [event["type"] for event in _told([_delta(content="one")])][-1] == "content_block_delta"


def test_giving_up_is_passed_on() -> None:
    chunks = Chunks()
    stream = MessageStream(chunks, "m", {})
    asyncio.run(stream.aclose())
    assert chunks.closed
    assert stream.usage == chunks.usage
