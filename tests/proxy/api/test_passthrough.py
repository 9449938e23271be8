"""Pass-through on the wire: long bodies in little memory, leaving clients, broken answers, what metrics tell."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psutil
import pytest

from fixtures.replies import Reply, hang
from fixtures.running import UpstreamControl
from tests.gateways import KEY, Gateway, eventually, running
from tests.wire import Connection, request

MEGABYTE = 1_000_000
LONG = 10 * MEGABYTE
BLOCK = b"0123456789abcdef" * 4096


class Sink:
    """A vendor that keeps nothing: counts what it is sent, slowly if told so, and answers with as much as is asked for."""

    def __init__(self) -> None:
        self.received = 0
        self.pause = 0.0
        self.closed = threading.Event()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def stop(self) -> None:
        self._server.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as lines:
            try:
                self._exchange(connection, lines)
            except OSError:
                pass
            finally:
                self.closed.set()

    def _exchange(self, connection: socket.socket, lines: Any) -> None:
        wanted = int(lines.readline().split()[1].rpartition(b"/")[2])
        headers: dict[bytes, bytes] = {}
        while (line := lines.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            headers[name.lower()] = value.strip()
        left = int(headers.get(b"content-length", 0))
        while left:
            part = lines.read(min(left, 65536))
            if not part:
                return
            left -= len(part)
            self.received += len(part)
            time.sleep(self.pause)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % wanted)
        for _ in range(0, wanted, len(BLOCK)):
            connection.sendall(BLOCK[: min(len(BLOCK), wanted)])
            wanted -= len(BLOCK)


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    vendor = Sink()
    yield vendor
    vendor.stop()


@pytest.fixture(scope="module")
def gateway(upstream: UpstreamControl, sink: Sink, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    config = {
        "model_list": [],
        "environment_variables": {
            "OPENAI_API_BASE": f"{upstream.url}/case/openai",
            "OPENAI_API_KEY": "sk-up",
            "ANTHROPIC_API_BASE": f"{upstream.url}/case/anthropic",
            "ANTHROPIC_API_KEY": "sk-ant-up",
        },
        "general_settings": {
            "master_key": KEY,
            "max_request_size_mb": 25,
            "pass_through_endpoints": [
                {"path": "/sink", "target": sink.url},
                {"path": "/raw", "target": f"{upstream.url}/case/raw"},
                {"path": "/priced", "target": f"{upstream.url}/case/raw", "cost_per_request": 0.25},
            ],
        },
    }
    with running(tmp_path_factory.mktemp("passthrough"), config) as running_gateway:
        yield running_gateway


@pytest.fixture
def raw(upstream: UpstreamControl) -> Any:
    """Scripts whatever ``/raw`` is asked."""

    def answers(reply: Reply) -> None:
        upstream.script("raw", {"*": [reply]})

    return answers


class Memory:
    """How much more the gateway holds at most than when it began."""

    def __init__(self, gateway: Gateway) -> None:
        self._process = psutil.Process(gateway.process.pid)
        self._before = self._process.memory_info().rss
        self._most = self._before
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.002):
            self._most = max(self._most, self._process.memory_info().rss)

    @property
    def megabytes(self) -> float:
        return (self._most - self._before) / MEGABYTE


def _upload(kind: str) -> Iterator[bytes]:
    body = BLOCK * (LONG // len(BLOCK) + 1)
    if kind == "application/json":
        body = b'{"tags": ["x"], "image": "' + body + b'"}'
    for begin in range(0, len(body), 65536):
        yield body[begin : begin + 65536]


@pytest.mark.parametrize("kind", ["application/octet-stream", "application/json"])
def test_long_bodies_pass_in_little_memory(gateway: Gateway, sink: Sink, kind: str) -> None:
    size = sum(map(len, _upload(kind)))
    headers = {"content-type": kind, "content-length": str(size)}
    for path in ("/sink/100", f"/sink/{LONG}"):  # what is loaded once counts for nothing
        sink.received, sink.pause = 0, 0.001
        with Memory(gateway) as memory:
            answer = gateway.http.post(path, content=_upload(kind), headers=headers)
        assert answer.status_code == 200
        assert sink.received == size
    assert len(answer.content) == LONG
    assert answer.headers["content-length"] == str(LONG)
    assert memory.megabytes < 4


def test_a_slow_client_holds_the_vendor_back(gateway: Gateway, sink: Sink) -> None:
    with Memory(gateway) as memory, Connection(gateway, receive_buffer=4096) as connection:
        connection.send(request(b"", f"/sink/{5 * LONG}"))
        connection.read_until(b"\r\n\r\n")
        time.sleep(1)
    assert memory.megabytes < 4
    assert eventually(lambda: gateway.calls_in_progress() == 0, 1.5)


def test_a_body_without_length_is_passed_on(gateway: Gateway, raw: Any, upstream: UpstreamControl) -> None:
    raw(Reply(text="read"))
    answer = gateway.http.post("/raw/x", content=iter([b'{"a":', b"1}"]), headers={"content-type": "application/json"})
    assert answer.text == "read"
    [entry] = upstream.journal("raw")
    assert entry.body == {"a": 1}
    assert entry.headers["content-length"] == "7"
    long = [b"x" * MEGABYTE] * 3
    gateway.http.post("/raw/x", content=iter(long), headers={"content-type": "text/plain"})
    entry = upstream.journal("raw")[-1]
    assert entry.headers["transfer-encoding"] == "chunked"
    assert len(entry.body) == 3 * MEGABYTE


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_that_is_too_long_is_refused(gateway: Gateway, announced: bool) -> None:
    content: Any = b"x" * (26 * MEGABYTE) if announced else iter([b"x" * MEGABYTE] * 26)
    answer = gateway.http.post("/raw/x", content=content, headers={"content-type": "text/plain"})
    assert answer.status_code == 413
    assert "max_request_size_mb" in answer.json()["error"]["message"]


@pytest.mark.parametrize("reply", [hang(), Reply(text="x", pause=30), Reply(events=["a"] * 100, pace=0.2)])
def test_a_client_that_leaves_ends_the_call(
    gateway: Gateway, raw: Any, upstream: UpstreamControl, reply: Reply
) -> None:
    raw(reply)
    with Connection(gateway).send(request(b'{"a":1}', "/raw/x")):
        assert eventually(lambda: upstream.calls("raw").open == 1)
    assert eventually(lambda: upstream.calls("raw").open == 0, 1.0)
    assert eventually(lambda: gateway.calls_in_progress() == 0, 1.0)


def test_a_client_that_leaves_within_its_body_ends_the_call(gateway: Gateway, sink: Sink) -> None:
    sink.closed.clear()
    with Connection(gateway) as connection:
        head = f"POST /sink/1 HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {KEY}\r\ncontent-length: 9000000\r\n\r\n"
        connection.send(head.encode() + BLOCK * 20)
        assert eventually(lambda: gateway.calls_in_progress() == 1)
    assert sink.closed.wait(1.0)
    assert eventually(lambda: gateway.calls_in_progress() == 0, 1.0)


def test_an_answer_that_breaks_off_is_not_whole(gateway: Gateway, raw: Any) -> None:
    raw(Reply(text="x" * 2_000_000, truncate=1_500_000))
    with pytest.raises(httpx.RemoteProtocolError):
        gateway.http.post("/raw/x", json={})
    raw(Reply(events=["a"] * 9, cut_after=3))
    with pytest.raises(httpx.RemoteProtocolError):
        gateway.http.post("/raw/x", json={})
    raw(Reply(text="short", truncate=2))
    answer = gateway.http.post("/raw/x", json={})
    assert answer.status_code == 502
    assert "gave no whole answer" in answer.json()["error"]["message"]
    assert "Traceback" not in gateway.log()


def test_events_come_one_by_one(gateway: Gateway, raw: Any) -> None:
    raw(Reply(events=["one", "two", "three"], pace=0.15))
    with gateway.http.stream("POST", "/raw/x", json={}) as answer:
        times = [time.monotonic() for part in answer.iter_raw() if part]
    assert len(times) == 3
    assert times[2] - times[0] > 0.2


@pytest.mark.parametrize(
    "path", ["/raw/../x", "/raw/..%2f..%2fx", "/raw/%2e%2e/x", "/raw/%252e%252e/x", "/raw/a\\..\\x"]
)
def test_no_path_leaves_its_endpoint(gateway: Gateway, raw: Any, upstream: UpstreamControl, path: str) -> None:
    raw(Reply(text="read"))
    with Connection(gateway).send(request(b"", path)) as connection:
        assert connection.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    assert upstream.journal("raw") == []


@pytest.mark.parametrize(
    "target", ["http://evil.test/raw/x", "//evil.test/raw/x", "/raw//evil.test/x", "/raw/http://evil.test/x"]
)
def test_no_client_chooses_the_host(gateway: Gateway, raw: Any, upstream: UpstreamControl, target: str) -> None:
    raw(Reply(text="read"))
    with Connection(gateway).send(request(b"", target).replace(b"host: gateway", b"host: evil.test")) as connection:
        connection.read_until(b"\r\n\r\n")
    for entry in upstream.journal("raw"):
        assert entry.headers["host"] == upstream.url.removeprefix("http://")
    assert "evil.test" not in gateway.log()


def _metric(gateway: Gateway, name: str, label: str) -> float:
    lines = [line for line in gateway.http.get("/metrics").text.splitlines() if line.startswith(name) and label in line]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


@pytest.mark.parametrize("streams", [False, True])
def test_tokens_and_cost_are_counted(gateway: Gateway, streams: bool) -> None:
    label = 'model="claude-3-haiku-20240307"'
    counted = ("litellm_total_tokens_metric_total", "litellm_spend_metric_total")
    before = [_metric(gateway, name, label) for name in counted]
    body = {"model": "claude-3-haiku-20240307", "messages": [], "max_tokens": 9, "stream": streams}
    assert gateway.http.post("/anthropic/v1/messages", json=body).status_code == 200
    after = [_metric(gateway, name, label) for name in counted]
    assert after[0] - before[0] == 15
    assert after[1] - before[1] == pytest.approx(10 * 0.25e-6 + 5 * 1.25e-6)


def test_a_call_may_have_its_price(gateway: Gateway, raw: Any) -> None:
    raw(Reply(text="read"))
    before = _metric(gateway, "litellm_spend_metric_total", 'model="unknown"')
    assert gateway.http.get("/priced/x").text == "read"
    assert _metric(gateway, "litellm_spend_metric_total", 'model="unknown"') - before == pytest.approx(0.25)
    assert _metric(gateway, "litellm_proxy_total_requests_metric_total", 'route="/priced"') == 1


def test_refusals_are_counted(gateway: Gateway) -> None:
    assert gateway.http.get("/raw/x", headers={"authorization": "Bearer wrong"}).status_code == 400
    assert _metric(gateway, "litellm_proxy_failed_requests_metric_total", 'route="/raw"') >= 1


def test_many_at_once(gateway: Gateway, raw: Any) -> None:
    raw(Reply(events=[{"n": n} for n in range(20)], pace=0.005))
    with ThreadPoolExecutor(20) as pool:
        bodies = list(pool.map(lambda _: gateway.http.post("/raw/x", json={"a": "b" * 200_000}).text, range(60)))
    assert set(bodies) == {"".join(f"data: {json.dumps({'n': n}, separators=(',', ':'))}\n\n" for n in range(20))}
    assert eventually(lambda: gateway.calls_in_progress() == 0)


def test_what_has_not_changed_has_no_body(gateway: Gateway, raw: Any) -> None:
    for status in (304, 204):
        raw(Reply(raw=f'HTTP/1.1 {status} So\r\netag: "a"\r\ncache-control: no-cache\r\n\r\n'))
        with Connection(gateway).send(request(b"", "/raw/x")) as connection:
            head = connection.read_until(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 %d " % status)
            assert b'etag: "a"\r\n' in head and b"cache-control: no-cache\r\n" in head
            assert b"content-type" not in head
            assert head.endswith(b"\r\n\r\n")
            raw(Reply(text="next"))  # the connection has not lost its place
            connection.send(request(b"", "/raw/x"))
            assert b"\r\n\r\nHTTP/1.1 200 " in connection.read_until(b"next")


@pytest.mark.parametrize("status", [600, 999])
def test_a_status_that_http_does_not_have(gateway: Gateway, raw: Any, status: int) -> None:
    raw(Reply(raw=f"HTTP/1.1 {status} Odd\r\ncontent-length: 2\r\n\r\n{{}}"))
    answer = gateway.http.post("/raw/x", json={})
    assert answer.status_code == 502
    assert f"answered with status {status}" in answer.json()["error"]["message"]
    assert answer.json()["error"]["code"] == "502"


def test_an_answer_that_is_no_text_passes(gateway: Gateway, upstream: UpstreamControl) -> None:
    body = '{"model":"x\xff","usage":{"prompt_tokens":1}}'
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    upstream.script("anthropic", {"*": [Reply(raw=head + body)]})
    answer = gateway.http.post("/anthropic/v1/messages", json={"model": "m"})
    assert (answer.status_code, answer.content) == (200, body.encode("latin-1"))
    events = 'data: {"usage":{"x":"\xff"}}\n\ndata: [DONE]\n\n'
    head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
    upstream.script("anthropic", {"*": [Reply(raw=head + events)]})
    answer = gateway.http.post("/anthropic/v1/messages", json={"model": "m"})
    assert (answer.status_code, answer.content) == (200, events.encode("latin-1"))
    upstream.script("anthropic", {})
