"""Cooldowns against a plain model of their rules, under any order of events."""

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from proxy.config.model import AllowedFailsPolicy, RouterSettings
from proxy.routing.cooldown import Cooldowns
from tests.proxy.routing.making import Clock, deployment, failure

IDS = ("one", "two")
OF_THE_REQUEST = (400, 403, 413, 422)
"""Failures that say nothing about the deployment."""


CLASSES = {401: "authentication_error", 408: "timeout_error", 429: "rate_limit_error", 500: "internal_server_error"}
"""Of statuses that a policy may speak of."""
ELSEWHERE = (0.5, 7.0)
"""Seconds of cooldowns that other processes tell of."""


class Model:
    """One deployment's history since its window of a minute began, its failures without a pause, and until when it rests."""

    def __init__(self) -> None:
        self.start: float | None = None
        self.history: list[bool] = []
        self.in_a_row: list[float] = []
        self.until = 0.0

    def count(self, now: float, failed: bool) -> None:
        if self.start is None or now - self.start > 60:
            self.start, self.history = now, []
        self.history.append(failed)

    def rest(self, until: float) -> None:
        self.until, self.history, self.in_a_row = until, [], []


class AnyOrder(RuleBasedStateMachine):
    @initialize(
        size=st.integers(1, 3),
        allowed=st.none() | st.integers(0, 3),
        policy=st.none() | st.dictionaries(st.sampled_from(sorted(CLASSES)), st.integers(0, 3)),
        disabled=st.booleans(),
        own=st.none() | st.sampled_from((1.0, 30.0)),
    )
    def begin(
        self, size: int, allowed: int | None, policy: dict[int, int] | None, disabled: bool, own: float | None
    ) -> None:
        self.clock = Clock()
        self.cooldowns = Cooldowns(self.clock)
        self.size, self.allowed, self.policy, self.disabled = size, allowed, policy, disabled
        fails = {f"{CLASSES[status]}_allowed_fails": number for status, number in (policy or {}).items()}
        self.settings = RouterSettings(
            allowed_fails=allowed,
            allowed_fails_policy=None if policy is None else AllowedFailsPolicy(**fails),
            disable_cooldowns=disabled,
        )
        self.deployments = {name: deployment(name=name, cooldown_time=own) for name in IDS}
        self.seconds = 5.0 if own is None else own
        self.models = {name: Model() for name in IDS}

    @rule(name=st.sampled_from(IDS))
    def succeed(self, name: str) -> None:
        self.cooldowns.succeeded(self.deployments[name])
        self.models[name].count(self.clock.now, failed=False)

    @rule(
        name=st.sampled_from(IDS),
        status=st.sampled_from((400, 401, 404, 408, 413, 422, 429, 500, 503)),
        reached=st.booleans(),
    )
    def fail(self, name: str, status: int, reached: bool) -> None:
        self.cooldowns.failed(self.deployments[name], self.size, failure(status, reached=reached), self.settings)
        model = self.models[name]
        model.count(self.clock.now, failed=status not in OF_THE_REQUEST)
        if not self.disabled and self._rests(model, status, reached):
            model.rest(self.clock.now + self.seconds)

    @rule(name=st.sampled_from(IDS))
    def fail_by_the_clients_own_doing(self, name: str) -> None:
        ours = failure(429)
        ours.blames_deployment = False
        self.cooldowns.failed(self.deployments[name], self.size, ours, self.settings)
        self.models[name].count(self.clock.now, failed=False)

    @rule(name=st.sampled_from(IDS), seconds=st.sampled_from(ELSEWHERE))
    def fail_elsewhere(self, name: str, seconds: float) -> None:
        model = self.models[name]
        assert self.cooldowns.rest(name, seconds) == (model.until <= self.clock.now)
        model.until = max(model.until, self.clock.now + seconds)
        if model.start is None:
            model.start = self.clock.now

    @rule(seconds=st.sampled_from((0.5, 4.5, 5.0, 31.0, 61.0)))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule()
    def come_back(self) -> None:
        self.clock.now += max(self.seconds, *ELSEWHERE)
        assert not any(map(self.cooldowns.remaining, self.deployments.values()))

    @invariant()
    def same_rest(self) -> None:
        for name, model in getattr(self, "models", {}).items():
            assert self.cooldowns.remaining(self.deployments[name]) == pytest.approx(
                max(0.0, model.until - self.clock.now)
            )

    def _rests(self, model: Model, status: int, reached: bool) -> bool:
        if status in OF_THE_REQUEST:
            return False
        if self.policy is not None or self.allowed is not None:
            now = self.clock.now
            pause = not model.in_a_row or now - model.in_a_row[-1] > self.settings.cooldown_time
            model.in_a_row = [now] if pause else [*model.in_a_row, now]
            return len(model.in_a_row) > self._allowed(status)
        if self.size == 1:
            return False
        telling = status in (401, 404, 429) or not reached
        return telling or (len(model.history) >= 5 and sum(model.history) * 2 > len(model.history))

    def _allowed(self, status: int) -> int:
        general = 3 if self.allowed is None else self.allowed
        return general if self.policy is None else self.policy.get(status) or general


AnyOrder.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestAnyOrder = AnyOrder.TestCase


def fail(cooldowns: Cooldowns, times: int, size: int, status: int, *, reached: bool = True, **options: Any) -> float:
    one = deployment()
    for _ in range(times):
        cooldowns.failed(one, size, failure(status, reached=reached), RouterSettings(**options))
    return cooldowns.remaining(one)


@pytest.mark.parametrize("status", [401, 404, 429])
def test_one_of_several_rests_at_once(status: int) -> None:
    assert fail(Cooldowns(Clock()), 1, 2, status) == 5


@pytest.mark.parametrize("status", [401, 404, 429, 500])
def test_the_only_one_never_rests(status: int) -> None:
    assert fail(Cooldowns(Clock()), 50, 1, status) == 0


def test_the_only_one_rests_when_the_config_counts_failures() -> None:
    assert fail(Cooldowns(Clock()), 1, 1, 429, allowed_fails=0) == 5
    assert fail(Cooldowns(Clock()), 2, 1, 500, allowed_fails=2) == 0
    assert fail(Cooldowns(Clock()), 3, 1, 500, allowed_fails=2) == 5


def test_who_refuses_connections_rests_at_once() -> None:
    assert fail(Cooldowns(Clock()), 1, 2, 500, reached=False) == 5
    assert fail(Cooldowns(Clock()), 1, 1, 500, reached=False) == 0


def test_more_than_half_of_five() -> None:
    assert fail(Cooldowns(Clock()), 4, 2, 500) == 0
    assert fail(Cooldowns(Clock()), 5, 2, 500) == 5


def test_requests_that_are_wrong_say_nothing_about_the_deployment() -> None:
    cooldowns = Cooldowns(Clock())
    assert fail(cooldowns, 50, 2, 400) == 0
    assert fail(cooldowns, 1, 2, 500) == 0
    assert fail(Cooldowns(Clock()), 50, 1, 400, allowed_fails=0) == 0


def test_nothing_rests_when_cooldowns_are_off() -> None:
    assert fail(Cooldowns(Clock()), 9, 2, 429, disable_cooldowns=True) == 0


def test_what_the_client_brought_about_says_nothing_about_the_deployment() -> None:
    cooldowns, one = Cooldowns(Clock()), deployment()
    for status in (408, 429, 500) * 9:
        brought_about = failure(status, reached=False)
        brought_about.blames_deployment = False
        cooldowns.failed(one, 2, brought_about, RouterSettings(allowed_fails=0))
    assert cooldowns.remaining(one) == 0
