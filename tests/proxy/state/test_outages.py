"""A real Redis that freezes, dies, and comes back."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from proxy.state.base import Charge, Slot
from proxy.state.redis import RedisState
from proxy.state.resilient import ResilientState
from proxy.state.settings import RedisSettings
from tests.proxy.state.servers import RedisServer
from tests.proxy.state.waiting import back, lines

pytestmark = pytest.mark.usefixtures("short_pauses")


def settings(server: RedisServer) -> RedisSettings:
    return RedisSettings(where=f"127.0.0.1:{server.port}", options={"host": "127.0.0.1", "port": server.port})


def with_redis(server: RedisServer, scenario: Callable[[ResilientState], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        state = ResilientState(RedisState(settings(server)), "redis")
        await state.start()
        try:
            await scenario(state)
        finally:
            await state.aclose()

    asyncio.run(run())


async def _slowest(state: ResilientState, commands: int) -> float:
    """Seconds that the slowest of the commands took, sent at once."""

    async def timed() -> float:
        began = time.perf_counter()
        await state.reserve([Charge("n", 1, 60)], [Slot("slots", 10_000, 60)])
        return time.perf_counter() - began

    return max(await asyncio.gather(*(timed() for _ in range(commands))))


def test_a_frozen_redis_costs_no_call_more_than_50_ms(own_redis: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    first, later = [], []

    async def scenario(state: ResilientState) -> None:
        before = await state.add("n", 5, 60)
        own_redis.freeze()
        try:
            first.append(await _slowest(state, 30))
            later.append(await _slowest(state, 30))
            while state.kind == "redis":
                await asyncio.sleep(0.01)
            assert await state.add("n", 0, 60) == 60
        finally:
            own_redis.thaw()
        await back(state)
        # what was sent before it froze may count too
        assert before + 60 <= await state.add("n", 0, 60) <= before + 60 + 30

    for _ in range(3):  # the machine may be busy with other things
        with_redis(own_redis, scenario)
    assert min(first) < 0.05
    assert min(later) < 0.01
    assert len(lines(caplog)) == 6


def test_a_redis_that_is_killed_and_starts_again(own_redis: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(state: ResilientState) -> None:
        await state.put("a", b"1", None)
        own_redis.kill()
        assert await _slowest(state, 30) < 0.5
        await state.put("b", b"2", None)
        while state.kind == "redis":
            await asyncio.sleep(0.01)
        own_redis.start()
        await back(state)
        assert await state.get_many(["a", "b"]) == [None, b"2"]
        assert await state.add("n", 0, 60) == 30

    with_redis(own_redis, scenario)
    assert len(lines(caplog)) == 2


def test_a_redis_that_was_restarted_unnoticed(own_redis: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(state: ResilientState) -> None:
        await asyncio.gather(*(state.add("n", 1, 60) for _ in range(20)))
        own_redis.kill()
        own_redis.start()
        assert await state.get_many(["a", "b"]) == [None, None]
        for _ in range(20):
            await state.add("m", 1, 60)
        await back(state)
        assert await state.add("m", 0, 60) == 20

    with_redis(own_redis, scenario)
    assert lines(caplog) == []


def test_commands_that_were_given_up_mix_up_no_answers(redis: RedisServer) -> None:
    async def scenario() -> None:
        state = RedisState(settings(redis))
        for number in range(40):
            await state.put(f"key-{number}", b"%d" % number, None)
        for round_ in range(20):
            tasks = [asyncio.create_task(state.get(f"key-{number}")) for number in range(40)]
            await asyncio.sleep(0.0002 * round_)
            for task in tasks[::3]:
                task.cancel()
            answers = await asyncio.gather(*tasks, return_exceptions=True)
            for number, answer in enumerate(answers):
                assert isinstance(answer, asyncio.CancelledError) or answer == b"%d" % number
        await state.aclose()

    asyncio.run(scenario())


def test_listeners_survive_a_restart(own_redis: RedisServer) -> None:
    async def scenario(state: ResilientState) -> None:
        heard: list[bytes | None] = []

        async def listen() -> None:
            async for message in state.listen("news"):
                heard.append(message)  # noqa: PERF401 - they are looked at meanwhile

        async def heard_again(message: bytes) -> None:
            async with asyncio.timeout(5):
                while message not in heard:
                    await state.announce("news", message)
                    await asyncio.sleep(0.05)

        listening = asyncio.create_task(listen())
        await heard_again(b"1")
        own_redis.kill()
        own_redis.start()
        heard.clear()
        await heard_again(b"2")
        # it was told to look for itself, before or after
        async with asyncio.timeout(5):
            while None not in heard:
                await asyncio.sleep(0.05)
        listening.cancel()

    with_redis(own_redis, scenario)
