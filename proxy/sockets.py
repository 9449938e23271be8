"""The server's side of WebSockets: uvicorn's protocol over the sans-I/O library, which keeps kinds, codes and reasons.

Imported by ``server.py`` with the first session: the library takes a tenth of a second.
"""

import logging
from collections.abc import Callable
from typing import Any, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request
from websockets.protocol import State

from proxy.realtime.client import DIRECT

CLOSING_SECONDS = 2.0
"""How long a client may take to answer that its session is closed."""

# who connects, and where to, would stand in the log with its query
_quiet = logging.getLogger("proxy.sockets.server")
_quiet.setLevel(logging.ERROR)


class SocketProtocol(WebSocketsSansIOProtocol):
    """One session with a client, from its handshake on; :class:`proxy.realtime.client.Direct` for whoever relays it."""

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

    # --- uvicorn's ---------------------------------------------------------------------------------------------------------

    def send_receive_event_to_app(self) -> None:
        if self._take is None or self.close_sent:
            super().send_receive_event_to_app()
            return
        data = self.frames[0] if len(self.frames) == 1 else b"".join(self.frames)
        is_text = self.curr_msg_data_type == "text"
        if is_text and not _is_utf_8(data):
            super().send_receive_event_to_app()  # it ends the session
            return
        self.frames = []
        if not self._take(bytes(data), is_text) and not self.read_paused:
            self.read_paused = True
            self.transport.pause_reading()

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
