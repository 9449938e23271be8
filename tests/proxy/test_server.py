"""What a connection may cost before its request is complete."""

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from proxy.api.client import deliver
from proxy.call import Answer
from proxy.server import MAX_HEAD_BYTES, BoundedProtocol

HEAD = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n"


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """The size of the body; of ``/headers`` the names of the headers, once the body has come; of ``/304`` nothing."""
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    body = str(size).encode()
    if scope["path"] == "/headers":
        body = b",".join(sorted(name for name, _ in scope["headers"])) + b"."
    if scope["path"] == "/304":
        await deliver(Answer(304, [(b"etag", b"2")], b"not read by anybody"), scope, send)
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    config = uvicorn.Config(echo, http=BoundedProtocol, lifespan="off", log_level="critical", loop="uvloop")
    running = uvicorn.Server(config)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        thread = threading.Thread(target=running.run, args=([listener],))
        thread.start()
        yield listener.getsockname()
        running.should_exit = True
        thread.join(5)


def answer(address: tuple[str, int], *pieces: bytes) -> bytes:
    with socket.create_connection(address, timeout=5) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
            received = b""
            while not received.endswith((b".", b"0", b"2")):
                more = connection.recv(65536)
                if not more:
                    break
                received += more
        except ConnectionError:
            return b"closed"
    return received


def test_a_body_of_many_pieces_is_no_head(address: tuple[str, int]) -> None:
    pieces = [b"%x\r\n%s\r\n" % (40_000, b"a" * 40_000)] * 5
    assert answer(address, HEAD + b"\r\n", *pieces, b"0\r\n\r\n").endswith(b"200000")


def test_a_trailer_is_no_header(address: tuple[str, int]) -> None:
    """Whoever stands before the gateway has checked the headers, not these."""
    head = HEAD.replace(b"/", b"/headers", 1) + b"\r\n"
    trailer = b"0\r\nauthorization: Bearer sk-1234\r\nx-forwarded-for: 1.2.3.4\r\n\r\n"
    assert answer(address, head, b"1\r\na\r\n", trailer).endswith(b"host,transfer-encoding.")


def test_what_has_no_body_gets_none(address: tuple[str, int]) -> None:
    """It would be taken for the next answer."""
    asked = b"GET /304 HTTP/1.1\r\nhost: x\r\n\r\n"
    received = answer(address, asked.replace(b"/304", b"/304?") + asked.replace(b"/304", b"/"))
    assert b"read by anybody" not in received
    assert received.count(b"HTTP/1.1 ") == 2


def test_a_short_trailer_is_fine(address: tuple[str, int]) -> None:
    assert answer(address, HEAD + b"\r\n", b"2\r\nok\r\n0\r\nx-sum: 1\r\n\r\n").endswith(b"2")


@pytest.mark.parametrize("before", [b"", b"\r\n0\r\n"])
def test_neither_a_head_nor_a_trailer_may_be_endless(address: tuple[str, int], before: bytes) -> None:
    pieces = [b"a" * 8192] * (20 * MAX_HEAD_BYTES // 8192)
    refused = answer(address, HEAD + before + b"x-endless: ", *pieces)
    assert refused == b"closed" or b" 400 " in refused
