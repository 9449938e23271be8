"""Realtime sessions through a running gateway: limits, endings, accounts, and what is left afterwards."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from fixtures.replies import ok, status
from fixtures.running import UpstreamControl
from fixtures.sessions import close, created, echo, receive, send, send_big, stop_reading
from fixtures.sessions import session as acts
from fixtures.sessions import vanish as vanishes
from tests.conftest import Vendor
from tests.gateways import KEY, Gateway, deployment, eventually, running
from tests.sockets import ended, heard, session, vanish
from tests.wire import Connection

pytestmark = pytest.mark.xdist_group("realtime")
LIMIT_MB = 0.1


@pytest.fixture(scope="module")
def strict(upstream: UpstreamControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway with tight limits, whose patience with requests is shorter than a session."""
    priced = {"input_cost_per_token": 0.5, "output_cost_per_token": 0.25}
    config = {
        "model_list": [
            deployment("any/*", upstream.url, model="*"),
            deployment("priced", upstream.url, model="priced-voice", **priced),
            deployment("keyless", upstream.url, api_key=None),
        ],
        "router_settings": {"num_retries": 0},
        "general_settings": {
            "master_key": KEY,
            "realtime_idle_timeout": 1.2,
            "realtime_max_message_mb": LIMIT_MB,
        },
    }
    constants = {"proxy.server.REQUEST_SECONDS": 0.3, "proxy.server.KEEP_ALIVE_SECONDS": 1}
    with running(tmp_path_factory.mktemp("strict"), config, constants) as gateway:
        yield gateway


class TestLimits:
    def test_a_large_message_of_the_client(self, strict: Gateway, vendor: Vendor) -> None:
        vendor.answers(acts(echo()))
        with session(strict, vendor.name) as socket:
            socket.send("x" * 90_000)
            assert len(str(socket.recv(timeout=5))) == 90_000
            socket.send("x" * 110_000)
            assert ended(socket)[0] == 1009
        assert eventually(lambda: vendor.open == 0)
        [entry] = vendor.received
        assert (len(entry.messages), entry.closed) == (1, 1009)

    def test_a_large_message_of_the_upstream(self, strict: Gateway, vendor: Vendor) -> None:
        vendor.answers(acts(send({"type": "first"}), receive(), send_big(110_000)))
        with session(strict, vendor.name) as socket:
            assert heard(socket) == {"type": "first"}
            socket.send("{}")
            assert ended(socket)[0] == 1009

    def test_an_idle_session_ends(self, strict: Gateway, vendor: Vendor) -> None:
        began = time.monotonic()
        with session(strict, vendor.name) as socket:
            heard(socket)
            time.sleep(0.8)
            socket.send(json.dumps({"type": "session.update"}))
            heard(socket)
            code, reason = ended(socket)
        assert (code, reason) == (1001, "no message for 1.2 s (general_settings.realtime_idle_timeout)")
        assert time.monotonic() - began > 1.9
        assert eventually(lambda: vendor.open == 0, 1)
        assert vendor.received[0].closed == 1001

    def test_an_upstream_that_never_says_anything(self, strict: Gateway, vendor: Vendor) -> None:
        vendor.answers(acts(receive()))
        with session(strict, vendor.name) as socket:
            assert ended(socket)[0] == 1001
        assert eventually(lambda: vendor.open == 0, 1)

    def test_text_that_is_no_utf_8(self, gateway: Gateway, vendor: Vendor) -> None:
        with session(gateway, vendor.name) as socket:
            heard(socket)
            socket.send(b"\xff\xfe", text=True)
            assert ended(socket)[0] == 1007
        assert eventually(lambda: vendor.open == 0, 1)
        assert "Traceback" not in gateway.log()

    def test_refusals_are_no_errors_of_the_server(self, gateway: Gateway) -> None:
        for path, key in (("/v1/realtime", None), ("/v1/realtime", "sk-wrong"), ("/v1/other", KEY)):
            with pytest.raises(InvalidStatus), session(gateway, "m", key=key, path=path):
                pass
        assert "handshake" not in gateway.log()


class TestPressure:
    def test_a_client_that_does_not_read(self, gateway: Gateway, vendor: Vendor) -> None:
        megabytes = 60
        vendor.answers(acts(*(send_big(1_000_000) for _ in range(megabytes)), close()))
        process = psutil.Process(gateway.process.pid)
        with session(gateway, vendor.name, max_queue=1) as socket:
            before = process.memory_info().rss
            time.sleep(1.5)
            assert vendor.open == 1
            assert process.memory_info().rss - before < 30_000_000
            for _ in range(megabytes):
                assert len(str(socket.recv(timeout=10))) == 1_000_000
            assert ended(socket)[0] == 1000

    @pytest.mark.parametrize("megabytes", [1, 60])
    def test_a_client_that_never_reads_is_dropped(
        self, upstream: UpstreamControl, vendor: Vendor, tmp_path: Path, megabytes: int
    ) -> None:
        """Whether the upstream is still there or has ended the session."""
        vendor.answers(acts(*(send_big(1_000_000) for _ in range(megabytes)), close()))
        config = {"model_list": [deployment("any/*", upstream.url, model="*")], "general_settings": {"master_key": KEY}}
        handshake = (
            f"GET /v1/realtime?model={vendor.name} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n"
            "upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n"
            "sec-websocket-key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
        )
        with running(tmp_path, config, {"proxy.unread.STALL_SECONDS": 1.0}) as gateway:
            with Connection(gateway, receive_buffer=4096).send(handshake.encode()) as connection:
                assert eventually(lambda: vendor.calls == 1)
                assert gateway.holds(connection)
                assert eventually(lambda: not gateway.holds(connection), 6)
            assert eventually(lambda: gateway.calls_in_progress() == 0)
            assert eventually(lambda: vendor.open == 0)

    def test_an_upstream_that_does_not_read(self, upstream: UpstreamControl, vendor: Vendor, tmp_path: Path) -> None:
        vendor.answers(acts(send({}), stop_reading()))
        config = {"model_list": [deployment("any/*", upstream.url, model="*")], "general_settings": {"master_key": KEY}}
        constants = {"proxy.realtime.relay.STALL_SECONDS": 1.5}
        with running(tmp_path, config, constants) as gateway, session(gateway, vendor.name) as socket:
            heard(socket)
            process = psutil.Process(gateway.process.pid)
            before, sent = process.memory_info().rss, 0
            socket.socket.settimeout(1.0)
            with pytest.raises((TimeoutError, ConnectionClosed)):
                while sent < 400:
                    socket.send("x" * 1_000_000)
                    sent += 1
            assert sent < 60
            assert process.memory_info().rss - before < 40_000_000
            assert eventually(lambda: gateway.calls_in_progress() == 0, 6)


class TestOrder:
    def test_many_messages_at_once_keep_their_order(self, gateway: Gateway, vendor: Vendor) -> None:
        vendor.answers(acts(echo()))
        sent = [str(number) * 50 for number in range(500)]
        with session(gateway, vendor.name) as socket:
            for text in sent:
                socket.send(text)
            assert [socket.recv(timeout=5) for _ in sent] == sent

    def test_what_is_said_before_there_is_an_upstream_comes_first(self, gateway: Gateway, vendor: Vendor) -> None:
        vendor.answers(acts(echo()).slow(0.3))
        with session(gateway, vendor.name) as socket:
            for number in range(30):
                socket.send(str(number))
                time.sleep(0.02)
            assert [socket.recv(timeout=5) for _ in range(30)] == [str(number) for number in range(30)]

    def test_messages_in_pieces(self, gateway: Gateway, vendor: Vendor) -> None:
        vendor.answers(acts(echo()))
        with session(gateway, vendor.name) as socket:
            for pieces in (["a", "b"], ["ü", "", "c" * 70_000], [b"\x00", b"\xff"]):
                socket.send(pieces)  # type: ignore[arg-type]
                assert socket.recv(timeout=5) == type(pieces[0])().join(pieces)  # type: ignore[arg-type]


class TestEndings:
    def test_the_other_side_hears_within_a_second(self, gateway: Gateway, vendor: Vendor) -> None:
        with session(gateway, vendor.name) as socket:
            heard(socket)
            assert vendor.open == 1
            vanish(socket)
            assert eventually(lambda: vendor.open == 0, 1)
        vendor.answers(acts(send({}), receive(), vanishes()))
        with session(gateway, vendor.name) as socket:
            heard(socket)
            socket.send("{}")
            assert ended(socket, 1) == (1011, "the connection to the model was lost")

    def test_a_client_that_leaves_before_the_upstream_answers(self, gateway: Gateway, vendor: Vendor) -> None:
        vendor.answers(ok().slow(5))
        with session(gateway, vendor.name) as socket:
            assert eventually(lambda: vendor.open == 1)
            vanish(socket)
            assert eventually(lambda: vendor.open == 0, 1)
        assert eventually(lambda: gateway.calls_in_progress() == 0, 1)

    def test_a_client_that_leaves_having_said_much(self, gateway: Gateway, vendor: Vendor) -> None:
        """More than is kept before there is an upstream: the rest is still unread when it leaves."""
        vendor.answers(ok().slow(5))
        with session(gateway, vendor.name) as socket:
            assert eventually(lambda: vendor.open == 1)
            for _ in range(14):
                socket.send("x" * 100_000)
            vanish(socket)
            assert eventually(lambda: vendor.open == 0, 2)
        assert eventually(lambda: gateway.calls_in_progress() == 0, 1)

    def test_a_session_outlives_the_patience_with_requests(self, strict: Gateway, vendor: Vendor) -> None:
        vendor.answers(acts(send({}), echo()))
        with session(strict, vendor.name) as socket:
            heard(socket)
            for _ in range(6):
                time.sleep(0.4)
                socket.send("{}")
                heard(socket)

    def test_the_process_stops(self, upstream: UpstreamControl, vendor: Vendor, tmp_path: Path) -> None:
        config = {"model_list": [deployment("any/*", upstream.url, model="*")], "general_settings": {"master_key": KEY}}
        with running(tmp_path, config) as gateway, session(gateway, vendor.name) as socket:
            heard(socket)
            gateway.terminate()
            assert ended(socket, 3)[0] == 1012
            assert gateway.process.wait(5) == 0
            assert eventually(lambda: vendor.open == 0, 1)

    def test_codes_that_cannot_be_passed_on(self, gateway: Gateway, vendor: Vendor) -> None:
        vendor.answers(acts(send({}), close(1000, "ü" * 61)))
        with session(gateway, vendor.name) as socket:
            heard(socket)
            assert ended(socket) == (1000, "ü" * 61)


class TestAccounts:
    def test_tokens_and_dollars_are_counted(self, strict: Gateway, upstream: UpstreamControl) -> None:
        upstream.script("priced", {"priced-voice": []})
        with session(strict, "priced") as socket:
            assert heard(socket) == created("priced-voice")
            for _ in range(2):
                socket.send(json.dumps({"type": "response.create"}))
                while heard(socket)["type"] != "response.done":
                    pass

        def counted() -> bool:
            lines = strict.http.get("/metrics").text.splitlines()
            mine = [line for line in lines if 'requested_model="priced"' in line and "/v1/realtime" in line]
            spent = [line for line in lines if line.startswith("litellm_spend_metric_total") and "priced" in line]
            tokens = [line for line in lines if line.startswith("litellm_total_tokens") and "priced" in line]
            # cached tokens cost nothing without a price of their own
            dollars = 2 * (8 * 0.5 + 5 * 0.25)
            return (
                bool(mine)
                and any(line.endswith(f" {dollars}") for line in spent)
                and any(line.endswith(" 30.0") or line.endswith(" 30") for line in tokens)
            )

        assert eventually(counted), strict.http.get("/metrics").text

    def test_refusals_are_counted_too(self, strict: Gateway, vendor: Vendor) -> None:
        vendor.answers(status(401))
        with session(strict, vendor.name) as socket:
            assert ended(socket)[0] == 1011
        text = strict.http.get("/metrics").text
        assert "Openai.AuthenticationError" in text


class TestSecrecy:
    def test_nothing_of_a_session_is_logged(self, gateway: Gateway, vendor: Vendor) -> None:
        vendor.answers(status(401, message="wrong key sk-upstream-secret"))
        protocols = ["realtime", f"openai-insecure-api-key.{KEY}"]
        with session(gateway, f"{vendor.name}&intent=whispered", key=None, subprotocols=protocols) as socket:
            code, reason = ended(socket)
        assert (code, "sk-upstream-secret" in reason) == (1011, False)
        log = gateway.log()
        assert KEY not in log
        assert "whispered" not in log
        assert "sk-upstream-secret" not in log

    def test_a_key_that_is_not_set_is_named(self, strict: Gateway) -> None:
        with session(strict, "keyless") as socket:
            code, reason = ended(socket)
        assert code == 1011
        assert "Missing credentials" in reason

    @pytest.mark.parametrize("location", ["evil.example/", "x@evil.example", "a.b", "%0d%0a"])
    def test_a_client_does_not_choose_the_host(self, gateway: Gateway, location: str) -> None:
        with session(gateway, f"m&vertex_project=p&vertex_location={location}", path="/vertex_ai/live") as socket:
            assert ended(socket)[0] == 1008

    def test_what_a_client_asks_for_stays_one_parameter(self, gateway: Gateway, vendor: Vendor) -> None:
        with session(gateway, f"{vendor.name}&intent=a%26model%3Db%0d%0ax-y:%20z") as socket:
            heard(socket)
        [entry] = vendor.received
        assert entry.query == {"model": vendor.model, "intent": "a&model=b\r\nx-y: z"}
        assert "x-y" not in entry.headers


class TestRefusals:
    @pytest.mark.parametrize("path", ["/", "/v1/chat/completions", "/v1/realtime/", "/metrics"])
    def test_paths_without_sessions(self, gateway: Gateway, path: str) -> None:
        with pytest.raises(InvalidStatus) as refused, session(gateway, "any/x", path=path):
            pass
        assert refused.value.response.status_code == 403

    def test_a_plain_request_for_a_session(self, gateway: Gateway) -> None:
        assert gateway.http.get("/v1/realtime?model=x").status_code == 404

    def test_too_many_calls(self, upstream: UpstreamControl, vendor: Vendor, tmp_path: Path) -> None:
        settings = {"master_key": KEY, "global_max_parallel_requests": 1}
        config = {"model_list": [deployment("any/*", upstream.url, model="*")], "general_settings": settings}
        with running(tmp_path, config) as gateway, session(gateway, vendor.name) as socket:
            heard(socket)
            with pytest.raises(InvalidStatus), session(gateway, vendor.name):
                pass
