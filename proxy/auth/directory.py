"""What the database knows of those who call, as far as calls need it. One per process, whatever snapshots come and go."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.auth.access import Customer, Holder
from proxy.auth.lookups import Lookups, Readers
from proxy.auth.model_access import ModelAccess
from proxy.auth.rows import (
    FoundKey,
    Person,
    read_budget,
    read_customer,
    read_key,
    read_person,
    read_tag,
    read_total,
)
from proxy.call import Identity
from proxy.store import tables
from proxy.store.accounts import Accounts
from proxy.store.rows import change
from proxy.store.store import Store
from proxy.store.upsert import upsert

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
        self.people: Lookups[Identity] = Lookups(
            self._reader(lambda connection, name: read_person(connection, _person(name), accounts)), readers, size=KEYS
        )
        """Who calls without a key; by :func:`name_of`."""
        self.models: ModelAccess | None = None
        """Of the newest snapshot."""
        store.on_change("access", self._changed)

    def _reader(
        self, read: Callable[[AsyncConnection, str], Awaitable[T | None]]
    ) -> Callable[[str], Awaitable[T | None]]:
        async def found(name: str) -> T | None:
            async with self._store.reading() as connection:
                return await read(connection, name)

        return found

    async def _changed(self) -> None:
        for lookups in (self.keys, self.customers, self.tags, self.budgets, self.total, self.people):
            lookups.forget()
        self._accounts.forget()

    async def team_of_alias(self, alias: str) -> str | None:
        """The id of the one team that is called so."""
        return await self._id_of(tables.teams.c.team_id, tables.teams.c.team_alias, alias)

    async def organization_of_alias(self, alias: str) -> str | None:
        """The id of the one organization that is called so."""
        columns = tables.organizations.c
        return await self._id_of(columns.organization_id, columns.organization_alias, alias)

    async def _id_of(self, column: Any, named: Any, name: str) -> str | None:
        async with self._store.reading() as connection:
            found = (await connection.execute(select(column).where(named == name).limit(2))).scalars().all()
        return str(found[0]) if len(found) == 1 else None

    async def add_user(self, user_id: str, email: str | None, role: str | None) -> None:
        """Somebody whom an identity provider has sent for the first time."""
        async with self._store.writing("access") as connection:
            values = {"user_id": user_id, "user_email": email, "user_role": role, "sso_user_id": user_id}
            await connection.execute(upsert(connection, tables.users).values(**values).on_conflict_do_nothing())

    async def add_team(self, team_id: str) -> None:
        """A team that a token names for the first time."""
        async with self._store.writing("access") as connection:
            await connection.execute(upsert(connection, tables.teams).values(team_id=team_id).on_conflict_do_nothing())

    async def change_role(self, user_id: str, role: str) -> None:
        """What an identity provider says that a user is."""
        async with self._store.writing("access") as connection:
            await change(connection, tables.users, {"user_role": role}, tables.users.c.user_id == user_id)


def name_of(person: Person) -> str:
    """Of somebody in ``Directory.people``."""
    return msgspec.json.encode(person).decode()


def _person(name: str) -> Person:
    return msgspec.json.decode(name, type=Person)
