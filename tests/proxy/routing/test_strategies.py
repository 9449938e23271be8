"""Who of a group is picked, by each strategy; limits of deployments."""

from collections.abc import Sequence
from math import inf
from pathlib import Path
from typing import Any

import pytest

from proxy.call import Usage
from proxy.config.model import ProxyConfig, RouterSettings
from proxy.deployment import Deployment
from proxy.routing.refusals import NoneLeft, OverLimits
from proxy.routing.strategies import Strategy, Surroundings, make_strategy
from proxy.routing.traffic import MAX_SAMPLES, Traffic
from tests.proxy.routing.making import Clock, deployment, failure, request

A, B, C = (deployment(name=name) for name in "abc")
LIMITING = ["usage-based-routing", "usage-based-routing-v2", "cost-based-routing", "latency-based-routing"]


class Group:
    """A strategy, and what its deployments are doing."""

    def __init__(self, name: str, *members: Deployment, **settings: Any) -> None:
        self.clock = Clock()
        self.traffic = Traffic(self.clock)
        self.members = members
        self.prices: dict[str, float] = {}
        router = RouterSettings(routing_strategy=name, **settings)
        config = ProxyConfig(router_settings=router, folder=Path())
        around = Surroundings(config, self.traffic, lambda deployment: self.prices.get(deployment.id))
        self.strategy: Strategy = make_strategy(around)

    def pick(self, **fields: Any) -> str:
        return self.strategy.pick("g", self.members, request("g", **fields)).id

    def picks(self, count: int = 60, **fields: Any) -> set[str]:
        return {self.pick(**fields) for _ in range(count)}

    def served(self, deployment: Deployment, tokens: int = 0, seconds: float = 1.0, **fields: Any) -> None:
        self.traffic.began(deployment)
        usage = Usage(0, tokens, tokens)
        self.traffic.ended(deployment, failure=None, seconds=seconds, usage=usage, **fields)


class TestUsage:
    def test_the_least_used_are_picked_at_random(self) -> None:
        group = Group("usage-based-routing-v2", A, B, C)
        assert group.picks() == {"a", "b", "c"}
        group.served(B, 10)
        assert group.picks() == {"a", "c"}

    def test_the_older_one_picks_the_first_of_them(self) -> None:
        group = Group("usage-based-routing", A, B, C)
        assert group.picks() == {"a"}
        group.served(A, 10)
        assert group.picks() == {"b"}

    @pytest.mark.parametrize("name", ["usage-based-routing", "usage-based-routing-v2"])
    def test_what_other_processes_used_counts(self, name: str) -> None:
        group = Group(name, A, B)
        group.served(B, 10)
        group.traffic.learn(A, group.traffic.minute, requests=None, tokens=11)
        assert group.picks() == {"b"}
        group.traffic.learn(A, group.traffic.minute - 1, requests=None, tokens=0)
        assert group.picks() == {"b"}

    @pytest.mark.parametrize("name", ["usage-based-routing", "usage-based-routing-v2"])
    def test_every_minute_begins_at_zero(self, name: str) -> None:
        group = Group(name, A, B)
        group.served(A, 10)
        group.served(B, 5)
        group.clock.now += 60
        group.served(B, 1)
        assert group.picks() == {"a"}

    def test_a_refusal_tells_what_was_used(self) -> None:
        group = Group("usage-based-routing-v2", deployment(name="a", rpm=1), deployment(name="b", tpm=3))
        group.served(group.members[0], 15)
        with pytest.raises(OverLimits) as refused:
            group.pick(count_tokens=lambda: 4)
        told = {
            "a": {"current_tpm": 15, "tpm_limit": inf, "current_rpm": 1, "rpm_limit": 1},
            "b": {"current_tpm": None, "tpm_limit": 3, "current_rpm": None, "rpm_limit": inf},
        }
        assert refused.value.message.endswith(f"Passed model=g. Deployments={told}")


@pytest.mark.parametrize("name", LIMITING)
class TestLimits:
    def test_requests(self, name: str) -> None:
        group = Group(name, deployment(name="a", rpm=2), deployment(name="b", rpm=3))
        for _ in range(5):
            picked = group.pick()
            group.served(next(member for member in group.members if member.id == picked))
        with pytest.raises((OverLimits, NoneLeft)) as refused:
            group.pick()
        assert refused.value.status == 429
        group.clock.now += 60
        assert group.pick() in "ab"

    def test_a_limit_of_nothing_admits_nobody(self, name: str) -> None:
        with pytest.raises((OverLimits, NoneLeft)):
            Group(name, deployment(name="a", rpm=0)).pick()

    def test_tokens_that_are_sent_count(self, name: str) -> None:
        group = Group(name, deployment(name="a", tpm=20))
        assert group.pick(count_tokens=lambda: 20) == "a"
        group.served(group.members[0], 15)
        assert group.pick(count_tokens=lambda: 5) == "a"
        with pytest.raises((OverLimits, NoneLeft)):
            group.pick(count_tokens=lambda: 6)

    def test_nobody_counts_tokens_without_a_limit_of_them(self, name: str) -> None:
        def counted() -> int:
            raise AssertionError

        assert Group(name, A, deployment(name="d", rpm=5)).pick(count_tokens=counted)

    def test_parallel_calls(self, name: str) -> None:
        group = Group(name, deployment(name="a", max_parallel_requests=1), B, default_max_parallel_requests=2)
        group.traffic.began(group.members[0])
        assert group.picks() == {"b"}
        group.traffic.began(B)
        group.traffic.began(B)
        with pytest.raises((OverLimits, NoneLeft)):
            group.pick()
        group.traffic.ended(B, failure=None, seconds=None)
        assert group.picks() == {"b"}


class TestCost:
    def test_the_cheapest(self) -> None:
        group = Group("cost-based-routing", A, B, C)
        group.prices = {"a": 0.3, "b": 0.2, "c": 0.2}
        assert group.picks() == {"b"}

    def test_a_price_that_is_not_known_is_high_and_none_is_low(self) -> None:
        group = Group("cost-based-routing", A, B, C)
        group.prices = {"b": 9.0, "c": 0.0}
        assert group.picks() == {"c"}
        group.prices = {"b": 9.0}
        assert group.picks() == {"b"}


class TestLatency:
    def group(self, *members: Deployment, **args: Any) -> Group:
        return Group("latency-based-routing", *members, routing_strategy_args=args)

    def test_who_is_not_known_is_tried(self) -> None:
        group = self.group(A, B)
        group.served(A, seconds=0.1)
        assert group.picks() == {"b"}

    def test_seconds_are_those_of_a_token(self) -> None:
        group = self.group(A, B)
        group.served(A, tokens=100, seconds=5)
        group.served(B, tokens=10, seconds=1)
        assert group.picks() == {"a"}

    def test_a_buffer_admits_who_is_hardly_slower(self) -> None:
        group = self.group(A, B, C, lowest_latency_buffer=0.5)
        for member, seconds in ((A, 2.0), (B, 3.0), (C, 3.1)):
            group.served(member, seconds=seconds)
        assert group.picks() == {"a", "b"}

    def test_streams_are_compared_by_their_first_event(self) -> None:
        group = self.group(A, B)
        group.served(A, seconds=1, first_token=0.9)
        group.served(B, seconds=9, first_token=0.1)
        assert group.picks(stream=True) == {"b"}
        assert group.picks() == {"a"}

    def test_a_timeout_is_very_slow_and_another_failure_says_nothing(self) -> None:
        group = self.group(A, B, C)
        for member, status in ((A, 408), (B, 500)):
            group.traffic.began(member)
            group.traffic.ended(member, failure=failure(status), seconds=None)
        group.served(C)
        assert group.picks() == {"b"}
        group.served(B, seconds=900)
        assert group.picks() == {"c"}
        group.served(C, seconds=1200)
        assert group.picks() == {"c"}

    def test_old_calls_and_all_but_the_last_are_forgotten(self) -> None:
        group = self.group(A, B, ttl=100, max_latency_list_size=2)
        group.served(B, seconds=3)
        for seconds in (50, 2, 2):
            group.served(A, seconds=seconds)
        assert group.picks() == {"a"}
        group.clock.now += 100
        assert group.picks() == {"a", "b"}

    def test_memory_is_bounded(self) -> None:
        group = self.group(A)
        for _ in range(MAX_SAMPLES + 10):
            group.served(A)
        assert len(group.traffic.of(A).samples) == MAX_SAMPLES


def test_the_least_busy() -> None:
    group = Group("least-busy", A, B)
    assert group.picks() == {"a"}
    group.traffic.began(A)
    assert group.picks() == {"b"}
    group.traffic.began(B)
    group.traffic.refused(A, group.traffic.minute)
    assert group.picks() == {"a"}


@pytest.mark.parametrize("name", ["simple-shuffle", "provider-budget-routing", "least-busy", *LIMITING])
@pytest.mark.parametrize("members", [(A,), (A, B, C)], ids=["one", "three"])
def test_every_strategy_picks_one_of_those_it_is_given(name: str, members: Sequence[Deployment]) -> None:
    assert Group(name, *members).picks(10) <= {member.id for member in members}
