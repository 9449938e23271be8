"""The pooled HTTP client that carries every call to a vendor."""

import ssl
from collections.abc import AsyncIterator, Sequence
from functools import cached_property, lru_cache
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]

import aiohttp
import msgspec
from multidict import CIMultiDict
from yarl import URL

from proxy.upstream.errors import Broken, ConnectFailed, Phase, TimedOut, TooLarge, UpstreamError

__all__ = [
    "Broken",
    "ConnectFailed",
    "TimedOut",
    "Timeouts",
    "TooLarge",
    "UpstreamClient",
    "UpstreamError",
    "UpstreamResponse",
]

Headers = Sequence[tuple[str, str]]

_ACCEPT_ENCODING = "gzip, deflate"
_FRAMING = ("content-length", "transfer-encoding")
_MAX_HEADER_LINE = 16 * 1024
_MAX_HEADERS = 128


class Timeouts(msgspec.Struct, frozen=True):
    """Seconds; ``None`` is no limit."""

    connect: float | None
    """Name look-up, TCP and TLS."""
    first_byte: float | None
    """From the connection to the status line and headers."""
    idle: float | None
    """Each silence within the body."""
    total: float | None
    """From the call to the last byte."""


class UpstreamResponse:
    """An answer whose body has not been read yet. Read it to its end or call :meth:`aclose`."""

    __slots__ = ("__dict__", "_answer", "_timeouts", "status")

    def __init__(self, answer: aiohttp.ClientResponse, timeouts: Timeouts) -> None:
        self._answer = answer
        self._timeouts = timeouts
        self.status: int = answer.status

    @cached_property
    def headers(self) -> list[tuple[str, str]]:
        """As they came, names in lower case; of a compressed body without its encoding and length."""
        headers = [
            (name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in self._answer.raw_headers
        ]
        if any(name == "content-encoding" for name, _ in headers):
            return [header for header in headers if header[0] not in ("content-encoding", "content-length")]
        return headers

    async def read(self, limit: int) -> bytes:
        """The whole body, decompressed.

        Raises:
            TooLarge: it has more than ``limit`` bytes; no more than about that many are held in memory.
            Broken: the connection ended before the body did.
            TimedOut: ``idle`` or ``total``.
        """
        parts: list[bytes] = []
        size = 0
        async for part in self.chunks():
            size += len(part)
            if size > limit:
                await self.aclose()
                raise TooLarge(limit)
            parts.append(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes over the network, decompressed; whatever came before a failure is given first.

        Raises:
            Broken: the connection ended before the body did.
            TimedOut: ``idle`` or ``total``.
        """
        content = self._answer.content
        try:
            while part := await content.readany():
                yield part
        except (aiohttp.ClientError, TimeoutError, OSError, RuntimeError) as error:
            # the library hides what it has buffered once the connection has failed
            if part := content._read_nowait(-1):
                yield part
            raise _translated(error, self._timeouts, "idle") from error
        finally:
            self._close()

    async def aclose(self) -> None:
        """Drop the connection at once unless the body has been read to its end; idempotent."""
        self._close()

    def _close(self) -> None:
        self._answer.close()


class UpstreamClient:
    """One per process, made within the running loop and closed by :meth:`aclose`.

    Follows no redirects, keeps no cookies, and never sends a request twice except an idempotent one (``GET``) whose
    kept-alive connection turned out to be closed. ``HTTP_PROXY``, ``HTTPS_PROXY``, ``NO_PROXY``, ``SSL_CERT_FILE`` and
    ``SSL_CERT_DIR`` are read when it is made.

    Args:
        keep_alive: seconds that an unused connection is kept.
    """

    def __init__(self, *, keep_alive: float = 30.0) -> None:
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=keep_alive, ssl=ssl.create_default_context())
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "tianji"},
            skip_auto_headers=["Content-Type"],
            max_line_size=_MAX_HEADER_LINE,
            max_field_size=_MAX_HEADER_LINE,
            max_headers=_MAX_HEADERS,
        )
        self._proxies = getproxies_environment()
        self._target = lru_cache(maxsize=4096)(self._parse)

    async def send(self, method: str, url: str, headers: Headers, body: bytes, timeouts: Timeouts) -> UpstreamResponse:
        """Send a request and return when the status and headers of the answer have come.

        When the waiting task is cancelled, the connection is dropped at once.

        Raises:
            ConnectFailed: nothing was sent: no connection, or an invalid URL or header.
            TimedOut: ``connect``, ``first_byte`` or ``total``.
            Broken: the connection was lost, or the answer is not HTTP.
        """
        try:
            target, proxy = self._target(url)
            answer = await self._session.request(
                method,
                target,
                headers=_sent(headers),
                data=body,
                allow_redirects=False,
                proxy=proxy,
                timeout=_client_timeout(timeouts),
            )
        except (aiohttp.ClientError, TimeoutError, OSError, RuntimeError, ValueError) as error:
            raise _translated(error, timeouts, "first_byte") from error
        if timeouts.idle != timeouts.first_byte and answer.connection and answer.connection.protocol:
            answer.connection.protocol.read_timeout = timeouts.idle
            answer.connection.protocol.start_timeout()
        return UpstreamResponse(answer, timeouts)

    async def aclose(self) -> None:
        """Close every connection; calls in progress end with :class:`Broken`."""
        await self._session.close()

    def _parse(self, url: str) -> tuple[URL, URL | None]:
        """The parsed URL and the proxy to go through."""
        target = URL(url, encoded=True)
        proxy = self._proxies.get(target.scheme)
        if proxy is None or proxy_bypass_environment(f"{target.host}:{target.port}", self._proxies):
            return target, None
        return target, URL(proxy)


@lru_cache(maxsize=1024)
def _client_timeout(timeouts: Timeouts) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=timeouts.total, connect=timeouts.connect, sock_read=timeouts.first_byte)


def _sent(headers: Headers) -> CIMultiDict[str]:
    sent = CIMultiDict(headers)
    for name in _FRAMING:
        if name in sent:
            raise ValueError(name)
    sent["Accept-Encoding"] = _ACCEPT_ENCODING
    return sent


def _translated(error: Exception, timeouts: Timeouts, waiting_for: Phase) -> UpstreamError:
    """The library's error as one of ours, without the library's words: they quote URLs and header lines."""
    match error:
        case aiohttp.ConnectionTimeoutError():
            return TimedOut("connect", timeouts.connect)
        case aiohttp.SocketTimeoutError():
            return TimedOut(waiting_for, getattr(timeouts, waiting_for))
        case TimeoutError():
            return TimedOut("total", timeouts.total)
        case aiohttp.ClientConnectorDNSError():
            return ConnectFailed("the host name cannot be resolved")
        case aiohttp.ClientConnectorError() | aiohttp.ClientHttpProxyError() | aiohttp.InvalidURL() | ValueError():
            return ConnectFailed(type(error).__name__)
    return Broken(type(error).__name__)
