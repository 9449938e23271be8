"""However a call ends: ``on_end`` runs once, the counters are right, the upstream is let go, no task stays behind."""

import asyncio
import json
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from proxy import pipeline
from proxy.api import client
from proxy.api.llm import ModelEndpoint
from proxy.call import Call, Outcome, Usage
from proxy.config.model import GeneralSettings, ProxyConfig, RouterSettings
from proxy.errors import Failure
from proxy.gateway import Gateway
from proxy.providers.base import Attempt, Reply, Sink
from proxy.providers.failures import StreamFailure
from tests.proxy.routing.making import entry

KEY = "sk-test"
CHUNK = b'{"choices":[]}'
End = Literal["fine", "failure", "bug", "hang"]


class Story(msgspec.Struct, frozen=True):
    """What happens in one call. Times are in turns of the event loop's clock: hundredths of a second."""

    key: str = KEY
    body: bytes = b'{"model": "a", "messages": []}'
    streams: bool = False
    refuses: End = "fine"
    """How the vendor's answer begins."""
    chunks: int = 2
    breaks: End = "fine"
    """How its stream ends."""
    continuable: bool = False
    leaves_after: int | None = None
    """The client's leaving."""
    stuck_after: int | None = None
    """Messages after which the client reads no more; the server drops its connection then."""
    breaks_on_end: bool = False
    """Another function that was to run at the end fails."""


async def told(sink: Sink, event: bytes) -> None:
    awaited = sink([event])
    if awaited is not None:
        await awaited


class FakeStream:
    def __init__(self, story: Story) -> None:
        self._story = story
        self.closed = False
        self.usage = Usage(1, 2, 3)
        self.text: list[str] = ["so far"]

    async def pump(self, sink: Sink) -> None:
        for _ in range(self._story.chunks):
            await asyncio.sleep(0.01)
            await told(sink, CHUNK)
        await end(self._story.breaks, StreamFailure("E", "broke", continuable=self._story.continuable))
        await told(sink, b"[DONE]")

    async def aclose(self) -> None:
        self.closed = True


class FakeProvider:
    def __init__(self, story: Story) -> None:
        self._story = story
        self.streams: list[FakeStream] = []
        self.calls = 0
        self.open = 0

    async def send(self, attempt: Attempt, _: object) -> Reply:
        self.calls += 1
        self.open += 1
        try:
            if attempt.deployment.group == "a":
                await end(self._story.refuses, Failure(500, "failed", kind="server"))
        finally:
            self.open -= 1
        if not attempt.stream:
            return Reply([], "http://vendor", b"{}", usage=Usage(1, 2, 3))
        self.streams.append(FakeStream(self._story))
        return Reply([], "http://vendor", stream=self.streams[-1])  # type: ignore[arg-type]


async def end(how: End, failure: Failure) -> None:
    await asyncio.sleep(0)
    if how == "failure":
        raise failure
    if how == "bug":
        raise ZeroDivisionError
    if how == "hang":
        await asyncio.sleep(3600)


class Client:
    """The ASGI side of a client."""

    def __init__(self, story: Story) -> None:
        self._story = story
        self._requests = 0
        self.messages: list[Any] = []
        self.gone = asyncio.Event()
        if story.leaves_after is not None:
            asyncio.get_running_loop().call_later(story.leaves_after / 100, self.gone.set)

    async def receive(self) -> Any:
        self._requests += 1
        if self._requests == 1 and not self.gone.is_set():
            body = self._story.body
            if self._story.streams:
                body = body.replace(b"{", b'{"stream": true, ', 1)
            return {"type": "http.request", "body": body, "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if self.gone.is_set():
            return
        if self._story.stuck_after is not None and len(self.messages) > self._story.stuck_after:
            asyncio.get_running_loop().call_later(0.03, self.gone.set)
            await self.gone.wait()
            return
        self.messages.append(message)

    @property
    def complete(self) -> bool:
        return bool(self.messages) and self.messages[-1].get("more_body") is False

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages)


class Told:
    """A story, run to its end."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.outcomes: list[Outcome] = []
        asyncio.run(asyncio.wait_for(self._run(), 20))

    async def _run(self) -> None:
        config = ProxyConfig(
            model_list=(entry("a", "a-1"), entry("b", "b-1")),
            router_settings=RouterSettings(num_retries=0, fallbacks={"a": ("b",)} if self.story.continuable else {}),
            general_settings=GeneralSettings(master_key=KEY),
            folder=Path(),
        )
        self.gateway = Gateway(config)
        await self.gateway.start()
        before = asyncio.all_tasks()
        self.provider = FakeProvider(self.story)
        endpoint = ModelEndpoint(self.gateway, "chat")
        admit = self.gateway.admit

        def admitted(call: Call) -> None:
            admit(call)
            call.on_end(self.outcomes.append)
            if self.story.breaks_on_end:
                call.on_end(lambda _: 1 // 0)

        self.gateway.admit = admitted  # type: ignore[method-assign]
        self.client = Client(self.story)
        scope: Any = {
            "type": "http",
            "method": "POST",
            "path": "/v1/chat/completions",
            "headers": [(b"authorization", f"Bearer {self.story.key}".encode())],
            "client": ("127.0.0.1", 1),
        }
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pipeline, "find_provider", lambda _: self.provider)
            patch.setattr(client, "WATCH_AFTER", 0.01)
            await endpoint(scope, self.client.receive, self.client.send)
        await self.gateway.stop()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        self.tasks = asyncio.all_tasks() - before


stories = st.builds(
    Story,
    key=st.sampled_from((KEY, KEY, KEY, "sk-wrong")),
    body=st.sampled_from((Story().body,) * 4 + (b"{", b'{"model": "nope"}')),
    streams=st.booleans(),
    refuses=st.sampled_from(("fine", "fine", "failure", "bug", "hang")),
    chunks=st.integers(0, 3),
    breaks=st.sampled_from(("fine", "failure", "bug", "hang")),
    continuable=st.booleans(),
    leaves_after=st.none() | st.integers(0, 6),
    stuck_after=st.none() | st.integers(0, 3),
    breaks_on_end=st.booleans(),
)


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(stories)
@example(Story(leaves_after=0))
@example(Story(streams=True, leaves_after=2))
@example(Story(streams=True, stuck_after=1))
@example(Story(streams=True, breaks="bug"))
@example(Story(streams=True, breaks="failure", continuable=True))
@example(Story(streams=True, breaks="hang", leaves_after=5))
@example(Story(refuses="hang", leaves_after=4, breaks_on_end=True))
def test_any_ending(story: Story) -> None:
    if story.leaves_after is None and "hang" in (story.refuses, story.breaks):
        story = msgspec.structs.replace(story, leaves_after=6)
    told = Told(story)
    (outcome,) = told.outcomes
    assert told.gateway.calls == 0
    assert told.provider.open == 0
    assert all(stream.closed for stream in told.provider.streams)
    assert told.tasks == set()
    _check_answer(told, outcome)


def _check_answer(told: Told, outcome: Outcome) -> None:
    story, seen = told.story, told.client
    if outcome.ending == "client-closed":
        assert story.leaves_after is not None or story.stuck_after is not None
        assert b"[DONE]" not in seen.body or not seen.complete
        return
    if seen.gone.is_set():
        return
    assert seen.complete
    status = seen.messages[0]["status"]
    if outcome.ending == "done":
        assert status == 200
        assert outcome.usage == Usage(1, 2, 3)
        assert seen.body.endswith(b"data: [DONE]\n\n") == story.streams
    elif status == 200:
        assert b"[DONE]" not in seen.body
        assert b'data: {"error":' in seen.body
    else:
        assert outcome.status == status
        assert "error" in json.loads(seen.body)
