"""Budgets: who has spent its dollars serves nobody until its window is over."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.config.errors import ConfigError
from proxy.config.model import ProxyConfig, RouterSettings, Settings
from proxy.durations import seconds_of
from proxy.routing.budgets import Budgets, Spending
from proxy.routing.cooldown import Cooldowns
from proxy.routing.refusals import NoDeployments
from proxy.routing.router import Router
from proxy.sharing import SharedSpending, StateTotals
from proxy.state.memory import MemoryState
from tests.proxy.routing.making import Clock, entry, request

CAPPED = {"max_budget": 1.0, "budget_duration": "10s"}


def budgeted(*entries: Any, clock: Clock | None = None, spending: Spending | None = None, **settings: Any) -> Router:
    config = ProxyConfig(model_list=entries, router_settings=RouterSettings(**settings), folder=Path())
    return Router(config, Cooldowns(clock or Clock()), spending or Spending(clock or Clock()))


def budgets_of(router: Router) -> Budgets:
    assert router.budgets is not None
    return router.budgets


def serving(router: Router, model: str) -> set[str]:
    """Who serves a group, in many tries."""
    return {router.pick(model, router.candidates(model), set(), request(model)).id for _ in range(30)}


def test_a_deployment_rests_when_its_budget_is_spent_until_the_window_is_over() -> None:
    clock = Clock()
    router = budgeted(entry("g", "capped", other=CAPPED), entry("g", "free"), clock=clock)
    capped = router.groups.by_name["g"][0]
    budgets = budgets_of(router)
    budgets.charge(capped, 0.5)
    assert serving(router, "g") == {"capped", "free"}
    clock.now += 9
    budgets.charge(capped, 0.5)
    assert serving(router, "g") == {"free"}
    clock.now += 1
    assert serving(router, "g") == {"capped", "free"}


def test_a_group_that_has_spent_everything_says_whose_budget_it_was() -> None:
    router = budgeted(
        entry("g", "one", other=CAPPED), provider_budget_config={"openai": {"budget_limit": "0.5", "time_period": "1d"}}
    )
    budgets_of(router).charge(router.groups.by_name["g"][0], 2.0)
    with pytest.raises(NoDeployments) as caught:
        serving(router, "g")
    assert caught.value.status == 429
    assert str(caught.value.message) == (
        "No deployments available - crossed budget: Exceeded budget for provider openai: 2.0 >= 0.5\n"
        "Exceeded budget for deployment model_name: g, litellm_params.model: openai/one, model_id: one: 2.0 >= 1.0\n"
    )


def test_a_provider_pays_for_all_its_deployments() -> None:
    router = budgeted(
        entry("a"),
        entry("b"),
        entry("c", model="deepseek/c"),
        provider_budget_config={"openai": {"budget_limit": 1, "time_period": "1d"}},
    )
    budgets_of(router).charge(router.groups.by_name["a"][0], 1.0)
    for model in ("a", "b"):
        with pytest.raises(NoDeployments):
            serving(router, model)
    assert len(serving(router, "c")) == 1


def tagged(budgets: Any) -> Router:
    settings = Settings(other={"tag_budget_config": budgets})
    config = ProxyConfig(model_list=(entry("g"),), settings=settings, folder=Path())
    return Router(config, Cooldowns(Clock()), Spending(Clock()))


def test_a_tag_that_has_spent_its_budget_is_served_no_more() -> None:
    router = tagged({"blue": {"max_budget": 0.5, "budget_duration": "1d"}})
    candidates = router.candidates("g")
    blue, red = request("g"), request("g")
    blue.tags, red.tags = ("red", "blue"), ("red",)
    assert router.reads_tags
    router.pick("g", candidates, set(), blue)
    budgets_of(router).charge(candidates[0], 0.5, (*blue.tags, "blue"))
    router.pick("g", candidates, set(), red)
    with pytest.raises(NoDeployments) as caught:
        router.pick("g", candidates, set(), blue)
    assert caught.value.message == (
        "No deployments available - crossed budget: Exceeded budget for tag='blue', tag_spend=0.5, tag_budget_limit=0.5\n"
    )


@pytest.mark.parametrize("given", [{"blue": 1}, {"blue": {"max_budget": -1, "budget_duration": "1d"}}, ["blue"]])
def test_a_wrong_budget_of_a_tag(given: Any) -> None:
    with pytest.raises(ConfigError, match="tag_budget_config"):
        tagged(given)


def test_a_limit_without_a_window_is_none() -> None:
    assert budgeted(entry("g", other={"max_budget": 0.0})).budgets is None


@pytest.mark.parametrize(
    ("settings", "other", "told"),
    [
        ({"openai": {"budget_limit": 1, "time_period": "soon"}}, {}, "provider_budget_config"),
        ({"openai": {"budget_limit": 1, "time_period": "0d"}}, {}, "provider_budget_config"),
        ({"openai": {"budget_limit": 1, "time_period": "1d\n"}}, {}, "provider_budget_config"),
        ({}, {"max_budget": 1, "budget_duration": "0s"}, "budget_duration"),
        ({"openai": {"budget_limit": -1, "time_period": "1d"}}, {}, "provider_budget_config"),
        ({"openai": {"limit": 1}}, {}, "provider_budget_config"),
        ({}, {"max_budget": "much", "budget_duration": "1d"}, "max_budget"),
        ({}, {"max_budget": 1, "budget_duration": "1y"}, "budget_duration"),
    ],
)
def test_a_wrong_budget_is_refused_at_the_start(settings: Any, other: Any, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        budgeted(entry("g", other=other), provider_budget_config=settings)


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        ("1mo", "2026-01-31", "2026-02-28"),
        ("1mo", "2026-12-05", "2027-01-05"),
        ("14mo", "2026-11-24", "2028-01-24"),
        ("2w", "2026-11-24", "2026-12-08"),
    ],
)
def test_where_a_window_ends(period: str, start: str, end: str) -> None:
    begins, ends = (datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() for day in (start, end))
    assert begins + seconds_of(period, begins) == ends


@given(st.lists(st.tuples(st.floats(0, 2), st.floats(0, 6)), max_size=30))
def test_spending_is_the_sum_of_a_window_and_never_of_two(steps: list[tuple[float, float]]) -> None:
    clock = Clock()
    router = budgeted(entry("g", "capped", other=CAPPED), clock=clock)
    capped, budgets = router.groups.by_name["g"][0], budgets_of(router)
    [budget] = budgets.all
    window: float | None = None
    total = 0.0
    for dollars, pause in steps:
        if window is not None and clock.now >= window:
            window, total = None, 0.0
        window = clock.now + 10 if window is None else window
        total += dollars
        budgets.charge(capped, dollars)
        assert budgets.spending.of(budget) == pytest.approx(total)
        assert bool(budgets.affordable([capped])) == (budgets.spending.of(budget) < 1.0)
        clock.now += pause


def test_processes_add_up_what_they_spend() -> None:
    async def scenario() -> None:
        totals = StateTotals(MemoryState())
        routers = [budgeted(entry("g", "capped", other={**CAPPED, "budget_duration": "1d"})) for _ in range(2)]
        shared = [SharedSpending(totals, lambda router=router: router.budgets, 0.01) for router in routers]  # type: ignore[misc]
        for one in shared:
            await one.start()
        for router in routers:
            budgets_of(router).charge(router.groups.by_name["g"][0], 0.6)
        await asyncio.sleep(0.1)
        for router in routers:
            [budget] = budgets_of(router).all
            assert budgets_of(router).spending.of(budget) == pytest.approx(1.2)
            with pytest.raises(NoDeployments):
                serving(router, "g")
        budgets_of(routers[0]).charge(routers[0].groups.by_name["g"][0], 1.0)
        for one in shared:
            await one.stop()
        later = budgeted(entry("g", "capped", other={**CAPPED, "budget_duration": "1d"}))
        started = SharedSpending(totals, lambda: later.budgets, 0.01)
        await started.start()
        [budget] = budgets_of(later).all
        assert budgets_of(later).spending.of(budget) == pytest.approx(2.2)
        await started.stop()

    asyncio.run(scenario())
