"""Clients that are slow, huge or rude at the level of the connection. The gateway's patience is cut to a second."""

import time
from collections.abc import Iterator

import pytest

from fixtures.replies import huge, slow, stream
from fixtures.running import UpstreamControl
from tests.conftest import Vendor
from tests.gateways import KEY, Gateway, deployment, eventually, running
from tests.wire import Connection, chat_body, request

pytestmark = pytest.mark.xdist_group("slow-clients")
PATIENCE = 1.0
SMALL = 4096


@pytest.fixture(scope="module")
def hasty(upstream: UpstreamControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    config = {
        "model_list": [deployment("any/*", upstream.url, model="*")],
        "router_settings": {"num_retries": 0},
        "general_settings": {"master_key": KEY},
    }
    constants = {
        "proxy.server.REQUEST_SECONDS": PATIENCE,
        "proxy.unread.STALL_SECONDS": PATIENCE,
        "proxy.server.KEEP_ALIVE_SECONDS": 2,
    }
    with running(tmp_path_factory.mktemp("hasty"), config, constants) as gateway:
        yield gateway


class TestSending:
    def test_a_head_that_does_not_end(self, hasty: Gateway) -> None:
        for head in (b"", b"P", b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n"):
            with Connection(hasty).send(head) as connection:
                assert connection.is_closed(PATIENCE + 1)

    def test_a_head_in_drops(self, hasty: Gateway) -> None:
        """Each byte is progress, but the whole takes too long."""
        began = time.monotonic()
        with Connection(hasty) as connection:
            for byte in request(b"")[:60]:
                try:
                    connection.send(bytes([byte]))
                except OSError:
                    break
                time.sleep(0.05)
            assert connection.is_closed(0.5)
        assert time.monotonic() - began < PATIENCE + 2.5

    def test_a_body_that_does_not_end(self, hasty: Gateway, vendor: Vendor) -> None:
        whole = request(chat_body(vendor.name, user="x" * 5000))
        with Connection(hasty).send(whole[:-2000]) as connection:
            assert connection.is_closed(PATIENCE + 1)
        assert eventually(lambda: hasty.calls_in_progress() == 0)
        assert vendor.calls == 0

    def test_a_body_that_is_long_in_coming(self, hasty: Gateway, vendor: Vendor) -> None:
        """It takes more than the patience, and never stands still."""
        whole = request(chat_body(vendor.name, user="x" * 30_000))
        with Connection(hasty).send(whole[:-24_000]) as connection:
            for begin in range(-24_000, 0, 8_000):
                time.sleep(PATIENCE * 0.7)
                connection.send(whole[begin : begin + 8_000 or None])
            connection.read_until(b"}}")
        assert vendor.calls == 1

    def test_a_second_request_that_does_not_end(self, hasty: Gateway, vendor: Vendor) -> None:
        whole = request(chat_body(vendor.name))
        with Connection(hasty).send(whole) as connection:
            connection.read_until(b"}}")
            connection.send(whole[:30])
            assert connection.is_closed(PATIENCE + 1)

    def test_a_slow_answer_is_not_a_slow_client(self, hasty: Gateway, vendor: Vendor) -> None:
        vendor.answers(slow(PATIENCE + 0.5))
        assert hasty.chat(vendor.name).status_code == 200

    def test_a_refused_body_is_not_waited_for(self, hasty: Gateway) -> None:
        body = chat_body("any/x", user="x" * 5000)
        refused = request(body).replace(KEY.encode(), b"sk-wrong-wrong-key")
        with Connection(hasty).send(refused[:-2000]) as connection:
            connection.read_until(b"No connected db.")
            assert connection.is_closed(PATIENCE + 1)


class TestReading:
    def test_a_stream_that_nobody_reads_is_given_up(self, hasty: Gateway, vendor: Vendor) -> None:
        vendor.answers(stream(["x" * 60_000] * 400))
        with Connection(hasty, receive_buffer=SMALL) as connection:
            connection.send(request(chat_body(vendor.name, stream=True)))
            assert eventually(lambda: vendor.open == 1)
            assert eventually(lambda: hasty.calls_in_progress() == 1)
            assert eventually(lambda: hasty.calls_in_progress() == 0, PATIENCE + 2)
            assert eventually(lambda: vendor.open == 0)
            assert not hasty.holds(connection)

    def test_an_answer_that_nobody_reads_is_given_up(self, hasty: Gateway, vendor: Vendor) -> None:
        vendor.answers(huge(20_000_000))
        with Connection(hasty, receive_buffer=SMALL) as connection:
            connection.send(request(chat_body(vendor.name)))
            assert eventually(lambda: vendor.calls == 1)
            assert hasty.holds(connection)
            assert eventually(lambda: not hasty.holds(connection), PATIENCE + 4)
        assert hasty.calls_in_progress() == 0

    def test_whoever_reads_slowly_gets_everything(self, hasty: Gateway, vendor: Vendor) -> None:
        vendor.answers(stream(["x" * 10_000] * 100))
        with Connection(hasty, receive_buffer=SMALL) as connection:
            connection.send(request(chat_body(vendor.name, stream=True)))
            for _ in range(12):
                time.sleep(0.15)
                connection._socket.settimeout(2)
                connection.received += connection._socket.recv(100_000)
            assert connection.read_until(b"data: [DONE]", 10).count(b"x" * 10_000) == 100

    def test_an_idle_connection_is_closed(self, hasty: Gateway, vendor: Vendor) -> None:
        with Connection(hasty).send(request(chat_body(vendor.name))) as connection:
            connection.read_until(b"}}")
            assert not connection.is_closed(1.0)
            assert connection.is_closed(3.0)


class TestHeads:
    def test_too_large(self, gateway: Gateway) -> None:
        with Connection(gateway) as connection:
            connection.send(b"GET /health/liveliness HTTP/1.1\r\nhost: x\r\n")
            try:
                for number in range(40):
                    connection.send(b"x-%d: %s\r\n" % (number, b"x" * 8000))
                    time.sleep(0.005)
            except OSError:
                pass
            answer = connection.read_to_the_end()
        assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")
        assert b"200 OK" not in answer

    def test_an_ordinary_large_one(self, gateway: Gateway) -> None:
        answer = gateway.http.get("/health/liveliness", headers={"x-large": "x" * 30_000})
        assert answer.status_code == 200

    def test_garbage(self, gateway: Gateway) -> None:
        for garbage in (
            b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
            b"hello\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            b"\0" * 100,
        ):
            with Connection(gateway).send(garbage) as connection:
                assert connection.read_to_the_end().startswith(b"HTTP/1.1 400 ")

    @pytest.mark.parametrize(
        "smuggled",
        [
            b"content-length: 5\r\ncontent-length: 6\r\n\r\nhello!",
            b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            b"transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\nhello",
            b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
            b"content-length: -1\r\n\r\n",
            b"content-length: +5\r\n\r\nhello",
            b"content-length : 5\r\n\r\nhello",
            b"x: a\r\n b: c\r\ncontent-length: 0x5\r\n\r\nhello",
        ],
    )
    def test_no_request_is_smuggled_in_another(self, gateway: Gateway, smuggled: bytes) -> None:
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n".encode()
        with Connection(gateway).send(head + smuggled) as connection:
            assert connection.read_to_the_end().startswith(b"HTTP/1.1 400 ")


class TestConnections:
    def test_many_requests_on_one(self, gateway: Gateway, vendor: Vendor) -> None:
        with Connection(gateway) as connection:
            for number in range(5):
                connection.received = b""
                connection.send(request(chat_body(vendor.name, user=str(number))))
                assert b"HTTP/1.1 200" in connection.read_until(b"}}")
        assert [entry.body["user"] for entry in vendor.received] == list("01234")

    def test_pipelined_requests_are_answered_in_order(self, gateway: Gateway, vendor: Vendor) -> None:
        vendor.answers(slow(0.1))
        whole = b"".join(request(chat_body(f"{vendor.name}", user=str(number))) for number in range(4))
        with Connection(gateway).send(whole) as connection:
            while connection.received.count(b"chatcmpl-") < 4:
                connection.received += connection._socket.recv(65536)
        assert connection.received.count(b"HTTP/1.1 200") == 4
        assert [entry.body["user"] for entry in vendor.received] == list("0123")

    def test_large_bodies_one_after_the_other(self, gateway: Gateway, vendor: Vendor) -> None:
        """In one packet the end of a body and the begin of the next head may come."""
        large = request(chat_body(vendor.name, user="x" * 200_000))
        with Connection(gateway).send(large * 3) as connection:
            while connection.received.count(b"chatcmpl-") < 3:
                part = connection._socket.recv(65536)
                assert part, connection.received[-300:]
                connection.received += part
        assert connection.received.count(b"HTTP/1.1 200") == 3

    def test_one_that_asks_to_be_closed_is(self, gateway: Gateway, vendor: Vendor) -> None:
        body = chat_body(vendor.name)
        with Connection(gateway).send(request(body, "/v1/chat/completions", "connection: close")) as connection:
            assert connection.read_to_the_end().startswith(b"HTTP/1.1 200")

    def test_expect_100_continue(self, gateway: Gateway, vendor: Vendor) -> None:
        whole = request(chat_body(vendor.name), "/v1/chat/completions", "expect: 100-continue")
        head, _, body = whole.partition(b"\r\n\r\n")
        with Connection(gateway).send(head + b"\r\n\r\n") as connection:
            connection.read_until(b"HTTP/1.1 100 Continue")
            assert b"HTTP/1.1 200" in connection.send(body).read_until(b"}}")

    def test_chunked_bodies(self, gateway: Gateway, vendor: Vendor) -> None:
        body = chat_body(vendor.name)
        head = request(b"").replace(b"content-length: 0", b"transfer-encoding: chunked")
        pieces = b"".join(b"%x\r\n%b\r\n" % (1, body[at : at + 1]) for at in range(len(body)))
        with Connection(gateway).send(head + pieces + b"0\r\n\r\n") as connection:
            assert b"HTTP/1.1 200" in connection.read_until(b"}}")

    def test_old_http(self, gateway: Gateway, vendor: Vendor) -> None:
        whole = request(chat_body(vendor.name, stream=True)).replace(b"HTTP/1.1", b"HTTP/1.0")
        with Connection(gateway).send(whole) as connection:
            answer = connection.read_to_the_end()
        assert b"data: [DONE]\n\n" in answer
