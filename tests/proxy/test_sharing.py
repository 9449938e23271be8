"""Cooldowns that processes tell each other of, through a state in memory."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
import pytest

from proxy import sharing
from proxy.config.model import RouterSettings
from proxy.metrics.recorder import CountedCooldowns, Recorder
from proxy.sharing import KEY, Cooldown, SharedCooldowns
from proxy.state.memory import MemoryState
from tests.proxy.routing.making import deployment, failure

ONE, OTHER = deployment(name="one"), deployment(name="other")
ALWAYS = RouterSettings(allowed_fails=0, cooldown_time=0.3)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "LEARN_SECONDS", 0.02)


def with_two(scenario: Callable[[MemoryState, CountedCooldowns, CountedCooldowns], Coroutine[Any, Any, None]]) -> None:
    """Two processes with one state."""

    async def run() -> None:
        state = MemoryState()
        cooldowns = [CountedCooldowns(Recorder()) for _ in range(2)]
        shared = [SharedCooldowns(state, one, lambda: (ONE, OTHER, ONE)) for one in cooldowns]
        for one in shared:
            one.start()
        try:
            await scenario(state, *cooldowns)
        finally:
            for one in shared:
                await one.stop()
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(run())


def test_what_fails_here_rests_there() -> None:
    async def scenario(_: MemoryState, here: CountedCooldowns, there: CountedCooldowns) -> None:
        here.failed(ONE, 1, failure(500), ALWAYS)
        await asyncio.sleep(0.1)
        assert 0.1 < there.remaining(ONE) <= 0.3
        assert not there.remaining(OTHER)

    with_two(scenario)


def test_nobody_rests_longer_because_others_know() -> None:
    async def scenario(_: MemoryState, here: CountedCooldowns, there: CountedCooldowns) -> None:
        here.failed(ONE, 1, failure(500), ALWAYS)
        began = time.monotonic()
        while here.remaining(ONE) or there.remaining(ONE) or time.monotonic() - began < 0.2:
            await asyncio.sleep(0.005)
        assert time.monotonic() - began < 0.35

    with_two(scenario)


@pytest.mark.parametrize(
    "value",
    [
        b"nonsense",
        b"{}",
        msgspec.json.encode(Cooldown(until=time.time() - 1, seconds=9, status=500)),
    ],
    ids=["nonsense", "empty", "over"],
)
def test_what_is_no_cooldown_is_passed_over(value: bytes) -> None:
    async def scenario(state: MemoryState, here: CountedCooldowns, there: CountedCooldowns) -> None:
        await state.put(KEY + ONE.id, value, 60)
        here.failed(OTHER, 1, failure(500), ALWAYS)
        await asyncio.sleep(0.1)
        assert not there.remaining(ONE)
        assert there.remaining(OTHER)

    with_two(scenario)


def test_a_clock_that_is_wrong_prolongs_nothing_much() -> None:
    async def scenario(state: MemoryState, here: CountedCooldowns, there: CountedCooldowns) -> None:
        ahead = Cooldown(until=time.time() + 3600, seconds=5, status=500)
        await state.put(KEY + ONE.id, msgspec.json.encode(ahead), 60)
        await asyncio.sleep(0.1)
        assert there.remaining(ONE) <= 5

    with_two(scenario)
