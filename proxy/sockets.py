"""The server's side of WebSockets: uvicorn's protocol over the sans-I/O library, which keeps kinds, codes and reasons.

Imported by ``server.py`` with the first session: the library takes a tenth of a second.
"""

import asyncio
import logging
import select
from collections.abc import Callable
from typing import Any, cast

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request
from websockets.protocol import State

from proxy import unread
from proxy.realtime.client import DIRECT
from proxy.unread import DropsIdleReaders

CLOSING_SECONDS = 2.0
"""How long a client may take to answer that its session is closed."""
INVALID_TEXT = 1007
"""RFC 6455, 7.4.1."""
_PEER_LEFT = getattr(select, "POLLRDHUP", 0)
"""Linux's: the other side has ended the connection, whatever of it is still unread."""

# who connects, and where to, would stand in the log with its query
_quiet = logging.getLogger("proxy.sockets.server")
_quiet.setLevel(logging.ERROR)


class SocketProtocol(DropsIdleReaders, WebSocketsSansIOProtocol):
    """One session with a client, from its handshake on; :class:`proxy.realtime.client.Direct` for whoever relays it.

    A client that does not read is dropped when its session is over, too.
    """

    _ending: asyncio.TimerHandle | None = None
    """Runs when the session is over."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = _quiet
        self.conn.logger = _quiet
        self.close_timeout = CLOSING_SECONDS
        self._take: Callable[[bytes, bool], bool] | None = None
        self._on_writable: Callable[[], None] | None = None

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.response.status_code == 101:
            cast("dict[str, object]", self.scope["extensions"])[DIRECT] = self

    # --- proxy.realtime.client.Direct ------------------------------------------------------------------------------------

    def push(self, data: bytes, is_text: bool) -> bool:
        if self.conn.state is State.OPEN and not self.close_sent:
            if is_text:
                self.conn.send_text(data)
            else:
                self.conn.send_binary(data)
            self.transport.write(b"".join(self.conn.data_to_send()))
        return self.writable.is_set()

    def follow(self, take: Callable[[bytes, bool], bool]) -> bool:
        if not self.queue.empty():
            return False
        self._take = take
        return True

    def when_writable(self, resume: Callable[[], None]) -> None:
        self._on_writable = resume

    def resume(self) -> None:
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()

    def has_left(self) -> bool:
        if self.transport.is_closing():
            return True
        poll = select.poll()
        poll.register(self.transport.get_extra_info("socket"), _PEER_LEFT)
        return bool(poll.poll(0))

    # --- uvicorn's ---------------------------------------------------------------------------------------------------------

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._unread, self._ending):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def send_receive_event_to_app(self) -> None:
        data = self.frames[0] if len(self.frames) == 1 else b"".join(self.frames)
        self.frames = []
        is_text = self.curr_msg_data_type == "text"
        if is_text and not self.close_sent and not _is_utf_8(data):
            self.conn.send_close(INVALID_TEXT)
            self.handle_parser_exception()
        elif self._take is None or self.close_sent:
            self.frames = [data]
            super().send_receive_event_to_app()
        elif not self._take(bytes(data), is_text) and not self.read_paused:
            self.read_paused = True
            self.transport.pause_reading()

    async def send(self, message: ASGISendEvent) -> None:
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body"):
            self.handshake_complete = True  # a refusal answers it too

    async def run_asgi(self) -> None:
        await super().run_asgi()
        if self.transport.get_write_buffer_size():
            self._ending = self.loop.call_later(unread.STALL_SECONDS, self.transport.abort)

    def keepalive_timeout(self) -> None:
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        super().keepalive_timeout()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._on_writable is not None:
            self._on_writable()


def _is_utf_8(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
