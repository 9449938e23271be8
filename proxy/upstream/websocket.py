"""WebSockets to vendors: the library's connection over our dialer, so that proxies and authorities are those of every call.

Imported with the first session: the library takes a tenth of a second.
"""

import asyncio
import logging
import re
import socket
from collections.abc import Sequence

import msgspec
from websockets.asyncio.client import ClientConnection
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI, WebSocketException
from websockets.frames import EXTERNAL_CLOSE_CODES
from websockets.uri import parse_uri

from proxy.upstream.dialing import Dialer
from proxy.upstream.errors import Broken, ConnectFailed, TimedOut, UpstreamError

PING_SECONDS = 20.0
"""Between two pings, and how long each may go unanswered: a vendor that is gone without a word is noticed."""
CLOSING_SECONDS = 0.7
"""The closing handshake may take."""
MAX_QUEUED = 8
"""Messages that have come and nobody took yet; beyond them nothing more is read."""
LONGEST_REASON = 123
"""Bytes (RFC 6455, 5.5.1)."""
OWN_CODES = range(3000, 5000)

Message = str | bytes
"""Text or binary."""
log = logging.getLogger(__name__)
_value = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
# what passes here is the business of those who talk
_quiet = logging.getLogger("websockets.client")
_quiet.setLevel(logging.CRITICAL)


class Closed(msgspec.Struct, frozen=True):
    """How one side ended a session; ``code`` is ``None`` when it vanished without a word."""

    code: int | None
    reason: str = ""

    @property
    def can_be_sent(self) -> bool:
        """Whether the code may stand in a close frame (RFC 6455, 7.4)."""
        return self.code is not None and (self.code in EXTERNAL_CLOSE_CODES or self.code in OWN_CODES)


class SessionRefused(UpstreamError):
    """The vendor answered the handshake with something else than a session."""

    def __init__(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        super().__init__(f"server rejected WebSocket connection: HTTP {status}")
        self.status = status
        self.headers = headers
        self.body = body


class SessionClosed(Exception):
    """The vendor has ended the session, or it was lost."""

    def __init__(self, closed: Closed) -> None:
        super().__init__(f"closed: {closed.code} {closed.reason}")
        self.closed = closed


class UpstreamSocket:
    """An open session with a vendor."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def receive(self) -> Message:
        """The next message.

        Raises:
            SessionClosed: there is none.
        """
        try:
            return await self._connection.recv()
        except ConnectionClosed as error:
            raise SessionClosed(_closed(error)) from None

    async def send(self, message: Message) -> None:
        """Send a message, once the vendor has taken most of those before it.

        Raises:
            SessionClosed: the session is over.
        """
        try:
            await self._connection.send(message)
        except ConnectionClosed as error:
            raise SessionClosed(_closed(error)) from None

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """End the session: politely, and after ``CLOSING_SECONDS`` in any case; idempotent."""
        try:
            async with asyncio.timeout(CLOSING_SECONDS):
                await self._connection.close(code, reason)
        except TimeoutError:
            self._connection.transport.abort()
            await asyncio.shield(self._connection.wait_closed())

    def drop(self) -> None:
        """End the connection now."""
        self._connection.transport.abort()


async def open_socket(
    dialer: Dialer, url: str, headers: Sequence[tuple[str, str]], *, seconds: float, max_message: int
) -> UpstreamSocket:
    """Open a session at ``url``, which begins with ``http`` or ``https``.

    Args:
        seconds: until it must be open.
        max_message: bytes; a larger message of the vendor ends the session with 1009.

    Raises:
        ConnectFailed: no connection, or an unusable URL or header.
        TimedOut: it took too long.
        SessionRefused: the vendor answered with an HTTP status.
        Broken: the connection was lost, or the answer is not HTTP.
    """
    route = dialer.route(url)
    if any(not _value.fullmatch(value) for _, value in headers):
        raise ConnectFailed("a header holds a line break; see extra_headers")
    try:
        uri = parse_uri(f"ws{url.removeprefix('http')}")
    except InvalidURI as error:
        raise ConnectFailed("the URL is not valid; see api_base") from error
    loop = asyncio.get_running_loop()

    def protocol(_: socket.socket) -> ClientConnection:
        return ClientConnection(
            ClientProtocol(uri, max_size=max_message, logger=_quiet),
            ping_interval=PING_SECONDS,
            ping_timeout=PING_SECONDS,
            close_timeout=CLOSING_SECONDS,
            max_queue=MAX_QUEUED,
        )

    began = loop.time()
    connection: ClientConnection | None = None
    is_open = False
    try:
        async with asyncio.timeout(seconds):
            connection = await dialer.connect(route, protocol, tunnelled=True)
            await connection.handshake(list(headers), None)
            is_open = True
    except TimeoutError as error:
        raise TimedOut("connect" if connection is None else "first_byte", loop.time() - began) from error
    except InvalidStatus as error:
        answer = error.response
        told = [(name.lower(), value) for name, value in answer.headers.raw_items()]
        raise SessionRefused(answer.status_code, told, bytes(answer.body or b"")) from error
    except (InvalidHandshake, WebSocketException, OSError, EOFError) as error:
        raise Broken("did not receive a valid HTTP response") from error
    finally:
        if connection is not None and not is_open:
            connection.transport.abort()
    connection.start_keepalive()
    return UpstreamSocket(connection)


def short(reason: str) -> str:
    """As much of a reason as a close frame holds."""
    return reason.encode()[:LONGEST_REASON].decode(errors="ignore")


def _closed(error: ConnectionClosed) -> Closed:
    if error.rcvd is not None:
        return Closed(int(error.rcvd.code), error.rcvd.reason)
    if error.sent is not None and error.sent.code in (1007, 1009):  # what the vendor sent could not be taken
        return Closed(int(error.sent.code), error.sent.reason)
    return Closed(None)
