"""What is spent of budgets of deployments, providers and tags, in the database."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import case, select
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.routing.budgets import Spent, Total
from proxy.state.base import Unavailable
from proxy.store import tables
from proxy.store.store import Store
from proxy.store.types import now
from proxy.store.upsert import upsert

log = logging.getLogger(__name__)


class StoredTotals:
    """Adds up, in a row a budget, what all processes with the database spend in its window.

    Each amount is added in one transaction. One whose connection breaks as it commits may have been added, and is again.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._away = False

    async def add(self, amounts: Sequence[Spent]) -> list[Total]:
        """Add amounts, and read the totals of their windows.

        Raises:
            Unavailable: the database is away; nothing was added.
        """
        try:
            totals = await self._add(amounts)
        except Exception as error:  # a driver has errors of its own while a server starts
            if not self._away:
                log.warning(
                    "what budgets of deployments, providers and tags have spent is written when the database is back: %s",
                    type(error).__name__,
                )
            self._away = True
            raise Unavailable(type(error).__name__) from error
        self._away = False
        return totals

    async def _add(self, amounts: Sequence[Spent]) -> list[Total]:
        moment = now()
        new = [amount for amount in amounts if amount.dollars]
        async with self._store.writing() if new else self._store.reading() as connection:
            if new:
                await _add_to_windows(connection, new, moment)
            return await _totals(connection, amounts, moment)


async def _add_to_windows(connection: AsyncConnection, amounts: Sequence[Spent], moment: datetime) -> None:
    windows = tables.budget_windows
    statement = upsert(connection, windows).values(
        [
            {
                "name": amount.budget.key,
                "spend": amount.dollars,
                "ends_at": datetime.fromtimestamp(amount.end, UTC),
            }
            # in one order, so that processes wait for each other and not in a circle
            for amount in sorted(amounts, key=lambda amount: amount.budget.key)
        ]
    )
    given: Any = statement.excluded
    over = windows.c.ends_at <= moment
    change = {
        "spend": case((over, given.spend), else_=windows.c.spend + given.spend),
        "ends_at": case((over, given.ends_at), else_=windows.c.ends_at),
    }
    await connection.execute(statement.on_conflict_do_update(index_elements=[windows.c.name], set_=change))


async def _totals(connection: AsyncConnection, amounts: Sequence[Spent], moment: datetime) -> list[Total]:
    windows = tables.budget_windows
    names = [amount.budget.key for amount in amounts]
    query = select(windows.c.name, windows.c.spend, windows.c.ends_at)
    found = await connection.execute(query.where(windows.c.name.in_(names), windows.c.ends_at > moment))
    known = {name: Total(spend, (ends_at - now()).total_seconds()) for name, spend, ends_at in found}
    return [known.get(name, Total(0.0, 0.0)) for name in names]
