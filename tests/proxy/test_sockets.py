"""The server's side of WebSockets: a client that does not read is not waited for."""

import asyncio
from typing import Any

import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState
from websockets.protocol import State

from proxy.sockets import SocketProtocol


class Transport:
    """A client's connection of which some bytes are unread."""

    def __init__(self, unread: int) -> None:
        self.unread = unread
        self.ended: list[str] = []

    def get_write_buffer_size(self) -> int:
        return self.unread

    def get_extra_info(self, _: str) -> None:
        return None

    def is_closing(self) -> bool:
        return bool(self.ended)

    def write(self, data: bytes) -> None:
        self.unread += len(data) if self.unread else 0

    def close(self) -> None:
        self.ended.append("close")

    def abort(self) -> None:
        self.ended.append("abort")


@pytest.mark.parametrize(("unread", "end"), [(0, "close"), (10, "abort")])
def test_a_ping_that_is_not_answered(unread: int, end: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        """Never called."""

    async def scenario() -> None:
        config, transport = Config(app, lifespan="off", log_config=None), Transport(unread)
        protocol = SocketProtocol(config=config, server_state=ServerState(), app_state={})
        protocol.connection_made(transport)  # type: ignore[arg-type]
        protocol.conn.state = State.OPEN
        protocol.send_keepalive_ping()
        protocol.keepalive_timeout()
        assert transport.ended == [end]
        protocol.stop_keepalive()

    asyncio.run(scenario())
