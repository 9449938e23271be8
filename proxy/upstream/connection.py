"""One HTTP/1.1 connection to a vendor: httptools parses, this adds the exchange, its timeouts and its bounds."""

import asyncio
import math
import socket
from collections.abc import AsyncIterator, Callable
from typing import Literal, cast

import httptools
import msgspec

from proxy.upstream.errors import Broken, ConnectFailed, Phase, TimedOut, TooLarge, UpstreamError

_HIGH_WATER = 256 * 1024
_WRITE_AT_ONCE = 64 * 1024
_TIMER_SLACK = 0.001
"""Seconds by which the loop's timers may be early."""

RawHeaders = list[tuple[bytes, bytes]]
Take = Callable[[bytes], bool]
"""Takes a part of a body as soon as it has come; true: no more for now."""


class Timeouts(msgspec.Struct, frozen=True):
    """Seconds; ``None`` is no limit."""

    connect: float | None
    """Name look-up, TCP and TLS of a new connection."""
    first_byte: float | None
    """From the sending of the request to the end of the answer's headers."""
    idle: float | None
    """Each silence within the body."""
    total: float | None
    """From the call to the last byte."""


class Upload(msgspec.Struct, frozen=True):
    """The body of a request, sent as it comes and no faster than the vendor reads."""

    parts: AsyncIterator[bytes]
    size: int | None
    """Bytes of all parts together; ``None``: not known before."""


class Place:
    """The connections to one host, over one way."""

    __slots__ = ("connections", "idle", "keep_alive", "max_head")

    def __init__(self, keep_alive: float, max_head: int) -> None:
        self.keep_alive = keep_alive
        """Seconds that a connection may wait for its next exchange."""
        self.max_head = max_head
        """Bytes of status line and headers that are accepted."""
        self.connections: set[Connection] = set()
        self.idle: list[Connection] = []

    def take(self) -> "Connection | None":
        """A connection that can be used at once; the last used one, so that the others can expire."""
        while self.idle:
            connection = self.idle.pop()
            if connection.is_usable():
                return connection
            connection.abort()
        return None


class Connection(asyncio.Protocol):
    """Carries one exchange at a time: :meth:`start`, :meth:`wait` and :meth:`take` in turns, at last :meth:`release`.

    ``answered`` becomes true when ``status`` and ``headers`` (names in lower case) have come, ``complete`` when all of
    the answer has; ``error`` is set when the exchange has failed. What came before a failure can still be taken.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, sock: socket.socket, place: Place) -> None:
        self._loop = loop
        self._socket = sock
        self._place = place
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = math.inf
        self._in_use = False
        self._cannot_write = False
        self._reset()

    def _reset(self) -> None:
        self.status = 0
        self.headers: RawHeaders = []
        self.answered = False
        self.complete = False
        self.error: UpstreamError | None = None
        self._reusable = False
        self._paused = False
        self._uploading = False
        self._head_size = 0
        self._trailer_size = 0
        self._body: list[bytes] = []
        self._body_size = 0
        self._take: Take | None = None
        self._took_enough = False

    # --- what the user of a connection calls

    def is_usable(self) -> bool:
        """Whether an exchange can be started: the connection is open, and nothing came that was not asked for."""
        if self._transport is None or self._transport.is_closing():
            return False
        try:
            # the loop may not have seen yet that the vendor has closed
            self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False

    def start(self, head: bytes, body: bytes, timeouts: Timeouts, began: float, *, bodiless: bool) -> None:
        """Send a request.

        Args:
            began: the loop's time from which ``timeouts.total`` counts.
            bodiless: the answer has no body whatever its headers say (``HEAD``).
        """
        self._reset()
        self._in_use = True
        self._bodiless = bodiless
        self._timeouts = timeouts
        self._ends = math.inf if timeouts.total is None else began + timeouts.total
        if self._transport is None or self._transport.is_closing():
            self.error = ConnectFailed("the connection was closed before it was used")
            return
        # not when it is made: uvloop tells nobody of the end of a connection whose making was cancelled
        self._place.connections.add(self)
        if len(body) <= _WRITE_AT_ONCE:
            self._transport.write(head + body)
        else:
            self._transport.write(head)
            self._transport.write(body)

    async def upload(self, body: Upload) -> None:
        """Send the body of a started request. Ends early when the vendor answers, or fails, before it has all of it.

        Raises what ``body.parts`` raises.
        """
        self._uploading = True
        async for part in body.parts:
            if not await self._may_write():
                return
            if part:
                self._write(part if body.size is not None else b"%x\r\n%b\r\n" % (len(part), part))
        if await self._may_write():
            if body.size is None:
                self._write(b"0\r\n\r\n")
            self._uploading = False

    async def wait(self, phase: Literal["first_byte", "idle"]) -> None:
        """Return when more has come, the answer is complete or the exchange has failed, at the latest by timing out."""
        seconds = self._timeouts.first_byte if phase == "first_byte" else self._timeouts.idle
        self._late: tuple[Phase, float | None] = (phase, seconds)
        self._deadline = math.inf if seconds is None else self._loop.time() + seconds
        self._wake_at(min(self._deadline, self._ends))
        waiter = self._waiter = self._loop.create_future()
        try:
            await waiter
        finally:
            self._waiter = None

    async def forward(self, take: Take) -> bool:
        """Give ``take`` what comes from now on, right when it comes: no task is woken, which halves the cost of a paced
        stream.

        Returns when ``take`` wants no more (true), the answer is complete or the exchange has failed, at the latest by
        timing out; raises what ``take`` raises.
        """
        if self.complete or self.error is not None:
            return False
        self._take, self._took_enough = take, False
        try:
            await self.wait("idle")
        finally:
            self._take = None
        return self._took_enough

    def take(self) -> bytes:
        """What has come of the body and was not taken yet."""
        body = self._body
        if not body:
            return b""
        taken = body[0] if len(body) == 1 else b"".join(body)
        body.clear()
        self._body_size = 0
        if self._paused and self._transport is not None and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()
        return taken

    def release(self) -> None:
        """End the exchange: keep the connection for another one if that is possible, else drop it at once."""
        transport = self._transport
        self._in_use = False
        if (
            transport is None
            or not self._reusable
            or self._paused
            or self._uploading
            or transport.is_closing()
            or transport.get_write_buffer_size()
        ):
            self.abort()
            return
        self._deadline = self._loop.time() + self._place.keep_alive
        self._wake_at(self._deadline)
        self._place.idle.append(self)

    def abort(self) -> None:
        """Drop the connection without waiting for anything."""
        if self.error is None and not self.complete:
            self.error = Broken("closed by the gateway")
        if self._transport is not None:
            self._transport.abort()

    # --- what the loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio's
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._reusable = False
        self._place.connections.discard(self)
        if self in self._place.idle:
            self._place.idle.remove(self)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self.complete and self.error is None:
            if self.answered and exc is None and self._ends_with_connection():
                self.complete = True
            else:
                self.error = Broken("connection lost within the answer" if self._head_size else "connection lost")
        self._wake()

    def data_received(self, data: bytes) -> None:
        if not self._in_use:
            # an answer to no request: whatever follows could be taken for the answer to the next one
            self._reusable = False
            self.abort()
            return
        was_answered, body_size = self.answered, self._body_size
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail(Broken("the answer switches to another protocol"))
        except httptools.HttpParserError as error:
            self._reusable = False
            if not self.complete:
                self._fail(Broken(f"not HTTP: {error}"))
        self._bound_headers(len(data), was_answered, came_body=self._body_size != body_size)
        transport = self._transport
        if self._body_size > _HIGH_WATER and not self._paused and transport is not None and not transport.is_closing():
            self._paused = True
            transport.pause_reading()
        if self._take is not None:
            self._pass_on(self._take)
        elif self.answered:
            self._wake()

    def pause_writing(self) -> None:
        self._cannot_write = True

    def resume_writing(self) -> None:
        self._cannot_write = False
        if self._uploading:
            self._wake()

    # --- what the parser calls

    def on_message_begin(self) -> None:
        if self.complete:
            self._reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.answered:
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if self.answered or status < 200:
            return
        self.status = status
        self.answered = True
        if self._bodiless:
            self.complete = True

    def on_body(self, data: bytes) -> None:
        if not self.complete:
            self._body.append(data)
            self._body_size += len(data)

    def on_message_complete(self) -> None:
        if not self.answered:
            # an interim answer, such as 103 Early Hints
            self.headers.clear()
        elif not self.complete:
            self.complete = True
            self._reusable = self._parser.should_keep_alive()

    # --- inner workings

    async def _may_write(self) -> bool:
        """Wait until the vendor takes more; false if the exchange is decided without it."""
        while self._cannot_write and not self.answered and self.error is None:
            await self.wait("idle")
        return not self.answered and self.error is None

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def _pass_on(self, take: Take) -> None:
        """Give what has come to the one who waits for it, and wake its task only if there is more to do."""
        waiter, seconds = self._waiter, self._timeouts.idle
        if self._took_enough or waiter is None or waiter.done():
            return
        if seconds is not None:
            self._deadline = self._loop.time() + seconds
        part = self.take()
        try:
            self._took_enough = bool(part) and take(part)
        except Exception as error:
            waiter.set_exception(error)
            return
        if self._took_enough or self.complete or self.error is not None:
            self._wake()

    def _ends_with_connection(self) -> bool:
        """Whether the end of the connection is the end of the body (RFC 9112, 6.3)."""
        return not any(name in (b"content-length", b"transfer-encoding") for name, _ in self.headers)

    def _bound_headers(self, size: int, was_answered: bool, *, came_body: bool) -> None:
        """Fail when what came, ``size`` bytes of it just now, is too long a head or too long a trailer."""
        limit = self._place.max_head
        if not was_answered:
            self._head_size += size
            if self._head_size > limit and not self._has_small_head():
                self.answered = self.complete = False
                self._fail(TooLarge(limit))
        elif came_body:
            self._trailer_size = 0
        elif not self.complete:
            # the parser keeps a trailer until it ends
            self._trailer_size += size
            if self._trailer_size > limit:
                self._fail(TooLarge(limit))

    def _has_small_head(self) -> bool:
        """Whether the headers have come and are within the bound; what came with them may be body."""
        return self.answered and sum(len(name) + len(value) for name, value in self.headers) <= self._place.max_head

    def _fail(self, error: UpstreamError) -> None:
        if self.error is None:
            self.error = error
        self.abort()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _wake_at(self, time: float) -> None:
        """Have the deadlines checked at ``time``; a timer that comes earlier is left alone and will see to it."""
        if time < self._timer_at:
            if self._timer is not None:
                self._timer.cancel()
            self._timer_at = time
            self._timer = self._loop.call_at(time, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._timer_at = math.inf
        now = self._loop.time() + _TIMER_SLACK
        if not self._in_use:
            if now < self._deadline:
                self._wake_at(self._deadline)
            else:
                self.abort()
        elif self.complete:
            pass
        elif now >= self._ends:
            self._fail(TimedOut("total", self._timeouts.total))
        elif self._waiter is None:
            # silence counts only while somebody waits
            self._wake_at(self._ends)
        elif now < self._deadline:
            self._wake_at(min(self._deadline, self._ends))
        else:
            self._fail(TimedOut(*self._late))
