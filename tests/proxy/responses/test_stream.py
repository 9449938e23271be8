"""Whatever a chat streams, the events make the response that they end with."""

import asyncio
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from proxy.call import Usage
from proxy.providers.base import Sink
from proxy.providers.openai.chunks import DONE
from proxy.responses.stream import ResponseStream

texts = st.text(min_size=1, max_size=5)
calls = st.fixed_dictionaries({"index": st.integers(0, 2), "arguments": texts})
deltas = st.one_of(
    texts.map(lambda text: {"content": text}),
    texts.map(lambda text: {"reasoning_content": text}),
    st.lists(calls, min_size=1, max_size=2).map(
        lambda told: {
            "tool_calls": [
                {"index": call["index"], "id": f"call_{call['index']}", "function": {"name": "f", **call}}
                for call in told
            ]
        }
    ),
)


class Chunks:
    """A chat's stream."""

    def __init__(self, told: list[dict[str, Any]]) -> None:
        self.usage = Usage()
        self.text = None
        chunks: list[Any] = [{"choices": [{"delta": delta}]} for delta in told]
        chunks.append({"choices": [{"delta": {}, "finish_reason": "stop"}]})
        chunks.append({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}})
        self._batches = [[msgspec.json.encode(chunk)] for chunk in chunks] + [[DONE]]

    async def pump(self, sink: Sink) -> None:
        for batch in self._batches:
            assert sink(batch) is None

    async def aclose(self) -> None:
        pass


def events_of(told: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The events, and what was kept."""
    kept: list[dict[str, Any]] = []
    out: list[bytes] = []

    async def keep(response: dict[str, Any]) -> None:
        assert DONE not in out
        kept.append(response)

    def sink(batch: list[bytes]) -> None:
        assert batch
        out.extend(batch)

    asyncio.run(ResponseStream(Chunks(told), {"id": "resp_1", "model": "m"}, "shown", keep).pump(sink))
    assert out.pop() == DONE
    return [msgspec.json.decode(event) for event in out], kept


def rebuilt(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The output as a client builds it of the events."""
    output: list[dict[str, Any]] = []
    for event in events:
        match event["type"]:
            case "response.output_item.added":
                assert event["output_index"] == len(output)
                output.append(event["item"])
            case "response.content_part.added":
                output[event["output_index"]]["content"].append(event["part"])
            case "response.output_text.delta":
                output[event["output_index"]]["content"][event["content_index"]]["text"] += event["delta"]
            case "response.reasoning_summary_part.added":
                output[event["output_index"]]["summary"].append(event["part"])
            case "response.reasoning_summary_text.delta":
                output[event["output_index"]]["summary"][event["summary_index"]]["text"] += event["delta"]
            case "response.function_call_arguments.delta":
                output[event["output_index"]]["arguments"] += event["delta"]
    return output


def said(item: dict[str, Any]) -> Any:
    parts = item.get("summary") or item.get("content") or ()
    return item["type"], item["id"], item.get("arguments") or "".join(part["text"] for part in parts)


@given(st.lists(deltas, max_size=8))
def test_events_make_the_response(told: list[dict[str, Any]]) -> None:
    events, kept = events_of(told)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    last = events[-1]
    assert last["type"] == "response.completed"
    output = last["response"]["output"]
    assert [said(item) for item in rebuilt(events)] == [said(item) for item in output]
    assert last["response"]["usage"]["total_tokens"] == 7
    assert [response["output"] for response in kept] == [output]
    done = {event["output_index"]: event["item"] for event in events if event["type"] == "response.output_item.done"}
    assert [done[index] for index in range(len(output))] == output


@given(st.lists(deltas, max_size=8))
def test_nothing_said_is_lost(told: list[dict[str, Any]]) -> None:
    events, _ = events_of(told)
    output = events[-1]["response"]["output"]
    text = "".join(said(item)[2] for item in output if item["type"] == "message")
    assert text == "".join(delta.get("content", "") for delta in told)
    for index in range(3):
        told_arguments = "".join(
            call["function"]["arguments"]
            for delta in told
            for call in delta.get("tool_calls", ())
            if call["index"] == index
        )
        assert told_arguments == "".join(item["arguments"] for item in output if item["id"] == f"call_{index}")


def test_nothing_at_all() -> None:
    events, _ = events_of([])
    assert [event["type"] for event in events] == ["response.created", "response.in_progress", "response.completed"]
