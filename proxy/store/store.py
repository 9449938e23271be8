"""The database: transactions, and telling that something changed."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from proxy.store import migrate, tables
from proxy.store.address import Address, address_of
from proxy.store.engine import WRITES, engine_of
from proxy.store.upsert import upsert

log = logging.getLogger(__name__)

Topic = Literal["access", "config"]
"""``access``: keys, teams, users, organizations, customers, budgets. ``config``: models, credentials, settings."""
Listener = Callable[[], Awaitable[None]]

LOOK_SECONDS = 0.5
"""How late a change of another process may be known here."""
LOOK_PATIENCE = 3.0
"""Seconds after which a database that does not answer is away."""


class Store:
    """One per process. A process may use it between ``start`` and ``aclose``.

    Args:
        url: ``database_url`` as the config has it: ``sqlite:///file.db`` or ``postgresql://...``.

    Raises:
        ConfigError: it is neither.
    """

    def __init__(self, url: str) -> None:
        self.address: Address = address_of(url)
        self.dialect = self.address.dialect
        """``sqlite`` or ``postgresql``."""
        self._engine: AsyncEngine | None = None
        self._one_writer = asyncio.Lock() if self.dialect == "sqlite" else None
        self._listeners: defaultdict[Topic, list[Listener]] = defaultdict(list)
        self._seen: dict[Topic, int] = {}
        self._watching: asyncio.Task[None] | None = None
        self._telling: set[asyncio.Task[None]] = set()
        self.reachable = False
        """Whether the database answered when it was last looked at."""

    async def start(self) -> None:
        """Connect, bring the tables up to date, and watch for changes."""
        await asyncio.to_thread(migrate.upgrade, self.address)
        self._engine = engine_of(self.address)
        await self._look()
        self._watching = asyncio.create_task(self._watch())

    async def aclose(self) -> None:
        """Let go of the database."""
        if self._watching is not None:
            tasks = (self._watching, *self._telling)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if self._engine is not None:
            await self._engine.dispose()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection whose reads agree with each other on SQLite, and see what is committed on Postgres."""
        assert self._engine is not None
        async with self._engine.connect() as connection:
            yield connection

    @asynccontextmanager
    async def writing(self, *topics: Topic) -> AsyncIterator[AsyncConnection]:
        """A transaction, committed at the end unless something was raised.

        Args:
            topics: what it changes; this process's listeners have run when the context is left, those of the others run
                within ``LOOK_SECONDS``.
        """
        assert self._engine is not None
        if self._one_writer is None:
            await_turn: Any = _no_wait()
        else:
            await_turn = self._one_writer
        async with await_turn, self._engine.connect() as plain:
            connection = await plain.execution_options(**{WRITES: True})
            async with connection.begin():
                yield connection
                numbers = {topic: await _bump(connection, topic) for topic in sorted(topics)}
        self._seen.update(numbers)
        for topic in numbers:
            await self._tell(topic)

    def on_change(self, topic: Topic, listener: Listener) -> None:
        """Run ``listener`` whenever something of a topic has changed, here or elsewhere."""
        self._listeners[topic].append(listener)

    async def _tell(self, topic: Topic) -> None:
        for listener in self._listeners[topic]:
            try:
                await listener()
            except Exception:
                log.exception("what a change of %s brings about failed", topic)

    def _tell_soon(self, topic: Topic) -> None:
        """Nobody who takes long to listen keeps the next change from being seen."""
        telling = asyncio.create_task(self._tell(topic))
        self._telling.add(telling)
        telling.add_done_callback(self._telling.discard)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                before = dict(self._seen)
                async with asyncio.timeout(LOOK_PATIENCE):
                    await self._look()
                for topic in self._listeners:
                    if self._seen.get(topic) != before.get(topic):
                        self._tell_soon(topic)
            except Exception as error:  # a driver has errors of its own while a server starts
                if self.reachable:
                    log.error("the database is away: %s", error.__class__.__name__)  # noqa: TRY400
                self.reachable = False

    async def _look(self) -> None:
        async with self.reading() as connection:
            for topic, number in await connection.execute(select(tables.versions)):
                self._seen[topic] = max(number, self._seen.get(topic, 0))
        if not self.reachable and self._watching is not None:
            log.warning("the database is back")
        self.reachable = True


@asynccontextmanager
async def _no_wait() -> AsyncIterator[None]:
    yield


async def _bump(connection: AsyncConnection, topic: str) -> int:
    versions = tables.versions
    statement = upsert(connection, versions).values(topic=topic, number=1)
    statement = statement.on_conflict_do_update(
        index_elements=[versions.c.topic], set_={"number": versions.c.number + 1}
    )
    return int((await connection.execute(statement.returning(versions.c.number))).scalar_one())
