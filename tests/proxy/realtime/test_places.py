"""Sessions take a place of their deployment, give it back however they end, and queue where calls do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.replies import Reply, hang, ok, status
from fixtures.running import UpstreamControl
from fixtures.sessions import close, done, receive, send, vanish
from fixtures.sessions import session as acts
from tests.gateways import KEY, Gateway, deployment, eventually, running
from tests.proxy.state.conftest import redis
from tests.proxy.state.servers import RedisServer
from tests.sockets import ended, heard, session
from tests.sockets import vanish as vanishes

__all__ = ["redis"]

pytestmark = pytest.mark.xdist_group("realtime")
STRATEGY = "usage-based-routing-v2"
STARTS = send({"type": "session.created"})


def config(upstream: UpstreamControl, *names: str, group: str | None = None, **router: Any) -> dict[str, Any]:
    one = {"max_parallel_requests": 1}
    return {
        "model_list": [deployment(group or name, upstream.url, model=name, **one) for name in names],
        "router_settings": {"num_retries": 0, "disable_cooldowns": True, **router},
        "general_settings": {"master_key": KEY},
    }


ENDINGS: dict[str, Reply] = {
    "client-closes": ok(),
    "client-vanishes": ok(),
    "vendor-closes": acts(STARTS, receive(), close(4005, "bye")),
    "vendor-vanishes": acts(STARTS, receive(), vanish()),
    "vendor-refuses": status(500),
    "cancelled-while-opening": hang(),
}


@pytest.fixture(scope="module")
def keeping(upstream: UpstreamControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway that keeps the limits of deployments, one call each."""
    settings = config(upstream, *(f"place-{ending}" for ending in ENDINGS), "place-tokens", routing_strategy=STRATEGY)
    params = settings["model_list"][-1]["litellm_params"]
    params |= {"max_parallel_requests": None, "tpm": 50}
    with running(tmp_path_factory.mktemp("keeping"), settings) as gateway:
        yield gateway


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_place_is_taken_and_given_back(keeping: Gateway, upstream: UpstreamControl, ending: str) -> None:
    model = f"place-{ending}"
    upstream.script(model, {model: [ENDINGS[ending], ok()]})
    with session(keeping, model) as socket:
        assert eventually(lambda: upstream.calls(model).received == 1)
        if ending == "vendor-refuses":
            assert ended(socket)[0] == 1011
        else:
            if ending != "cancelled-while-opening":
                heard(socket)
            assert keeping.chat(model).status_code == 429
            with session(keeping, model) as refused:
                assert ended(refused)[0] == 1013
            assert upstream.calls(model).received == 1
            if ending in ("client-vanishes", "cancelled-while-opening"):
                vanishes(socket)
            elif ending == "client-closes":
                socket.close()
            else:
                socket.send("{}")
                assert ended(socket)[0] == (4005 if ending == "vendor-closes" else 1011)
    assert eventually(lambda: keeping.calls_in_progress() == 0)
    assert keeping.chat(model).status_code == 200


def test_tokens_count_when_a_session_has_ended(keeping: Gateway, upstream: UpstreamControl) -> None:
    used = done(input_tokens=30, output_tokens=30, total_tokens=60)
    upstream.script("tokens", {"place-tokens": [acts(send(used), receive(), close(1000)), ok()]})
    if (left := 60 - time.time() % 60) < 8:
        time.sleep(left)  # the tokens of one minute do not count in the next
    with session(keeping, "place-tokens") as socket:
        heard(socket)
        socket.send("{}")
        assert ended(socket)[0] == 1000
    assert eventually(lambda: keeping.calls_in_progress() == 0)
    assert keeping.chat("place-tokens").status_code == 429


def test_a_deployment_with_room_is_chosen(upstream: UpstreamControl, tmp_path: Path) -> None:
    upstream.script("rooms", {"room-1": [ok()], "room-2": [ok()]})
    settings = config(upstream, "room-1", "room-2", group="rooms", routing_strategy=STRATEGY)
    with running(tmp_path, settings) as gateway, session(gateway, "rooms") as one, session(gateway, "rooms") as two:
        assert {heard(one)["session"]["model"], heard(two)["session"]["model"]} == {"room-1", "room-2"}
        with session(gateway, "rooms") as refused:
            assert ended(refused)[0] == 1013


def test_gateways_count_each_others_sessions(upstream: UpstreamControl, redis: RedisServer, tmp_path: Path) -> None:
    upstream.script("shared-room", {"shared-room": [ok()]})
    state = {"redis_host": "127.0.0.1", "redis_port": redis.port}
    settings = config(upstream, "shared-room", routing_strategy=STRATEGY, **state)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with running(tmp_path / "one", settings) as one, running(tmp_path / "two", settings) as two:
        with session(one, "shared-room") as socket:
            heard(socket)
            assert two.chat("shared-room").status_code == 429
        assert eventually(lambda: one.calls_in_progress() == 0)
        assert two.chat("shared-room").status_code == 200


@pytest.fixture(scope="module")
def queueing(upstream: UpstreamControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway in which every call queues, for 3 s."""
    settings = config(upstream, "turn", "leaver", "late", default_priority=5, timeout=3)
    with running(tmp_path_factory.mktemp("queueing"), settings) as gateway:
        yield gateway


def test_a_session_waits_for_its_turn(queueing: Gateway, upstream: UpstreamControl) -> None:
    upstream.script("turn", {"turn": [ok()]})
    with session(queueing, "turn") as first:
        heard(first)
        with session(queueing, "turn") as second:
            second.send('{"type": "session.update"}')
            assert eventually(waiting(queueing, "turn", 1))
            assert upstream.calls("turn").received == 1
            first.close()
            assert heard(second)["type"] == "session.created"
            assert heard(second)["type"] == "session.updated"
    assert eventually(lambda: queueing.calls_in_progress() == 0)
    assert queueing.chat("turn").status_code == 200


def test_a_client_that_leaves_gives_up_its_turn(queueing: Gateway, upstream: UpstreamControl) -> None:
    upstream.script("leaver", {"leaver": [ok()]})
    with session(queueing, "leaver") as first:
        heard(first)
        with session(queueing, "leaver") as second:
            assert eventually(waiting(queueing, "leaver", 1))
            vanishes(second)
        assert eventually(waiting(queueing, "leaver", 0))
    assert queueing.chat("leaver").status_code == 200
    assert upstream.calls("leaver").received == 2


def test_a_session_does_not_wait_for_ever(queueing: Gateway, upstream: UpstreamControl) -> None:
    upstream.script("late", {"late": [ok()]})
    with session(queueing, "late") as first:
        heard(first)
        with session(queueing, "late") as second:
            code, reason = ended(second)
    assert (code, "timed out while polling queue" in reason) == (1013, True)


def waiting(gateway: Gateway, model: str, calls: int) -> Callable[[], bool]:
    line = f'tianji_queue_depth{{model_group="{model}"}} {calls}'
    return lambda: line in gateway.http.get("/metrics").text
