"""Patches that the contracts of D1 about spend must notice."""

from collections.abc import Callable
from typing import Any

from contracts.harness.sabotaged import Sabotage


def instead(value: Any) -> Callable[..., Any]:
    """Whatever is asked, this."""
    return lambda *_args, **_options: value


async def no_rows(*_args: Any) -> list[Any]:
    """In place of rows."""
    return []


def users_alone(_original: Any, record: Any) -> list[tuple[str, str]]:
    """Whose days are kept."""
    return [("user", record.user or "")]


SABOTAGES = [
    Sabotage(
        name="everybody-sees-all-spend",
        patches=[
            ("proxy.api.management.spend_logs.sees_own_only", instead(False)),
            ("proxy.api.management.activity_daily.sees_own_only", instead(False)),
        ],
        trips=["test_a_user_sees_its_own_calls", "test_a_user_sees_its_own_activity"],
    ),
    Sabotage(
        name="pages-have-no-filters",
        patches=[("proxy.api.management.spend_logs._filters", instead([]))],
        trips=["test_a_page", "test_filters_of_pages", "test_failures_by_code_and_text"],
    ),
    Sabotage(
        name="days-cost-nothing",
        patches=[("proxy.api.management.spend_logs._by_day", instead([]))],
        trips=["test_what_each_day_cost"],
    ),
    Sabotage(
        name="tags-have-no-days",
        patches=[("proxy.accounting.totals._entities", users_alone)],
        trips=["test_the_activity_of_others"],
    ),
    Sabotage(
        name="days-have-no-keys",
        patches=[("proxy.api.management.activity_daily._add_key", instead(None))],
        trips=["test_the_activity_of_a_user", "test_the_activity_of_others"],
    ),
    Sabotage(
        name="costs-are-guessed",
        patches=[("proxy.api.management.spend._tokens", instead(1))],
        trips=["test_the_cost_of_an_answer"],
    ),
    Sabotage(
        name="tags-are-not-chosen",
        patches=[("proxy.api.management.spend_global.spent_by_tag", no_rows)],
        trips=["test_the_spend_of_tags_in_days"],
    ),
]
