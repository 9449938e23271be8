"""What the database knows of those who call, as far as calls need it. One per process, whatever snapshots come and go."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.auth.access import Customer, Holder
from proxy.auth.lookups import Lookups, Readers
from proxy.auth.rows import FoundKey, read_budget, read_customer, read_key, read_tag, read_total
from proxy.store.accounts import Accounts
from proxy.store.store import Store

T = TypeVar("T")

KEYS = 4096
"""How many keys a process remembers, a few kilobytes each; unknown ones that were tried count too."""
CUSTOMERS = 4096
TAGS = 1024


class Directory:
    """Everything is forgotten when something of the topic ``access`` has changed."""

    def __init__(self, store: Store, accounts: Accounts) -> None:
        self._store = store
        self._accounts = accounts
        readers = Readers(lambda: store.reachable)
        self.keys: Lookups[FoundKey] = Lookups(
            self._reader(lambda connection, token: read_key(connection, token, accounts)),
            readers,
            size=KEYS,
            until=lambda found: found.until,
        )
        """By hash."""
        self.customers: Lookups[Customer] = Lookups(
            self._reader(lambda connection, name: read_customer(connection, name, accounts)), readers, size=CUSTOMERS
        )
        self.tags: Lookups[Holder] = Lookups(
            self._reader(lambda connection, name: read_tag(connection, name, accounts)), readers, size=TAGS
        )
        self.budgets: Lookups[Mapping[str, Any]] = Lookups(self._reader(read_budget), readers, size=TAGS)
        self.total: Lookups[float] = Lookups(
            self._reader(lambda connection, _: read_total(connection)), readers, size=1
        )
        """What everybody has spent; by the empty name."""
        store.on_change("access", self._changed)

    def _reader(
        self, read: Callable[[AsyncConnection, str], Awaitable[T | None]]
    ) -> Callable[[str], Awaitable[T | None]]:
        async def found(name: str) -> T | None:
            async with self._store.reading() as connection:
                return await read(connection, name)

        return found

    async def _changed(self) -> None:
        for lookups in (self.keys, self.customers, self.tags, self.budgets, self.total):
            lookups.forget()
        self._accounts.forget()
