"""Ways to break our proxy's routing strategies, and the cases of B2 that notice."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from contracts.harness.sabotaged import Sabotage

Original = Callable[..., Any]
STRATEGIES = "proxy.routing.strategies"


def picks_the_first(_original: Original, _strategy: Any, _model: str, deployments: Sequence[Any], _request: Any) -> Any:
    return deployments[0]


def picks_the_last(_original: Original, _strategy: Any, _model: str, deployments: Sequence[Any], _request: Any) -> Any:
    return deployments[-1]


def admits_one_less(original: Original, traffic: Any, deployment: Any, default_parallel: int | None = None) -> bool:
    rpm = deployment.params.rpm
    below = rpm is None or rpm == 1 or traffic.of(deployment).all_requests + 1 < rpm
    return below and bool(original(traffic, deployment, default_parallel))


def takes_tokens_off(original: Original, visit: Any, usage: Any) -> None:
    """Not merely none: who serves would be left to chance, and a case might not notice."""
    original(visit, msgspec.structs.replace(usage, total_tokens=-usage.total_tokens))


def counts_no_stream(original: Original, visit: Any, usage: Any) -> None:
    original(visit, type(usage)() if visit._first_token is not None else usage)


def tells_no_limits(_original: Original, _capacity: Any, _group: str, _members: Any) -> list[Any]:
    return []


def knows_no_price(_original: Original, _strategy: Any, _deployment: Any) -> float:
    return 1.0


def can_afford_all(_original: Original, _budgets: Any, deployments: Sequence[Any]) -> list[Any]:
    return list(deployments)


SABOTAGES = [
    Sabotage(
        name="shuffles-without-shares",
        patches=[(f"{STRATEGIES}.simple_shuffle.Strategy.pick", picks_the_last)],
        trips=[
            "test_traffic_follows_shares",
            "test_shares_that_the_first_deployment_does_not_have_are_ignored",
            "test_whoever_lacks_the_share_of_the_first_gets_nothing",
        ],
    ),
    Sabotage(
        name="takes-the-first-whoever-is-used",
        patches=[(f"{STRATEGIES}.usage_based_routing_v2.Strategy.pick", picks_the_first)],
        trips=[
            "test_the_least_used_deployment_serves",
            "test_a_limit_may_stand_in_three_places",
            "test_a_limit_admits_as_many_as_it_says",
            "test_tokens_are_limited",
            "test_text_completions_are_limited",
            "test_embeddings_are_limited",
            "test_a_group_over_its_limit_falls_back",
            "test_calls_that_fail_count_too",
            "test_usage_is_shared_through_redis",
            "test_a_limit_is_shared_through_redis",
            "test_lowest_tpm_rpm_names_the_same",
        ],
    ),
    Sabotage(
        name="takes-the-last-whoever-is-used",
        patches=[(f"{STRATEGIES}.usage_based_routing.Strategy.pick", picks_the_last)],
        trips=[
            "test_the_first_of_the_least_used_serves",
            "test_requests_are_limited_by_the_first_strategy_too",
            "test_tokens_are_limited_by_the_first_strategy_too",
        ],
    ),
    Sabotage(
        name="admits-one-request-less",
        patches=[("proxy.routing.traffic.Traffic.has_room", admits_one_less)],
        trips=[
            "test_a_limit_admits_as_many_as_it_says",
            "test_requests_are_limited_by_the_first_strategy_too",
            "test_the_cheapest_is_limited",
        ],
    ),
    Sabotage(
        name="takes-tokens-off",
        patches=[("proxy.capacity.Visit.answered", takes_tokens_off)],
        trips=[
            "test_the_least_used_deployment_serves",
            "test_tokens_are_limited",
            "test_the_first_of_the_least_used_serves",
            "test_tokens_are_limited_by_the_first_strategy_too",
            "test_answers_tell_what_the_group_has_left",
            "test_usage_is_shared_through_redis",
            "test_lowest_tpm_rpm_names_the_same",
        ],
    ),
    Sabotage(
        name="counts-no-tokens-of-streams",
        patches=[("proxy.capacity.Visit.answered", counts_no_stream)],
        trips=["test_the_least_used_deployment_serves[True]"],
    ),
    Sabotage(
        name="tells-no-limits-of-the-group",
        patches=[("proxy.capacity.Capacity._limits", tells_no_limits)],
        trips=["test_answers_tell_what_the_group_has_left"],
    ),
    Sabotage(
        name="knows-no-price",
        patches=[(f"{STRATEGIES}.cost_based_routing.Strategy._cost", knows_no_price)],
        trips=["test_the_cheapest_serves[priced-2]", "test_the_cheapest_serves[unknown-2]"],
    ),
    Sabotage(
        name="does-not-look-at-the-clock",
        patches=[(f"{STRATEGIES}.latency_based_routing.Strategy.pick", picks_the_first)],
        trips=["test_the_fastest_serves"],
    ),
    Sabotage(
        name="does-not-see-who-is-busy",
        patches=[(f"{STRATEGIES}.least_busy.Strategy.pick", picks_the_first)],
        trips=["test_whoever_has_the_fewest_calls_serves"],
    ),
    Sabotage(
        name="can-afford-everything",
        patches=[("proxy.routing.budgets.Budgets.affordable", can_afford_all)],
        trips=["test_budgets_hold_under_the_first_strategy"],
    ),
]
