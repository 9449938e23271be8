"""What is kept of the wire: symbolic names, no secrets, fitting lengths, and only real changes."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import msgspec
import pytest

from contracts.harness.cassette import Recorder, Recording, current_label
from contracts.harness.exchange import Exchange, Frame, Request
from contracts.harness.faults import HarnessError
from contracts.harness.translation import Translation

GENERATED = "sk-AbCdEfGhIjKlMnOpQrStUv"
REPLACEMENT = "sk-generated-1"


def made_of(key: str) -> dict[str, str]:
    return {"key": key, "key_name": f"sk-...{key[-4:]}", "token": hashlib.sha256(key.encode()).hexdigest()}


class Server(ThreadingHTTPServer):
    price = 1


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        host = self.headers["host"]
        body = {"url": f"http://{host}/v1", "created": 1_795_547_199, "price": self.server.price, **made_of(GENERATED)}
        content = msgspec.json.encode(body)
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.send_header("x-base", f"http://{host}/v1")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def record(server: Server, path: Path, *, taped: Exchange | None = None) -> bool:
    authority = f"127.0.0.1:{server.server_port}"
    recorder = Recorder(path, Translation({"gateway.test": authority}))
    with recorder.recording(), httpx.Client() as client:
        for label in ("1", "2"):
            current_label.set(label)
            client.post(
                f"http://{authority}/v1/x?a=b", content=f"http://{authority}".encode(), headers={"x-key": GENERATED}
            )
    if taped:
        recorder.add_tape(taped)
    return recorder.save(["1", "2"])


def test_origins_and_keys_are_replaced_everywhere_and_lengths_refitted(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "core" / "x.yaml"
    assert record(server, path)
    text = path.read_text()
    assert "127.0.0.1" not in text
    assert GENERATED not in text
    found = Recording.load(path).exchanges["2"]
    assert found.request.url == "http://gateway.test/v1/x?a=b"
    assert found.request.body == b"http://gateway.test"
    assert found.request.headers["x-key"] == REPLACEMENT
    assert found.json["url"] == found.headers["x-base"] == "http://gateway.test/v1"
    assert found.json.items() >= made_of(REPLACEMENT).items()
    assert int(found.headers["content-length"]) == len(found.body)
    assert "x-contract-label" not in found.request.headers


def test_a_recording_without_a_real_change_is_left_alone(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "core" / "x.yaml"
    record(server, path)
    before = path.read_text()
    assert not record(server, path)
    server.price = 2
    assert record(server, path)
    assert path.read_text() != before


def test_tapes_lie_beside_the_cassette_and_go_with_it(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "core" / "x.yaml"
    request = Request("GET", "http://gateway.test/stream", httpx.Headers())
    frames = (Frame(0.1, b"data: 1"),)
    taped = Exchange("3", request, 200, httpx.Headers(), b"data: 1\n\n", frames, 0.1, "dropped", taped=True)
    assert record(server, path, taped=taped)
    assert Recording.load(path).exchanges["3"] == taped
    assert record(server, path)
    assert list(path.parent.iterdir()) == [path]


def test_tapes_hold_no_keys_either(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "core" / "x.yaml"
    body = msgspec.json.encode(made_of(GENERATED))
    request = Request("POST", f"http://gateway.test/x?key={GENERATED}", httpx.Headers({"x-key": GENERATED}), body)
    taped = Exchange("3", request, 200, httpx.Headers({"x-key": GENERATED}), body, (Frame(0.1, body),), taped=True)
    assert record(server, path, taped=taped)
    kept = Recording.load(path).exchanges["3"]
    assert kept.request.url == f"http://gateway.test/x?key={REPLACEMENT}"
    assert kept.request.headers["x-key"] == kept.headers["x-key"] == REPLACEMENT
    assert msgspec.json.decode(kept.request.body) == msgspec.json.decode(kept.frames[0].data) == made_of(REPLACEMENT)


def test_of_a_request_sent_again_the_last_is_kept(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    authority = f"127.0.0.1:{server.server_port}"
    recorder = Recorder(path, Translation({"gateway.test": authority}))
    with recorder.recording(), httpx.Client() as client:
        for server.price in (1, 2, 3):
            current_label.set("1")
            client.post(f"http://{authority}/v1/x")
    assert recorder.save(["1"])
    [only] = Recording.load(path).exchanges.values()
    assert only.json["price"] == 3


def test_a_replay_answers_by_label_and_refuses_other_requests(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "core" / "x.yaml"
    record(server, path)
    recording = Recording.load(path)
    with recording.playing(), httpx.Client() as client:
        current_label.set("2")
        answer = client.post("http://gateway.test/v1/x?a=b", content=b"http://gateway.test")
    assert answer.json()["url"] == "http://gateway.test/v1"
    sent = Request("POST", "http://gateway.test/v1/x?a=b", httpx.Headers(), b"http://gateway.test")
    assert recording.check_request(sent, "2").label == "2"
    with pytest.raises(HarnessError, match=r"label 3\) was not recorded; record the case again"):
        recording.check_request(sent, "3")
    with pytest.raises(HarnessError, match="was recorded as POST"):
        recording.check_request(msgspec.structs.replace(sent, method="GET"), "2")
    with pytest.raises(HarnessError, match="body of request 2 is not the recorded one"):
        recording.check_request(msgspec.structs.replace(sent, body=b"other"), "2")


def test_a_recording_knows_its_day(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    record(server, path)
    recording = Recording.load(path)
    assert abs(recording.day - datetime.now(UTC).date()) <= timedelta(days=1)
    with pytest.raises(HarnessError, match="no answer has a date"):
        _ = Recording(path, [], {}).day


def test_a_case_that_was_never_recorded_is_told(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"x\.yaml does not exist; record the case"):
        Recording.load(tmp_path / "x.yaml")
