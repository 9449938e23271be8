"""Ways to break the dynamic limiters, and the cases of F6 that notice."""

from collections.abc import Callable
from typing import Any

from contracts.harness.sabotaged import Sabotage

Original = Callable[..., Any]


def forgets_shares(original: Original, shares: Any, model: str, priority: str | None) -> Any:
    share = original(shares, model, priority)
    share._pools = []
    return share


def gives_strangers_a_pool_each(original: Original, shares: Any, model: str, priority: str | None) -> Any:
    share = original(shares, model, priority)
    if priority not in shares._weights:
        share._pools = [type(part)(part.scope, f"{model}:{id(share)}", part.unit, part.limit) for part in share._pools]
    return share


def takes_the_priority_of_the_key(original: Original, caller: Any) -> str | None:
    priority: str | None = caller.metadata.get("priority")
    return priority


def lets_shares_be_more_than_everything(original: Original, shares: Any, ceiling: Any, priority: str | None) -> float:
    weight = shares._weights.get(priority)
    return shares._default if weight is None else weight.of(ceiling)


def counts_one_deployment(original: Original, groups: Any) -> Any:
    class One:
        def find(self, model: str) -> Any:
            return (groups.find(model) or ())[:1]

    return original(One())


def forgets_tokens(original: Original, counted: Any, usage: Any) -> int:
    return 0


def says_nothing_of_priorities(original: Original, share: Any, found: Any) -> Any:
    return []


def takes_every_key_for_the_only_one(original: Original, project: Any, left: int, active: int) -> int:
    return original(project, left, 1)


def quotes_the_older_limiter_wrong(original: Original, error: str) -> str:
    return error


_PRIORITY = "proxy.limits.limiter.priority_of"
_SHARE = "proxy.limits.shares.Share"
_SHARES = "proxy.limits.shares.Shares"

SABOTAGES = [
    Sabotage(
        name="forgets-shares",
        patches=[(f"{_SHARES}.claim", forgets_shares)],
        trips=[
            "test_a_share_may_be_exceeded_until_the_model_is_saturated",
            "test_a_share_is_kept_for_its_priority",
            "test_callers_without_a_share_have_one_in_common",
            "test_the_priority_of_a_team_counts_before_that_of_its_key",
            "test_deployments_are_summed",
            "test_tokens_of_a_share",
            "test_a_model_that_is_full_refuses_everybody",
        ],
    ),
    Sabotage(
        name="gives-strangers-a-pool-each",
        patches=[(f"{_SHARES}.claim", gives_strangers_a_pool_each)],
        trips=["test_callers_without_a_share_have_one_in_common"],
    ),
    Sabotage(
        name="takes-the-priority-of-the-key",
        patches=[(_PRIORITY, takes_the_priority_of_the_key)],
        trips=["test_the_priority_of_a_team_counts_before_that_of_its_key"],
    ),
    Sabotage(
        name="lets-shares-be-more-than-everything",
        patches=[(f"{_SHARES}._share", lets_shares_be_more_than_everything)],
        trips=[
            "test_tokens_of_a_share",
            "test_deployments_are_summed",
            "test_a_model_that_is_full_refuses_everybody",
        ],
    ),
    Sabotage(
        name="counts-one-deployment",
        patches=[("proxy.limits.settings.ceilings", counts_one_deployment)],
        trips=["test_deployments_are_summed"],
    ),
    Sabotage(
        name="forgets-tokens",
        patches=[("proxy.limits.settings.Counted.of", forgets_tokens)],
        trips=[
            "test_tokens",
            "test_tokens_of_a_share",
            "test_a_model_that_is_full_refuses_everybody",
            "test_other_endpoints",
            "test_streams",
        ],
    ),
    Sabotage(
        name="says-nothing-of-priorities",
        patches=[(f"{_SHARE}.headers", says_nothing_of_priorities)],
        trips=[
            "test_a_model_without_limits",
            "test_a_share_may_be_exceeded_until_the_model_is_saturated",
            "test_a_share_is_kept_for_its_priority",
            "test_callers_without_a_share_have_one_in_common",
            "test_the_priority_of_a_team_counts_before_that_of_its_key",
            "test_deployments_are_summed",
            "test_tokens_of_a_share",
            "test_a_model_that_is_full_refuses_everybody",
            "test_the_limits_of_a_key_count_too",
        ],
    ),
    Sabotage(
        name="takes-every-key-for-the-only-one",
        patches=[("proxy.limits.projects.Project._share", takes_every_key_for_the_only_one)],
        trips=["test_two_keys_have_the_half_each"],
    ),
    Sabotage(
        name="quotes-wrong",
        patches=[("proxy.limits.projects.told", quotes_the_older_limiter_wrong)],
        trips=["test_requests_of_one_key", "test_two_keys_have_the_half_each", "test_tokens"],
    ),
]
