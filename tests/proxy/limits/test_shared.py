"""Two gateways as processes, with one Redis: together they let through what a limit says."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from fixtures.replies import ok
from fixtures.running import UpstreamControl
from tests.gateways import Gateway, deployment, eventually, running
from tests.proxy.state.servers import RedisServer, redis_server

LIMIT = 300
ASKED = 500
PATIENT = {"proxy.state.resilient.BUDGET": 10.0}
"""On a busy machine no process may take Redis for gone: then it would count for itself."""
FUNCTION = f"""
from litellm.proxy._types import UserAPIKeyAuth

LIMITS = {{
    "sk-requests": {{"rpm_limit": {LIMIT}}},
    "sk-tokens": {{"tpm_limit": 2000}},
    "sk-parallel": {{"max_parallel_requests": 5}},
    "sk-single": {{"max_parallel_requests": 1}},
}}

async def decide(request, api_key):
    return UserAPIKeyAuth(api_key=api_key, **LIMITS.get(api_key, {{}}))
"""


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path) as server:
        yield server


@pytest.fixture
def gateways(redis: RedisServer, upstream: UpstreamControl, tmp_path: Path) -> Iterator[list[Gateway]]:
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
        (folder / "deciding.py").write_text(FUNCTION)
    written = config(redis, upstream)
    with running(folders[0], written, PATIENT) as one, running(folders[1], written, PATIENT) as two:
        yield [one, two]


def config(redis: RedisServer, upstream: UpstreamControl) -> dict[str, Any]:
    params = {"model": "openai/any", "api_key": "sk-up", "mock_response": "Hello"}
    return {
        "model_list": [{"model_name": "any", "litellm_params": params}, deployment("slow", upstream.url)],
        "litellm_settings": {"responses": {"background_mode": {"polling_via_cache": "all", "ttl": 600}}},
        "router_settings": {"redis_host": "127.0.0.1", "redis_port": redis.port},
        "environment_variables": {"LITELLM_RATE_LIMIT_WINDOW_SIZE": "600"},
        "general_settings": {"custom_auth": "deciding.decide", "master_key": "sk-master"},
    }


def statuses(gateways: list[Gateway], key: str, asked: int, at_once: int) -> Counter[int]:
    """Of calls to both gateways."""

    async def scenario() -> Counter[int]:
        found: Counter[int] = Counter()
        numbers = iter(range(asked))
        limits = httpx.Limits(max_connections=at_once)
        async with httpx.AsyncClient(limits=limits, timeout=30, headers={"authorization": f"Bearer {key}"}) as client:

            async def work() -> None:
                for number in numbers:
                    url = f"{gateways[number % 2].url}/v1/chat/completions"
                    body = {"model": "any", "messages": [{"role": "user", "content": "hello"}]}
                    found[(await client.post(url, json=body)).status_code] += 1

            await asyncio.gather(*(work() for _ in range(at_once)))
        return found

    return asyncio.run(scenario())


def test_requests_are_limited_together(gateways: list[Gateway]) -> None:
    found = statuses(gateways, "sk-requests", ASKED, at_once=16)
    assert sum(found.values()) == ASKED
    assert set(found) == {200, 429}
    assert abs(found[200] - LIMIT) <= LIMIT // 100


def test_tokens_are_limited_together(gateways: list[Gateway]) -> None:
    # a mocked answer uses 30 tokens, and its request counts as one
    found = statuses(gateways, "sk-tokens", 100, at_once=1)
    assert set(found) == {200, 429}
    assert 60 <= found[200] <= 70


def test_places_come_back(gateways: list[Gateway], redis: RedisServer) -> None:
    found = statuses(gateways, "sk-parallel", 200, at_once=5)
    assert sum(found.values()) == 200
    assert found[200] >= 150  # a call may overtake the news that another has ended; of places that never come back 5
    with redis.client() as client:
        assert eventually(lambda: client.keys("*:slots:*") == [])
    assert statuses(gateways, "sk-parallel", 5, at_once=1) == {200: 5}


def test_what_is_made_in_the_background_has_its_place(gateways: list[Gateway], upstream: UpstreamControl) -> None:
    upstream.script("background", {"slow": [ok().slow(1.5)]})
    headers = {"authorization": "Bearer sk-single"}
    chat = {"model": "any", "messages": [{"role": "user", "content": "hello"}]}
    with httpx.Client(base_url=gateways[0].url, headers=headers, timeout=30) as client:
        queued = client.post("/v1/responses", json={"model": "slow", "input": "hello", "background": True}).json()
        assert queued["status"] == "queued"
        time.sleep(0.5)  # what was queued is answered long ago
        meanwhile = client.post("/v1/chat/completions", json=chat)

        def is_done() -> bool:
            return bool(client.get(f"/v1/responses/{queued['id']}").json()["status"] == "completed")

        assert eventually(is_done, 15)
        assert eventually(lambda: client.post("/v1/chat/completions", json=chat).status_code == 200)
    assert meanwhile.status_code == 429
