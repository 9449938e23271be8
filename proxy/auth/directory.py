"""What the database knows of those who call, as far as calls need it. One per process, whatever snapshots come and go."""

from proxy.auth.lookups import Entry, Lookups, Readers
from proxy.auth.rows import FoundKey, read_key
from proxy.store.accounts import Accounts
from proxy.store.store import Store

KEYS = 4096
"""How many keys a process remembers, a few kilobytes each; unknown ones that were tried count too."""


class Directory:
    """Everything is forgotten when something of the topic ``access`` has changed."""

    def __init__(self, store: Store, accounts: Accounts) -> None:
        self._store = store
        self._accounts = accounts
        readers = Readers()
        self.keys: Lookups[FoundKey] = Lookups(self._key, readers, size=KEYS, until=lambda found: found.until)
        """By hash."""
        store.on_change("access", self._changed)

    def known_key(self, token: str) -> Entry[FoundKey] | None:
        """A key, if nothing has to be awaited for it."""
        return self.keys.known(token)

    async def _changed(self) -> None:
        self.keys.forget()
        self._accounts.forget()

    async def _key(self, token: str) -> FoundKey | None:
        async with self._store.reading() as connection:
            return await read_key(connection, token, self._accounts)
