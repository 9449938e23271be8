"""What the client sees of complete, cut and abandoned answers."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from contracts.harness.client import Observed, make_client, observe
from contracts.harness.faults import CheckFailed

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
Answer = Callable[[socket.socket], None]


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


@pytest.fixture
def serve() -> Iterator[Callable[[Answer], int]]:
    listener = socket.create_server(("127.0.0.1", 0))

    def start(answer: Answer) -> int:
        def run() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                answer(connection)

        threading.Thread(target=run, daemon=True).start()
        port: int = listener.getsockname()[1]
        return port

    yield start
    listener.close()


def get(port: int, close_after: int | None = None) -> Observed:
    with make_client() as client:
        request = client.build_request("GET", f"http://127.0.0.1:{port}/")
        return observe(client, request, close_after=close_after)


def test_frames_have_times_however_they_were_packed(serve: Callable[[Answer], int]) -> None:
    def answer(connection: socket.socket) -> None:
        connection.sendall(HEAD + chunk(b"data: 1\n\ndata: 2\n"))
        time.sleep(0.05)
        connection.sendall(chunk(b"\ndata: 3\n\n") + b"0\r\n\r\n")

    seen = get(serve(answer))
    assert [frame.data for frame in seen.frames] == [b"data: 1", b"data: 2", b"data: 3"]
    assert seen.frames[1].at - seen.frames[0].at >= 0.04
    assert (seen.end, seen.body) == ("done", b"data: 1\n\ndata: 2\n\ndata: 3\n\n")


def test_a_cut_stream_is_dropped_and_keeps_the_piece(serve: Callable[[Answer], int]) -> None:
    seen = get(serve(lambda connection: connection.sendall(HEAD + chunk(b"data: 1\n\ndata: {"))))
    assert seen.end == "dropped"
    assert [(frame.data, frame.partial) for frame in seen.frames] == [(b"data: 1", False), (b"data: {", True)]


def test_the_client_hangs_up(serve: Callable[[Answer], int]) -> None:
    gone = threading.Event()

    def answer(connection: socket.socket) -> None:
        connection.sendall(HEAD + chunk(b"data: 1\n\ndata: 2\n\n"))
        if connection.recv(1) == b"":
            gone.set()

    seen = get(serve(answer), close_after=1)
    assert (seen.end, seen.body, len(seen.frames)) == ("client-closed", b"data: 1\n\n", 1)
    assert gone.wait(2)


def test_no_answer_at_all_is_the_gateways_failure(serve: Callable[[Answer], int]) -> None:
    with pytest.raises(CheckFailed, match="closed without an answer"):
        get(serve(lambda connection: None))


def test_nobody_listening_is_told_apart() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(httpx.ConnectError):
        get(port)
