"""SIGTERM: not ready any more, calls in progress go on to their end, then exit status 0."""

import signal
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from fixtures.replies import hang, ok, slow, stream
from fixtures.running import UpstreamControl
from tests.conftest import Vendor
from tests.gateways import KEY, ROOT, Gateway, deployment, eventually, running
from tests.wire import Connection, chat_body, request

pytestmark = pytest.mark.xdist_group("shutdown")
PACED = stream(["word "] * 30, pace=0.04)


def config(upstream: UpstreamControl, **general: Any) -> dict[str, Any]:
    return {
        "model_list": [deployment("any/*", upstream.url, model="*")],
        "router_settings": {"num_retries": 0},
        "general_settings": {"master_key": KEY, **general},
    }


def exit_status(gateway: Gateway, seconds: float = 5.0) -> int:
    return gateway.process.wait(seconds)


def test_calls_in_progress_are_finished_and_nobody_else_is_let_in(
    upstream: UpstreamControl, vendor: Vendor, tmp_path: Path
) -> None:
    vendor.answers(ok(), PACED, slow(0.8))
    with ExitStack() as stack:
        gateway = stack.enter_context(running(tmp_path, config(upstream)))
        idle, streaming, waiting = (stack.enter_context(Connection(gateway)) for _ in range(3))
        idle.send(request(chat_body(vendor.name))).read_until(b"}}")
        streaming.send(request(chat_body(vendor.name, stream=True))).read_until(b"word ")
        waiting.send(request(chat_body(vendor.name)))
        assert eventually(lambda: vendor.open == 2)
        gateway.terminate()
        assert idle.is_closed(1)
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{gateway.url}/health/readiness", trust_env=False)
        assert streaming.read_until(b"data: [DONE]").count(b"word ") == 30
        assert b"HTTP/1.1 200" in waiting.read_until(b"}}")
        assert exit_status(gateway) == 0
        assert "Traceback" not in gateway.log()


def test_probes_are_told_before_the_listening_ends(upstream: UpstreamControl, vendor: Vendor, tmp_path: Path) -> None:
    with running(tmp_path, config(upstream, shutdown_delay=1)) as gateway:
        _check_that_its_address_is_taken(gateway)
        terminated = time.monotonic()
        gateway.terminate()
        assert eventually(lambda: gateway.http.get("/health/readiness").status_code == 503, 0.5)
        assert gateway.http.get("/health/readiness").json()["status"] == "stopping"
        assert gateway.http.get("/health/liveliness").status_code == 200
        assert gateway.chat(vendor.name).status_code == 200
        assert exit_status(gateway) == 0
        assert time.monotonic() - terminated > 1


def test_a_call_without_end_does_not_hold_it_up(upstream: UpstreamControl, vendor: Vendor, tmp_path: Path) -> None:
    vendor.answers(hang())
    with running(tmp_path, config(upstream, shutdown_timeout=1)) as gateway, Connection(gateway) as connection:
        connection.send(request(chat_body(vendor.name)))
        assert eventually(lambda: vendor.open == 1)
        terminated = time.monotonic()
        gateway.terminate()
        assert exit_status(gateway) == 0
        assert 0.9 < time.monotonic() - terminated < 3
    assert eventually(lambda: vendor.open == 0)


@pytest.mark.parametrize("signals", [(signal.SIGINT,), (signal.SIGTERM, signal.SIGTERM)])
def test_whatever_the_signal(upstream: UpstreamControl, tmp_path: Path, signals: tuple[signal.Signals, ...]) -> None:
    with running(tmp_path, config(upstream)) as gateway:
        for number in signals:
            gateway.process.send_signal(number)
        assert exit_status(gateway) == 0


def test_several_workers_end_together(upstream: UpstreamControl, vendor: Vendor, tmp_path: Path) -> None:
    vendor.answers(PACED)
    with (
        running(tmp_path, config(upstream), options=["--num_workers", "2"]) as gateway,
        Connection(gateway) as streaming,
    ):
        streaming.send(request(chat_body(vendor.name, stream=True))).read_until(b"word ")
        gateway.terminate()
        streaming.read_until(b"data: [DONE]")
        assert exit_status(gateway, 10) == 0


def _check_that_its_address_is_taken(gateway: Gateway) -> None:
    second = subprocess.run(gateway.process.args, check=False, capture_output=True, text=True, cwd=ROOT, timeout=20)
    assert second.returncode != 0
    assert "Traceback" not in second.stderr
    assert "address already in use" in second.stderr
