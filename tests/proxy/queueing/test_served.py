"""Gateways as processes: calls with a priority wait in one order, whichever gateway they came to."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from fixtures.replies import ok
from fixtures.running import UpstreamControl
from tests.gateways import KEY, Gateway, deployment, eventually, running
from tests.proxy.state.servers import RedisServer

USED = "x-litellm-request-prioritization-used"
CONSTANTS = {"proxy.state.redis.ABSENT_SECONDS": 1.5, "proxy.queueing.LOOK_AGAIN_SECONDS": 0.3}


def config(upstream: UpstreamControl, model: str, **router: Any) -> dict[str, Any]:
    return {
        "model_list": [deployment(model, upstream.url, max_parallel_requests=1)],
        "router_settings": {"num_retries": 0, "timeout": 20, **router},
        "general_settings": {"master_key": KEY},
    }


@contextmanager
def gateways(folder: Path, settings: dict[str, Any]) -> Iterator[Sequence[Gateway]]:
    folders = [folder / name for name in ("one", "two")]
    for each in folders:
        each.mkdir()
    with running(folders[0], settings, CONSTANTS) as one, running(folders[1], settings, CONSTANTS) as two:
        yield one, two


def texts(upstream: UpstreamControl, case: str) -> list[str]:
    return [call.body["messages"][0]["content"] for call in upstream.journal(case)]


def depth(gateway: Gateway, model: str) -> int:
    for line in gateway.http.get("/metrics").text.splitlines():
        if line.startswith(f'tianji_queue_depth{{model_group="{model}"}}'):
            return int(float(line.rsplit(" ", 1)[1]))
    return 0


def waits(gateway: Gateway, model: str, calls: int) -> None:
    assert eventually(lambda: depth(gateway, model) == calls), gateway.http.get("/metrics").text


def test_gateways_share_one_order(upstream: UpstreamControl, redis: RedisServer, tmp_path: Path) -> None:
    upstream.script("ordered", {"ordered": [ok().slow(2.5), ok()]})
    settings = config(upstream, "ordered", redis_host="127.0.0.1", redis_port=redis.port)
    with gateways(tmp_path, settings) as (one, two), ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(one.chat, "ordered", "now", priority=9)]
        assert eventually(lambda: upstream.calls("ordered").open == 1)
        arrivals = [(two, "last", 9, 1), (one, "second", 3, 1), (two, "third", 3, 2), (one, "first", 0, 2)]
        for gateway, text, priority, waiting in arrivals:
            answers.append(pool.submit(gateway.chat, "ordered", text, priority=priority))
            waits(gateway, "ordered", waiting)
        assert all(answer.result().status_code == 200 for answer in answers)
        assert {answer.result().headers[USED] for answer in answers} == {"True"}
        assert texts(upstream, "ordered") == ["now", "first", "second", "third", "last"]
        assert (depth(one, "ordered"), depth(two, "ordered")) == (0, 0)
        assert 'tianji_queue_wait_seconds_count{model_group="ordered"} 2.0' in one.http.get("/metrics").text


def test_a_gateway_that_dies_is_not_waited_for(upstream: UpstreamControl, redis: RedisServer, tmp_path: Path) -> None:
    upstream.script("dying", {"dying": [ok().slow(2.0), ok()]})
    settings = config(upstream, "dying", redis_host="127.0.0.1", redis_port=redis.port)
    with gateways(tmp_path, settings) as (one, two), ThreadPoolExecutor(8) as pool:
        now = pool.submit(one.chat, "dying", "now", priority=9)
        assert eventually(lambda: upstream.calls("dying").open == 1)
        lost = pool.submit(two.chat, "dying", "lost", priority=0)
        waits(two, "dying", 1)
        other = pool.submit(one.chat, "dying", "other", priority=5)
        waits(one, "dying", 1)
        two.process.kill()
        with pytest.raises(httpx.TransportError):
            lost.result()
        assert (now.result().status_code, other.result().status_code) == (200, 200)
        assert texts(upstream, "dying") == ["now", "other"]


def test_without_redis_calls_wait_on(upstream: UpstreamControl, own_redis: RedisServer, tmp_path: Path) -> None:
    upstream.script("outage", {"outage": [ok().slow(2.0), ok()]})
    settings = config(upstream, "outage", redis_host="127.0.0.1", redis_port=own_redis.port)
    with running(tmp_path, settings, CONSTANTS) as gateway, ThreadPoolExecutor(8) as pool:
        now = pool.submit(gateway.chat, "outage", "now", priority=9)
        assert eventually(lambda: upstream.calls("outage").open == 1)
        answers: list[Future[httpx.Response]] = []
        for number, (text, priority) in enumerate([("later", 7), ("first", 0)], start=1):
            answers.append(pool.submit(gateway.chat, "outage", text, priority=priority))
            waits(gateway, "outage", number)
        own_redis.kill()
        assert {answer.result().status_code for answer in [now, *answers]} == {200}
        assert texts(upstream, "outage") == ["now", "first", "later"]


def test_a_client_that_leaves_gives_up_its_place(upstream: UpstreamControl, tmp_path: Path) -> None:
    upstream.script("leaving", {"leaving": [ok().slow(1.5), ok()]})
    with running(tmp_path, config(upstream, "leaving")) as gateway, ThreadPoolExecutor(4) as pool:
        now = pool.submit(gateway.chat, "leaving", "now", priority=1)
        assert eventually(lambda: upstream.calls("leaving").open == 1)
        body = {"model": "leaving", "messages": [{"role": "user", "content": "gone"}], "priority": 0}
        with pytest.raises(httpx.ReadTimeout):
            gateway.http.post("/v1/chat/completions", json=body, timeout=0.3)
        patient = pool.submit(gateway.chat, "leaving", "patient", priority=9)
        waits(gateway, "leaving", 1)
        assert (now.result().status_code, patient.result().status_code) == (200, 200)
        assert texts(upstream, "leaving") == ["now", "patient"]
        assert gateway.calls_in_progress() == 0


def test_a_queue_costs_no_cpu(upstream: UpstreamControl, tmp_path: Path) -> None:
    """Forty calls that wait are forty sleeping tasks."""
    upstream.script("sleeping", {"sleeping": [ok().slow(2.5), ok()]})
    with running(tmp_path, config(upstream, "sleeping")) as gateway, ThreadPoolExecutor(41) as pool:
        answers = [pool.submit(gateway.chat, "sleeping", "now", priority=1)]
        assert eventually(lambda: upstream.calls("sleeping").open == 1)
        answers += [pool.submit(gateway.chat, "sleeping", "waits", priority=1) for _ in range(40)]
        waits(gateway, "sleeping", 40)
        used = cpu_seconds(gateway)
        time.sleep(1.0)
        assert cpu_seconds(gateway) - used < 0.1
        assert {answer.result().status_code for answer in answers} == {200}


def cpu_seconds(gateway: Gateway) -> float:
    times = psutil.Process(gateway.process.pid).cpu_times()
    return float(times.user + times.system)
