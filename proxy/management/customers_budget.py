"""The budget of a customer or a tag: one of their own, made of what was sent with them, or one that others share."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.durations import expires_at
from proxy.errors import DetailError
from proxy.management.budgets import BUDGET_FIELDS, create_budget
from proxy.management.keys_shown import shown_budget
from proxy.store.rows import Row, change, find
from proxy.store.tables import budgets
from proxy.store.types import now

FIELDS: Final = (*BUDGET_FIELDS, "budget_reset_at")


def budget_fields(given: Mapping[str, Any]) -> dict[str, Any]:
    """What of the fields of a customer or tag belongs to its budget, checked.

    Raises:
        DetailError: 400.
    """
    fields = {name: given[name] for name in FIELDS if given.get(name) is not None}
    for name in ("max_budget", "soft_budget"):
        if fields.get(name, 0) < 0:
            raise DetailError(400, {"error": f"{name} cannot be negative. Received: {fields[name]}"})
    if (period := fields.get("budget_duration")) is not None:
        try:
            expires_at(period, now())
        except ValueError as error:
            hint = f"budget_duration {period!r} is {error}; write it as 30s, 12h, 7d or 1mo"
            raise DetailError(400, {"error": hint}) from None
    return fields


async def known_budget(connection: AsyncConnection, budget_id: str) -> str:
    """The id of a budget that is there. Raises DetailError, 400."""
    if await find(connection, budgets, budget_id=budget_id) is None:
        raise DetailError(400, {"error": f"Budget with budget_id={budget_id} does not exist; make it with /budget/new"})
    return budget_id


async def own_budget(connection: AsyncConnection, known: str | None, fields: Mapping[str, Any], author: str) -> str:
    """Change a holder's budget, or make one; its id."""
    if known is None or await find(connection, budgets, budget_id=known) is None:
        made: str = (await create_budget(connection, fields, author=author))["budget_id"]
        return made
    values = dict(fields)
    if "budget_duration" in values and "budget_reset_at" not in values:
        values["budget_reset_at"] = expires_at(values["budget_duration"], now())
    await change(connection, budgets, {**values, "updated_by": author}, budgets.c.budget_id == known)
    return known


async def shown_budget_of(connection: AsyncConnection, holder: Row) -> Row | None:
    """The whole budget that a row refers to."""
    known = holder["budget_id"]
    row = None if known is None else await find(connection, budgets, budget_id=known)
    return None if row is None else shown_budget(row)
