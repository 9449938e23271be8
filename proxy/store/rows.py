"""Rows as dictionaries: the few statements that every table needs."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Table, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.store.types import now

Row = dict[str, Any]


async def find(connection: AsyncConnection, table: Table, **equal: Any) -> Row | None:
    """The first row whose columns have these values."""
    found = await connection.execute(select(table).where(*_equal(table, equal)).limit(1))
    row = found.mappings().first()
    return None if row is None else dict(row)


async def find_all(
    connection: AsyncConnection,
    table: Table,
    *where: ColumnElement[bool],
    order: Sequence[ColumnElement[Any]] = (),
    limit: int | None = None,
    offset: int = 0,
) -> list[Row]:
    """The rows that fulfil all conditions."""
    statement = select(table).where(*where).order_by(*order).limit(limit).offset(offset or None)
    return [dict(row) for row in (await connection.execute(statement)).mappings()]


async def count(connection: AsyncConnection, table: Table, *where: ColumnElement[bool]) -> int:
    """How many rows fulfil all conditions."""
    statement = select(func.count()).select_from(table).where(*where)
    return int((await connection.execute(statement)).scalar_one())


async def add(connection: AsyncConnection, table: Table, values: Mapping[str, Any]) -> Row:
    """Insert a row; as it is stored, defaults included.

    Raises:
        sqlalchemy.exc.IntegrityError: there is one with such a key already.
    """
    found = await connection.execute(insert(table).values(**values).returning(table))
    return dict(found.mappings().one())


async def change(
    connection: AsyncConnection, table: Table, values: Mapping[str, Any], *where: ColumnElement[bool]
) -> list[Row]:
    """Update the rows that fulfil all conditions; as they are then. ``updated_at`` is set where there is one."""
    stamped = {"updated_at": now(), **values} if "updated_at" in table.c else dict(values)
    found = await connection.execute(update(table).where(*where).values(**stamped).returning(table))
    return [dict(row) for row in found.mappings()]


async def remove(connection: AsyncConnection, table: Table, *where: ColumnElement[bool]) -> list[Row]:
    """Delete the rows that fulfil all conditions; as they were."""
    found = await connection.execute(delete(table).where(*where).returning(table))
    return [dict(row) for row in found.mappings()]


def _equal(table: Table, equal: Mapping[str, Any]) -> list[ColumnElement[bool]]:
    return [table.c[name] == value for name, value in equal.items()]
