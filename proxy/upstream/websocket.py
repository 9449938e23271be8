"""WebSockets to vendors: the sans-I/O library over our dialer, so that proxies and authorities are those of every call.

Messages are pushed as those of streams are: whoever follows a session is called in the loop's callback and no task is woken.
Imported with the first session: the library takes a tenth of a second.
"""

import asyncio
import logging
import re
import socket
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import cast

import msgspec
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus, InvalidURI
from websockets.frames import EXTERNAL_CLOSE_CODES, Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.uri import parse_uri

from proxy.upstream.dialing import Dialer
from proxy.upstream.errors import Broken, ConnectFailed, TimedOut, UpstreamError

PING_SECONDS = 20.0
"""Of silence after which a vendor is pinged, and how long it may stay silent then: one that is gone is noticed."""
CLOSING_SECONDS = 0.7
"""The closing handshake may take."""
MAX_QUEUED = 8
"""Messages that have come and nobody took yet; beyond them nothing more is read."""
LONGEST_REASON = 123
"""Bytes (RFC 6455, 5.5.1)."""
OWN_CODES = range(3000, 5000)
PLAIN = (Opcode.TEXT, Opcode.BINARY)

Message = str | bytes
"""Text or binary."""
Take = Callable[[bytes, bool], bool]
"""Takes a message, and whether it is text; ``False``: no further one until it says so."""
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


class UpstreamSocket(asyncio.Protocol):
    """A session with a vendor."""

    def __init__(self, protocol: ClientProtocol) -> None:
        self._protocol = protocol
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._answered: asyncio.Future[bool] = self._loop.create_future()
        """Whether the handshake was answered at all."""
        self._gone: asyncio.Future[None] = self._loop.create_future()
        """Done when TCP has ended."""
        self._closed: Closed | None = None
        self._parts: list[bytes] = []
        self._is_text = False
        self._queue: deque[Message] = deque()
        self._take: Take | None = None
        self._waiting: asyncio.Future[None] | None = None
        """Of `receive` or `follow`."""
        self._writable: asyncio.Future[None] | None = None
        """There while the vendor does not take what is sent."""
        self._on_writable: Callable[[], None] | None = None
        self._reads = True
        self._timer: asyncio.TimerHandle | None = None
        self._pinged = False

    # --- for those who talk ----------------------------------------------------------------------------------------------

    async def receive(self) -> Message:
        """The next message.

        Raises:
            SessionClosed: there is none.
        """
        while not self._queue:
            await self._more()
        message = self._queue.popleft()
        self.resume()
        return message

    async def follow(self, take: Take) -> Closed:
        """Give every further message to ``take``, as soon as it has come; how the session ended."""
        wants_more = True
        while self._queue:
            message = self._queue.popleft()
            wants_more = take(message.encode(), True) if isinstance(message, str) else take(message, False)
        self._take = take
        self._read(on=wants_more)
        try:
            while True:
                await self._more()
        except SessionClosed as ended:
            return ended.closed

    def push(self, data: bytes, is_text: bool) -> bool:
        """Send a message, if the session is still open; whether the vendor takes more."""
        if self._protocol.state is State.OPEN:
            if is_text:
                self._protocol.send_text(data)
            else:
                self._protocol.send_binary(data)
            self._flush()
        return self._writable is None

    async def send(self, message: Message) -> None:
        """Send a message, if the session is still open; return when the vendor takes more."""
        if not (self.push(message.encode(), True) if isinstance(message, str) else self.push(message, False)):
            await self.drain()

    def drain(self) -> Awaitable[None]:
        """Until the vendor takes more, or is gone."""
        assert self._writable is not None
        return asyncio.shield(self._writable)

    def when_writable(self, resume: Callable[[], None]) -> None:
        """Have ``resume`` called whenever the vendor takes more again."""
        self._on_writable = resume

    def pause(self) -> None:
        """Leave what the vendor sends where it is."""
        self._read(on=False)

    def resume(self) -> None:
        """The opposite of :meth:`pause`."""
        self._read(on=True)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """End the session: politely, and after ``CLOSING_SECONDS`` in any case; idempotent."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(code, reason)
            self._flush()
        self._take, self._queue = _nobody, deque()
        self.resume()
        try:
            async with asyncio.timeout(CLOSING_SECONDS):
                await asyncio.shield(self._gone)
        except TimeoutError:
            self.drop()

    def drop(self) -> None:
        """End the connection now."""
        self._transport.abort()

    async def handshake(self, headers: Sequence[tuple[str, str]]) -> None:
        """Ask for the session.

        Raises:
            SessionRefused: the vendor answered with an HTTP status.
            Broken: the connection was lost, or the answer is not HTTP.
        """
        request = self._protocol.connect()
        request.headers.update(headers)
        self._protocol.send_request(request)
        self._flush()
        answered = await self._answered
        error = self._protocol.handshake_exc
        if isinstance(error, InvalidStatus):
            answer = error.response
            told = [(name.lower(), value) for name, value in answer.headers.raw_items()]
            raise SessionRefused(answer.status_code, told, bytes(answer.body or b"")) from error
        if error is not None or not answered:
            raise Broken("did not receive a valid HTTP response") from error
        self._timer = self._loop.call_later(PING_SECONDS, self._ping)

    # --- asyncio.Protocol ------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._pinged = False
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Frame):
                self._framed(event)
            elif isinstance(event, Response) and not self._answered.done():
                self._answered.set_result(True)
        self._flush()
        if self._protocol.state is not State.OPEN:
            self._ending()

    def eof_received(self) -> None:
        self._protocol.receive_eof()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._protocol.receive_eof()
        if self._timer is not None:
            self._timer.cancel()
        self._gone.set_result(None)
        if not self._answered.done():
            self._answered.set_result(False)
        self.resume_writing()
        self._end(Closed(None))

    def pause_writing(self) -> None:
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        if self._writable is not None:
            self._writable.set_result(None)
            self._writable = None
            if self._on_writable is not None:
                self._on_writable()

    # --- what comes ------------------------------------------------------------------------------------------------------

    def _framed(self, frame: Frame) -> None:
        if frame.opcode is Opcode.CONT:
            self._parts.append(bytes(frame.data))
        elif frame.opcode in PLAIN:
            self._parts, self._is_text = [bytes(frame.data)], frame.opcode is Opcode.TEXT
        else:
            return  # the library answers pings and closings
        if frame.fin:
            data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
            self._parts = []
            self._came(data)

    def _came(self, data: bytes) -> None:
        try:
            text = data.decode() if self._is_text and (self._take is None or not data.isascii()) else None
        except UnicodeDecodeError:
            self._protocol.fail(1007, "text that is no UTF-8")
            return
        if self._take is None:
            self._queue.append(data if text is None else text)
            if len(self._queue) >= MAX_QUEUED:
                self.pause()
            self._wake()
        elif not self._take(data, self._is_text):
            self.pause()

    def _ending(self) -> None:
        """A close frame has come, or what came could not be taken."""
        received, sent = self._protocol.close_rcvd, self._protocol.close_sent
        if received is not None:
            self._end(Closed(int(received.code), received.reason))
        elif sent is not None and sent.code in (1002, 1007, 1009):
            self._end(Closed(1009 if sent.code == 1009 else None, sent.reason))
        if self._closed is not None:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_later(CLOSING_SECONDS, self.drop)

    def _end(self, closed: Closed) -> None:
        if self._closed is None:
            self._closed = closed
            self._wake()

    async def _more(self) -> None:
        """Wait for a message or the end."""
        if self._closed is not None:
            raise SessionClosed(self._closed)
        self._waiting = self._loop.create_future()
        try:
            await self._waiting
        finally:
            self._waiting = None

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    # --- the wire --------------------------------------------------------------------------------------------------------

    def _read(self, *, on: bool) -> None:
        if on is not self._reads and not self._transport.is_closing():
            self._reads = on
            if on:
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._transport.write(data)
            else:
                self._transport.close()

    def _ping(self) -> None:
        if self._pinged:
            self.drop()
            return
        self._timer = self._loop.call_later(PING_SECONDS, self._ping)
        if self._reads and self._protocol.state is State.OPEN:
            self._pinged = True
            self._protocol.send_ping(b"")
            self._flush()


def _nobody(_data: bytes, _is_text: bool) -> bool:
    return True


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

    def protocol(_: socket.socket) -> UpstreamSocket:
        return UpstreamSocket(ClientProtocol(uri, max_size=max_message, logger=_quiet))

    began = asyncio.get_running_loop().time()
    opened: UpstreamSocket | None = None
    is_open = False
    try:
        async with asyncio.timeout(seconds):
            opened = await dialer.connect(route, protocol, tunnelled=True)
            await opened.handshake(headers)
            is_open = True
    except TimeoutError as error:
        spent = asyncio.get_running_loop().time() - began
        raise TimedOut("connect" if opened is None else "first_byte", spent) from error
    finally:
        if opened is not None and not is_open:
            opened.drop()
    return opened


def short(reason: str) -> str:
    """As much of a reason as a close frame holds."""
    return reason.encode()[:LONGEST_REASON].decode(errors="ignore")
