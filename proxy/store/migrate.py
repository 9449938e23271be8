"""Brings the tables of a database up to date (``tianji db upgrade``, and every start)."""

import asyncio
from collections.abc import Callable
from importlib.resources import files
from typing import Any

from sqlalchemy import Connection, inspect, text

from proxy.config.errors import ConfigError
from proxy.store.address import Address
from proxy.store.engine import WRITES, engine_of

HEAD = "0002"
"""The last revision in ``migrations/versions``; a database at it needs no Alembic, whose import costs as much as a start."""
LOCK = 7_410_365
"""Of Postgres: gateways that start together upgrade one after the other."""
PATIENCE = 60.0
"""Seconds that a gateway waits for another that upgrades the same file."""


def upgrade(address: Address) -> None:
    """Run the migrations that are missing. For a thread without an event loop.

    Raises:
        sqlalchemy.exc.SQLAlchemyError, OSError: the database cannot be reached or changed.
        ConfigError: a later release has changed it.
    """
    found: list[str | None] = []
    # a look that waits for no writer: nearly every start finds nothing to do
    with_connection(address, lambda connection: found.append(revision(connection)), writes=False)
    if found != [HEAD]:
        with_connection(address, _upgrade)


def revision(connection: Connection) -> str | None:
    """Of the tables; ``None``: there are none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def with_connection(address: Address, work: Callable[[Connection], Any], *, writes: bool = True) -> None:
    """Run ``work`` in a transaction; one that ``writes`` is shared with no other upgrade."""
    asyncio.run(_with_connection(address, work, writes=writes))


async def _with_connection(address: Address, work: Callable[[Connection], Any], *, writes: bool) -> None:
    engine = engine_of(address, pooled=False, patience=PATIENCE).execution_options(**{WRITES: writes})
    try:
        async with engine.begin() as connection:
            if writes and address.dialect == "postgresql":
                await connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
            await connection.run_sync(work)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection) -> None:
    found = revision(connection)
    if found == HEAD:
        return
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(files("proxy.store") / "migrations"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError:
        raise ConfigError(
            f"the database is at revision {found}, which this release does not know ({HEAD} is its last): a later one has "
            "changed it; run that release, or use a copy of the database from before",
            key="database_url",
        ) from None
