"""The server's side of WebSockets: uvicorn's protocol over the sans-I/O library, which keeps kinds, codes and reasons.

Imported by ``server.py`` with the first session: the library takes a tenth of a second.
"""

import logging
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

CLOSING_SECONDS = 2.0
"""How long a client may take to answer that its session is closed."""

# who connects, and where to, would stand in the log with its query
_quiet = logging.getLogger("proxy.sockets.server")
_quiet.setLevel(logging.ERROR)


class SocketProtocol(WebSocketsSansIOProtocol):
    """One session with a client, from its handshake on."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = _quiet
        self.conn.logger = _quiet
        self.close_timeout = CLOSING_SECONDS
