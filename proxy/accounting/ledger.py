"""From journals into the database, each record once."""

import asyncio
import logging
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import delete, insert, select
from sqlalchemy.exc import DataError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.accounting.journal import Journal
from proxy.accounting.model_budgets import add_to_model_budgets
from proxy.accounting.record import Record, decode, shown
from proxy.accounting.rows import log_row
from proxy.accounting.totals import add_charges, add_daily, charged, charges_of
from proxy.store import tables
from proxy.store.accounts import Accounts
from proxy.store.store import Store
from proxy.store.types import now
from proxy.store.upsert import upsert

log = logging.getLogger(__name__)

NUL = b"\\u0000"
"""No text of Postgres may have it."""
REPLACEMENT = b"\\ufffd"


class Ledger:
    """Writes records.

    In one transaction a batch becomes rows, is added to what its holders have spent and to daily totals, and the number of
    its last record becomes the journal's position: whatever breaks, a record that is in the database is never added again.

    Args:
        keeps_logs: whether rows of single calls are kept (not with ``disable_spend_logs``).
        charges: whether holders are charged (not with ``disable_spend_updates``).
    """

    def __init__(self, store: Store, accounts: Accounts, *, keeps_logs: bool = True) -> None:
        self._store = store
        self._accounts = accounts
        self._keeps_logs = keeps_logs

    async def drain(self, journal: Journal, *, own: bool) -> int:
        """Write what is in a journal now; how many records that were.

        Args:
            own: whether its records are charged in this process's accounts already.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database is away; nothing is lost.
            OSError: the same.
        """
        written, left = 0, journal.size - journal.offset
        while left > 0:
            began = time.monotonic()
            lines, end = journal.read()
            if not lines:
                if not own:
                    journal.skip_rest()
                break
            records = _records(lines)
            await self._write_or_set_aside(journal, records, own=own)
            left -= end - journal.offset
            journal.taken(end)
            written += len(records)
            if left > 0:
                # others must have their turn, those of other processes too
                await asyncio.sleep(time.monotonic() - began)
        return written

    async def forget(self, journal: Journal) -> None:
        """A journal that was drained is given up."""
        journal.remove()
        async with self._store.writing() as connection:
            await connection.execute(delete(tables.journals).where(tables.journals.c.name == journal.name))

    async def _write_or_set_aside(self, journal: Journal, records: Sequence[Record], *, own: bool) -> None:
        try:
            await self._write(journal, records, own=own)
        except (DBAPIError, ArithmeticError, TypeError, ValueError) as error:
            if not _is_about_data(error):
                raise
            if len(records) == 1:
                log.exception("the spend of call %s cannot be stored: %s", records[0].id, shown(records[0]))
                return
            middle = len(records) // 2
            await self._write_or_set_aside(journal, records[:middle], own=own)
            await self._write_or_set_aside(journal, records[middle:], own=own)

    async def _write(self, journal: Journal, records: Sequence[Record], *, own: bool) -> None:
        async with self._store.writing() as connection:
            position = await self._position(connection, journal.name)
            fresh = [record for record in records if record.number > position]
            if fresh:
                if self._keeps_logs:
                    await _add_logs(connection, fresh)
                owed = await charged(connection, fresh)
                await add_charges(connection, charges_of(owed))
                await add_to_model_budgets(connection, owed)
                await add_daily(connection, fresh)
                await _set_position(connection, journal.name, fresh[-1].number)
        if own:
            for (kind, holder), dollars in charges_of(records).items():
                self._accounts.written(kind, holder, dollars)

    async def _position(self, connection: AsyncConnection, name: str) -> int:
        journals = tables.journals
        found = await connection.execute(select(journals.c.position).where(journals.c.name == name).with_for_update())
        return int(found.scalar() or 0)


def _is_about_data(error: Exception) -> bool:
    """Whether what was to be written cannot be, ever; else the database is away, or busy."""
    if not isinstance(error, DBAPIError):
        return True
    code = str(getattr(error.orig, "sqlstate", None) or "")
    return isinstance(error, DataError) or code.startswith("22")


def _records(lines: Sequence[bytes]) -> list[Record]:
    records = []
    for line in lines:
        try:
            records.append(decode(line.replace(NUL, REPLACEMENT) if NUL in line else line))
        except msgspec.DecodeError:
            log.exception("a line of the journal of spend is no record: %s", line[:200])
    return records


async def _set_position(connection: AsyncConnection, name: str, number: int) -> None:
    statement = upsert(connection, tables.journals).values(name=name, position=number, updated_at=now())
    moved = {"position": statement.excluded.position, "updated_at": statement.excluded.updated_at}
    await connection.execute(statement.on_conflict_do_update(index_elements=[tables.journals.c.name], set_=moved))


async def _add_logs(connection: AsyncConnection, records: Sequence[Record]) -> None:
    """A row has the id that the vendor gave its answer, as with the reference; the call's where that is taken."""
    logs = tables.spend_logs
    wanted = {record.answer_id for record in records if record.answer_id is not None}
    taken: set[str | None] = set()
    if wanted:
        taken = set(
            (await connection.execute(select(logs.c.request_id).where(logs.c.request_id.in_(wanted)))).scalars()
        )
    stored = _as_text if connection.dialect.name == "sqlite" else _as_it_is
    rows: list[dict[str, Any]] = []
    for record in records:
        name = record.id if record.answer_id is None or record.answer_id in taken else record.answer_id
        taken.add(name)
        rows.append(log_row(record, name, stored))
    # straight to the driver: what SQLAlchemy does for each value costs as much as the database
    statement = insert(logs).compile(dialect=connection.dialect, column_keys=list(rows[0]))
    await connection.exec_driver_sql(
        str(statement), [tuple(row[name] for name in statement.positiontup or ()) for row in rows]
    )


def _as_text(moment: datetime) -> str:
    """As SQLAlchemy stores it in SQLite."""
    return moment.replace(tzinfo=None).isoformat(" ", "microseconds")


def _as_it_is(moment: datetime) -> datetime:
    return moment
