"""A client that leaves ends its upstream call within a second and frees everything it held."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from fixtures.replies import Reply, hang, ok, rate_limited, slow, status, stream
from fixtures.running import UpstreamControl
from tests.conftest import Vendor
from tests.gateways import Gateway, eventually
from tests.wire import Connection, chat_body, request

PACED = stream(["word "] * 200, pace=0.02)


@pytest.fixture(autouse=True)
def nothing_left(gateway: Gateway) -> Iterator[None]:
    yield
    assert eventually(lambda: gateway.calls_in_progress() == 0)
    assert "Traceback" not in gateway.log()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("reply", [hang(), slow(30), Reply(pause=30)], ids=["hang", "slow", "head-only"])
def test_before_the_answer(gateway: Gateway, vendor: Vendor, reply: Reply, stream: bool) -> None:
    vendor.answers(reply)
    with Connection(gateway).send(request(chat_body(vendor.name, stream=stream))):
        assert eventually(lambda: vendor.open == 1)
        assert gateway.calls_in_progress() == 1
    left = time.monotonic()
    assert eventually(lambda: vendor.open == 0, 1.0), time.monotonic() - left
    assert [entry.end for entry in vendor.received] == ["client-closed"]
    assert eventually(lambda: gateway.calls_in_progress() == 0, 1.0)


@pytest.mark.parametrize("endpoint", ["/v1/chat/completions", "/v1/completions"])
def test_within_a_stream(gateway: Gateway, vendor: Vendor, endpoint: str) -> None:
    vendor.answers(PACED)
    body = chat_body(vendor.name, stream=True, prompt="hi")
    with Connection(gateway).send(request(body, endpoint)) as connection:
        connection.read_until(b"word ")
        assert vendor.open == 1
    assert eventually(lambda: vendor.open == 0, 1.0)
    assert [entry.end for entry in vendor.received] == ["client-closed"]


def test_within_a_stream_that_has_gone_silent(gateway: Gateway, vendor: Vendor) -> None:
    vendor.answers(stream(["one ", "two "], hang_after=2))
    with Connection(gateway).send(request(chat_body(vendor.name, stream=True))) as connection:
        connection.read_until(b"one ")
    assert eventually(lambda: vendor.open == 0, 1.0)


def test_while_a_retry_is_waited_for(gateway: Gateway, vendor: Vendor) -> None:
    vendor.answers(rate_limited(30))
    with Connection(gateway).send(request(chat_body(vendor.name, num_retries=3))):
        assert eventually(lambda: vendor.calls == 1)
        assert gateway.calls_in_progress() == 1
    assert eventually(lambda: gateway.calls_in_progress() == 0, 1.0)
    assert vendor.calls == 1


def test_within_a_fallback(gateway: Gateway, vendor: Vendor, other: Vendor) -> None:
    vendor.answers(status(500))
    other.answers(hang())
    with Connection(gateway).send(request(chat_body(vendor.name, fallbacks=[other.name]))):
        assert eventually(lambda: other.open == 1)
    assert eventually(lambda: other.open == 0, 1.0)


def test_within_a_stream_that_a_fallback_continues(gateway: Gateway, vendor: Vendor, other: Vendor) -> None:
    vendor.answers(stream(["one "], error_after=2))
    other.answers(PACED)
    body = chat_body(vendor.name, stream=True, fallbacks=[other.name])
    with Connection(gateway).send(request(body)) as connection:
        connection.read_until(b"word ")
        assert other.open == 1
    assert eventually(lambda: other.open == 0, 1.0)


def test_within_the_body(gateway: Gateway, vendor: Vendor) -> None:
    whole = request(chat_body(vendor.name, user="x" * 1000))
    with Connection(gateway).send(whole[:-500]):
        assert eventually(lambda: gateway.calls_in_progress() == 1)
    assert eventually(lambda: gateway.calls_in_progress() == 0, 1.0)
    assert vendor.calls == 0


def test_within_the_head(gateway: Gateway) -> None:
    for size in (1, 20, 60):
        with Connection(gateway).send(request(b"")[:size]):
            pass
    assert gateway.http.get("/health/readiness").status_code == 200


def test_a_client_that_only_stops_sending_is_gone_too(gateway: Gateway, vendor: Vendor) -> None:
    """As with the reference's server, which cannot tell either."""
    vendor.answers(slow(30))
    with Connection(gateway) as connection:
        connection.send(request(chat_body(vendor.name)))
        assert eventually(lambda: vendor.open == 1)
        connection._socket.shutdown(1)
        assert eventually(lambda: vendor.open == 0, 1.0)


def test_five_hundred_calls_opened_and_dropped_leave_nothing(gateway: Gateway, vendor: Vendor) -> None:
    process = psutil.Process(gateway.process.pid)
    vendor.answers(ok())
    gateway.chat(vendor.name)
    assert eventually(lambda: gateway.sockets() <= 3)
    files, threads = process.num_fds(), process.num_threads()
    replies = [hang(), PACED, slow(5), rate_limited(20), stream(["a"], reset_after=1)]

    def drop(number: int) -> None:
        body = chat_body(vendor.name, stream=bool(number % 2), num_retries=2)
        with Connection(gateway).send(request(body)):
            time.sleep(0.004 * (number % 40))

    for begin in range(0, 500, 100):
        vendor.answers(*(replies * 20))
        with ThreadPoolExecutor(20) as pool:
            list(pool.map(drop, range(begin, begin + 100)))
    assert eventually(lambda: gateway.calls_in_progress() == 0)
    assert eventually(lambda: vendor.open == 0)
    vendor.answers(ok())
    assert gateway.chat(vendor.name).status_code == 200
    assert eventually(lambda: process.num_fds() <= files + 2), (process.num_fds(), files)
    assert process.num_threads() <= threads + 4


@pytest.fixture
def other(upstream: UpstreamControl, vendor: Vendor) -> Vendor:
    return Vendor(upstream, f"{vendor.model}-other")
