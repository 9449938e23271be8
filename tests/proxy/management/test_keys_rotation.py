"""Keys that take the place of others."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from proxy.config.errors import ConfigError
from proxy.jobs.jobs import Jobs
from proxy.management import keys_rotation
from proxy.management.audit import Robot
from proxy.management.keys import create_key, hash_of
from proxy.management.keys_rotation import add_rotation, replace_key, reseal, rotate_due_keys
from proxy.store import tables
from proxy.store.rows import Row, add, change, find, find_all
from proxy.store.sealing import Sealer, WrongSaltKeyError
from proxy.store.store import Store
from proxy.store.tables import deprecated_keys, keys
from proxy.store.types import now
from tests.proxy.management.test_keys import using

LATER = timedelta(days=40)


async def rotating(store: Store, alias: str, interval: str = "30d", **fields: Any) -> Row:
    async with store.writing() as connection:
        values = {"key_alias": alias, "auto_rotate": True, "rotation_interval": interval, **fields}
        _, row = await create_key(connection, values, author="somebody")
    return row


async def all_keys(store: Store) -> dict[str, Row]:
    async with store.reading() as connection:
        return {row["key_alias"]: row for row in await find_all(connection, keys)}


async def replaced(store: Store) -> dict[str, str]:
    """Those that were given a time in which they still work."""
    async with store.reading() as connection:
        rows = await find_all(connection, deprecated_keys)
    return {row["token"]: row["active_token_id"] for row in rows if row["revoke_at"] > row["created_at"]}


def test_only_what_is_due_is_rotated(database_url: str) -> None:
    async def scenario(store: Store) -> None:
        due = await rotating(store, "due", spend=3.0, max_budget=9.0, metadata={"a": 1})
        await rotating(store, "later", "90d")
        async with store.writing() as connection:
            await create_key(connection, {"key_alias": "fixed"}, author="somebody")
        moment = now() + LATER
        [row] = await rotate_due_keys(store, moment)
        assert row["key_alias"] == "due"
        assert row["token"] != due["token"]
        assert row["rotation_count"] == 1
        assert row["last_rotation_at"] == moment
        assert row["key_rotation_at"] == moment + timedelta(days=30)
        assert (row["spend"], row["max_budget"], row["metadata"]) == (3.0, 9.0, {"a": 1})
        assert await replaced(store) == {}
        assert await rotate_due_keys(store, moment) == []

    using(database_url, scenario)


def test_predecessors_follow_until_their_time_is_over(database_url: str) -> None:
    async def scenario(store: Store) -> None:
        first = await rotating(store, "due")
        moment = now() + LATER
        [second] = await rotate_due_keys(store, moment, "60d")
        [third] = await rotate_due_keys(store, moment + LATER, "60d")
        assert await replaced(store) == {first["token"]: third["token"], second["token"]: third["token"]}
        await rotate_due_keys(store, moment + timedelta(days=61))
        assert await replaced(store) == {second["token"]: third["token"]}

    using(database_url, scenario)


def test_one_that_fails_stops_no_other(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    original = keys_rotation.keep_deleted

    async def breaks(connection: Any, row: Row, **options: Any) -> None:
        if row["key_alias"] == "breaks":
            raise RuntimeError("no room")
        await original(connection, row, **options)

    async def scenario(store: Store) -> None:
        broken = await rotating(store, "breaks")
        await rotating(store, "works")
        monkeypatch.setattr(keys_rotation, "keep_deleted", breaks)
        rotated = await rotate_due_keys(store, now() + LATER)
        assert [row["key_alias"] for row in rotated] == ["works"]
        assert (await all_keys(store))["breaks"]["token"] == broken["token"]

    using(database_url, scenario)


def test_an_interval_that_is_none_ends_the_rotation(database_url: str) -> None:
    async def scenario(store: Store) -> None:
        row = await rotating(store, "odd")
        async with store.writing() as connection:
            await change(connection, keys, {"rotation_interval": "often"}, keys.c.token == row["token"])
        await rotate_due_keys(store, now() + LATER)
        assert (await all_keys(store))["odd"]["auto_rotate"] is False
        assert await rotate_due_keys(store, now() + LATER) == []

    using(database_url, scenario)


@pytest.mark.parametrize(("period", "kept"), [("1d", True), ("", False), ("soon", False), ("0s", False)])
def test_the_environment_says_how_long(
    period: str, kept: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LITELLM_KEY_ROTATION_GRACE_PERIOD", period)

    async def scenario(store: Store) -> None:
        await rotating(store, "due")
        await rotate_due_keys(store, now() + LATER)
        assert bool(await replaced(store)) == kept

    using(f"sqlite:///{tmp_path}/keys.db", scenario)


def test_a_key_may_be_chosen_again(database_url: str) -> None:
    async def scenario(store: Store) -> None:
        moment = now()
        async with store.writing() as connection:
            _, row = await create_key(connection, {"key": "sk-first"}, author="somebody")
            until = moment + timedelta(days=1)
            _, row = await replace_key(connection, row, {}, new_key="sk-second", until=until, now=moment)
            key, row = await replace_key(connection, row, {}, new_key="sk-first", until=None, now=moment)
        assert key == "sk-first"
        assert row["token"] == hash_of("sk-first")
        assert await replaced(store) == {}

    using(database_url, scenario)


def test_secrets_are_sealed_anew(database_url: str) -> None:
    old, new = Sealer("sk-old-master"), Sealer("sk-new-master")

    async def scenario(store: Store) -> None:
        async with store.writing() as connection:
            params = old.seal_all("models", {"model": "openai/x", "api_key": "sk-vendor", "rpm": 5})
            await add(connection, tables.models, {"model_id": "m", "model_name": "group", "litellm_params": params})
            values = old.seal_all("credentials", {"api_key": "sk-shared"})
            credential = {"credential_id": "c", "credential_name": "shared", "credential_values": values}
            await add(connection, tables.credentials, credential)
            await connection.execute(
                insert(tables.settings).values(param_name="router_settings", param_value={"num_retries": 2})
            )
        async with store.writing() as connection:
            assert await reseal(connection, old, new) == 2
        async with store.reading() as connection:
            model = await find(connection, tables.models, model_id="m")
            assert model is not None
            assert new.unseal_all("models", model["litellm_params"])["api_key"] == "sk-vendor"
            assert model["litellm_params"]["rpm"] == 5
            credential_row = await find(connection, tables.credentials, credential_id="c")
            assert credential_row is not None
            assert new.unseal_all("credentials", credential_row["credential_values"]) == {"api_key": "sk-shared"}
        with pytest.raises(WrongSaltKeyError):
            async with store.writing() as connection:
                await reseal(connection, old, new)

    using(database_url, scenario)


def test_a_period_that_is_none_is_told_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(f"sqlite:///{tmp_path}/keys.db")
    add_rotation(Jobs(store), store, Robot(None))
    monkeypatch.setenv("LITELLM_KEY_ROTATION_ENABLED", "true")
    monkeypatch.setenv("TIANJI_KEY_ROTATION_CHECK_INTERVAL_SECONDS", "daily")
    with pytest.raises(ConfigError, match="CHECK_INTERVAL_SECONDS"):
        add_rotation(Jobs(store), store, Robot(None))
