"""A case that waits for what a gateway does in the background: only the last answer counts."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest

from contracts.harness.case import Case
from contracts.harness.cassette import Recorder, Recording
from contracts.harness.exchange import Exchange
from contracts.harness.faults import CheckFailed, HarnessError, NeverHeld
from contracts.harness.mark import Contract
from contracts.harness.results import Fault
from contracts.harness.setup import Setup
from contracts.harness.targets import Kind
from contracts.harness.translation import Translation
from contracts.harness.verdict import fault_of


class Counting(BaseHTTPRequestHandler):
    """Counts what it is asked, from the server's own beginning."""

    def do_GET(self) -> None:
        content = msgspec.json.encode({"count": next(self.server.counter)})  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Counting) as server:
        server.counter = itertools.count(1)  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def setup(path: Path, server: ThreadingHTTPServer) -> Setup:
    return Setup(
        kind=Kind.PROXY,
        name="core/until",
        case_id="until",
        contract=Contract(item="core", config="core/basic.yaml"),
        cassette=path,
        translation=Translation({"gateway.test": f"127.0.0.1:{server.server_port}"}),
        check_alive=lambda: None,
    )


def counted(case: Case, enough: Callable[[Exchange], bool], within: float = 10.0) -> Exchange:
    return case.until(lambda: case.get("/count"), enough, within=within)


def three(found: Exchange) -> bool:
    return bool(found.json["count"] >= 3)


def record(path: Path, server: ThreadingHTTPServer) -> None:
    recorder = Recorder(path, Translation({"gateway.test": f"127.0.0.1:{server.server_port}"}))
    with recorder.recording():
        case = Case(msgspec.structs.replace(setup(path, server), recorder=recorder))
        assert counted(case, three).json == {"count": 3}
        assert case.get("/count").json == {"count": 4}
        recorder.save([exchange.label for exchange in case.exchanges])
        case.close()


def test_only_the_last_answer_is_recorded(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    record(path, server)
    kept = Recording.load(path)
    assert {label: found.json["count"] for label, found in kept.exchanges.items()} == {"1": 3, "2": 4}
    with kept.playing():
        case = Case(msgspec.structs.replace(setup(path, server), player=kept, translation=Translation({})))
        assert counted(case, three).json == {"count": 3}
        assert case.get("/count").json == {"count": 4}
        case.close()


def test_another_number_of_tries_is_the_same_case(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    record(path, server)
    server.counter = itertools.count(2)  # type: ignore[attr-defined]
    case = Case(setup(path, server))
    recording = Recording.load(path)
    for answer in (counted(case, three), case.get("/count")):
        assert recording.check_request(answer.request, answer.label).json == answer.json
    assert len(case.exchanges) == 2
    case.close()


def test_what_never_holds_is_a_failure_of_the_contract(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    case = Case(setup(tmp_path / "x.yaml", server))
    with pytest.raises(NeverHeld, match=r"request 1: .* did not hold within 0\.3 s") as caught:
        counted(case, lambda found: False, within=0.3)
    assert isinstance(caught.value, CheckFailed)
    assert fault_of(caught.value) is Fault.CONTRACT
    assert [exchange.label for exchange in case.exchanges] == ["1"]  # for the wire log
    case.close()


def test_a_recording_in_which_it_does_not_hold_is_not_waited_for(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    record(path, server)
    kept = Recording.load(path)
    with kept.playing():
        case = Case(msgspec.structs.replace(setup(path, server), player=kept, translation=Translation({})))
        with pytest.raises(NeverHeld):
            counted(case, lambda found: found.json["count"] == 5, within=1000.0)
        case.close()


def test_a_function_that_sends_several_requests_is_refused(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    case = Case(setup(tmp_path / "x.yaml", server))
    with pytest.raises(HarnessError, match="makes one request"):
        case.until(lambda: [case.get("/count"), case.get("/count")][1], three)
    case.close()
