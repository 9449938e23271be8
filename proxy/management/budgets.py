"""Budgets: limits that keys, organizations, customers, members and tags may share."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.durations import expires_at
from proxy.errors import DetailError
from proxy.store import tables
from proxy.store.rows import Row, add, count, remove
from proxy.store.types import now

BUDGET_FIELDS: Final = (
    "max_budget",
    "soft_budget",
    "max_parallel_requests",
    "tpm_limit",
    "rpm_limit",
    "model_max_budget",
    "budget_duration",
)
"""What a client may set inline, on whatever the budget is for."""
_REFERRING: Final = (
    tables.keys,
    tables.customers,
    tables.team_memberships,
    tables.organization_memberships,
    tables.projects,
    tables.tags,
)


async def create_budget(connection: AsyncConnection, values: Mapping[str, Any], *, author: str) -> Row:
    """Store a budget of ``BUDGET_FIELDS``, ``budget_id`` (made up unless given) and ``budget_reset_at``.

    Raises:
        ValueError: its duration is none.
        sqlalchemy.exc.IntegrityError: the id is taken.
    """
    names = (*BUDGET_FIELDS, "budget_id", "budget_reset_at")
    row = {name: values[name] for name in names if values.get(name) is not None}
    row.setdefault("budget_id", str(uuid4()))
    if "budget_duration" in row and "budget_reset_at" not in row:
        row["budget_reset_at"] = expires_at(row["budget_duration"], now())
    return await add(connection, tables.budgets, {**row, "created_by": author, "updated_by": author})


async def delete_budget(connection: AsyncConnection, budget_id: str) -> Row | None:
    """Delete a budget; what referred to it goes on without one.

    Returns:
        the row as it was; ``None`` when there is none.

    Raises:
        DetailError: 400, an organization has it, which cannot be without.
    """
    organizations = tables.organizations
    if await count(connection, organizations, organizations.c.budget_id == budget_id):
        error = f"Budget {budget_id} is the budget of an organization. Give that another one first, or delete it"
        raise DetailError(400, {"error": error})
    for table in _REFERRING:
        await connection.execute(update(table).where(table.c.budget_id == budget_id).values(budget_id=None))
    rows = await remove(connection, tables.budgets, tables.budgets.c.budget_id == budget_id)
    return rows[0] if rows else None
