"""Budgets that begin anew: the spend of their holders is 0 again, and the next period ends where the calendar says."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Table, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.durations import reset_at
from proxy.store import tables
from proxy.store.store import Store
from proxy.store.types import now

BATCH = 500
"""Rows of one transaction: nobody waits long for it."""
#: Whose budgets stand in their own rows, by the column of the id.
OWN = ((tables.keys, "token"), (tables.users, "user_id"), (tables.teams, "team_id"))
#: Who share budgets of the table ``budgets``.
SHARING = (
    tables.keys,
    tables.customers,
    tables.team_memberships,
    tables.organization_memberships,
    tables.organizations,
    tables.projects,
    tables.tags,
)


async def reset_budgets(store: Store) -> int:
    """Begin anew what has ended; how many budgets that were.

    Each batch is one transaction, so that a period never begins without its spend set to 0.
    """
    done = 0
    for table, name in OWN:
        while count := await _reset_own(store, table, name):
            done += count
    while count := await _reset_shared(store):
        done += count
    return done


async def _reset_own(store: Store, table: Table, name: str) -> int:
    moment = now()
    if not await _some_ended(store, table, name, moment):
        return 0
    async with store.writing("access") as connection:
        ended = await _ended(connection, table, name, moment)
        for holder, duration in ended:
            values = {"spend": 0.0, "budget_reset_at": _next(duration, moment)}
            await connection.execute(update(table).where(table.c[name] == holder).values(values))
    return len(ended)


async def _reset_shared(store: Store) -> int:
    table, moment = tables.budgets, now()
    if not await _some_ended(store, table, "budget_id", moment):
        return 0
    async with store.writing("access") as connection:
        ended = await _ended(connection, table, "budget_id", moment)
        for budget, duration in ended:
            following = _next(duration, moment)
            await connection.execute(
                update(table).where(table.c.budget_id == budget).values(budget_reset_at=following, updated_at=moment)
            )
            for holders in SHARING:
                await connection.execute(update(holders).where(holders.c.budget_id == budget).values(spend=0.0))
    return len(ended)


async def _some_ended(store: Store, table: Table, name: str, moment: datetime) -> bool:
    """Looked at before anybody is told of a change."""
    async with store.reading() as connection:
        found = await connection.execute(select(table.c[name]).where(table.c.budget_reset_at <= moment).limit(1))
        return found.first() is not None


async def _ended(
    connection: AsyncConnection, table: Table, name: str, moment: datetime
) -> Sequence[tuple[str, str | None]]:
    """Ids and durations of budgets whose period is over."""
    columns = (table.c[name], table.c.budget_duration)
    ended = select(*columns).where(table.c.budget_reset_at <= moment).order_by(table.c[name]).limit(BATCH)
    return [(holder, duration) for holder, duration in await connection.execute(ended.with_for_update())]


def _next(duration: str | None, moment: datetime) -> datetime | None:
    """The end of the period that begins now; ``None``: there is no period, and the budget is not reset again."""
    if duration is None:
        return None
    following = reset_at(duration, moment)
    return following if following > moment else None
