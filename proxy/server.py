"""The one file that knows the HTTP server: uvicorn with httptools and uvloop, bounded heads, a graceful end."""

import asyncio
import gc
import logging
import math
import signal
import sys
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from types import FrameType
from typing import Any, NoReturn

import uvicorn
from litestar.types import ASGIApp
from uvicorn._types import ASGISendEvent, HTTPResponseBodyEvent, HTTPResponseStartEvent
from uvicorn.protocols.http import httptools_impl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.supervisors import Multiprocess

from proxy import logs
from proxy.api.client import BODILESS, DIRECT_WRITE
from proxy.app import build_app
from proxy.config.model import ProxyConfig
from proxy.gateway import Gateway
from proxy.realtime.limits import max_message_bytes
from proxy.store.opening import prepare
from proxy.unread import DropsIdleReaders

log = logging.getLogger(__name__)

MAX_HEAD_BYTES = 64 * 1024
REQUEST_SECONDS = 60.0
"""How long a client may take to send the head of a request; its body may take longer by what it has sent of it."""
SLOWEST_BODY = 4096.0
"""Bytes a second that count as progress; while the gateway itself does not read, no progress is asked for."""
KEEP_ALIVE_SECONDS = 75
DRAIN_SECONDS = 60
"""How long calls in progress may go on after SIGTERM; ``general_settings.shutdown_timeout`` changes it."""
BACKLOG = 2048
GC_THRESHOLDS = (20_000, 20, 50)
"""Calls make little cyclic garbage: with Python's own thresholds a twentieth of the time goes into looking for it."""


class BoundedProtocol(DropsIdleReaders, HttpToolsProtocol):
    """Refuses heads and trailers that are too large; drops connections whose request comes, or whose answer is read, too
    slowly; writes the pieces of a stream without a message for each.

    A timer runs only while a request is incomplete (one that comes in a single packet needs none) or an answer waits.
    """

    _head_bytes = 0
    """Of the request so far, since its last piece of body: the parser keeps headers, and trailers too, until they end."""
    _came_body = False
    _complete = False
    _timer: asyncio.TimerHandle | None = None
    _late_at = 0.0
    """When the rest of the request must have come, in the loop's time."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._extensions = {DIRECT_WRITE: self.write}
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._came_body = False
        super().data_received(data)
        if self._complete:
            self._stop_timer()
            return
        if self._timer is None:
            self._start_timer()
        if self._came_body:
            self._late_at += len(data) / SLOWEST_BODY
        self._head_bytes = 0 if self._came_body else self._head_bytes + len(data)
        if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response(f"The request's head or its trailer is larger than {MAX_HEAD_BYTES} bytes.")

    def on_message_begin(self) -> None:
        self._complete, self._head_bytes = False, 0
        super().on_message_begin()
        self.scope["extensions"] = self._extensions  # type: ignore[typeddict-item]

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        # fields after the body must not pass for headers, which others may have checked on the way (RFC 9110, 6.5.1)
        self.headers = self.headers.copy()  # whether to upgrade is still read there

    def on_body(self, body: bytes) -> None:
        self._came_body = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._complete = True
        super().on_message_complete()

    def write(self, piece: bytes) -> Awaitable[None] | None:
        """Send a piece of the current answer, whose length is unknown; see :data:`proxy.call.Write`."""
        if piece and not self.transport.is_closing():
            self.transport.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        return self.flow.drain() if self.flow.write_paused else None

    def timeout_keep_alive_handler(self) -> None:
        if self.transport.get_write_buffer_size():
            self.transport.abort()  # a polite close would wait until the client has read its answer
        super().timeout_keep_alive_handler()

    def _start_timer(self) -> None:
        self._late_at = self.loop.time() + REQUEST_SECONDS
        self._timer = self.loop.call_at(self._late_at, self._on_timer)

    def _on_timer(self) -> None:
        if self.flow.read_paused:
            self._start_timer()
        elif self.loop.time() < self._late_at:
            self._timer = self.loop.call_at(self._late_at, self._on_timer)
        else:
            self.transport.close()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class QuickCycle(RequestResponseCycle):
    """Writes what most answers need in fewer steps.

    The head in one go, and together with a body that comes at once: uvicorn runs two regular expressions over each header;
    an answer has some 27, and that was a tenth of a call's CPU. Here the whole head is checked at once for what could split
    it.
    """

    _head = b""
    """Of an answer of known length, not written yet."""

    async def send(self, message: ASGISendEvent) -> None:
        if self.disconnected or self.flow.write_paused:
            self._write_head()
            await super().send(message)
        elif message["type"] == "http.response.start" and not self.response_started:
            self._head = self._head_of(message)
            self.response_started, self.waiting_for_100_continue = True, False
            if self.chunked_encoding is not False:
                self._write_head()  # its body may be long in coming
        elif self._head and message["type"] == "http.response.body" and self._is_whole(message):
            self._finish(message["body"])
        else:
            self._write_head()
            await super().send(message)

    def _head_of(self, message: HTTPResponseStartEvent) -> bytes:
        headers = [*self.default_headers, *message.get("headers", ())]
        status = message["status"]
        line = STATUS_LINE.get(status) or b"HTTP/1.1 %d \r\n" % status
        lines = [line[:-2], *map(b": ".join, headers)]
        for name, value in reversed(headers):
            if name == b"content-length":  # commonly the last
                self.expected_content_length, self.chunked_encoding = int(value), False
                break
        if self.chunked_encoding is None and self.scope["method"] != "HEAD" and status not in BODILESS:
            self.chunked_encoding = True
            lines.append(b"transfer-encoding: chunked")
        if not self.keep_alive:
            lines.append(b"connection: close")
        head = b"\r\n".join(lines)
        if head.count(b"\n") != len(lines) - 1 or head.count(b"\r") != len(lines) - 1 or b"\0" in head:
            raise RuntimeError("a response header holds a line break or a NUL")
        return head + b"\r\n\r\n"

    def _is_whole(self, message: HTTPResponseBodyEvent) -> bool:
        return (
            not message.get("more_body")
            and self.chunked_encoding is False
            and self.scope["method"] != "HEAD"
            and len(message["body"]) == self.expected_content_length
        )

    def _finish(self, body: bytes) -> None:
        """Write an answer whose body is complete."""
        self.transport.write(self._head + body)
        self._head = b""
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()

    def _write_head(self) -> None:
        if self._head and not self.disconnected:
            self.transport.write(self._head)
        self._head = b""


# uvicorn has no setting for it
httptools_impl.RequestResponseCycle = QuickCycle  # type: ignore[misc]


class AppFactory:
    """Makes the application in the process that will serve it."""

    def __init__(self, config: ProxyConfig, log_level: str) -> None:
        self._config = config
        self._log_level = log_level

    def __call__(self) -> ASGIApp:
        logs.configure(self._log_level, self._config)
        app = build_app(Gateway(self._config), draining)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        return app


@asynccontextmanager
async def draining(gateway: Gateway) -> AsyncIterator[None]:
    """On SIGTERM say to readiness probes that the process stops, and only then (``shutdown_delay``) stop listening."""
    loop = asyncio.get_running_loop()
    stop_listening = signal.getsignal(signal.SIGTERM)
    delay = gateway.snapshot.config.general_settings.shutdown_delay

    def drain(sig: int, frame: FrameType | None) -> None:
        if not gateway.draining:
            gateway.draining = True
            log.info("stopping: %d calls in progress", gateway.calls)
            if callable(stop_listening):
                loop.call_soon_threadsafe(loop.call_later, delay, stop_listening, sig, frame)

    signal.signal(signal.SIGTERM, drain)
    yield


def serve(config: ProxyConfig, *, host: str, port: int, workers: int = 1, log_level: str = "info") -> None:
    """Serve until a signal ends it.

    Raises:
        proxy.config.errors.ConfigError: the config names something that does not exist, or its database cannot be used.
    """
    prepare(config)  # a start within the application would tell of an error by its whole traceback
    timeout = config.general_settings.shutdown_timeout
    logs.configure(log_level, config)
    factory = AppFactory(config, log_level)
    settings: dict[str, Any] = {
        "app": factory if workers > 1 else factory(),
        "factory": workers > 1,
        "host": host,
        "port": port,
        "workers": workers,
        "log_level": log_level,
        "log_config": None,
        "http": BoundedProtocol,
        "ws": _socket_protocol,
        "ws_max_size": max_message_bytes(config.general_settings),
        "ws_per_message_deflate": False,  # audio does not shrink, and each session would hold some 100 kB for it
        "loop": "uvloop",
        "lifespan": "on",
        "access_log": False,
        "proxy_headers": False,
        "server_header": False,
        "backlog": BACKLOG,
        "timeout_keep_alive": KEEP_ALIVE_SECONDS,
        "timeout_graceful_shutdown": DRAIN_SECONDS if timeout is None else math.ceil(timeout),
    }
    uvicorn_config = uvicorn.Config(**settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    if workers == 1:
        uvicorn.Server(uvicorn_config).run()
        return
    Gateway(config)  # a wrong config must end here, not in every worker
    Multiprocess(uvicorn_config, [uvicorn_config.bind_socket()]).run()


def _socket_protocol(**settings: Any) -> asyncio.Protocol:
    from proxy.sockets import SocketProtocol

    return SocketProtocol(**settings)


def _leave(sig: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001
    """Raised again by uvicorn once it has stopped in good order, where Python's own handlers would tell of a failure."""
    sys.exit(0)
