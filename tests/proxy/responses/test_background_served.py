"""Background responses of whole gateways: restarts, two of them, and their end."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.replies import ok, stream
from fixtures.running import UpstreamControl
from tests.gateways import KEY, Gateway, deployment, eventually, running
from tests.proxy.state.servers import RedisServer

WORDS = ["word "] * 60


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.kill()


def config(upstream: UpstreamControl, redis: RedisServer | None) -> dict[str, Any]:
    settings: dict[str, Any] = {"responses": {"background_mode": {"polling_via_cache": "all"}}}
    if redis is not None:
        settings |= {"cache": True, "cache_params": {"type": "redis", "url": redis.url, "mode": "default_off"}}
    return {
        "model_list": [deployment("slow-words", upstream.url)],
        "litellm_settings": settings,
        "router_settings": {"num_retries": 0},
        "general_settings": {"master_key": KEY},
    }


def begin(gateway: Gateway) -> str:
    body = {"model": "slow-words", "input": "count", "background": True}
    name: str = gateway.http.post("/v1/responses", json=body).json()["id"]
    return name


def look(gateway: Gateway, name: str) -> dict[str, Any]:
    found: dict[str, Any] = gateway.http.get(f"/v1/responses/{name}").json()
    return found


def text(response: dict[str, Any]) -> str:
    return "".join(part["text"] for item in response["output"] for part in item.get("content", ()))


def test_a_complete_one_survives_a_restart(upstream: UpstreamControl, redis: RedisServer, tmp_path: Path) -> None:
    upstream.script("restart", {"slow-words": [ok("Good day.")]})
    with running(tmp_path, config(upstream, redis)) as gateway:
        name = begin(gateway)
        assert eventually(lambda: look(gateway, name)["status"] == "completed")
    with running(tmp_path, config(upstream, redis)) as gateway:
        assert text(look(gateway, name)) == "Good day."
        again = {"model": "slow-words", "input": "more", "previous_response_id": name}
        assert gateway.http.post("/v1/responses", json=again).status_code == 200


def test_an_incomplete_one_has_failed_when_its_gateway_stops(
    upstream: UpstreamControl, redis: RedisServer, tmp_path: Path
) -> None:
    upstream.script("stop", {"slow-words": [stream(WORDS, pace=0.1)]})
    with running(tmp_path, config(upstream, redis)) as gateway:
        name = begin(gateway)
        assert eventually(lambda: bool(text(look(gateway, name))))
        assert gateway.calls_in_progress() == 1
    assert eventually(lambda: upstream.calls("stop").open == 0, 1)
    with running(tmp_path, config(upstream, redis)) as gateway:
        response = look(gateway, name)
        assert response["status"] == "failed"
        assert "stopped before" in response["error"]["message"]
        assert text(response).startswith("word ")


@pytest.mark.parametrize("question", ["cancel", "delete"])
def test_one_gateway_stops_the_work_of_another(
    upstream: UpstreamControl, redis: RedisServer, tmp_path_factory: pytest.TempPathFactory, question: str
) -> None:
    upstream.script("two", {"slow-words": [stream(WORDS, pace=0.1)]})
    one, two = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("two")
    with running(one, config(upstream, redis)) as maker, running(two, config(upstream, redis)) as other:
        name = begin(maker)
        assert eventually(lambda: bool(text(look(other, name))))
        if question == "cancel":
            assert other.http.post(f"/v1/responses/{name}/cancel").json()["status"] == "cancelled"
        else:
            assert other.http.delete(f"/v1/responses/{name}").json()["deleted"] is True
        assert eventually(lambda: upstream.calls("two").open == 0, 1)
        time.sleep(0.5)
        for gateway in (maker, other):
            answer = gateway.http.get(f"/v1/responses/{name}")
            assert answer.status_code == (404 if question == "delete" else 200)
            assert question == "delete" or answer.json()["status"] == "cancelled"
        assert maker.calls_in_progress() == 0


def test_the_stop_of_one_is_no_response(upstream: UpstreamControl, tmp_path: Path) -> None:
    upstream.script("stops", {"slow-words": [ok()]})
    with running(tmp_path, config(upstream, None)) as gateway:
        name = begin(gateway)
        assert eventually(lambda: look(gateway, name)["status"] == "completed")
        assert gateway.http.delete(f"/v1/responses/{name}").status_code == 200
        for method in ("GET", "DELETE"):
            assert gateway.http.request(method, f"/v1/responses/{name}:stop").status_code == 404


def test_nothing_is_said_to_be_unknown_while_redis_is_away(
    upstream: UpstreamControl, tmp_path_factory: pytest.TempPathFactory
) -> None:
    upstream.script("away", {"slow-words": [ok()], "kept": [ok()]})
    server = RedisServer(tmp_path_factory.mktemp("away-redis"))
    settings = config(upstream, server)
    settings["model_list"].append(deployment("kept", upstream.url))
    settings["model_list"][1]["litellm_params"]["model"] = "deepseek/kept"
    try:
        with running(tmp_path_factory.mktemp("away"), settings) as gateway:
            name = begin(gateway)
            assert eventually(lambda: look(gateway, name)["status"] == "completed")
            kept = gateway.http.post("/v1/responses", json={"model": "kept", "input": "hi"}).json()["id"]
            again = {"model": "kept", "input": "more", "previous_response_id": kept}
            server.kill()
            assert eventually(lambda: gateway.http.get(f"/v1/responses/{name}").status_code == 503, 10)
            answers = [gateway.http.get(f"/v1/responses/{given}") for given in (name, kept)]
            for answer in (*answers, gateway.http.post("/v1/responses", json=again)):
                assert answer.status_code == 503
                assert answer.headers["retry-after"] == "5"
                assert "Redis" in answer.json()["error"]["message"]
    finally:
        server.kill()


def test_its_maker_knows_of_it_while_redis_is_away(
    upstream: UpstreamControl, tmp_path_factory: pytest.TempPathFactory
) -> None:
    upstream.script("known", {"slow-words": [stream(WORDS, pace=0.1)]})
    server = RedisServer(tmp_path_factory.mktemp("known-redis"))
    try:
        with running(tmp_path_factory.mktemp("known"), config(upstream, server)) as gateway:
            name = begin(gateway)
            assert eventually(lambda: bool(text(look(gateway, name))))
            server.kill()
            for _ in range(10):
                assert look(gateway, name)["status"] == "in_progress"
                time.sleep(0.05)
            assert gateway.http.delete(f"/v1/responses/{name}").json()["deleted"] is True
            assert eventually(lambda: upstream.calls("known").open == 0)
            assert gateway.calls_in_progress() == 0
    finally:
        server.kill()


def test_in_memory_nothing_is_left_of_many(upstream: UpstreamControl, tmp_path: Path) -> None:
    upstream.script("many", {"slow-words": [stream(["a ", "b"], pace=0.02)]})
    with running(tmp_path, config(upstream, None)) as gateway:
        names = [begin(gateway) for _ in range(50)]
        assert eventually(lambda: all(look(gateway, name)["status"] == "completed" for name in names), 10)
        assert {text(look(gateway, name)) for name in names} == {"a b"}
        assert gateway.calls_in_progress() == 0
        assert "Traceback" not in gateway.log()
