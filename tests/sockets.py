"""A client of the gateway's WebSockets."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.gateways import KEY, Gateway


def session(
    gateway: Gateway, model: str, *, key: str | None = KEY, path: str = "/v1/realtime", **options: Any
) -> AbstractContextManager[ClientConnection]:
    """A realtime session; further options are the library's."""
    url = f"ws://127.0.0.1:{gateway.port}{path}?model={model}"
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    return connect(url, additional_headers=headers, proxy=None, compression=None, max_size=None, **options)


def heard(socket: ClientConnection, seconds: float = 5.0) -> Any:
    """The next message, decoded."""
    return json.loads(socket.recv(timeout=seconds))


def ended(socket: ClientConnection, seconds: float = 5.0) -> tuple[int | None, str]:
    """Close code and reason of a session that must end within some seconds, ``None`` without a closing handshake."""
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            socket.recv(timeout=seconds)
    received = closed.value.rcvd
    return (None, "") if received is None else (int(received.code), received.reason)


def vanish(socket: ClientConnection) -> None:
    """Go away without a word."""
    socket.socket.shutdown(2)
