"""``model_max_budget`` of a key: what it may spend on each model (F.md, F8)."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.auth.access import Access, ModelBudget
from proxy.auth.spending import exceeded
from proxy.deployment import Deployment
from proxy.durations import is_period
from proxy.store.accounts import Accounts, model_id
from proxy.store.rows import find_all
from proxy.store.tables import key_models
from proxy.store.types import now

LIMITS: Final = ("budget_limit", "max_budget")
PERIODS: Final = ("time_period", "budget_duration")
"""The reference's names for the same, the first that is given counts."""


async def read_model_budgets(
    connection: AsyncConnection, token: str, given: Mapping[str, Any], accounts: Accounts
) -> dict[str, ModelBudget]:
    """The budgets of a key, with what is spent of each.

    Args:
        given: ``model_max_budget``; entries without dollars are limits of another kind, and those that cannot be read count
            nothing.
    """
    moment = now()
    rows = {row["model"]: row for row in await find_all(connection, key_models, key_models.c.token == token)}
    budgets: dict[str, ModelBudget] = {}
    for name, entry in given.items():
        limit, period = limit_of(entry), period_of(entry)
        if limit is None:
            continue
        row = rows.get(name)
        spend, ends = (0.0, None) if row is None else (row["spend"], row["ends_at"])
        if ends is not None and ends <= moment:
            spend, ends = 0.0, None
        account = accounts.learn("key_model", model_id(token, name), spend, None if ends is None else ends.timestamp())
        budgets[name] = ModelBudget(name, limit, period, account)
    return budgets


def limit_of(entry: Any) -> float | None:
    """US dollars; ``None``: none are written, or something else is."""
    value = _first(entry, LIMITS)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def period_of(entry: Any) -> str | None:
    """How long the dollars are for; ``None``: for ever."""
    value = _first(entry, PERIODS)
    return value if isinstance(value, str) and is_period(value) else None


def check_model_budget(access: Access, names: Sequence[str], deployments: Sequence[Deployment]) -> None:
    """Let a call of a model through, or not.

    Args:
        names: the model as it was asked for, and what aliases make of it.
        deployments: that may serve it; the budgets of their groups and models count when the names have none.

    Raises:
        GatewayError: 400 ``budget_exceeded``; with several deployments, when there is no dollar left for any.
    """
    found = access.model_budget(*names)
    budgets = [found] if found is not None else [access.model_budget(each.group, each.model) for each in deployments]
    if budgets and all(budget is not None and budget.is_spent for budget in budgets):
        key = access.key
        raise exceeded(
            f"LiteLLM Virtual Key: {key['token']}, key_alias: {key['key_alias']}, exceeded budget for model={names[0]}"
        )


def _first(entry: Any, names: Sequence[str]) -> Any:
    fields = entry if isinstance(entry, Mapping) else {}
    return next((fields[name] for name in names if fields.get(name) is not None), None)
