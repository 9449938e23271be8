"""Shares of the traffic, and who is left out of it."""

import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.config.model import ProxyConfig
from proxy.deployment import Deployment
from proxy.routing.strategies import Surroundings
from proxy.routing.strategies.simple_shuffle import Strategy
from proxy.routing.traffic import Traffic
from tests.proxy.routing.making import deployment, failure, groups, request, router
from tests.proxy.routing.making import entry as made_entry

DRAWS = 20_000


def picked(deployments: Sequence[Deployment]) -> Deployment:
    around = Surroundings(ProxyConfig(folder=Path()), Traffic(), lambda _deployment: None)
    return Strategy(around).pick("g", deployments, request("g"))


def shares(*deployments: Deployment) -> dict[str, float]:
    random.seed(7)
    counts = Counter(picked(deployments).id for _ in range(DRAWS))
    return {name: count / DRAWS for name, count in counts.items()}


@pytest.mark.parametrize("share", ["weight", "rpm", "tpm"])
def test_traffic_follows_the_shares(share: str) -> None:
    seen = shares(deployment(name="one", **{share: 1}), deployment(name="three", **{share: 3}))
    assert seen["three"] == pytest.approx(0.75, abs=0.02)


def test_without_shares_everybody_gets_the_same() -> None:
    seen = shares(*(deployment(name=name) for name in "abcd"))
    assert seen == pytest.approx(dict.fromkeys("abcd", 0.25), abs=0.02)


def test_weight_beats_rpm_and_rpm_beats_tpm() -> None:
    seen = shares(deployment(name="a", weight=9, rpm=1, tpm=1), deployment(name="b", weight=1, rpm=99, tpm=1))
    assert seen["a"] == pytest.approx(0.9, abs=0.02)
    seen = shares(deployment(name="a", rpm=9, tpm=1), deployment(name="b", rpm=1, tpm=99))
    assert seen["a"] == pytest.approx(0.9, abs=0.02)


def test_who_lacks_the_share_of_the_others_gets_nothing() -> None:
    assert shares(deployment(name="a", weight=1), deployment(name="b")) == {"a": 1.0}


def test_weights_of_nothing_count_as_none() -> None:
    seen = shares(deployment(name="a", weight=0), deployment(name="b", weight=0))
    assert seen == pytest.approx({"a": 0.5, "b": 0.5}, abs=0.02)


@given(st.lists(st.tuples(*[st.none() | st.integers(0, 5)] * 3), min_size=1, max_size=5))
def test_one_of_them_is_picked(params: list[tuple[int | None, ...]]) -> None:
    made = [
        deployment(name=str(index), weight=weight, rpm=rpm, tpm=tpm) for index, (weight, rpm, tpm) in enumerate(params)
    ]
    assert picked(made) in made


class TestOrder:
    def test_the_lowest_order_comes_first(self) -> None:
        own = router([made_entry("g", name, order=order) for name, order in (("a", 2), ("b", 1), ("c", None))])
        assert {own.pick("g", own.candidates("g"), set(), request("g")).id for _ in range(50)} == {"b"}

    def test_the_next_order_follows_when_it_rests_or_has_failed(self) -> None:
        own = router([made_entry("g", name, order=order) for name, order in (("a", 2), ("b", 1), ("c", None))])
        candidates = own.candidates("g")
        assert own.pick("g", candidates, {"b"}, request("g")).id == "a"
        assert own.pick("g", candidates, {"a", "b"}, request("g")).id == "c"
        own.cooldowns.failed(candidates[1], 3, failure(429), own.settings)
        assert own.pick("g", candidates, set(), request("g")).id == "a"

    def test_weights_count_within_an_order(self) -> None:
        random.seed(7)
        own = router([made_entry("g", "a", order=1, weight=1), made_entry("g", "b", order=1, weight=3)])
        counts = Counter(own.pick("g", own.candidates("g"), set(), request("g")).id for _ in range(2000))
        assert counts["b"] / 2000 == pytest.approx(0.75, abs=0.04)

    def test_whoever_rests_gets_no_traffic(self) -> None:
        own = router(groups({"g": 3}))
        candidates = own.candidates("g")
        own.cooldowns.failed(candidates[0], 3, failure(429), own.settings)
        assert {own.pick("g", candidates, set(), request("g")).id for _ in range(200)} == {"g-2", "g-3"}
