"""What keys have spent of their budgets for models, each in its own period."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from sqlalchemy import case, select
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.accounting.record import Record
from proxy.durations import seconds_of
from proxy.store.tables import key_models, keys
from proxy.store.types import now
from proxy.store.upsert import upsert


async def add_to_model_budgets(connection: AsyncConnection, records: Iterable[Record]) -> None:
    """Charge the budgets that calls belong to; keys that were deleted have none.

    The first charge after a period has ended begins the next.
    """
    moment = now()
    owed: dict[tuple[str, str], dict[str, Any]] = {}
    for record in records:
        if record.model_budget is None or not record.dollars:
            continue
        model, period = record.model_budget
        row = owed.get((record.key, model))
        if row is None:
            ends = None if period is None else moment + timedelta(seconds=seconds_of(period, moment.timestamp()))
            row = owed[record.key, model] = {"token": record.key, "model": model, "spend": 0.0, "ends_at": ends}
        row["spend"] += record.dollars
    if not owed:
        return
    tokens = {token for token, _ in owed}
    there = set((await connection.execute(select(keys.c.token).where(keys.c.token.in_(tokens)))).scalars())
    rows = [owed[name] for name in sorted(owed) if name[0] in there]
    if not rows:
        return
    statement, columns = upsert(connection, key_models), key_models.c
    is_over, fresh = columns.ends_at <= moment, statement.excluded
    added = {
        "spend": case((is_over, fresh.spend), else_=columns.spend + fresh.spend),
        "ends_at": case((is_over, fresh.ends_at), else_=columns.ends_at),
    }
    index = [columns.token, columns.model]
    await connection.execute(statement.on_conflict_do_update(index_elements=index, set_=added), rows)
