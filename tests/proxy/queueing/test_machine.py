"""Whatever comes in whatever order: nobody is lost or served twice, urgent calls first, equals as they came."""

import asyncio
import itertools
import time
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from proxy import capacity, queueing
from proxy.state import redis as redis_state
from proxy.state.base import State
from proxy.state.memory import MemoryState
from proxy.state.redis import RedisState
from proxy.state.settings import RedisSettings
from tests.proxy.queueing.world import Process, Served, SharedMemory, settled
from tests.proxy.routing.making import entry
from tests.proxy.state.servers import RedisServer

PRIORITIES = st.sampled_from([0, 0, 1, 3, 255])
PATIENCE = 5.0
LEASE = 0.6

_spaces = itertools.count()


class Queueing(RuleBasedStateMachine):
    """Calls of one process."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.numbers = itertools.count()
        self.calls: list[Served] = []
        """That have not ended, in the order in which they came."""
        self.gone: list[Served] = []
        self.known: set[Served] = set()
        """Who was being served when it was last looked."""
        self.room = 0

    def states(self) -> list[State]:
        """Of each process; made inside the loop."""
        return [MemoryState()]

    @initialize(limits=st.lists(st.integers(1, 2), min_size=1, max_size=3))
    def begin(self, limits: list[int]) -> None:
        async def started() -> list[Process]:
            entries = [entry("g", f"d{n}", max_parallel_requests=limit) for n, limit in enumerate(limits)]
            return [Process(entries, state, num_retries=0) for state in self.states()]

        self.room = sum(limits)
        self.alive = self.runner.run(started())

    @rule(process=st.integers(0, 9), priority=PRIORITIES)
    def arrive(self, process: int, priority: int) -> None:
        self._arrive(process, priority, 60.0)

    @rule(process=st.integers(0, 9), priority=PRIORITIES)
    def arrive_without_patience(self, process: int, priority: int) -> None:
        call = self._arrive(process, priority, 0.02)
        if not call.served:
            self.do(lambda: None, call.task.done)
            self._gone(call)
            self.check()

    def _arrive(self, process: int, priority: int, seconds: float) -> Served:
        number = next(self.numbers)

        def began() -> None:
            call = self.alive[process % len(self.alive)].call(str(number), priority, seconds)
            call.number = number
            self.calls.append(call)

        self.do(began, self.as_expected)
        self.check()
        return self.calls[-1]

    @precondition(lambda self: any(call.served for call in self.calls))
    @rule(number=st.integers(0, 9))
    def end(self, number: int) -> None:
        served = [call for call in self.calls if call.served]
        call = served[number % len(served)]
        self.do(call.ends.set, call.task.done)
        self._gone(call)
        self.check()

    @precondition(lambda self: self.calls)
    @rule(number=st.integers(0, 9))
    def cancel(self, number: int) -> None:
        call = self.calls[number % len(self.calls)]
        self.do(call.task.cancel, call.task.done)
        self._gone(call)
        self.check()

    def _gone(self, call: Served) -> None:
        self.calls.remove(call)
        self.gone.append(call)

    def as_expected(self) -> bool:
        """Nobody waits in vain."""
        return sum(bool(call.served) for call in self.calls) == min(self.room, len(self.calls))

    def check(self) -> None:
        """Nobody waits in vain; nobody was served before somebody more urgent, nor twice."""
        self.do(lambda: None, self.as_expected)
        waiting = [call.rank for call in self.calls if not call.served]
        fresh = [call.rank for call in self.calls if call.served and call not in self.known]
        assert not waiting or not fresh or max(fresh) < min(waiting), (fresh, waiting)
        assert all(call.served <= 1 for call in [*self.calls, *self.gone])
        self.known = {call for call in self.calls if call.served}

    def do(self, step: Callable[[], object], until: Callable[[], bool]) -> None:
        """Do something, and let what follows happen."""

        async def done() -> None:
            step()
            deadline = time.monotonic() + PATIENCE
            await settled()
            while not until() and time.monotonic() < deadline:
                await asyncio.sleep(0.002)
            await settled()
            assert until(), "it never happens"

        self.runner.run(done())

    def teardown(self) -> None:
        while self.calls:
            served = [call for call in self.calls if call.served]
            assert served, "somebody is lost"
            self.do(served[0].ends.set, served[0].task.done)
            self._gone(served[0])
            self.check()
        self.runner.run(self._stopped())
        self.runner.close()

    async def _stopped(self) -> None:
        for process in self.alive:
            await process.queue.stop()
            await process.state.aclose()


class SharedQueueing(Queueing):
    """Calls of three processes, which share a state in memory."""

    def states(self) -> list[State]:
        return [SharedMemory()] * 3


class Mortal(RedisState):
    """Of a process that may die: then Redis hears nothing of it any more."""

    dead = False

    async def _ask(self, *command: object) -> object:
        return None if self.dead else await super()._ask(*command)


class RedisQueueing(Queueing):
    """Calls of three processes, which share a Redis and may die."""

    port: int

    def states(self) -> list[State]:
        options = {"host": "127.0.0.1", "port": self.port}
        namespace = f"machine{next(_spaces)}:"
        return [Mortal(RedisSettings(where="redis", options=options, namespace=namespace)) for _ in range(3)]

    @precondition(lambda self: len(self.alive) > 1)
    @rule(process=st.integers(0, 2))
    def die(self, process: int) -> None:
        dead = self.alive.pop(process % len(self.alive))
        lost = [call for call in self.calls if call in dead.calls]

        async def dies() -> None:
            assert isinstance(dead.state, Mortal)
            dead.state.dead = True
            for call in lost:
                call.task.cancel()
            await dead.queue.stop()
            await asyncio.sleep(LEASE + 0.2)  # then the others may have what it held

        self.runner.run(dies())
        for call in lost:
            self._gone(call)
        self.check()


def machine(kind: type[Queueing], examples: int, steps: int) -> None:
    checks = [HealthCheck.too_slow]
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        kind,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=checks
        ),
    )


def test_one_process() -> None:
    machine(Queueing, 40, 25)


def test_processes_that_share_a_state() -> None:
    machine(SharedQueueing, 25, 25)


def test_processes_that_share_redis_and_may_die(redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_state, "ABSENT_SECONDS", 0.6)
    monkeypatch.setattr(queueing, "LOOK_AGAIN_SECONDS", 0.1)
    monkeypatch.setattr(capacity, "LEASE_SECONDS", LEASE)
    RedisQueueing.port = redis.port
    machine(RedisQueueing, 10, 15)
