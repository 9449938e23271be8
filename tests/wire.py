"""A client that does what no library would: stops reading, sends half a request, leaves in the middle."""

import json
import select
import socket
import time
from typing import Any, Self

from tests.gateways import KEY, Gateway


def chat_body(model: str, **fields: Any) -> bytes:
    return json.dumps({"model": model, "messages": [{"role": "user", "content": "hi"}], **fields}).encode()


def request(body: bytes, path: str = "/v1/chat/completions", *headers: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "host: gateway", f"authorization: Bearer {KEY}", *headers]
    return "\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode() + body


class Connection:
    """One connection to a gateway."""

    def __init__(self, gateway: Gateway, *, receive_buffer: int | None = None) -> None:
        self._socket = socket.socket()
        if receive_buffer is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.settimeout(10)
        self._socket.connect(("127.0.0.1", gateway.port))
        self.port: int = self._socket.getsockname()[1]
        self.received = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def send(self, data: bytes) -> Self:
        self._socket.sendall(data)
        return self

    def read_until(self, mark: bytes, seconds: float = 5.0) -> bytes:
        """What has come once ``mark`` is there; raises AssertionError when it never comes."""
        deadline = time.monotonic() + seconds
        while mark not in self.received:
            assert time.monotonic() < deadline, f"{mark!r} never came, but: {self.received[-500:]!r}"
            self._socket.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                part = self._socket.recv(65536)
            except TimeoutError:
                continue
            assert part, f"closed before {mark!r} came: {self.received[-500:]!r}"
            self.received += part
        return self.received

    def read_to_the_end(self, seconds: float = 5.0) -> bytes:
        """Everything until the gateway closes; raises AssertionError when it does not."""
        deadline = time.monotonic() + seconds
        while True:
            assert time.monotonic() < deadline, f"not closed; came: {self.received[-500:]!r}"
            self._socket.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                part = self._socket.recv(65536)
            except TimeoutError:
                continue
            except ConnectionResetError:
                return self.received
            if not part:
                return self.received
            self.received += part

    def is_closed(self, seconds: float) -> bool:
        """Whether the gateway closes within ``seconds``, without reading what it has sent."""
        poller = select.poll()
        poller.register(self._socket, select.POLLRDHUP | select.POLLHUP | select.POLLERR)
        return bool(poller.poll(seconds * 1000))

    def leave(self) -> None:
        self._socket.close()
