"""Event streams as they come over the network: cut anywhere, broken anywhere."""

import asyncio
import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import Failure
from proxy.providers import streams
from proxy.providers.base import Attempt
from proxy.providers.failures import StreamFailure
from proxy.providers.openai.chunks import Chunks
from proxy.providers.streams import EventStream
from proxy.upstream.client import Broken, TimedOut, TooLarge
from proxy.upstream.connection import Take
from tests.proxy.providers.pumping import events_of
from tests.proxy.routing.making import deployment


def event(content: str | None = None, *, reason: str | None = None, **fields: Any) -> bytes:
    choice = {"index": 0, "delta": {} if content is None else {"content": content}, "finish_reason": reason}
    return b"data: " + json.dumps({"id": "c", "model": "m", "choices": [choice], **fields}).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"
WHOLE = b": hello\n\n" + event("Hel") + event("lo") + event(reason="stop") + DONE


class Response:
    """An answer whose body is ``parts``; an exception among them is raised in its place, a number is a pause."""

    def __init__(self, parts: Sequence[bytes | Exception | float]) -> None:
        self.parts = iter(parts)
        self.closed = False
        self.read_to_the_end = False

    async def part(self) -> bytes:
        for part in self.parts:
            if isinstance(part, Exception):
                raise part
            if isinstance(part, bytes):
                return part
            await asyncio.sleep(part)
        self.read_to_the_end = True
        return b""

    async def forward(self, take: Take) -> None:
        while not take(await self.part()):
            pass

    async def aclose(self) -> None:
        self.closed = True


def streaming(response: Response) -> EventStream:
    attempt = Attempt(
        deployment=deployment(), endpoint="chat", body={}, stream=True, timeout=9.0, shown_model="asked-for"
    )
    return EventStream(
        response, Chunks("asked-for", "OpenAIException", include_usage=False), "OpenAIException", attempt
    )  # type: ignore[arg-type]


class Read:
    """What a client gets of a stream, and how it ends."""

    def __init__(self, *parts: bytes | Exception | float) -> None:
        self.response = Response(parts)
        self.events: list[bytes] = []
        self.refused: Failure | None = None
        """Before the first event."""
        self.broke: Failure | None = None
        asyncio.run(self._read())

    async def _read(self) -> None:
        stream = streaming(self.response)
        try:
            await stream.start()
        except Failure as failure:
            self.refused = failure
            return
        try:
            await events_of(stream, self.events)
        except Failure as failure:
            self.broke = failure
        finally:
            await stream.aclose()

    @property
    def text(self) -> str:
        choices = [json.loads(one)["choices"][0] for one in self.events if one != b"[DONE]"]
        return "".join(choice["delta"].get("content", "") for choice in choices)

    @property
    def looks_finished(self) -> bool:
        return any(one == b"[DONE]" or b"finish_reason" in one for one in self.events)


@given(st.lists(st.integers(0, len(WHOLE)), max_size=4), st.booleans())
def test_untold_usage_is_told_before_the_end(places: list[int], told: bool) -> None:
    asked = 0

    async def untold() -> list[bytes]:
        nonlocal asked
        asked += 1
        return [b"counted"]

    async def read() -> list[bytes]:
        attempt = Attempt(deployment=deployment(), endpoint="chat", body={}, stream=True, timeout=9.0, shown_model="m")
        usage = {"usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}} if told else {}
        whole = event("Hel") + event("lo") + event(reason="stop", **usage) + DONE
        response = Response(cut(whole, [place for place in places if place < len(whole)]))
        chunks = Chunks("m", "X", include_usage=False)
        stream = EventStream(response, chunks, "X", attempt, untold=untold)  # type: ignore[arg-type]
        await stream.start()
        return await events_of(stream)

    events = asyncio.run(read())
    assert events[-1] == b"[DONE]"
    assert events.count(b"[DONE]") == 1
    assert (events[-2] == b"counted", asked) == ((False, 0) if told else (True, 1))


def cut(body: bytes, places: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted(places), len(body)]
    return [part for begin, end in pairwise(edges) if (part := body[begin:end])]


places = st.lists(st.integers(0, len(WHOLE)), max_size=6)


@given(places, st.sampled_from((b"\n", b"\r\n", b"\r")))
def test_a_stream_is_the_same_however_the_network_cuts_it(places: list[int], line_end: bytes) -> None:
    read = Read(*cut(WHOLE.replace(b"\n", line_end), places))
    assert read.text == "Hello"
    assert read.events[-1] == b"[DONE]"
    assert b'"finish_reason":"stop"' in read.events[-2]
    assert read.response.closed


@given(places, st.integers(0, WHOLE.index(DONE) - 1), st.sampled_from((None, Broken("lost"), TimedOut("idle", 9.0))))
def test_a_stream_that_ends_early_never_looks_finished(places: list[int], size: int, error: Exception | None) -> None:
    parts = cut(WHOLE[:size], [place for place in places if place < size])
    read = Read(*parts, *([] if error is None else [error]))
    finish = WHOLE.index(event(reason="stop")) + len(event(reason="stop"))
    if error is None and size >= finish:
        assert read.broke is read.refused is None
        return
    assert (read.broke or read.refused) is not None
    assert not read.looks_finished
    assert "Hello".startswith(read.text)
    assert read.response.closed or read.refused


def test_what_came_before_a_failure_is_delivered_first() -> None:
    read = Read(event("Hel") + event("lo") + b'data: {"error": {"message": "overloaded"}}\n\n')
    assert read.text == "Hello"
    assert isinstance(read.broke, StreamFailure)
    assert read.broke.continuable
    assert "overloaded" in read.broke.message


def test_an_error_as_the_first_event_can_still_be_mended() -> None:
    read = Read(b'data: {"error": {"message": "overloaded"}}\n\n')
    assert read.events == []
    assert read.refused is not None
    assert read.refused.status == 503


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ((), 503),
        ((b": keep-alive\n\n",), 503),
        ((DONE,), 503),
        ((b"<html>\n\n",), 503),
        ((b"data: <html>\n\n",), 503),
        ((Broken("lost"),), 500),
        ((TimedOut("idle", 9.0),), 408),
    ],
)
def test_nothing_before_the_end_is_a_failure(parts: tuple[Any, ...], status: int) -> None:
    read = Read(*parts)
    assert read.events == []
    assert read.refused is not None
    assert read.refused.status == status


def test_garbage_after_good_events_is_a_failure() -> None:
    read = Read(event("Hel"), b"data: <html>\n\n", event(reason="stop"), DONE)
    assert read.text == "Hel"
    assert read.broke is not None
    assert not read.looks_finished


def test_an_event_without_end_is_a_failure() -> None:
    read = Read(event("Hel"), TooLarge(1))
    assert read.broke is not None
    assert not read.looks_finished


def test_what_comes_after_done_is_not_read_as_events() -> None:
    read = Read(event("a"), event(reason="stop") + DONE + event("b"), b"data: {broken\n\n")
    assert read.text == "a"
    assert read.broke is None


def test_a_vendor_that_does_not_close_after_done_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "DRAIN_SECONDS", 0.05)
    read = Read(event("a"), event(reason="stop"), DONE, 60.0)
    assert read.events[-1] == b"[DONE]"
    assert read.response.closed
    assert not read.response.read_to_the_end


def test_the_end_is_read_so_that_the_connection_can_be_used_again() -> None:
    assert Read(event("a"), event(reason="stop"), DONE, 0.01).response.read_to_the_end
