"""Ways to break our proxy's budgets, and the cases of F8 that notice."""

from collections.abc import Callable, Sequence
from typing import Any

from contracts.harness.sabotaged import Sabotage

Original = Callable[..., Any]


def affords_deployments(original: Original, budgets: Any, deployments: Sequence[Any]) -> Any:
    return [one for one in deployments if one.provider == "openai"] or original(budgets, deployments)


def affords_providers(original: Original, budgets: Any, deployments: Sequence[Any]) -> Any:
    return [one for one in deployments if one.provider != "openai"] or original(budgets, deployments)


def never_begins_anew(original: Original, spending: Any, budget: Any) -> float:
    spent: float = spending._spent.get(budget.key, 0.0)
    return spent


def needs_no_window(original: Original, deployment: Any) -> Any:
    deployment.params.other.setdefault("budget_duration", "1d")
    if deployment.params.other["budget_duration"] is None:
        deployment.params.other["budget_duration"] = "1d"
    return original(deployment)


def tells_no_limit(original: Original, budgets: Any, deployments: Sequence[Any]) -> str:
    text: str = original(budgets, deployments)
    return text.replace(">= 0.02", ">= 1d")


def lets_keys_spend(_original: Original, _access: Any, _names: Any, _deployments: Any) -> None:
    return


def looks_at_the_group_alone(original: Original, access: Any, *names: str) -> Any:
    return original(access, *names[:1])


def keeps_periods(_original: Original, text: str) -> bool:
    return False


def accepts_any_budget(_original: Original, _given: Any) -> None:
    return


SABOTAGES = [
    Sabotage(
        name="affords-every-deployment",
        patches=[("proxy.routing.budgets.Budgets.affordable", affords_deployments)],
        trips=[
            "test_a_deployment_whose_budget_is_spent",
            "test_the_limit_is_told",
            "test_a_stream_is_refused_as_json",
            "test_the_others_of_a_group_serve",
            "test_a_group_over_its_budget_falls_back",
            "test_an_alias_over_its_budget_falls_back_by_its_own_list",
            "test_a_window_ends",
            "test_a_refusal_is_not_tried_again",
        ],
    ),
    Sabotage(
        name="affords-every-provider",
        patches=[("proxy.routing.budgets.Budgets.affordable", affords_providers)],
        trips=["test_a_provider_whose_budget_is_spent"],
    ),
    Sabotage(
        name="never-begins-anew",
        patches=[("proxy.routing.budgets.Spending.of", never_begins_anew)],
        trips=["test_a_window_ends"],
    ),
    Sabotage(
        name="needs-no-window",
        patches=[("proxy.routing.budgets._own_budget", needs_no_window)],
        trips=["test_dollars_without_a_window_are_no_budget"],
    ),
    Sabotage(
        name="tells-no-limit",
        patches=[("proxy.routing.budgets.Budgets.told", tells_no_limit)],
        trips=["test_the_limit_is_told"],
    ),
    Sabotage(
        name="lets-keys-spend",
        patches=[("proxy.auth.admission.check_model_budget", lets_keys_spend)],
        trips=[
            "test_a_model_whose_budget_is_spent",
            "test_the_model_behind_a_group_has_the_budget",
            "test_a_period_ends",
        ],
    ),
    Sabotage(
        name="charges-the-group-alone",
        patches=[("proxy.auth.access.Access.model_budget", looks_at_the_group_alone)],
        trips=["test_the_model_behind_a_group_has_the_budget"],
    ),
    Sabotage(
        name="keeps-periods-for-ever",
        patches=[("proxy.auth.model_budgets.is_period", keeps_periods)],
        trips=["test_a_period_ends"],
    ),
    Sabotage(
        name="accepts-any-budget",
        patches=[("proxy.management.keys_making.check_model_budgets", accepts_any_budget)],
        trips=["test_what_is_no_budget_is_refused"],
    ),
]
