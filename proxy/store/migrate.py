"""Brings the tables of a database up to date (``tianji db upgrade``, and every start)."""

import asyncio
from collections.abc import Callable
from importlib.resources import files
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from proxy.store.address import Address

LOCK = 7_410_365
"""Of Postgres: gateways that start together upgrade one after the other."""


def upgrade(address: Address) -> None:
    """Run the migrations that are missing. For a thread without an event loop."""
    with_connection(address, lambda connection: command.upgrade(_config(connection), "head"))


def with_connection(address: Address, work: Callable[[Connection], Any]) -> None:
    """Run ``work`` in a transaction."""
    asyncio.run(_with_connection(address, work))


async def _with_connection(address: Address, work: Callable[[Connection], Any]) -> None:
    engine = create_async_engine(address.url, connect_args=address.options, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            if address.dialect == "postgresql":
                await connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
            else:
                await connection.exec_driver_sql("PRAGMA busy_timeout=30000")
            await connection.run_sync(work)
    finally:
        await engine.dispose()


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("proxy.store") / "migrations"))
    config.attributes["connection"] = connection
    return config
