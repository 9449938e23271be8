"""Virtual keys as they are stored."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from proxy.auth.authenticator import ADMIN
from proxy.config.model import ProxyConfig
from proxy.errors import GatewayError
from proxy.management.keys import InvalidDuration, create_key, hash_of, random_key
from proxy.management.keys_changing import delete_keys, update_key
from proxy.management.keys_making import make_key
from proxy.store.rows import count, find, find_all
from proxy.store.store import Store
from proxy.store.tables import budgets, deleted_keys, keys, object_permissions
from proxy.store.types import now
from tests.stores import using


async def made(store: Store, **fields: Any) -> str:
    async with store.writing("access") as connection:
        key, *_ = await make_key(
            connection, ProxyConfig(folder=Path()), ADMIN, fields, author="somebody", route="/key/generate"
        )
    return key


def test_the_key_itself_is_kept_nowhere(tmp_path: Path) -> None:
    keys_made: list[str] = []

    async def scenario(store: Store) -> None:
        keys_made.append(await made(store, key_alias="secret"))
        async with store.reading() as connection:
            [row] = await find_all(connection, keys)
        assert row["token"] == hash_of(keys_made[0])
        assert row["created_by"] == "somebody"

    using(f"sqlite:///{tmp_path}/keys.db", scenario)
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert keys_made[0].encode() not in stored


def test_keys_are_long_and_never_the_same() -> None:
    some = {random_key() for _ in range(1000)}
    assert len(some) == 1000
    assert all(key.startswith("sk-") and len(key) == 25 for key in some)


def test_moments_follow_from_durations(database_url: str) -> None:
    async def scenario(store: Store) -> None:
        values = {"duration": "1h", "budget_duration": "1d", "auto_rotate": True, "rotation_interval": "7d"}
        async with store.writing() as connection:
            _, row = await create_key(connection, values, author="somebody")
            _, lasting = await create_key(connection, {"duration": "-1", "auto_rotate": True}, author="somebody")
            with pytest.raises(InvalidDuration) as refused:
                await create_key(connection, {"duration": "soon"}, author="somebody")
        assert abs(row["expires"] - now() - timedelta(hours=1)) < timedelta(minutes=1)
        assert abs(row["key_rotation_at"] - now() - timedelta(days=7)) < timedelta(minutes=1)
        assert row["budget_reset_at"].hour == 0
        assert lasting["expires"] is None
        assert lasting["auto_rotate"] is False
        assert refused.value.field == "duration"

    using(database_url, scenario)


def test_a_megabyte_of_metadata_comes_back(database_url: str) -> None:
    async def scenario(store: Store) -> None:
        metadata = {"note": "ü" * 1_000_000, "deep": [{"a": [1.5, None, True]}]}
        key = await made(store, metadata=metadata)
        async with store.reading() as connection:
            row = await find(connection, keys, token=hash_of(key))
        assert row is not None
        assert row["metadata"] == metadata

    using(database_url, scenario)


def test_nothing_is_left_of_a_key_that_is_refused(database_url: str) -> None:
    async def scenario(store: Store) -> None:
        await made(store, key_alias="taken")
        with pytest.raises(GatewayError):
            await made(store, key_alias="taken", soft_budget=1, object_permission={"agents": ["clerk"]})
        async with store.reading() as connection:
            assert await count(connection, keys) == 1
            assert await count(connection, budgets) == 0
            assert await count(connection, object_permissions) == 0

    using(database_url, scenario)


def test_of_keys_made_at_once_one_gets_the_alias(database_url: str) -> None:
    async def scenario(store: Store) -> None:
        results = await asyncio.gather(*(made(store, key_alias="wanted") for _ in range(8)), return_exceptions=True)
        assert [type(result) for result in results].count(str) == 1
        async with store.reading() as connection:
            assert await count(connection, keys, keys.c.key_alias == "wanted") == 1

    using(database_url, scenario)


def test_an_alias_is_compared_as_it_is(database_url: str) -> None:
    async def scenario(store: Store) -> None:
        for alias in ("x'; DROP TABLE keys; --", "%", "_", "Alias", "alias", "größe 🙂", ""):
            await made(store, key_alias=alias)
        async with store.reading() as connection:
            assert await count(connection, keys) == 7

    using(database_url, scenario)


def test_what_is_not_named_stays(database_url: str) -> None:
    async def scenario(store: Store) -> None:
        key = await made(store, max_budget=5, metadata={"a": 1}, models=["m"], budget_duration="1d")
        async with store.writing() as connection:
            row = await find(connection, keys, token=hash_of(key))
            assert row is not None
            changed = await update_key(connection, ADMIN, row, {"key": key, "models": None, "tags": ["t"]})
        assert changed["models"] == []
        assert changed["max_budget"] == 5.0
        assert changed["metadata"] == {"a": 1, "tags": ["t"]}
        assert changed["budget_reset_at"] == row["budget_reset_at"]

    using(database_url, scenario)


def test_a_deleted_key_is_remembered(database_url: str) -> None:
    async def scenario(store: Store) -> None:
        key = await made(store, key_alias="gone", metadata={"a": 1})
        async with store.writing() as connection:
            row = await find(connection, keys, token=hash_of(key))
            assert row is not None
            await delete_keys(connection, [row], deleted_by="me", deleted_by_api_key="hash", changed_by=None)
        async with store.reading() as connection:
            assert (await connection.execute(select(keys.c.token))).first() is None
            [kept] = await find_all(connection, deleted_keys)
        assert kept["token"] == row["token"]
        assert kept["metadata"] == {"a": 1}
        assert kept["deleted_by"] == "me"

    using(database_url, scenario)
