"""Ways to break retry policies, allowed failures and timeouts of groups, and the cases of B5 that notice."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import msgspec

from contracts.harness.sabotaged import Sabotage

Original = Callable[..., Any]


def _with(router: Any, **settings: Any) -> Any:
    """The same router, with other settings."""
    return SimpleNamespace(settings=msgspec.structs.replace(router.settings, **settings))


def knows_no_policy_of_groups(original: Original, router: Any, model: str, failure: Any) -> int | None:
    return original(_with(router, model_group_retry_policy={}), model, failure)  # type: ignore[no-any-return]


def knows_no_general_policy(original: Original, router: Any, model: str, failure: Any) -> int | None:
    return original(_with(router, retry_policy=None), model, failure)  # type: ignore[no-any-return]


def asks_the_general_policy_too(original: Original, router: Any, model: str, failure: Any) -> int | None:
    found = original(router, model, failure)
    general = original(_with(router, model_group_retry_policy={}), model, failure)
    return general if found is None else found  # type: ignore[no-any-return]


def follows_aliases(original: Original, router: Any, model: str, failure: Any) -> int | None:
    return original(router, router.groups.unaliased(model), failure)  # type: ignore[no-any-return]


def takes_all_wrong_requests_for_one_class(original: Original, failure: Any) -> str | None:
    found: str | None = original(failure)
    return "bad_request_error" if found == "content_policy_violation_error" else found


def sees_no_mistake_in_long_prompts(original: Original, failure: Any) -> str | None:
    return None if failure.kind == "context_window" else original(failure)


def takes_every_5xx_for_one_class(original: Original, failure: Any) -> str | None:
    found: str | None = original(failure)
    return "internal_server_error" if failure.status in (502, 503) else found


def knows_no_internal_errors(original: Original, failure: Any) -> str | None:
    found: str | None = original(failure)
    return None if found == "internal_server_error" else found


def asks_the_client_first(original: Original, plan: Any, *given: Any) -> int:
    found: int = original(plan, *given)
    return 0 if plan._request.num_retries == 0 else found


def ignores_the_groups_number(original: Original, plan: Any, model: str, *given: Any) -> int:
    settings = plan._router.settings
    policy = settings.model_group_retry_policy.get(model)
    if policy is None or policy.num_retries is None:
        return original(plan, model, *given)  # type: ignore[no-any-return]
    bare = {**settings.model_group_retry_policy, model: msgspec.structs.replace(policy, num_retries=None)}
    plan._router.settings = msgspec.structs.replace(settings, model_group_retry_policy=bare)
    try:
        return original(plan, model, *given)  # type: ignore[no-any-return]
    finally:
        plan._router.settings = settings


def retries_whatever_failed(original: Original, failure: Any, candidates: Any) -> bool:
    original(failure, candidates)
    return True


def has_no_timeouts_of_groups(original: Original, preparation: Any, step: Any) -> float:
    seconds: float = original(preparation, step)
    return 6000.0 if step.deployment.params.timeout is None else seconds


def has_no_timeouts_of_deployments(original: Original, preparation: Any, step: Any) -> float:
    seconds: float = original(preparation, step)
    return 6000.0 if step.deployment.params.timeout is not None else seconds


def allows_nothing_by_class(original: Original, failure: Any, settings: Any) -> int | None:
    return original(failure, msgspec.structs.replace(settings, allowed_fails_policy=None))  # type: ignore[no-any-return]


def allows_three_at_most(original: Original, failure: Any, settings: Any) -> int | None:
    original(failure, settings)
    return 3


def takes_zero_for_a_number(original: Original, failure: Any, settings: Any) -> int | None:
    return 0 if failure.kind == "timeout" else original(failure, settings)


def never_forgets(original: Original, cooldowns: Any, record: Any, *given: Any) -> bool:
    record.failed_at = cooldowns._clock()
    return original(cooldowns, record, *given)  # type: ignore[no-any-return]


def blames_deployments_for_clients(original: Original, cooldowns: Any, deployment: Any, size: int, *rest: Any) -> None:
    failure, settings = rest
    failure.status, told = (401, 400) if failure.status == 400 else (failure.status, failure.status)
    original(cooldowns, deployment, size, failure, settings)
    failure.status = told


def forgives_at_success(original: Original, cooldowns: Any, deployment: Any) -> None:
    original(cooldowns, deployment)
    cooldowns._records[deployment.id].fails = 0


SABOTAGES = [
    Sabotage(
        name="knows-no-policy-of-groups",
        patches=[("proxy.routing.router.Router.retries_by_policy", knows_no_policy_of_groups)],
        trips=[
            *(f"test_a_groups_policy[{case}]" for case in ("429-4", "400-3", "408-1", "422-3")),
            "test_subclasses_of_wrong_requests",
            "test_a_groups_policy_replaces_the_general_one[named]",
            "test_a_groups_policy_replaces_the_general_one[not-the-general-one]",
            "test_a_retry_that_helps",
            "test_the_first_error_says_how_often",
            "test_a_policy_counts_more_than_the_client[named-body]",
            "test_a_policy_counts_more_than_the_client[named-header]",
            "test_a_fallback_goes_by_its_own_policy",
            "test_a_key_that_is_wrong_is_tried_again_where_the_policy_says_so",
            "test_other_endpoints",
            "test_embeddings",
            "test_the_newer_endpoints",
            "test_internal_server_errors",
            "test_what_a_number_of_retries_does_not_mean[mixed-429]",
            "test_a_groups_number_of_retries[counted-408-4]",
            "test_a_timeout_of_the_groups_deployments",
        ],
    ),
    Sabotage(
        name="knows-no-general-policy",
        patches=[("proxy.routing.router.Router.retries_by_policy", knows_no_general_policy)],
        trips=["test_the_general_policy[408-3]"],
    ),
    Sabotage(
        name="asks-the-general-policy-too",
        patches=[("proxy.routing.router.Router.retries_by_policy", asks_the_general_policy_too)],
        trips=[
            "test_a_groups_policy_replaces_the_general_one[not-the-general-one]",
            "test_a_groups_number_of_retries[counted-408-4]",
        ],
    ),
    Sabotage(
        name="follows-aliases",
        patches=[("proxy.routing.router.Router.retries_by_policy", follows_aliases)],
        trips=["test_an_alias_has_no_policy_of_its_target"],
    ),
    Sabotage(
        name="takes-all-wrong-requests-for-one-class",
        patches=[("proxy.routing.router.class_of", takes_all_wrong_requests_for_one_class)],
        trips=["test_subclasses_of_wrong_requests[content-policy]"],
    ),
    Sabotage(
        name="sees-no-mistake-in-long-prompts",
        patches=[("proxy.routing.router.class_of", sees_no_mistake_in_long_prompts)],
        trips=["test_subclasses_of_wrong_requests[context-window]"],
    ),
    Sabotage(
        name="takes-every-5xx-for-one-class",
        patches=[("proxy.routing.router.class_of", takes_every_5xx_for_one_class)],
        trips=[
            "test_a_groups_policy[503-2]",
            "test_a_groups_policy[502-2]",
            "test_a_policy_counts_more_than_the_client[unnamed-body]",
            "test_a_policy_counts_more_than_the_client[unnamed-header]",
        ],
    ),
    Sabotage(
        name="knows-no-internal-errors",
        patches=[
            ("proxy.routing.router.class_of", knows_no_internal_errors),
            ("proxy.routing.cooldown.class_of", knows_no_internal_errors),
        ],
        trips=["test_internal_server_errors", "test_internal_server_errors_are_limited"],
    ),
    Sabotage(
        name="asks-the-client-first",
        patches=[("proxy.routing.plan.Plan._retries", asks_the_client_first)],
        trips=[
            "test_a_policy_counts_more_than_the_client[named-body]",
            "test_a_policy_counts_more_than_the_client[named-header]",
        ],
    ),
    Sabotage(
        name="ignores-the-groups-number",
        patches=[("proxy.routing.plan.Plan._retries", ignores_the_groups_number)],
        trips=["test_a_groups_number_of_retries"],
    ),
    Sabotage(
        name="retries-whatever-failed",
        patches=[("proxy.routing.plan._may_pass", retries_whatever_failed)],
        trips=[
            "test_a_groups_policy[404-1]",
            "test_a_groups_policy_replaces_the_general_one[final]",
            "test_the_general_policy[400-1]",
            "test_the_general_policy[404-1]",
            "test_what_a_number_of_retries_does_not_mean[counted-400]",
            "test_what_a_number_of_retries_does_not_mean[counted-404]",
        ],
    ),
    Sabotage(
        name="has-no-timeouts-of-groups",
        patches=[("proxy.preparation.Preparation.timeout", has_no_timeouts_of_groups)],
        trips=["test_a_groups_timeout"],
    ),
    Sabotage(
        name="has-no-timeouts-of-deployments",
        patches=[("proxy.preparation.Preparation.timeout", has_no_timeouts_of_deployments)],
        trips=["test_a_timeout_of_the_groups_deployments"],
    ),
    Sabotage(
        name="allows-nothing-by-class",
        patches=[("proxy.routing.cooldown._allowed_fails", allows_nothing_by_class)],
        trips=[
            "test_one_failure_too_many",
            "test_internal_server_errors_are_limited",
            "test_failures_of_all_classes_count_together",
            "test_a_success_takes_nothing_away",
            "test_one_of_several_is_given_as_many",
        ],
    ),
    Sabotage(
        name="allows-three-at-most",
        patches=[("proxy.routing.cooldown._allowed_fails", allows_three_at_most)],
        trips=[
            "test_one_failure_too_many[named]",
            "test_one_failure_too_many[named-too]",
            "test_internal_server_errors_are_limited",
            "test_failures_of_all_classes_count_together",
            "test_a_success_takes_nothing_away",
        ],
    ),
    Sabotage(
        name="takes-zero-for-a-number",
        patches=[("proxy.routing.cooldown._allowed_fails", takes_zero_for_a_number)],
        trips=["test_one_failure_too_many[zero]"],
    ),
    Sabotage(
        name="never-forgets",
        patches=[("proxy.routing.cooldown.Cooldowns._cools_down", never_forgets)],
        trips=["test_failures_of_long_ago_are_forgotten"],
    ),
    Sabotage(
        name="blames-deployments-for-clients",
        patches=[("proxy.routing.cooldown.Cooldowns.failed", blames_deployments_for_clients)],
        trips=["test_wrong_requests_count_nothing"],
    ),
    Sabotage(
        name="forgives-at-success",
        patches=[("proxy.routing.cooldown.Cooldowns.succeeded", forgives_at_success)],
        trips=["test_a_success_takes_nothing_away"],
    ),
]
