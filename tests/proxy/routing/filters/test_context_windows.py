"""Which deployments have room for a call, and when it is counted for that."""

import math
from collections.abc import Mapping
from pathlib import Path

import pytest

from proxy.config.model import ProxyConfig, Settings
from proxy.deployment import Deployment
from proxy.errors import Failure
from proxy.routing.budgets import Spending
from proxy.routing.cooldown import Cooldowns
from proxy.routing.filters.context_windows import ContextWindows
from proxy.routing.plan import Plan
from proxy.routing.request import RouteRequest
from proxy.routing.router import Router
from tests.proxy.routing.making import deployment, entry, groups, request, router

WINDOWS = {"small": 20, "large": 9000}


def window(deployment: Deployment, windows: Mapping[str, int] = WINDOWS) -> int | None:
    return windows.get(deployment.id)


class Counting:
    """Says how many tokens there are, and remembers being asked."""

    def __init__(self, tokens: int) -> None:
        self.tokens = tokens
        self.asked = 0

    def __call__(self) -> int:
        self.asked += 1
        return self.tokens


def chat(tokens: int, at_most: int = 10_000) -> tuple[RouteRequest, Counting]:
    counting = Counting(tokens)
    return request("g", has_messages=True, count_tokens=counting, tokens_at_most=at_most), counting


def roomy(names: str, asked: RouteRequest) -> list[str]:
    deployments = [deployment(name=name) for name in names.split()]
    return [found.id for found in ContextWindows(window)("g", deployments, asked)]


@pytest.mark.parametrize(
    ("tokens", "left"),
    [
        (20, ["small", "large", "unknown"]),
        (21, ["large", "unknown"]),
        (9000, ["large", "unknown"]),
        (9001, ["unknown"]),
    ],
)
def test_a_call_goes_where_it_has_room(tokens: int, left: list[str]) -> None:
    assert roomy("small large unknown", chat(tokens)[0]) == left


def test_nobody_has_room() -> None:
    with pytest.raises(Failure) as caught:
        roomy("small large", chat(9001)[0])
    assert (caught.value.status, caught.value.kind, caught.value.reached) == (400, "context_window", False)
    assert "Model=openai/small, Max Input Tokens=20, Got=9001" in caught.value.message
    assert "Model=openai/large, Max Input Tokens=9000, Got=9001" in caught.value.message


def test_nobody_has_room_where_nobody_is() -> None:
    assert roomy("", chat(9001)[0]) == []


def test_what_surely_fits_is_not_counted() -> None:
    asked, counting = chat(20, at_most=20)
    assert roomy("small large unknown", asked) == ["small", "large", "unknown"]
    assert counting.asked == 0


def test_other_calls_than_chats_go_anywhere() -> None:
    asked, counting = chat(9001)
    asked.has_messages = False
    assert roomy("small", asked) == ["small"]
    assert counting.asked == 0


@pytest.mark.parametrize(
    ("names", "smallest"),
    [("small large", 20), ("large unknown", 9000), ("unknown", math.inf), ("", math.inf)],
)
def test_the_smallest_window(names: str, smallest: float) -> None:
    assert ContextWindows(window).smallest(deployment(name=name) for name in names.split()) == smallest


def test_of_wildcards_no_window_is_known_beforehand() -> None:
    assert ContextWindows(window).smallest([deployment(name="large"), deployment(name="all", model="openai/*")]) == 0


def test_checks_are_made_only_where_they_are_wanted() -> None:
    asked, counting = chat(9001)
    members = [entry("g", "small")]
    without = router(members, window=window)
    assert without.pick("g", without.candidates("g"), set(), asked).id == "small"
    assert (without.counts_above, counting.asked) == (math.inf, 0)

    checking = router(members, window=window, enable_pre_call_checks=True)
    assert checking.counts_above == 20
    with pytest.raises(Failure, match="Context Window exceeded"):
        checking.pick("g", checking.candidates("g"), set(), asked)


def test_nothing_is_counted_where_counting_is_disabled() -> None:
    config = ProxyConfig(
        model_list=(entry("g", "small"),),
        router_settings=router([], enable_pre_call_checks=True).settings,
        settings=Settings(other={"disable_token_counter": True}),
        folder=Path(),
    )
    assert Router(config, Cooldowns(), Spending(), window=window).counts_above == math.inf


def test_a_fallback_for_context_windows_is_tried() -> None:
    members = [entry("g", "small"), *groups({"other": 1})]
    routing = router(members, window=window, enable_pre_call_checks=True, context_window_fallbacks={"g": ["other"]})
    step = next(Plan(routing, chat(9001)[0]).steps())
    assert step.deployment.id == "other-1"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("strategy", "tpm", "above"),
    [
        ("simple-shuffle", 5, math.inf),
        ("least-busy", 5, math.inf),
        ("usage-based-routing-v2", None, math.inf),
        ("usage-based-routing-v2", 5, 0),
        ("latency-based-routing", 5, 0),
    ],
)
def test_strategies_that_limit_tokens_ask_for_them(strategy: str, tpm: int | None, above: float) -> None:
    assert router([entry("g", "one", tpm=tpm)], routing_strategy=strategy).counts_above == above
