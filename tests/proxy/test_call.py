"""What happens when a call has ended, whatever else happens."""

import asyncio
from typing import Any, cast

import pytest

from proxy.api.client import deliver
from proxy.call import Answer, Call, Outcome, Write


def made() -> Call:
    return Call(cast("Any", None), "chat", {})


def test_every_function_runs_once_in_reverse_though_one_fails() -> None:
    ran: list[str] = []

    def fail(_: Outcome) -> None:
        ran.append("fails")
        raise ValueError

    async def scenario() -> None:
        call = made()
        call.on_end(lambda _: ran.append("first"))
        call.on_end(fail)
        call.on_end(lambda _: ran.append("last"))
        await call.end()
        await call.end()

    asyncio.run(scenario())
    assert ran == ["last", "fails", "first"]


def test_a_cancellation_stops_none_and_is_not_forgotten() -> None:
    ran: list[str] = []

    async def slow(_: Outcome) -> None:
        await asyncio.sleep(0.02)
        ran.append("slow")

    async def scenario() -> None:
        call = made()
        call.on_end(lambda _: ran.append("after"))
        call.on_end(slow)
        task = asyncio.create_task(call.end())
        for _ in range(2):
            await asyncio.sleep(0.005)
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ran == ["slow", "after"]

    asyncio.run(scenario())


def test_a_stream_ends_before_its_call_when_sending_is_cancelled() -> None:
    ended: list[str] = []

    async def body(write: Write) -> None:
        try:
            await (write(b"data: 1\n\n") or asyncio.sleep(0))
        finally:
            ended.append("stream")

    async def send(message: Any) -> None:
        if message.get("body"):
            raise asyncio.CancelledError

    async def scenario() -> None:
        with pytest.raises(asyncio.CancelledError):
            answer = Answer(200, [], body)
            await deliver(answer, {}, send)  # type: ignore[arg-type]
        assert ended == ["stream"], answer

    asyncio.run(scenario())
