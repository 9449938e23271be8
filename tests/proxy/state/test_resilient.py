"""A remote state that is away, silent, or refuses: no call waits for it, none fails, what was kept meanwhile is handed over."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from proxy.state import meanwhile, resilient
from proxy.state.base import Kind, Refused, Unavailable
from proxy.state.meanwhile import Meanwhile
from proxy.state.memory import MemoryState
from proxy.state.resilient import BUDGET, ResilientState
from tests.proxy.state.waiting import back, lines

pytestmark = pytest.mark.usefixtures("short_pauses")


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


def test_what_is_missing_may_be_there_while_a_command_has_failed() -> None:
    async def scenario(state: ResilientState, remote: Remote) -> None:
        await state.put("a", b"1", None)
        assert not state.is_cut_off
        remote.broken = silent
        assert await state.get("a") is None
        assert state.is_cut_off
        remote.broken = None
        await back(state)
        assert not state.is_cut_off
        assert await state.get("a") == b"1"

    with_remote(scenario)


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


@pytest.mark.parametrize("bound", ["number", "bytes"])
def test_what_is_kept_is_bounded_and_what_was_dropped_stays_as_it_is_in_redis(
    bound: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meanwhile, "MAX_DOCUMENTS", 5 if bound == "number" else 1000)

    async def scenario(state: ResilientState, remote: Remote) -> None:
        if bound == "bytes":
            state._local._max_document_bytes = 5 * 102
        for number in range(10):
            await state.put(f"d{number}", b"before", None)
        remote.broken = refusing
        for number in range(10):
            await state.put(f"d{number}", bytes(100), None)
        assert [await state.get(f"d{number}") for number in (4, 5)] == [None, bytes(100)]
        assert len(state._meanwhile._documents) == 5
        remote.broken = None
        await back(state)
        found = await state.get_many([f"d{number}" for number in range(10)])
        assert found == [b"before"] * 5 + [bytes(100)] * 5
        assert "delete" not in remote.asked

    with_remote(scenario)
    assert [line for line in lines(caplog) if "the oldest is dropped" in line] == [
        f"more was written while Redis is away than is kept for it ({5 if bound == 'number' else 1000} documents of 256 MB, "
        "200000 counters): the oldest is dropped"
    ]


def test_removals_and_counters_are_bounded(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meanwhile, "MAX_DOCUMENTS", 5)
    monkeypatch.setattr(resilient, "MAX_COUNTERS", 5)

    async def scenario(state: ResilientState, remote: Remote) -> None:
        keys = [f"d{number}" for number in range(10)]
        for key in keys:
            await state.put(key, b"before", None)
            await state.add(key, 1, 60)
        remote.broken = refusing
        for _ in range(2):
            for key in keys:
                await state.delete(key)
                await state.add(key, 1, 60)
        assert len(state._meanwhile._documents) == len(state._local._counters) == 5
        remote.broken = None
        await back(state)
        assert await state.get_many(keys) == [b"before"] * 5 + [None] * 5
        assert [await state.add(key, 0, 60) for key in keys] == [1] * 5 + [2] * 5

    with_remote(scenario)
    assert sum("the oldest is dropped" in line for line in lines(caplog)) == 1


def test_what_is_dropped_while_it_is_handed_over_is_not_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meanwhile, "MAX_DOCUMENTS", 2)

    async def scenario() -> None:
        remote, local = Remote(), MemoryState()
        kept = Meanwhile(local, remote)

        async def write(key: str) -> None:
            kept.wrote(key)
            await local.put(key, b"during", None)

        async def breaking_again() -> None:
            await write("b")
            await write("c")
            raise Unavailable("ConnectionError")

        await remote.put("a", b"before", None)
        await write("a")
        remote.broken = breaking_again
        with pytest.raises(Unavailable):
            await kept.hand_over()
        remote.broken = None
        await kept.hand_over()
        assert await remote.get_many("abc") == [b"before", b"during", b"during"]
        assert await local.get_many("abc") == [None] * 3

    asyncio.run(scenario())


def test_a_document_that_only_seemed_new_leaves_what_redis_has() -> None:
    async def scenario(state: ResilientState, remote: Remote) -> None:
        for key in ("swapped", "brief", "gone"):
            await state.put(key, b"before", None)
        remote.broken = refusing
        assert await state.swap("swapped", None, b"during", None)
        assert await state.swap("swapped", b"during", None, None)
        assert await state.swap("brief", None, b"during", 0.01)
        assert await state.swap("gone", None, b"during", None)
        assert await state.swap("never", None, None, None)
        await state.delete("gone")
        await asyncio.sleep(0.02)
        remote.broken = None
        await back(state)
        assert await state.get_many(["swapped", "brief", "gone", "never"]) == [b"before", b"before", None, None]

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
