"""Two gateways on one Postgres and one Redis: what one changes, the other knows within a second."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts.harness.postgres import PostgresServer
from fixtures.running import UpstreamControl
from tests.gateways import KEY, Gateway, deployment, running
from tests.proxy.state.servers import redis_server

SECOND = 1.0
Pair = tuple[Gateway, Gateway]


def config(database: str, upstream: str, redis: int | None = None) -> dict[str, Any]:
    router: dict[str, Any] = {} if redis is None else {"redis_host": "127.0.0.1", "redis_port": redis}
    return {
        "model_list": [deployment("shared", upstream)],
        "router_settings": {"num_retries": 0, **router},
        "general_settings": {"master_key": KEY, "database_url": database},
    }


@pytest.fixture
def pair(
    postgres: PostgresServer, upstream: UpstreamControl, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    database = postgres.new_database()
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server(tmp_path_factory.mktemp("redis")))
        gateways = []
        for name in ("one", "two"):
            folder = tmp_path / name
            folder.mkdir()
            gateways.append(stack.enter_context(running(folder, config(database, upstream.url, redis.port))))
        yield gateways[0], gateways[1]


def chat(gateway: Gateway, key: str) -> httpx.Response:
    return gateway.chat("shared", headers={"authorization": f"Bearer {key}"})


def made(gateway: Gateway, path: str, **body: Any) -> dict[str, Any]:
    answer = gateway.http.post(path, json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def seconds_until(holds: Callable[[], bool]) -> float:
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < 5, "it never happened"
        time.sleep(0.02)
    return time.monotonic() - began


def test_a_new_key_works_everywhere(pair: Pair) -> None:
    one, two = pair
    assert chat(two, "sk-tried-before-it-was-made").status_code == 401
    made(one, "/key/generate", key="sk-tried-before-it-was-made")
    assert chat(one, "sk-tried-before-it-was-made").status_code == 200
    assert seconds_until(lambda: chat(two, "sk-tried-before-it-was-made").status_code == 200) < SECOND


@pytest.mark.parametrize("way", ["/key/delete", "/key/block", "/key/regenerate"])
def test_a_revoked_key_is_refused_everywhere(pair: Pair, way: str) -> None:
    one, two = pair
    key = made(one, "/key/generate")["key"]
    assert seconds_until(lambda: chat(two, key).status_code == 200) < SECOND
    assert [chat(two, key).status_code for _ in range(3)] == [200] * 3
    made(one, way, **({"keys": [key]} if way == "/key/delete" else {"key": key}))
    assert chat(one, key).status_code == 401
    assert seconds_until(lambda: chat(two, key).status_code == 401) < SECOND
    assert [chat(two, key).status_code for _ in range(20)] == [401] * 20


def test_what_a_key_belongs_to_counts_everywhere(pair: Pair) -> None:
    one, two = pair
    team = made(one, "/team/new", models=["shared"])["team_id"]
    key = made(one, "/key/generate", team_id=team)["key"]
    assert seconds_until(lambda: chat(two, key).status_code == 200) < SECOND
    made(two, "/team/block", team_id=team)
    assert chat(two, key).status_code == 401
    assert seconds_until(lambda: chat(one, key).status_code == 401) < SECOND
    made(one, "/team/unblock", team_id=team)
    assert seconds_until(lambda: chat(two, key).status_code == 200) < SECOND
    made(two, "/team/update", team_id=team, models=["another"])
    assert seconds_until(lambda: chat(one, key).json().get("error", {}).get("code") == "401") < SECOND


def test_a_database_that_goes_away(upstream: UpstreamControl, tmp_path: Path) -> None:
    server = PostgresServer()
    try:
        with running(tmp_path, config(server.new_database(), upstream.url)) as gateway:
            key = made(gateway, "/key/generate")["key"]
            other = made(gateway, "/key/generate")["key"]
            assert chat(gateway, key).status_code == 200
            server.stop()
            began = time.monotonic()
            statuses = [chat(gateway, key).status_code for _ in range(100)]
            assert set(statuses) == {200}
            refused = chat(gateway, other)
            assert (refused.status_code, refused.json()["error"]["type"]) == (503, "no_db_connection")
            assert time.monotonic() - began < 5
            assert gateway.http.get("/v1/models", headers={"authorization": f"Bearer {KEY}"}).status_code == 200
            time.sleep(6)
            assert chat(gateway, key).status_code == 200
    finally:
        server.stop()
