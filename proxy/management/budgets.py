"""Budgets: limits that keys, organizations, customers, members and tags may share."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.durations import expires_at
from proxy.store import tables
from proxy.store.rows import Row, add
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
