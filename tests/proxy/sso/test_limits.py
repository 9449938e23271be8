"""Nobody alone guesses passwords or keeps others from signing in."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.gateways import KEY, Gateway, running

PROVIDER = {
    "GENERIC_CLIENT_ID": "id",
    "GENERIC_CLIENT_SECRET": "secret",
    "GENERIC_AUTHORIZATION_ENDPOINT": "https://idp.example/authorize",
    "GENERIC_TOKEN_ENDPOINT": "https://idp.example/token",
    "GENERIC_USERINFO_ENDPOINT": "https://idp.example/userinfo",
}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder: Path = tmp_path_factory.mktemp("limits")
    config = {
        "model_list": [],
        "environment_variables": PROVIDER,
        "general_settings": {"master_key": KEY, "database_url": f"sqlite:///{folder}/gateway.db"},
    }
    constants = {"proxy.api.management.sso.MOST_OF_ONE": 3, "proxy.api.management.login.TRIES": 4}
    with running(folder, config, constants) as started:
        yield started


def test_wrong_passwords_at_once_are_counted(gateway: Gateway) -> None:
    async def statuses(password: str, times: int) -> list[int]:
        body = {"username": "admin", "password": password}
        async with httpx.AsyncClient(base_url=gateway.url, trust_env=False, timeout=30) as client:
            answers = await asyncio.gather(*(client.post("/v2/login", json=body) for _ in range(times)))
        return sorted(answer.status_code for answer in answers)

    async def scenario() -> None:
        for _ in range(6):
            assert await statuses(KEY, 1) == [200]
        assert await statuses("wrong", 12) == [401] * 4 + [429] * 8
        assert await statuses(KEY, 1) == [429]

    asyncio.run(scenario())


def test_one_address_begins_so_many_sign_ins(gateway: Gateway) -> None:
    with httpx.Client(base_url=gateway.url, trust_env=False) as browser:
        assert [browser.get("/sso/login").status_code for _ in range(5)] == [303, 303, 303, 429, 429]
