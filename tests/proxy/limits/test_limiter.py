"""Limits in one state that several processes share: whatever happens to calls and processes, counters are right."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from proxy.call import Call, Ending, Identity, Usage
from proxy.config.errors import ConfigError
from proxy.errors import GatewayError
from proxy.limits.after import LEASE_SECONDS, RENEW_SECONDS
from proxy.limits.limiter import Limiter
from proxy.rates import ModelRates, Rate, Rates
from proxy.state.base import Charge, Slot
from proxy.state.memory import MemoryState
from tests.proxy.limits.calling import admitted, call_of, header

KEY = Rate("api_key", "key", requests=4, tokens=60, parallel=2)
TEAM = Rate("team", "team", requests=6, tokens=90)


def used(tokens: int) -> Usage:
    return Usage(tokens, 0, tokens)


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


class Window:
    """What a counter should hold."""

    def __init__(self) -> None:
        self.total, self.until = 0.0, 0.0

    def add(self, now: float, amount: float) -> None:
        if now >= self.until:
            self.total, self.until = 0.0, now + 60
        self.total += amount

    def at(self, now: float) -> float:
        return self.total if now < self.until else 0.0


class Limits(RuleBasedStateMachine):
    """Two processes; a key alone and with its team; calls that end in all ways; processes that crash; time that passes."""

    calls = Bundle("calls")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.now = 0.0
        self.state = MemoryState(lambda: self.now)
        self.limiters = [Limiter(self.state), Limiter(self.state)]
        self.windows = {(rate.scope, unit): Window() for rate in (KEY, TEAM) for unit in ("requests", "tokens")}
        self.held: dict[int, tuple[Call, int]] = {}
        """Calls in progress, and their process."""
        self.orphans: list[float] = []
        """When the places of calls in crashed processes come back."""

    def teardown(self) -> None:
        for limiter in self.limiters:
            self.do(limiter.stop())
        self.loop.run_until_complete(asyncio.sleep(0))
        assert not asyncio.all_tasks(self.loop)
        self.loop.close()

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    def taken(self) -> int:
        return len(self.held) + sum(until > self.now for until in self.orphans)

    @rule(target=calls, process=st.integers(0, 1), of_team=st.booleans())
    def begin(self, process: int, of_team: bool) -> Any:
        rates = (KEY, TEAM) if of_team else (KEY,)
        room = self.taken() < 2 and all(
            self.windows[rate.scope, unit].at(self.now) + 1 <= limit
            for rate in rates
            for unit, limit in (("requests", rate.requests), ("tokens", rate.tokens))
            if limit is not None
        )
        call = call_of(*rates)
        error = self.do(admitted(self.limiters[process], call))
        assert (error is None) == room
        if error is not None:
            assert error.status == 429
            assert call.on_settle is None
            return None
        for rate in rates:
            for unit in ("requests", "tokens"):
                self.windows[rate.scope, unit].add(self.now, 1)
        self.held[id(call)] = call, process
        return call, rates

    @rule(
        begun=consumes(calls),
        ending=st.sampled_from(["done", "failed", "client-closed"]),
        tokens=st.integers(0, 40),
        early=st.booleans(),
    )
    def end(self, begun: Any, ending: Ending, tokens: int, early: bool) -> None:
        if begun is None or id(begun[0]) not in self.held:
            return
        call, rates = begun
        del self.held[id(call)]
        call.outcome.ending, call.outcome.usage = ending, used(tokens if ending != "failed" else 0)

        async def ended() -> None:
            assert call.on_settle is not None
            if early:  # before the answer is complete; then it ends
                call.on_settle(call.outcome.usage)
            call.on_settle(call.outcome.usage)
            await asyncio.sleep(0)
            await asyncio.sleep(0)

        self.do(ended())
        if call.outcome.usage.total_tokens:
            for rate in rates:
                self.windows[rate.scope, "tokens"].add(self.now, call.outcome.usage.total_tokens)

    @rule(process=st.integers(0, 1))
    def crash(self, process: int) -> None:
        lost = [name for name, (_, where) in self.held.items() if where == process]
        for name in lost:
            del self.held[name]
        self.orphans += [self.now + LEASE_SECONDS] * len(lost)
        dead, self.limiters[process] = self.limiters[process], Limiter(self.state)
        dead._afterwards._leases.clear()
        self.do(dead.stop())

    @rule(seconds=st.floats(0.5, RENEW_SECONDS))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        for limiter in self.limiters:
            self.do(limiter._afterwards.renew())

    @invariant()
    def counters_are_right(self) -> None:
        for (scope, unit), window in self.windows.items():
            name = f"limit:{scope}:{scope.removeprefix('api_')}:{unit}"
            assert self.do(self.state.add(name, 0, 60)) == window.at(self.now), name

    @invariant()
    def places_are_right(self) -> None:
        # all that were crashed at the same time have run out, or none has; leases are renewed while calls are held
        probe = Slot("limit:api_key:key:max_parallel_requests", 0, 1)
        assert self.do(self.state.reserve((), [probe])).taken == (self.taken(),)


TestLimits = Limits.TestCase
TestLimits.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_nothing_is_taken_when_anything_is_refused() -> None:
    async def scenario() -> None:
        state = MemoryState()
        limiter = Limiter(state)
        full = Rate("user", "somebody", requests=0)
        error = await admitted(limiter, call_of(KEY, full))
        assert error is not None
        assert "user: somebody" in error.message
        again = call_of(KEY)
        assert await admitted(limiter, again) is None
        assert header(again, "x-ratelimit-api_key-remaining-requests") == b"3"
        assert header(again, "x-ratelimit-api_key-remaining-max_parallel_requests") == b"1"
        await limiter.stop()

    run(scenario())


def test_tokens_of_many_calls_are_told_at_once() -> None:
    class Counting(MemoryState):
        kind = "redis"
        reserved = 0

        async def reserve(self, charges: Any, slots: Any = ()) -> Any:
            self.reserved += 1
            await asyncio.sleep(0)  # as a server would
            return await super().reserve(charges, slots)

    async def scenario() -> None:
        state = Counting()
        limiter = Limiter(state)
        calls = [call_of(Rate("team", str(number % 5), tokens=10**6)) for number in range(500)]
        for call in calls:
            await limiter.admit(call)
        before = state.reserved
        for call in calls:
            assert call.on_settle is not None
            call.on_settle(used(7))
        await limiter.stop()
        assert state.reserved - before <= 2
        total = await state.add("limit:team:0:tokens", 0, 60)
        assert total == 100 * 8

    run(scenario())


def test_a_refusal_says_when_the_window_ends() -> None:
    async def scenario() -> None:
        now = 0.0
        limiter = Limiter(MemoryState(lambda: now))
        rate = Rate("user", "somebody", requests=1)
        assert await admitted(limiter, call_of(rate)) is None
        now = 45.5
        error = await admitted(limiter, call_of(rate))
        assert error is not None
        assert ("retry-after", "15") in error.headers
        now = 60.0
        assert await admitted(limiter, call_of(rate)) is None

    run(scenario())


@pytest.mark.parametrize("name", ["LITELLM_RATE_LIMIT_WINDOW_SIZE", "TIANJI_RATE_LIMIT_WINDOW_SIZE"])
def test_the_window_may_be_another(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "5")
    assert Limiter(MemoryState()).window == 5


@pytest.mark.parametrize("value", ["0", "-1", "soon", "1.5"])
def test_a_window_of_no_time_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("LITELLM_RATE_LIMIT_WINDOW_SIZE", value)
    with pytest.raises(ConfigError, match=r"LITELLM_RATE_LIMIT_WINDOW_SIZE: is .*; set a number of seconds"):
        Limiter(MemoryState())


def test_a_counter_that_others_charge_is_shared() -> None:
    async def scenario() -> None:
        state = MemoryState()
        await state.reserve([Charge("limit:api_key:key:requests", 4, 60)])
        error = await admitted(Limiter(state), call_of(KEY))
        assert error is not None
        assert "Limit type: requests. Current limit: 4, Remaining: 0" in error.message

    run(scenario())


@pytest.mark.parametrize("name", ["chat", "short", "chat-1", "openai/chat-1"])
def test_another_name_of_a_model_is_limited_too(name: str) -> None:
    async def scenario() -> None:
        limiter = Limiter(MemoryState())
        by_model = ModelRates("model_per_key", "key", requests={"chat": 1})
        refused = []
        for model in ("chat", name):
            call = call_of(model=model)
            call.identity = Identity(rates=Rates((), (by_model,)))
            refused.append(await admitted(limiter, call))
        assert refused[0] is None
        assert refused[1] is not None

    run(scenario())


def test_a_call_of_several_models_is_let_in_for_all_or_none() -> None:
    async def scenario() -> None:
        state = MemoryState()
        limiter = Limiter(state)
        call = call_of()
        by_model = ModelRates("model_per_key", "key", requests={"a": 5, "b": 0}, tokens={"a": 50})
        call.identity = Identity(rates=Rates((), (by_model,)))
        with pytest.raises(GatewayError, match="key:b"):
            await limiter.admit(call, ("a", "b"))
        assert await state.add("limit:model_per_key:key:a:requests", 0, 60) == 0
        await limiter.admit(call, ("a", "c", "a"))
        assert await state.add("limit:model_per_key:key:a:requests", 0, 60) == 1

    run(scenario())


def test_tokens_count_where_a_call_went_last() -> None:
    async def scenario() -> None:
        state = MemoryState()
        limiter = Limiter(state)
        call = call_of(model="first")
        names = ("first", "failed", "last")
        call.identity = Identity(rates=Rates((), (ModelRates("team", "t", tokens=dict.fromkeys(names, 50)),)))
        await limiter.admit(call)
        assert call.on_reroute is not None
        assert call.on_settle is not None
        await call.on_reroute(["failed"])
        await call.on_reroute(["last"])
        call.on_settle(used(7))
        await limiter.stop()
        # one for the attempt, and what was used
        assert [await state.add(f"limit:team:t:{name}:tokens", 0, 60) for name in names] == [8, 1, 8]

    run(scenario())
