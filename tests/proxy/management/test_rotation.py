"""Keys of vendors are replaced while calls go on: none fails, and each vendor sees the old key, then the next."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from fixtures.replies import Reply
from fixtures.running import UpstreamControl
from proxy.config.errors import ConfigError
from proxy.config.loader import load_config
from proxy.gateway import Gateway as InProcess
from proxy.management.rotation import rotations_of
from proxy.store import tables
from tests.gateways import KEY, Gateway, running

CONFIG: dict[str, Any] = {
    "model_list": [
        {
            "model_name": "rotating",
            "litellm_params": {"model": "openai/rotating-under-load", "litellm_credential_name": "vendor"},
        }
    ],
    "router_settings": {"num_retries": 0},
    "general_settings": {"master_key": KEY},
}


def credential(upstream: UpstreamControl, **rotation: Any) -> dict[str, Any]:
    values = {"api_key": "sk-old", "api_base": f"{upstream.url}/v1"}
    return {"credential_name": "vendor", "credential_values": values, "rotation": {"interval": "1s", **rotation}}


def keys_seen(upstream: UpstreamControl) -> list[str]:
    journal = upstream.journal("rotating-under-load")
    return [entry.headers["authorization"].removeprefix("Bearer ") for entry in journal]


async def calls_for(gateway: Gateway, seconds: float) -> list[int]:
    """The statuses of calls by eight clients that never pause."""
    body = {"model": "rotating", "messages": [{"role": "user", "content": "hello"}]}
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds

    async def client(http: httpx.AsyncClient) -> list[int]:
        statuses = []
        while loop.time() < end:
            statuses.append((await http.post(f"{gateway.url}/v1/chat/completions", json=body)).status_code)
        return statuses

    async with httpx.AsyncClient(headers={"authorization": f"Bearer {KEY}"}, timeout=20) as http:
        found = await asyncio.gather(*(client(http) for _ in range(8)))
    return [status for statuses in found for status in statuses]


@pytest.mark.parametrize("stored", [False, True], ids=["config-only", "database"])
def test_no_call_fails_when_the_key_is_replaced(upstream: UpstreamControl, tmp_path: Path, stored: bool) -> None:
    upstream.script("rotating-under-load", {"rotating-under-load": [Reply(delay=0.05)]})
    secret = tmp_path / "secret"
    secret.write_text("sk-old\n")
    config = {**CONFIG, "credential_list": [credential(upstream, manager="file", name=str(secret))]}
    if stored:
        url = f"sqlite:///{tmp_path}/gateway.db"
        config["general_settings"] = {**CONFIG["general_settings"], "database_url": url}
    with running(tmp_path, config) as gateway:

        async def run() -> list[int]:
            calls = asyncio.create_task(calls_for(gateway, 5))
            await asyncio.sleep(1.5)
            secret.write_text("sk-next\n")
            return await calls

        statuses = asyncio.run(run())
    assert set(statuses) == {200}
    keys = keys_seen(upstream)
    assert len(keys) == len(statuses)
    assert keys[0] == "sk-old"
    assert keys[-1] == "sk-next"
    changed = keys.index("sk-next")
    # Calls that had begun may still arrive: no more than there are clients.
    assert keys[changed:].count("sk-old") <= 8


def config_of(folder: Path, rotation: str, *, database: bool = False) -> Path:
    file = folder / "config.yaml"
    url = f", database_url: 'sqlite:///{folder}/gateway.db'" if database else ""
    file.write_text(
        f"""
model_list:
  - model_name: rotating
    litellm_params: {{model: openai/x, litellm_credential_name: vendor}}
    model_info: {{id: rotating-1}}
credential_list:
  - credential_name: vendor
    credential_values: {{api_key: sk-old, api_base: "http://vendor/v1"}}
    rotation: {rotation}
general_settings: {{master_key: sk-1234{url}}}
litellm_settings: {{store_audit_logs: true}}
"""
    )
    return file


async def until_key(gateway: InProcess, key: str) -> None:
    async with asyncio.timeout(10):
        while gateway.snapshot.router.groups.by_id["rotating-1"].params.api_key != key:
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    "rotation",
    [
        "{interval: 1s, manager: command, name: echo sk-next}",
        "{interval: 1s, manager: function, name: secrets_of_mine.next_key}",
        "{interval: 1s, manager: environment, name: NEXT_KEY_OF_VENDOR}",
        "{interval: 1s, manager: file, name: next.txt}",
    ],
    ids=["command", "function", "environment", "file"],
)
def test_where_the_next_key_comes_from(tmp_path: Path, rotation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXT_KEY_OF_VENDOR", "sk-next")
    (tmp_path / "next.txt").write_text("sk-next")
    (tmp_path / "secrets_of_mine.py").write_text("async def next_key(purpose):\n    return f'sk-{\"next\"}'\n")

    async def run() -> None:
        gateway = InProcess(load_config(config_of(tmp_path, rotation)))
        await gateway.start()
        before = gateway.snapshot
        try:
            await until_key(gateway, "sk-next")
            assert before.router.groups.by_id["rotating-1"].params.api_key == "sk-old"
            assert gateway.snapshot.router.groups.by_id["rotating-1"].params.api_base == "http://vendor/v1"
        finally:
            await gateway.stop()

    asyncio.run(run())


def test_a_generated_key_is_made_once_an_interval_and_survives(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "makes.py").write_text(
        "made = []\ndef key(purpose):\n    made.append(purpose)\n    return f'sk-made-{len(made)}-{purpose}'\n"
    )
    file = config_of(tmp_path, "{interval: 2s, manager: function, name: makes.key, generate: true}", database=True)

    async def run() -> None:
        gateway = InProcess(load_config(file))
        await gateway.start()
        try:
            await asyncio.sleep(1)
            assert gateway.snapshot.router.groups.by_id["rotating-1"].params.api_key == "sk-old"
            await until_key(gateway, "sk-made-1-rotate")
            assert gateway.store is not None
            async with gateway.store.reading() as connection:
                rows = list(await connection.execute(select(tables.audit_log)))
                [stored] = await connection.execute(select(tables.credentials.c.credential_values))
            assert [row.action for row in rows] == ["rotated"] * len(rows)
            assert "sk-made" not in str(rows) + str(stored)
        finally:
            await gateway.stop()
        again = InProcess(load_config(file))
        await again.start()
        try:
            assert str(again.snapshot.router.groups.by_id["rotating-1"].params.api_key).startswith("sk-made-")
        finally:
            await again.stop()

    with caplog.at_level(logging.INFO):
        asyncio.run(run())
    assert "sk-made" not in caplog.text


@pytest.mark.parametrize(
    ("rotation", "told"),
    [
        ("{interval: soon, manager: file, name: x}", "interval: 30d"),
        ("{interval: 0s, manager: file, name: x}", "interval: 30d"),
        ("{interval: 1d, manager: no-such, name: x}", "not available"),
        ("{interval: 1d, name: x}", "manager is missing"),
        ("{interval: 1d, manager: file}", "name"),
        ("{interval: 1d, manager: file, name: x, generate: true}", "makes no secrets"),
        ("{interval: 1d, manager: hashicorp_vault, name: x}", "hcp_vault_addr"),
        ("{interval: 1d, manager: file, name: x, intervall: 1d}", "intervall"),
    ],
)
def test_rotations_that_cannot_work(tmp_path: Path, rotation: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        rotations_of(load_config(config_of(tmp_path, rotation)))


def test_what_is_generated_needs_a_database(tmp_path: Path) -> None:
    file = config_of(tmp_path, "{interval: 1d, manager: command, name: make-key, generate: true}")
    with pytest.raises(ConfigError, match="needs a database"):
        InProcess(load_config(file))
