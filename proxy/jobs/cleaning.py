"""What has grown old: keys of the dashboard's sessions, and rows of calls beyond their retention."""

from datetime import timedelta

from sqlalchemy import delete, select

from proxy.durations import seconds_of
from proxy.store import tables
from proxy.store.store import Store
from proxy.store.types import now

BATCH = 1000
"""Rows of one transaction."""
DASHBOARD_TEAM = "litellm-dashboard"
"""Of keys that a sign-in makes for its session."""
FORGOTTEN_DAYS = 30
"""A journal's position is kept so long after its process last wrote, a budget's window after its end."""


async def remove_expired_sessions(store: Store) -> int:
    """Remove the keys of sessions that have ended; how many that were."""
    keys = tables.keys
    async with store.writing() as connection:
        gone = delete(keys).where(keys.c.team_id == DASHBOARD_TEAM, keys.c.expires < now())
        found = await connection.execute(gone.returning(keys.c.token))
        count = len(found.all())
        old = now() - timedelta(days=FORGOTTEN_DAYS)
        await connection.execute(delete(tables.journals).where(tables.journals.c.updated_at < old))
        await connection.execute(delete(tables.budget_windows).where(tables.budget_windows.c.ends_at < old))
    return count


async def remove_old_logs(store: Store, period: str) -> int:
    """Remove rows of calls that began longer than ``period`` ago; how many that were. Totals of days stay.

    Raises:
        ValueError: ``period`` is none.
    """
    logs = tables.spend_logs
    moment = now()
    before = moment - timedelta(seconds=seconds_of(period, moment.timestamp()))
    removed = 0
    while True:
        async with store.writing() as connection:
            some = select(logs.c.request_id).where(logs.c.startTime < before).limit(BATCH)
            names = (await connection.execute(some)).scalars().all()
            if names:
                await connection.execute(delete(logs).where(logs.c.request_id.in_(names)))
        removed += len(names)
        if len(names) < BATCH:
            return removed
