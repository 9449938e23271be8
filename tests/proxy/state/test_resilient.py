"""Redis that is away, frozen, killed, or refuses: no call waits for it, none fails, nothing is lost that was kept meanwhile."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from proxy.state import resilient
from proxy.state.base import Charge, Kind, Refused, Slot, Unavailable
from proxy.state.memory import MemoryState
from proxy.state.redis import RedisState
from proxy.state.resilient import BUDGET, ResilientState
from proxy.state.settings import RedisSettings
from tests.proxy.state.servers import RedisServer


class Remote(MemoryState):
    """A remote state that can be broken."""

    kind: Kind = "redis"

    def __init__(self) -> None:
        super().__init__()
        self.broken: Callable[[], Awaitable[None]] | None = None
        self.refuses: set[str] = set()
        self.asked: list[str] = []

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name not in ("get", "put", "swap", "delete", "reserve", "release", "renew", "push", "pop", "announce"):
            return found

        async def checked(*args: Any) -> Any:
            await self.probe()
            if isinstance(args[0], str) and args[0] in self.refuses:
                raise Refused("ResponseError: refused")
            self.asked.append(name)
            return await found(*args)

        return checked

    async def probe(self) -> None:
        if self.broken is not None:
            await self.broken()


async def refusing() -> None:
    raise Unavailable("ConnectionError: nobody there")


async def silent() -> None:
    await asyncio.sleep(60)


def with_remote(
    scenario: Callable[[ResilientState, Remote], Coroutine[Any, Any, None]], *, broken: bool = False
) -> None:
    async def run() -> None:
        remote = Remote()
        remote.broken = refusing if broken else None
        state = ResilientState(remote, "redis.test:1")
        await state.start()
        try:
            await scenario(state, remote)
        finally:
            await state.aclose()

    asyncio.run(run())


async def back(state: ResilientState) -> None:
    """Wait until commands go to the remote state again."""
    async with asyncio.timeout(5):
        while not state._usable:
            await asyncio.sleep(0.005)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resilient, "MAX_PAUSE", 0.2)
    monkeypatch.setattr(resilient, "START_SECONDS", 0.2)


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name.startswith("proxy.state")]


@pytest.mark.parametrize("broken", [refusing, silent])
def test_the_first_command_falls_back_and_the_next_are_not_sent(
    broken: Callable[[], Awaitable[None]], caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(state: ResilientState, remote: Remote) -> None:
        await state.put("a", b"1", None)
        remote.broken = broken
        began = time.perf_counter()
        assert await state.add("n", 1, 60) == 1
        assert time.perf_counter() - began < BUDGET + 0.03
        began = time.perf_counter()
        for _ in range(100):
            await state.add("n", 1, 60)
        assert time.perf_counter() - began < 0.03
        assert await state.get("a") is None
        while state.kind == "redis":
            await asyncio.sleep(0.01)
        assert state.kind == "degraded"
        remote.broken = None
        await back(state)
        assert state.kind == "redis"
        assert await state.get("a") == b"1"
        assert await state.add("n", 0, 60) == 101

    with_remote(scenario)
    shown = lines(caplog)
    assert len(shown) == 2, shown
    assert shown[0].startswith("Redis at redis.test:1 is away")
    assert shown[1].startswith("Redis at redis.test:1 is back after")


def test_absent_at_the_start(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(state: ResilientState, remote: Remote) -> None:
        assert state.kind == "degraded"
        await state.put("a", b"1", 60)
        assert await state.get("a") == b"1"
        remote.broken = None
        await back(state)
        assert await MemoryState.get(remote, "a") == b"1"

    with_remote(scenario, broken=True)
    assert len(lines(caplog)) == 2


def test_a_hiccup_is_not_worth_a_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def scenario(state: ResilientState, remote: Remote) -> None:
        async def once() -> None:
            remote.broken = None
            raise Unavailable("ConnectionError: closed")

        await state.put("a", b"1", None)
        remote.broken = once
        assert await state.get("a") == b"1", "a reader waits for what becomes of it"
        state._suspected = -1000
        remote.broken = once
        await MemoryState.put(remote, "n", b"", None)
        await state.add("n", 1, 60)
        assert "reserve" not in remote.asked, "a writer does not: it may have been done"
        await back(state)
        assert state.kind == "redis"

    with_remote(scenario)
    assert [line.partition(" at ")[0] for line in lines(caplog)] == [
        "limits, cooldowns and sessions are shared through Redis"
    ]


def test_who_fails_again_and_again_is_asked_less_often(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(state: ResilientState, remote: Remote) -> None:
        commands = 0
        until = time.monotonic() + 1.0
        remote.refuses = {"bad"}
        while time.monotonic() < until:
            if state._usable:
                commands += 1
            await state.get("bad")
            await asyncio.sleep(0.001)
        assert 3 <= commands <= 9
        assert state.kind == "degraded"

    with_remote(scenario)


def test_what_was_kept_is_handed_over() -> None:
    async def scenario(state: ResilientState, remote: Remote) -> None:
        await state.put("old", b"before", None)
        await state.put("gone", b"before", None)
        await state.put("mine", b"before", None)
        lease = await state.acquire("remote", 1, 60)
        assert lease is not None
        remote.broken = refusing
        await state.put("mine", b"during", 60)
        await state.put("brief", b"during", 0.01)
        await state.delete("gone")
        assert await state.swap("old", None, b"as if new", None)
        assert await state.swap("old", b"as if new", b"again", None)
        assert await state.swap("fresh", None, b"new", None)
        assert not await state.swap("fresh", b"other", b"new", None)
        assert await state.renew(lease, 60), "nobody can take it"
        await state.release(lease)
        for number in range(250):
            await state.add(f"n{number}", number + 1, 60)
            assert await state.push("queue", b"%d" % number, 250)
        assert not await state.push("queue", b"more", 250)
        assert await state.pop("queue", 2) == [b"0", b"1"]
        local = await state.acquire("local", 1, 60)
        assert local is not None
        assert await state.acquire("local", 1, 60) is None
        await asyncio.sleep(0.02)
        remote.broken = None
        await back(state)
        assert await state.get_many(["old", "gone", "mine", "brief", "fresh"]) == [
            b"before",
            None,
            b"during",
            None,
            b"new",
        ]
        assert [await state.add(f"n{number}", 0, 60) for number in (0, 249)] == [1, 250]
        assert await state.pop("queue", 500) == [b"%d" % number for number in range(2, 250)]
        assert await state.acquire("remote", 1, 60) is not None, "it was released meanwhile"
        assert await state.renew(local, 60)
        await state.release(local)
        remote.broken = refusing
        assert await state.get("fresh") is None, "nothing stale is kept for the next time"
        assert await state.acquire("local", 1, 60) is not None

    with_remote(scenario)


def test_handing_over_is_taken_up_where_it_broke_off() -> None:
    async def scenario(state: ResilientState, remote: Remote) -> None:
        for number in range(5):
            await state.put(f"d{number}", b"x", None)
            await state.push("q", b"%d" % number, 9)
        await state.add("n", 1, 60)
        asked = 0

        async def breaking_again() -> None:
            nonlocal asked
            asked += 1
            if asked in (4, 9, 13, 15):
                raise Unavailable("ConnectionError")

        remote.broken = breaking_again
        await back(state)
        remote.broken = None
        assert await state.get_many([f"d{number}" for number in range(5)]) == [b"x"] * 5
        assert await state.pop("q", 9) == [b"0", b"1", b"2", b"3", b"4"]
        assert await state.add("n", 0, 60) == 1

    with_remote(scenario, broken=True)


def test_what_redis_refuses_does_not_keep_it_away(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(state: ResilientState, remote: Remote) -> None:
        await state.put("bad", b"x", None)
        await state.put("good", b"x", None)
        remote.refuses = {"bad"}
        remote.broken = None
        await back(state)
        assert await state.get("good") == b"x"

    with_remote(scenario, broken=True)
    assert any("refused what was kept for it" in line for line in lines(caplog))


def test_announcements_stay_at_home_while_it_is_away() -> None:
    async def scenario(state: ResilientState, remote: Remote) -> None:
        heard: list[bytes | None] = []

        async def listen() -> None:
            async for message in state.listen("news"):
                heard.append(message)  # noqa: PERF401 - they are looked at meanwhile

        listening = asyncio.create_task(listen())
        await asyncio.sleep(0.05)
        await state.announce("news", b"1")
        await asyncio.sleep(0.05)
        remote.broken = refusing
        await state.announce("news", b"2")
        await asyncio.sleep(0.05)
        listening.cancel()
        assert [message for message in heard if message is not None] == [b"1", b"2"]
        assert heard[0] is None

    with_remote(scenario)


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
