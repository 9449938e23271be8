"""Rows of a database as the tests of authentication want them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import Table

from proxy.auth.directory import Directory
from proxy.store import rows
from proxy.store.accounts import Accounts
from proxy.store.store import Store


def hashed(key: str) -> str:
    """The hash that a key is stored by."""
    return sha256(key.encode()).hexdigest()


@asynccontextmanager
async def kept(folder: Path) -> AsyncIterator[tuple[Store, Directory]]:
    """A started store, and what is known of it."""
    store = Store(f"sqlite:///{folder}/keys.db")
    await store.start()
    try:
        yield store, Directory(store, Accounts())
    finally:
        await store.aclose()


def with_directory(folder: Path, scenario: Callable[[Store, Directory], Awaitable[None]]) -> None:
    """Run a scenario."""

    async def run() -> None:
        async with kept(folder) as (store, directory):
            await scenario(store, directory)

    asyncio.run(run())


async def add(store: Store, table: Table, **values: Any) -> None:
    """One row, and everybody is told."""
    async with store.writing("access") as connection:
        await rows.add(connection, table, values)
