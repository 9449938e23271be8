"""The store: transactions on both databases, and who hears of them."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, timezone
from importlib.resources import files
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, insert, select, text
from sqlalchemy.exc import IntegrityError

from proxy.store import migrate, rows, tables
from proxy.store.address import address_of
from proxy.store.store import LOOK_SECONDS, Store
from proxy.store.types import now
from tests.stores import using


async def keys_of(store: Store) -> list[str]:
    async with store.reading() as connection:
        return [row["token"] for row in await rows.find_all(connection, tables.keys, order=[tables.keys.c.token])]


def test_the_migrations_make_the_tables(database_url: str) -> None:
    address = address_of(database_url)
    migrate.upgrade(address)
    migrate.upgrade(address)
    found: list[object] = []

    def compare(connection: Connection) -> None:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        found.extend(compare_metadata(context, tables.metadata))

    migrate.with_connection(address, compare)
    assert found == []


def test_a_database_of_an_earlier_release_gets_what_it_lacks(database_url: str) -> None:
    address = address_of(database_url)
    migrate.upgrade(address)

    def go_back(connection: Connection) -> None:
        connection.execute(insert(tables.tags).values(tag_name="kept"))
        tables.budget_windows.drop(connection)
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))

    found: list[object] = []

    def look(connection: Connection) -> None:
        found.append(migrate.revision(connection))
        found.extend(connection.execute(select(tables.tags.c.tag_name)).scalars())
        found.extend(connection.execute(select(tables.budget_windows)))
        found.extend(compare_metadata(MigrationContext.configure(connection), tables.metadata))

    migrate.with_connection(address, go_back)
    migrate.upgrade(address)
    migrate.with_connection(address, look)
    assert found == [migrate.HEAD, "kept"]


def test_a_database_at_the_last_revision_needs_no_more() -> None:
    config = Config()
    config.set_main_option("script_location", str(files("proxy.store") / "migrations"))
    assert ScriptDirectory.from_config(config).get_current_head() == migrate.HEAD


def test_a_row_has_its_defaults_and_comes_back_as_it_was(database_url: str) -> None:
    async def scenario(store: Store) -> None:
        lagos = timezone(timedelta(hours=1))
        expires = datetime(2026, 11, 25, 12, 0, 0, 123000, tzinfo=lagos)
        values = {
            "token": "t",
            "models": ["gpt"],
            "metadata": {"ä": [1.5, None]},
            "expires": expires,
            "max_budget": 1.0,
        }
        async with store.writing() as connection:
            added = await rows.add(connection, tables.keys, values)
        async with store.reading() as connection:
            found = await rows.find(connection, tables.keys, token="t")
        assert found == added
        assert found is not None
        assert found["expires"] == expires
        assert found["expires"].tzinfo == UTC
        assert (found["models"], found["metadata"]) == (["gpt"], {"ä": [1.5, None]})
        assert (found["spend"], found["blocked"], found["aliases"], found["router_settings"]) == (0.0, None, {}, None)
        assert abs((found["created_at"] - now()).total_seconds()) < 60

    using(database_url, scenario)


def test_nothing_is_half_written(database_url: str) -> None:
    async def scenario(store: Store) -> None:
        heard: list[str] = []

        async def hear() -> None:
            heard.append("access")

        store.on_change("access", hear)
        with pytest.raises(IntegrityError):
            async with store.writing("access") as connection:
                await rows.add(connection, tables.keys, {"token": "a"})
                await rows.add(connection, tables.keys, {"token": "b"})
                await rows.add(connection, tables.keys, {"token": "a"})
        assert await keys_of(store) == []
        assert heard == []

    using(database_url, scenario)


def test_changed_and_removed_rows_are_shown(database_url: str) -> None:
    async def scenario(store: Store) -> None:
        async with store.writing() as connection:
            for token in ("a", "b", "c"):
                await rows.add(
                    connection, tables.keys, {"token": token, "updated_at": datetime(2020, 1, 1, tzinfo=UTC)}
                )
            [changed] = await rows.change(connection, tables.keys, {"blocked": True}, tables.keys.c.token == "b")
            assert (changed["token"], changed["blocked"], changed["updated_at"].year) == ("b", True, now().year)
            removed = await rows.remove(connection, tables.keys, tables.keys.c.token.in_(["a", "c"]))
            assert sorted(row["token"] for row in removed) == ["a", "c"]
            assert await rows.count(connection, tables.keys) == 1

    using(database_url, scenario)


def test_writers_wait_for_each_other(database_url: str) -> None:
    """On SQLite a transaction that began by reading could not write once another has written."""

    async def scenario(store: Store) -> None:
        async def add_next() -> None:
            async with store.writing("access") as connection:
                number = (await connection.execute(select(func.count()).select_from(tables.tags))).scalar_one()
                await asyncio.sleep(0)
                await rows.add(connection, tables.tags, {"tag_name": f"{number}-{id(asyncio.current_task())}"})

        await asyncio.gather(*(add_next() for _ in range(30)))
        async with store.reading() as connection:
            assert await rows.count(connection, tables.tags) == 30

    using(database_url, scenario)


def test_another_process_hears_of_a_change(database_url: str) -> None:
    async def scenario(store: Store) -> None:
        other = Store(database_url)
        await other.start()
        heard: list[tuple[str, str]] = []

        def listener(who: str, topic: str) -> Callable[[], Awaitable[None]]:
            async def hear() -> None:
                heard.append((who, topic))

            return hear

        for who, each in (("here", store), ("there", other)):
            each.on_change("access", listener(who, "access"))
            each.on_change("config", listener(who, "config"))
        async with store.writing("access") as connection:
            await rows.add(connection, tables.keys, {"token": "a"})
        assert heard == [("here", "access")]
        await asyncio.sleep(LOOK_SECONDS * 2)
        assert heard == [("here", "access"), ("there", "access")]
        async with other.writing() as connection:
            await rows.add(connection, tables.keys, {"token": "b"})
        await asyncio.sleep(LOOK_SECONDS * 2)
        assert len(heard) == 2
        await other.aclose()

    using(database_url, scenario)


def test_a_listener_that_fails_stops_nobody(database_url: str) -> None:
    async def scenario(store: Store) -> None:
        heard: list[str] = []

        async def fail() -> None:
            raise RuntimeError("no")

        async def hear() -> None:
            heard.append("yes")

        store.on_change("config", fail)
        store.on_change("config", hear)
        async with store.writing("config"):
            pass
        assert heard == ["yes"]

    using(database_url, scenario)


def test_starting_together_upgrades_once(database_url: str) -> None:
    async def run() -> None:
        stores = [Store(database_url) for _ in range(3)]
        await asyncio.gather(*(store.start() for store in stores))
        for store in stores:
            assert await keys_of(store) == []
            await store.aclose()

    asyncio.run(run())


def test_a_folder_for_the_file_is_made(tmp_path: Path) -> None:
    async def scenario(store: Store) -> None:
        assert store.dialect == "sqlite"
        assert (tmp_path / "new" / "place" / "gateway.db").is_file()

    using(f"sqlite:///{tmp_path}/new/place/gateway.db", scenario)
