"""Connections to a database, set up as the store needs them."""

import sqlite3
import time
from typing import Any

import msgspec
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from proxy.store.address import Address

WRITES = "tianji_writes"
"""Execution option of a connection whose transactions will write."""
BUSY_SECONDS = 5.0
"""How long SQLite waits for another process that writes."""


def engine_of(address: Address, *, pooled: bool = True, patience: float = BUSY_SECONDS) -> AsyncEngine:
    """An engine; without ``pooled``, each connection is a new one. ``patience``: seconds, see ``BUSY_SECONDS``."""
    options: dict[str, Any] = {} if pooled else {"poolclass": NullPool}
    json: dict[str, Any] = {"json_serializer": _json, "json_deserializer": msgspec.json.decode}
    if address.dialect == "postgresql":
        if pooled:
            options = {"pool_size": address.pool_size, "pool_pre_ping": True, "pool_timeout": 10}
        return create_async_engine(address.url, connect_args=address.options, **json, **options)
    if pooled:
        options = {"pool_size": 4, "max_overflow": 4}
    engine = create_async_engine(address.url, **json, **options)

    def prepare(connection: Any, _: Any) -> None:
        """WAL lets readers go on while one writes. Without ``isolation_level`` the driver would begin transactions itself."""
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (f"busy_timeout={patience * 1000:.0f}", "synchronous=NORMAL"):
            cursor.execute(f"PRAGMA {pragma}")
        _use_wal(cursor, patience)
        cursor.close()

    event.listen(engine.sync_engine, "connect", prepare)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _use_wal(cursor: Any, patience: float) -> None:
    """The file stays in that mode. Only its first connection changes it, which ``busy_timeout`` does not wait for."""
    until = time.monotonic() + patience
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _begin_sqlite(connection: Any) -> None:
    """A transaction that will write says so at once: one that found out late would fail instead of waiting."""
    writes = connection.get_execution_options().get(WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
