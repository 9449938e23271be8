"""Gateways as processes, with a Redis that they share."""

import time
from pathlib import Path
from typing import Any

import pytest

from fixtures.replies import status
from fixtures.running import UpstreamControl
from tests.gateways import KEY, Gateway, deployment, eventually, running
from tests.proxy.state.servers import RedisServer


def config(upstream: UpstreamControl, port: int, **router: Any) -> dict[str, Any]:
    return {
        "model_list": [
            deployment("any/*", upstream.url, model="*"),
            deployment("lone", upstream.url, model="shared-lone"),
        ],
        "router_settings": {
            "num_retries": 0,
            "allowed_fails": 0,
            "cooldown_time": 30,
            "redis_host": "127.0.0.1",
            "redis_port": port,
            **router,
        },
        "general_settings": {"master_key": KEY},
    }


def state(gateway: Gateway) -> str:
    ready = gateway.http.get("/health/readiness")
    assert ready.status_code == 200
    return str(ready.json()["state"])


def slowest(gateway: Gateway, calls: int = 40) -> float:
    """Seconds of the slowest of some chats, and they are all answered."""
    longest = 0.0
    for _ in range(calls):
        began = time.perf_counter()
        assert gateway.chat("any/steady").status_code == 200
        longest = max(longest, time.perf_counter() - began)
    return longest


def test_a_cooldown_is_known_to_every_gateway(upstream: UpstreamControl, redis: RedisServer, tmp_path: Path) -> None:
    upstream.script("shared", {"shared-lone": [status(500)]})
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    with (
        running(folders[0], config(upstream, redis.port)) as one,
        running(folders[1], config(upstream, redis.port), options=["--num_workers", "2"]) as two,
    ):
        assert (state(one), state(two)) == ("redis", "redis")
        assert one.chat("lone").status_code == 500
        time.sleep(1.5)
        refused = [two.chat("lone") for _ in range(10)]
        assert {answer.status_code for answer in refused} == {429}
        assert "No deployments available" in refused[0].text
        assert upstream.calls("shared").received == 1
        assert "deployment id-shared-lone rests for" in two.log()
        with redis.client() as client:
            assert 25 <= client.ttl("cooldown:id-shared-lone") <= 30


def test_redis_may_be_absent_at_the_start(upstream: UpstreamControl, tmp_path: Path) -> None:
    with running(tmp_path, config(upstream, 9)) as gateway:
        assert state(gateway) == "degraded"
        slowest(gateway)
        assert gateway.log().count("Redis at 127.0.0.1:9 is away") == 1


@pytest.mark.parametrize("stop", ["freeze", "kill"])
def test_redis_may_go_away_and_come_back(
    upstream: UpstreamControl, own_redis: RedisServer, tmp_path: Path, stop: str
) -> None:
    upstream.script("going", {"shared-lone": [status(500)]})
    with running(tmp_path, config(upstream, own_redis.port, cooldown_time=0.01)) as gateway:
        before = slowest(gateway)
        assert gateway.chat("lone").status_code == 500
        getattr(own_redis, stop)()
        time.sleep(0.05)
        assert gateway.chat("lone").status_code == 500
        assert min(slowest(gateway) for _ in range(3)) < before + 0.05
        assert eventually(lambda: state(gateway) == "degraded")
        assert min(slowest(gateway) for _ in range(3)) < before + 0.05
        own_redis.thaw() if stop == "freeze" else own_redis.start()
        assert eventually(lambda: state(gateway) == "redis", 10)
        assert gateway.log().count("is away") == 1
        assert gateway.log().count("is back") == 1


def test_a_frozen_redis_does_not_hold_up_the_start(
    upstream: UpstreamControl, own_redis: RedisServer, tmp_path: Path
) -> None:
    own_redis.freeze()
    try:
        with running(tmp_path, config(upstream, own_redis.port)) as gateway:
            slowest(gateway)
            assert eventually(lambda: state(gateway) == "degraded")
    finally:
        own_redis.thaw()


def test_without_redis_the_state_is_local(upstream: UpstreamControl, tmp_path: Path) -> None:
    alone = config(upstream, 9)
    del alone["router_settings"]["redis_host"]
    with running(tmp_path, alone) as gateway:
        assert state(gateway) == "local"
