"""Limits of deployments that several processes keep together."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, precondition, rule

from proxy.call import Usage
from proxy.capacity import LEASE_SECONDS, Capacity, Visit
from proxy.config.model import ProxyConfig, RouterSettings
from proxy.routing.budgets import Spending
from proxy.routing.cooldown import Cooldowns
from proxy.routing.refusals import Full, OverLimits
from proxy.routing.router import Router
from proxy.routing.traffic import MINUTE, Traffic
from proxy.state.base import Charge, Reservation, Slot, State
from proxy.state.memory import MemoryState
from proxy.state.redis import RedisState
from proxy.state.resilient import ResilientState
from proxy.state.settings import RedisSettings
from tests.gateways import KEY, running
from tests.proxy.limits.test_shared import statuses
from tests.proxy.routing.making import Clock, entry, failure, request
from tests.proxy.state.servers import RedisServer, redis_server
from tests.proxy.state.waiting import back

STRATEGY = "usage-based-routing-v2"
RPM = 200
PARALLEL = 3


class Replica:
    """One gateway process, as far as limits go."""

    def __init__(self, state: State | None, clock: Callable[[], float] | None = None, **params: Any) -> None:
        settings = RouterSettings(routing_strategy=STRATEGY)
        config = ProxyConfig(model_list=(entry("g", "d", **params),), router_settings=settings, folder=Path())
        self.traffic = Traffic(clock) if clock else Traffic()
        self.router = Router(config, Cooldowns(Clock()), Spending(), self.traffic)
        self.capacity = Capacity(self.router, self.traffic, state)
        [self.deployment] = self.router.candidates("g")

    async def enter(self) -> Visit:
        """Raises Full."""
        call: Any = SimpleNamespace(on_end=lambda _function: None)
        return await self.capacity.enter(call, "g", self.deployment, None)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path) as started:
        yield started


def on_redis(server: RedisServer, scenario: Callable[[State, State], Awaitable[None]]) -> None:
    async def run() -> None:
        made = [RedisState(RedisSettings(where="redis", options={"port": server.port})) for _ in range(2)]
        for state in made:
            await state.start()
        try:
            await scenario(*made)
        finally:
            for state in made:
                await state.aclose()

    asyncio.run(run())


async def admitted(replica: Replica) -> int:
    """How many attempts it makes until it is told that the limit is reached."""
    count = 0
    while True:
        try:
            visit = await replica.enter()
        except Full:
            return count
        count += 1
        visit.answered(Usage(10, 5, 15))


def test_two_processes_admit_as_many_as_the_limit_says(server: RedisServer) -> None:
    clock = Clock()

    async def scenario(first: State, second: State) -> None:
        replicas = [Replica(state, clock, rpm=RPM) for state in (first, second)]
        shares = await asyncio.gather(*(admitted(replica) for replica in replicas for _ in range(4)))
        assert sum(shares) == RPM
        assert min(sum(shares[:4]), sum(shares[4:])) > RPM / 10
        for replica in replicas:
            with pytest.raises(OverLimits):
                replica.router.pick("g", [replica.deployment], set(), request("g"))
        clock.now += MINUTE
        assert sum(await asyncio.gather(*map(admitted, replicas))) == RPM

    on_redis(server, scenario)


def test_two_processes_share_parallel_places(server: RedisServer) -> None:
    async def scenario(first: State, second: State) -> None:
        ours, theirs = (Replica(state, max_parallel_requests=2) for state in (first, second))
        held = [await ours.enter(), await theirs.enter()]
        for replica in (ours, theirs):
            with pytest.raises(Full, match="max_parallel_requests limit=2"):
                await replica.enter()
        await held[0].failed(failure())
        again = await theirs.enter()
        await again.failed(failure())
        closing = held[1].close(None)  # type: ignore[arg-type]
        assert closing is not None
        await closing
        assert (ours.traffic.of(ours.deployment).in_flight, theirs.traffic.of(theirs.deployment).in_flight) == (0, 0)

    on_redis(server, scenario)


def test_tokens_of_others_are_known(server: RedisServer) -> None:
    clock = Clock()

    async def scenario(first: State, second: State) -> None:
        ours, theirs = (Replica(state, clock) for state in (first, second))
        visit = await ours.enter()
        visit.answered(Usage(100, 50, 150))
        closing = visit.close(None)  # type: ignore[arg-type]
        assert closing is not None
        await closing
        await theirs.enter()
        work = theirs.traffic.of(theirs.deployment)
        assert (work.tokens, work.all_tokens) == (0, 150)

    on_redis(server, scenario)


def test_without_redis_each_process_keeps_the_limit_by_itself(server: RedisServer) -> None:
    clock = Clock()

    async def filled(replica: Replica) -> None:
        while True:
            try:
                replica.router.pick("g", [replica.deployment], set(), request("g"))
                visit = await replica.enter()
            except OverLimits:
                return
            visit.answered(Usage(10, 5, 15))

    async def run() -> None:
        settings = RedisSettings(where="redis", options={"port": server.port})
        states = [ResilientState(RedisState(settings), "redis") for _ in range(2)]
        for state in states:
            await state.start()
        replicas = [Replica(state, clock, rpm=RPM) for state in states]
        for replica in replicas:
            await replica.enter()
        server.kill()
        for replica in replicas:
            await filled(replica)
            assert replica.traffic.of(replica.deployment).requests == RPM
        server.start()
        for state in states:
            await back(state)
        clock.now += MINUTE
        assert sum(await asyncio.gather(*map(admitted, replicas))) == RPM
        for state in states:
            await state.aclose()

    asyncio.run(run())


def test_two_gateways_admit_as_many_as_the_limit_says(server: RedisServer, tmp_path: Path) -> None:
    params = {"model": "openai/any", "api_key": "sk-up", "mock_response": "Hello", "rpm": RPM}
    config = {
        "model_list": [{"model_name": "any", "litellm_params": params}],
        "router_settings": {
            "routing_strategy": STRATEGY,
            "redis_host": "127.0.0.1",
            "redis_port": server.port,
            "num_retries": 0,
        },
        "general_settings": {"master_key": KEY},
    }
    long: dict[str, Any] = dict.fromkeys(["proxy.routing.traffic.MINUTE", "proxy.capacity.MINUTE"], 1_000_000)
    long["proxy.state.resilient.BUDGET"] = (
        10.0  # on a busy machine nobody may take Redis for gone and count for himself
    )
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    with running(folders[0], config, long) as one, running(folders[1], config, long) as two:
        found = statuses([one, two], KEY, 2 * RPM, at_once=16)
    assert set(found) == {200, 429}
    assert abs(found[200] - RPM) <= RPM // 100


class Answering(MemoryState):
    """Takes a moment to answer, as a server does."""

    async def reserve(self, charges: Sequence[Charge], slots: Sequence[Slot] = ()) -> Reservation:
        reservation = await super().reserve(charges, slots)
        await asyncio.sleep(0)
        return reservation


class Limits(RuleBasedStateMachine):
    """Two replicas on one state: whatever becomes of attempts, of clients and of a replica, the counts are right."""

    visits = Bundle("visits")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = Clock()
        self.clock.now = 60_000.0
        self.state = Answering(self.clock)
        self.replicas = [Replica(self.state, self.clock, rpm=RPM, max_parallel_requests=PARALLEL) for _ in range(2)]
        self.open: dict[Visit, Replica] = {}
        self.lost: list[float] = []
        """When the places of crashed replicas come back."""
        self.requests = self.tokens = 0

    def teardown(self) -> None:
        for visit in list(self.open):
            self.end(visit)
        self.loop.close()

    def end(self, visit: Visit) -> None:
        async def closed() -> None:
            closing = visit.close(None)  # type: ignore[arg-type]
            if closing is not None:
                await closing

        self.loop.run_until_complete(closed())
        self.open.pop(visit, None)

    @property
    def taken(self) -> int:
        return len(self.open) + sum(until > self.clock.now for until in self.lost)

    @rule(target=visits, number=st.integers(0, 1))
    def arrive(self, number: int) -> Any:
        replica, room = self.replicas[number], self.taken < PARALLEL and self.requests < RPM
        try:
            visit = self.loop.run_until_complete(replica.enter())
        except Full:
            assert not room
            return None
        assert room
        self.requests += 1
        self.open[visit] = replica
        return visit

    @rule(number=st.integers(0, 1))
    def leave_at_once(self, number: int) -> None:
        """The client goes away while the state is asked."""

        async def cancelled() -> None:
            entering = asyncio.ensure_future(self.replicas[number].enter())
            await asyncio.sleep(0)
            entering.cancel()
            with pytest.raises(asyncio.CancelledError):
                await entering

        self.loop.run_until_complete(cancelled())

    @rule(visit=consumes(visits), tokens=st.integers(0, 1000))
    def answer(self, visit: Any, tokens: int) -> None:
        if visit in self.open:
            visit.answered(Usage(tokens, 0, tokens))
            self.tokens += tokens
            self.end(visit)

    @rule(visit=consumes(visits))
    def fail(self, visit: Any) -> None:
        if visit in self.open:
            self.loop.run_until_complete(visit.failed(failure()))
            self.end(visit)

    @rule(visit=consumes(visits))
    def leave(self, visit: Any) -> None:
        """The client goes away."""
        if visit in self.open:
            self.end(visit)

    @rule(number=st.integers(0, 1))
    def crash(self, number: int) -> None:
        """A process is gone, and another one takes its place."""
        gone = self.replicas[number]
        for visit in [visit for visit, replica in self.open.items() if replica is gone]:
            if visit._renewal is not None:
                visit._renewal.cancel()
            del self.open[visit]
            self.lost.append(self.clock.now + LEASE_SECONDS)
        self.replicas[number] = Replica(self.state, self.clock, rpm=RPM, max_parallel_requests=PARALLEL)

    @precondition(lambda self: not self.open)
    @rule(minutes=st.integers(1, 2))
    def wait(self, minutes: int) -> None:
        """Leases of calls in progress would be renewed meanwhile, so there are none."""
        self.clock.now += minutes * MINUTE
        self.requests = self.tokens = 0

    @invariant()
    def counts_are_right(self) -> None:
        minute, name = self.replicas[0].traffic.minute, self.replicas[0].deployment.id
        keys = [f"deployment:{name}:{what}:{minute}" for what in ("rpm", "tpm")]
        asking = self.state.reserve([Charge(key, 0, float(MINUTE)) for key in keys])
        assert self.loop.run_until_complete(asking).totals == (self.requests, self.tokens)
        probe = Slot(f"deployment:{name}", 0, 1)
        assert self.loop.run_until_complete(self.state.reserve((), [probe])).taken == (self.taken,)
        for replica in self.replicas:
            mine = sum(other is replica for other in self.open.values())
            assert replica.traffic.of(replica.deployment).in_flight == mine


TestLimits = Limits.TestCase
TestLimits.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
