"""``INSERT ... ON CONFLICT``, which both databases have and SQLAlchemy keeps with each."""

from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection


def upsert(connection: AsyncConnection, table: Table) -> Any:
    """An insert with ``on_conflict_do_update`` and ``on_conflict_do_nothing``."""
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)
