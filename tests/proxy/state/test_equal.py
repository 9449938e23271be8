"""Memory and Redis do the same, whatever is asked of them, in whatever order."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator
from math import inf
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from proxy.state.base import Charge, Lease, Place, Slot, State
from proxy.state.memory import MemoryState
from proxy.state.redis import RedisState
from proxy.state.settings import RedisSettings
from tests.proxy.state.servers import RedisServer

KEYS = st.sampled_from(["a", "b", "c{x}", "ü :*"])
VALUES = st.binary(max_size=8)
LONG = 1000.0
#: Sums of these are the same in any precision.
AMOUNTS = st.integers(-8, 64).map(lambda number: number / 8)
#: Everybody has a priority, and waits in one process.
PLACES = st.sampled_from([Place("a line", f"id{n}", f"member{n % 2}", n % 3) for n in range(6)])
LIMITS = st.just(inf) | st.integers(0, 64).map(lambda number: number / 8)

_spaces = itertools.count()


class Both(RuleBasedStateMachine):
    """Asks both and compares."""

    port: int

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        options = {"host": "127.0.0.1", "port": self.port}
        space = f"test{next(_spaces)}:"

        async def connected() -> RedisState:
            return RedisState(RedisSettings(where="redis", options=options, namespace=space))

        self.remote = self.runner.run(connected())
        self.local = MemoryState()
        self.leases: list[tuple[Lease, Lease]] = []

    def ask(self, step: Callable[[State], Awaitable[Any]]) -> tuple[Any, Any]:
        async def asked() -> tuple[Any, Any]:
            return await step(self.local), await step(self.remote)

        return self.runner.run(asked())

    def same(self, step: Callable[[State], Awaitable[Any]]) -> None:
        local, remote = self.ask(step)
        assert local == remote

    @rule(key=KEYS, value=VALUES, seconds=st.none() | st.just(LONG) | st.just(0.0))
    def put(self, key: str, value: bytes, seconds: float | None) -> None:
        self.same(lambda state: state.put(key, value, seconds))

    @rule(key=KEYS)
    def get(self, key: str) -> None:
        self.same(lambda state: state.get(key))

    @rule(keys=st.lists(KEYS))
    def get_many(self, keys: list[str]) -> None:
        self.same(lambda state: state.get_many(keys))

    @rule(keys=st.lists(KEYS))
    def delete(self, keys: list[str]) -> None:
        self.same(lambda state: state.delete(*keys))

    @rule(
        key=KEYS,
        old=st.none() | VALUES,
        new=st.none() | VALUES,
        right=st.booleans(),
        seconds=st.none() | st.just(LONG),
    )
    def swap(self, key: str, old: bytes | None, new: bytes | None, right: bool, seconds: float | None) -> None:
        async def step(state: State) -> bool:
            return await state.swap(key, await state.get(key) if right else old, new, seconds)

        self.same(step)

    @rule(key=KEYS, amount=AMOUNTS)
    def add(self, key: str, amount: float) -> None:
        self.same(lambda state: state.add(key, amount, LONG))

    @rule(
        charges=st.lists(
            st.builds(Charge, key=KEYS, amount=AMOUNTS, seconds=st.just(LONG), limit=LIMITS),
            unique_by=lambda charge: charge.key,
            max_size=3,
        ),
        slots=st.lists(
            st.builds(Slot, name=KEYS, limit=st.integers(0, 3), seconds=st.just(LONG)),
            unique_by=lambda slot: slot.name,
            max_size=2,
        ),
    )
    def reserve(self, charges: list[Charge], slots: list[Slot]) -> None:
        local, remote = self.ask(lambda state: state.reserve(charges, slots))
        assert (local.refused, local.totals) == (remote.refused, remote.totals)
        assert local.resets == pytest.approx(remote.resets, abs=30)
        assert (local.lease is None) == (remote.lease is None) == (local.refused is not None or not slots)
        if local.lease is not None:
            self.leases.append((local.lease, remote.lease))

    @rule(number=st.integers(0, 9), renewed=st.booleans())
    def renew_or_release(self, number: int, renewed: bool) -> None:
        if self.leases:
            leases = self.leases[number % len(self.leases)]

            def step(state: State) -> Awaitable[Any]:
                lease = leases[0] if state is self.local else leases[1]
                return state.renew(lease, LONG) if renewed else state.release(lease)

            self.same(step)

    @rule(place=PLACES)
    def stand(self, place: Place) -> None:
        self.same(lambda state: state.stand(place))

    @rule(place=PLACES, limit=LIMITS, parallel=st.none() | st.integers(0, 3))
    def enter(self, place: Place, limit: float, parallel: int | None) -> None:
        slots = [] if parallel is None else [Slot("parallel", parallel, LONG)]
        local, remote = self.ask(lambda state: state.enter(place, [Charge("entered", 1, LONG, limit)], slots))
        assert local.number == remote.number
        assert (local.reservation.refused, local.reservation.totals) == (
            remote.reservation.refused,
            remote.reservation.totals,
        )
        if local.reservation.lease is not None:
            self.leases.append((local.reservation.lease, remote.reservation.lease))

    @rule(place=PLACES)
    def leave(self, place: Place) -> None:
        self.same(lambda state: state.leave(place))

    @rule(name=KEYS, item=VALUES, limit=st.integers(0, 3))
    def push(self, name: str, item: bytes, limit: int) -> None:
        self.same(lambda state: state.push(name, item, limit))

    @rule(name=KEYS, count=st.integers(1, 4))
    def pop(self, name: str, count: int) -> None:
        self.same(lambda state: state.pop(name, count))

    def teardown(self) -> None:
        self.runner.run(self.remote.aclose())
        self.runner.close()


def test_memory_and_redis_do_the_same(redis: RedisServer) -> None:
    Both.port = redis.port
    checks = [HealthCheck.too_slow]
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Both,
        settings=settings(max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=checks),
    )


@pytest.fixture(params=["memory", "redis"])
def state(request: pytest.FixtureRequest, redis: RedisServer) -> Iterator[tuple[asyncio.Runner, State]]:
    """Each, empty, and what runs it."""
    with asyncio.Runner() as runner:

        async def opened() -> State:
            if request.param == "memory":
                return MemoryState()
            options = {"host": "127.0.0.1", "port": redis.port}
            return RedisState(RedisSettings(where="redis", options=options, namespace=f"test{next(_spaces)}:"))

        opened_state = runner.run(opened())
        yield runner, opened_state
        runner.run(opened_state.aclose())


def test_everything_runs_out(state: tuple[asyncio.Runner, State]) -> None:
    async def scenario(it: State) -> None:
        await it.put("document", b"x", 0.15)
        assert await it.swap("swapped", None, b"x", 0.15)
        assert await it.add("counter", 2, 0.15) == 2
        first = await it.reserve([Charge("counter", 1, 0.15)], [Slot("slots", 1, 0.15)])
        assert first.totals == (3,)
        assert 0 < first.resets[0] <= 0.15
        assert first.lease is not None
        assert await it.acquire("slots", 1, 1) is None
        await asyncio.sleep(0.08)
        assert await it.add("counter", 1, 0.15) == 4
        assert await it.renew(first.lease, 0.15)
        await asyncio.sleep(0.09)
        assert await it.get_many(["document", "swapped"]) == [None, None]
        assert await it.add("counter", 1, 0.15) == 1, "the window began with the first amount"
        assert await it.acquire("slots", 1, 1) is None, "it was renewed"
        await asyncio.sleep(0.08)
        assert await it.acquire("slots", 1, 1) is not None
        assert not await it.renew(first.lease, 1), "somebody else has it"
        assert await it.acquire("slots", 1, 1) is None, "and keeps it"

    runner, it = state
    runner.run(scenario(it))


def test_a_lease_that_lost_one_slot_gives_back_the_others(state: tuple[asyncio.Runner, State]) -> None:
    async def scenario(it: State) -> None:
        lease = (await it.reserve((), [Slot("short", 1, 0.05), Slot("long", 1, 100)])).lease
        assert lease is not None
        await asyncio.sleep(0.06)
        assert not await it.renew(lease, 100)
        assert await it.acquire("long", 1, 1) is not None

    runner, it = state
    runner.run(scenario(it))


def test_nothing_is_reserved_unless_all_is(state: tuple[asyncio.Runner, State]) -> None:
    async def scenario(it: State) -> None:
        charges = [Charge("key", 1, 60), Charge("team", 1, 60, limit=0.5)]
        refused = await it.reserve(charges, [Slot("parallel", 1, 60)])
        assert (refused.refused, refused.granted, refused.totals, refused.lease) == (1, False, (0, 0), None)
        assert refused.resets == (60, 60)
        assert await it.add("key", 0, 60) == 0
        assert await it.acquire("parallel", 1, 60) is not None
        refused = await it.reserve(charges[:1], [Slot("other", 1, 60), Slot("parallel", 1, 60)])
        assert refused.refused == 2
        assert await it.acquire("other", 1, 60) is not None

    runner, it = state
    runner.run(scenario(it))


def test_fifty_at_once_never_go_over_a_limit(state: tuple[asyncio.Runner, State]) -> None:
    async def scenario(it: State) -> None:
        answers = await asyncio.gather(
            *(it.reserve([Charge("key", 1, 60, limit=7)], [Slot("parallel", 9, 60)]) for _ in range(50))
        )
        assert sum(answer.granted for answer in answers) == 7
        assert await it.add("key", 0, 60) == 7

    runner, it = state
    runner.run(scenario(it))


def test_listeners_hear_what_is_announced(state: tuple[asyncio.Runner, State]) -> None:
    async def scenario(it: State) -> None:
        ready = asyncio.Event()
        heard = []

        async def listen() -> None:
            async for message in it.listen("news"):
                heard.append(message)
                ready.set()
                if message == b"last":
                    break

        listening = asyncio.create_task(listen())
        await ready.wait()
        await it.announce("other", b"nothing")
        await it.announce("news", b"first")
        await it.announce("news", b"last")
        await asyncio.wait_for(listening, 5)
        assert heard == [None, b"first", b"last"]

    runner, it = state
    runner.run(scenario(it))
