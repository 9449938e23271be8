"""What a database adds to the config is routable at once, and can stop nothing."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from proxy.config.loader import load_config
from proxy.gateway import Gateway
from proxy.management.config import sealer_of
from proxy.store import tables
from proxy.store.rows import add, change

CONFIG = """
model_list:
  - model_name: of-file
    litellm_params: {model: offline/echo, litellm_credential_name: shared}
    model_info: {id: file-1}
credential_list:
  - credential_name: shared
    credential_values: {api_key: of-file}
general_settings:
  master_key: sk-1234
  store_model_in_db: true
  database_url: sqlite:///FOLDER/gateway.db
"""


@asynccontextmanager
async def started(folder: Path, config: str = CONFIG) -> AsyncIterator[Gateway]:
    file = folder / "config.yaml"
    file.write_text(config.replace("FOLDER", str(folder)))
    gateway = Gateway(load_config(file))
    await gateway.start()
    try:
        yield gateway
    finally:
        await gateway.stop()


async def add_model(gateway: Gateway, model_id: str, **params: Any) -> None:
    assert gateway.store is not None
    sealed = sealer_of(gateway.config).seal_all("models", {"model": "offline/echo", **params})
    async with gateway.store.writing("config") as connection:
        await add(
            connection,
            tables.models,
            {"model_id": model_id, "model_name": f"group-{model_id}", "litellm_params": sealed},
        )


async def set_section(gateway: Gateway, name: str, value: Any) -> None:
    assert gateway.store is not None
    async with gateway.store.writing("config") as connection:
        if not await change(connection, tables.settings, {"param_value": value}, tables.settings.c.param_name == name):
            await add(connection, tables.settings, {"param_name": name, "param_value": value})


def groups(gateway: Gateway) -> set[str]:
    return set(gateway.snapshot.router.groups.by_name)


def test_a_model_is_routable_when_its_transaction_is_over_and_elsewhere_within_a_second(tmp_path: Path) -> None:
    async def run() -> None:
        async with started(tmp_path) as here, started(tmp_path) as elsewhere:
            before = here.snapshot
            await add_model(here, "one", api_key="sk-stored")
            assert groups(here) == {"of-file", "group-one"}
            assert here.snapshot.router.groups.by_id["one"].params.api_key == "sk-stored"
            assert set(before.router.groups.by_name) == {"of-file"}
            async with asyncio.timeout(2):
                while groups(elsewhere) != {"of-file", "group-one"}:
                    await asyncio.sleep(0.05)

    asyncio.run(run())


def test_models_of_a_gateway_that_was_stopped_are_there_before_the_first_call(tmp_path: Path) -> None:
    async def run() -> None:
        async with started(tmp_path) as gateway:
            await add_model(gateway, "one")
        async with started(tmp_path) as again:
            assert groups(again) == {"of-file", "group-one"}
        without = CONFIG.replace("store_model_in_db: true", "store_model_in_db: false")
        async with started(tmp_path, without) as again:
            assert groups(again) == {"of-file"}

    asyncio.run(run())


@pytest.mark.parametrize(
    "params",
    [
        {"model": "no-such-vendor/x"},
        {"api_base": "not a url"},
        {"max_budget": 3, "budget_duration": "soon"},
        {"api_key": "sealed:1:AAAA"},
        {"rpm": -1},
    ],
    ids=["provider", "address", "budget", "salt-key", "limit"],
)
def test_a_row_that_cannot_be_used_is_left_out(
    tmp_path: Path, params: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        async with started(tmp_path) as gateway:
            await add_model(gateway, "fine")
            assert gateway.store is not None
            values = {"model_id": "bad", "model_name": "bad", "litellm_params": {"model": "offline/echo", **params}}
            with caplog.at_level(logging.ERROR):
                async with gateway.store.writing("config") as connection:
                    await add(connection, tables.models, values)
                assert groups(gateway) == {"of-file", "group-fine"}
                await add_model(gateway, "later")
            assert groups(gateway) == {"of-file", "group-fine", "group-later"}
        told = [record for record in caplog.records if "left out" in record.message]
        assert len(told) == 1

    asyncio.run(run())


def test_the_files_deployments_keep_their_ids(tmp_path: Path) -> None:
    async def run() -> None:
        async with started(tmp_path) as gateway:
            await add_model(gateway, "file-1", api_key="another")
            assert groups(gateway) == {"of-file"}
            assert gateway.snapshot.router.groups.by_id["file-1"].params.api_key == "of-file"

    asyncio.run(run())


def test_settings_are_laid_over_the_files_and_bad_ones_left_out(tmp_path: Path) -> None:
    async def run() -> None:
        async with started(tmp_path) as gateway:
            keeps = gateway.snapshot.authenticator
            await set_section(gateway, "router_settings", {"num_retries": 7, "fallbacks": [{"of-file": ["x"]}]})
            assert gateway.snapshot.router.settings.num_retries == 7
            assert gateway.snapshot.authenticator is keeps
            await set_section(gateway, "litellm_settings", {"drop_params": True})
            await set_section(gateway, "router_settings", {"routing_strategy": "no-such"})
            assert gateway.snapshot.router.settings.num_retries is None
            assert gateway.snapshot.config.settings.drop_params is True

    asyncio.run(run())


def test_what_the_gateway_is_guarded_by_is_the_files_whatever_is_stored(tmp_path: Path) -> None:
    """A database that was taken over may hold all of the reference's settings."""

    async def run() -> None:
        async with started(tmp_path) as gateway:
            stored = {"master_key": "sk-other", "custom_auth": "evil.check", "max_request_size_mb": 7}
            await set_section(gateway, "general_settings", stored)
            general = gateway.snapshot.config.general_settings
            assert (general.master_key, general.custom_auth) == ("sk-1234", None)
            assert general.max_request_size_mb == 7

    asyncio.run(run())


def test_credentials_fill_in_what_deployments_leave_open(tmp_path: Path) -> None:
    async def run() -> None:
        async with started(tmp_path) as gateway:
            assert gateway.snapshot.router.groups.by_id["file-1"].params.api_key == "of-file"
            values = sealer_of(gateway.config).seal_all(
                "credentials", {"api_key": "stored", "api_base": "http://up/v1"}
            )
            assert gateway.store is not None
            async with gateway.store.writing("config") as connection:
                row = {"credential_id": "c", "credential_name": "shared", "credential_values": values}
                await add(connection, tables.credentials, row)
            params = gateway.snapshot.router.groups.by_id["file-1"].params
            assert (params.api_key, params.api_base) == ("stored", "http://up/v1")
            await add_model(gateway, "own", api_key="its-own", litellm_credential_name="shared")
            params = gateway.snapshot.router.groups.by_id["own"].params
            assert (params.api_key, params.api_base) == ("its-own", "http://up/v1")

    asyncio.run(run())


def test_many_changes_at_once_are_all_seen(tmp_path: Path) -> None:
    async def run() -> None:
        async with started(tmp_path) as gateway:
            await asyncio.gather(*(add_model(gateway, f"m{number}") for number in range(20)))
            assert groups(gateway) == {"of-file", *(f"group-m{number}" for number in range(20))}

    asyncio.run(run())
