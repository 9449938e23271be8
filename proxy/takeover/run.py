"""The import itself: batch by batch, each in a transaction with the place it has come to."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import JSON, Column, Table, delete, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.sql.schema import CallableColumnDefault, ScalarElementColumnDefault

from proxy.store import tables
from proxy.store.address import Address, address_of
from proxy.store.engine import engine_of
from proxy.store.store import Store
from proxy.store.types import Moment
from proxy.store.upsert import upsert
from proxy.takeover.mapping import LEFT, MOVED, Moved, Seals, Values
from proxy.takeover.secrets import CannotOpenError

BATCH = 500
"""Rows a transaction."""
_done = "\uffff"


class Result(msgspec.Struct):
    """What became of one table."""

    what: str
    found: int = 0
    imported: int = 0
    present: int = 0
    """Rows that were here already, and were left as they are."""
    failed: Counter[str] = msgspec.field(default_factory=Counter)
    """Rows that could not move, by reason."""


class _DryRunError(Exception):
    """Ends a transaction that must leave nothing."""


class Import:
    """One import.

    Args:
        source: URL of the reference's Postgres. It is only read.
        seals: its secrets and ours.
        dry_run: do everything but keep nothing.
        progress: told of each table, rows done, and rows in all.
    """

    def __init__(
        self,
        store: Store,
        source: str,
        seals: Seals,
        *,
        dry_run: bool = False,
        progress: Callable[[str, int, int], None] = lambda *_: None,
    ) -> None:
        self._store = store
        self._address: Address = address_of(source)
        self._seals = seals
        self._dry_run = dry_run
        self._progress = progress

    @property
    def _name(self) -> str:
        """Under which the import's place is kept: the source without its password."""
        return self._address.where

    async def run(self) -> tuple[list[Result], list[Result]]:
        """What was taken over, and what was not.

        Rows that are here already stay as they are, so that it can be run again; an interrupted import goes on where it was.

        Raises:
            sqlalchemy.exc.SQLAlchemyError, OSError: a database cannot be reached, or refuses.
        """
        engine = engine_of(self._address, pooled=False)
        try:
            async with engine.connect() as connection:
                await connection.execute(text("SET default_transaction_read_only = on"))
                await connection.commit()
                there = await _columns(connection)
            moved = [await self._move(engine, table, there[table.source]) for table in MOVED if table.source in there]
            left = await _left(engine, there)
        finally:
            await engine.dispose()
        if not self._dry_run:
            async with self._store.writing("access", "config") as connection:
                await connection.execute(delete(tables.imports).where(tables.imports.c.source == self._name))
        return moved, left

    async def _move(self, engine: AsyncEngine, table: Moved, columns: Sequence[str]) -> Result:
        result = Result(table.what)
        place = await self._place(table)
        if place == _done:
            return result
        total = await _count(engine, table.source)
        async for batch in _batches(engine, table, columns, None if place is None else msgspec.json.decode(place)):
            result.found += len(batch)
            await self._write(table, batch, result)
            self._progress(table.what, result.found, total)
        if not self._dry_run:
            async with self._store.writing() as connection:
                await self._remember(connection, table, _done)
        return result

    async def _write(self, table: Moved, batch: Sequence[Values], result: Result) -> None:
        rows = [made for row in batch if (made := self._made(table, row, result)) is not None]
        try:
            async with self._store.writing() as connection:
                if rows:
                    statement = upsert(connection, table.target).values(rows).on_conflict_do_nothing()
                    inserted = (await connection.execute(statement)).rowcount
                    result.imported += inserted
                    result.present += len(rows) - inserted
                await self._remember(
                    connection, table, msgspec.json.encode([batch[-1][name] for name in table.key]).decode()
                )
                if self._dry_run:
                    raise _DryRunError
        except _DryRunError:
            pass

    def _made(self, table: Moved, row: Values, result: Result) -> Values | None:
        values = {name: _decoded(table.target, name, value) for name, value in row.items()}
        try:
            changed = values if table.change is None else table.change(values, self._seals)
        except CannotOpenError as error:
            result.failed[str(error)] += 1
            return None
        if changed is None:
            result.failed["decided by the config file"] += 1
            return None
        return {
            column.name: _default(column) if value is None and not column.nullable else value
            for column in table.target.c
            if (value := changed.get(column.name)) is not None or column.name in changed or not column.nullable
        }

    async def _place(self, table: Moved) -> str | None:
        imports = tables.imports
        where = (imports.c.source == self._name, imports.c.table_name == table.source)
        async with self._store.reading() as connection:
            found: str | None = (await connection.execute(select(imports.c.last_id).where(*where))).scalar()
        return found

    async def _remember(self, connection: AsyncConnection, table: Moved, place: str) -> None:
        values = {"source": self._name, "table_name": table.source, "last_id": place}
        statement = upsert(connection, tables.imports).values(**values)
        await connection.execute(
            statement.on_conflict_do_update(index_elements=["source", "table_name"], set_={"last_id": place})
        )


async def _columns(connection: AsyncConnection) -> Mapping[str, Sequence[str]]:
    """Of every table of the source."""
    statement = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema()"
    found: dict[str, list[str]] = {}
    for table, column in await connection.execute(text(statement)):
        found.setdefault(table, []).append(column)
    return found


async def _left(engine: AsyncEngine, there: Mapping[str, Sequence[str]]) -> list[Result]:
    results = []
    for source, reason in LEFT.items():
        found = await _count(engine, source) if source in there else 0
        if found:
            what, _, instead = reason.partition(": ")
            results.append(Result(what, found, failed=Counter({instead: found})))
    return results


async def _count(engine: AsyncEngine, source: str) -> int:
    async with engine.connect() as connection:
        return int((await connection.execute(text(f'SELECT count(*) FROM "{source}"'))).scalar_one())  # noqa: S608 - ours


async def _batches(
    engine: AsyncEngine, table: Moved, columns: Sequence[str], after: Sequence[Any] | None
) -> AsyncIterator[list[Values]]:
    """The rows in the order of their key, from the one after ``after``."""
    key = ", ".join(f's."{name}"' for name in table.key)
    selected = ", ".join(f's."{name}"' for name in columns)
    parts = f'SELECT {selected}{table.also} FROM "{table.source}" s {table.joined or ""}'  # noqa: S608 - names of ours
    async with engine.connect() as connection:
        while True:
            given = {f"k{number}": value for number, value in enumerate(after or ())}
            where = f"WHERE ({key}) > ({', '.join(f':{name}' for name in given)})" if given else ""
            statement = text(f"{parts} {where} ORDER BY {key} LIMIT {BATCH}")
            batch = [dict(row) for row in (await connection.execute(statement, given)).mappings()]
            if batch:
                yield batch
            if len(batch) < BATCH:
                return
            after = [batch[-1][name] for name in table.key]


def _default(column: Column[Any]) -> Any:
    """Of a column that must have a value, where an older reference has none."""
    default = column.default
    if isinstance(default, CallableColumnDefault):
        return default.arg(None)  # type: ignore[arg-type]
    return default.arg if isinstance(default, ScalarElementColumnDefault) else None


def _decoded(target: Table, name: str, value: Any) -> Any:
    """A value as our column takes it: JSON that came as text, moments that came without their zone."""
    if name not in target.c or value is None:
        return value
    kind = target.c[name].type
    if isinstance(kind, JSON) and isinstance(value, str):
        return msgspec.json.decode(value)
    if isinstance(kind, Moment) and isinstance(value, str):
        return datetime.fromisoformat(value)
    return value
