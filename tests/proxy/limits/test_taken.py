"""What a batch took of limits is given back when it is not made, in one process and in Redis."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import count

import pytest

from proxy.errors import GatewayError
from proxy.limits.limiter import Limiter
from proxy.limits.taken import MARGIN, Taken
from proxy.rates import Rate
from proxy.state.base import Charge, Reservation, State
from proxy.state.memory import MemoryState
from proxy.state.redis import RedisState
from proxy.state.settings import RedisSettings
from tests.proxy.limits.calling import admitted, call_of
from tests.proxy.state.servers import RedisServer, redis_server

KEY = Rate("api_key", "key", requests=4, tokens=60, parallel=2)
CALL = call_of(KEY, Rate("team", "team", requests=6, tokens=90))
_spaces = count()

Scenario = Callable[[State, Limiter], Awaitable[None]]


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(params=["memory", "redis"])
def run(request: pytest.FixtureRequest) -> Callable[[Scenario], None]:
    @asynccontextmanager
    async def started() -> AsyncIterator[State]:
        state: State = MemoryState()
        if request.param == "redis":
            options = {"host": "127.0.0.1", "port": request.getfixturevalue("redis").port}
            state = RedisState(RedisSettings(where="redis", options=options, namespace=f"taken{next(_spaces)}:"))
        await state.start()
        try:
            yield state
        finally:
            await state.aclose()

    async def work(scenario: Scenario) -> None:
        async with started() as state:
            await scenario(state, Limiter(state))

    return lambda scenario: asyncio.run(work(scenario))


async def totals(state: State) -> list[float]:
    """Of requests and tokens, of key and team."""
    holders = ("api_key:key", "team:team")
    return [await state.add(f"limit:{holder}:{unit}", 0, 60) for holder in holders for unit in ("requests", "tokens")]


def test_there_is_room_again(run: Callable[[Scenario], None]) -> None:
    async def scenario(state: State, limiter: Limiter) -> None:
        parts = limiter.of_batch(CALL)
        assert await admitted(limiter, CALL) is None
        taken = await limiter.admit_batch(parts, 3, 40)
        with pytest.raises(GatewayError):
            await limiter.admit_batch(parts, 3, 40)
        await taken.give_back()
        assert await totals(state) == [1, 1, 1, 1]
        await taken.give_back()
        assert await totals(state) == [1, 1, 1, 1]
        await limiter.admit_batch(parts, 3, 40)
        assert await totals(state) == [4, 41, 4, 41]

    run(scenario)


def test_nothing_is_given_to_another_window(run: Callable[[Scenario], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITELLM_RATE_LIMIT_WINDOW_SIZE", "1")

    async def scenario(state: State, limiter: Limiter) -> None:
        taken = await limiter.admit_batch(limiter.of_batch(CALL), 3, 40)
        await asyncio.sleep(1.1)
        await taken.give_back()
        assert await totals(state) == [0, 0, 0, 0]

    run(scenario)


def test_nothing_is_given_back_at_the_last_moment() -> None:
    async def scenario() -> None:
        state = MemoryState()
        charges = [Charge("ending", 1, 60), Charge("lasting", 2, 60)]
        await state.reserve(charges)
        granted = Reservation(None, (1, 2), (MARGIN / 2, 60))
        await Taken(state, charges, granted, time.monotonic()).give_back()
        assert [await state.add(name, 0, 60) for name in ("ending", "lasting")] == [1, 0]

    asyncio.run(scenario())
