"""From a URL to an open connection: what to connect to, through which proxy, with which TLS roots."""

import asyncio
import os
import re
import socket
import ssl
from base64 import b64encode
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TypeVar
from urllib.parse import SplitResult, quote, unquote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]

import certifi
import msgspec
from aiohappyeyeballs import start_connection

from proxy.upstream.connection import Connection, Place
from proxy.upstream.errors import ConnectFailed

T = TypeVar("T", bound=asyncio.BaseProtocol)

_NEXT_ADDRESS_AFTER = 0.25
"""Seconds before the next address of a host is tried beside a silent one (RFC 8305)."""
_KEEP_ALIVE_AFTER = 60
"""Seconds of silence before TCP asks whether the other side is still there."""
_MAX_CONNECT_HEAD = 64 * 1024
_UNQUOTED = "!#$%&'()*+,/:;=?@[]~"
_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+(%[A-Za-z0-9_.-]+)?")


class Proxy(msgspec.Struct, frozen=True):
    """An HTTP proxy."""

    host: str
    port: int
    authorization: str | None
    """Value of the ``proxy-authorization`` header."""


class Route(msgspec.Struct, frozen=True):
    """Where a URL leads."""

    host: str
    port: int
    is_tls: bool
    authority: str
    """The ``host`` header."""
    target: str
    """What the request line asks for."""
    proxy: Proxy | None

    @property
    def place(self) -> tuple[str, int, bool]:
        """Routes with the same one share connections; the proxy follows from it."""
        return (self.host, self.port, self.is_tls)


class Dialer:
    """Opens connections. ``HTTP_PROXY``, ``HTTPS_PROXY`` and ``NO_PROXY`` are read when it is made, ``SSL_CERT_FILE`` and
    ``SSL_CERT_DIR`` at the first TLS connection.

    Raises:
        ValueError: a proxy variable cannot be used; the message names it.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._proxies = getproxies_environment()
        self._by_scheme = {scheme: _proxy(scheme, self._proxies) for scheme in ("http", "https")}

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Made when it is first needed: reading the roots takes some 40 ms and 2 MB."""
        context = ssl.create_default_context()
        context.set_alpn_protocols(["http/1.1"])
        paths = ssl.get_default_verify_paths()
        if paths.cafile is None and paths.capath is None:
            # a system without roots of its own, such as a bare container
            context.load_verify_locations(certifi.where())
        return context

    def route(self, url: str) -> Route:
        """Where a URL leads.

        Raises:
            ConnectFailed: the URL cannot be used.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
            if host and not host.isascii():
                host = host.encode("idna").decode()
        except ValueError:
            # the cause may quote credentials
            raise ConnectFailed("the URL is not valid; see api_base") from None
        if parts.scheme not in ("http", "https") or not host or not _HOST.fullmatch(host):
            raise ConnectFailed("the URL is not one of http:// or https:// with a host; see api_base")
        if parts.username is not None:
            raise ConnectFailed("the URL holds credentials; write them to extra_headers instead")
        is_tls = parts.scheme == "https"
        authority = f"[{host}]" if ":" in host else host
        if port is not None:
            authority = f"{authority}:{port}"
        port = port or (443 if is_tls else 80)
        proxy = self._by_scheme[parts.scheme]
        if proxy is not None and proxy_bypass_environment(f"{host}:{port}", self._proxies):
            proxy = None
        target = _target(parts)
        if proxy is not None and not is_tls:
            target = f"http://{authority}{target}"
        return Route(host, port, is_tls, authority, target, proxy)

    async def open(self, route: Route, place: Place) -> Connection:
        """A new connection for HTTP.

        Raises:
            ConnectFailed: there is none to be had.
        """
        return await self.connect(route, lambda sock: Connection(self._loop, sock, place))

    async def connect(self, route: Route, protocol: Callable[[socket.socket], T], *, tunnelled: bool = False) -> T:
        """A new connection for whatever ``protocol`` makes; TLS is up if the route wants it.

        Args:
            tunnelled: a proxy passes on plain bytes too, not requests.

        Raises:
            ConnectFailed: there is none to be had.
        """
        host, port = (route.proxy.host, route.proxy.port) if route.proxy else (route.host, route.port)
        try:
            addresses = await self._loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise ConnectFailed("the name of the host cannot be resolved") from error
        try:
            sock = await start_connection(addresses, happy_eyeballs_delay=_NEXT_ADDRESS_AFTER, loop=self._loop)
            _tune(sock)
            if route.proxy is not None and (route.is_tls or tunnelled):
                await self._tunnel(sock, route, route.proxy)
            _, connected = await self._loop.create_connection(
                lambda: protocol(sock),
                sock=sock,
                ssl=self._tls if route.is_tls else None,
                server_hostname=route.host if route.is_tls else None,
            )
        except ssl.SSLCertVerificationError as error:
            raise ConnectFailed(f"the certificate is not accepted: {error.verify_message}") from error
        except ssl.SSLError as error:
            raise ConnectFailed(f"no TLS: {error.reason}") from error
        except (OSError, RuntimeError) as error:
            raise ConnectFailed(_plain_reason(error)) from error
        return connected

    async def _tunnel(self, sock: socket.socket, route: Route, proxy: Proxy) -> None:
        target = f"[{route.host}]:{route.port}" if ":" in route.host else f"{route.host}:{route.port}"
        head = f"CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n"
        if proxy.authorization is not None:
            head += f"proxy-authorization: {proxy.authorization}\r\n"
        try:
            await self._loop.sock_sendall(sock, f"{head}\r\n".encode())
            answer = b""
            while not answer.endswith(b"\r\n\r\n"):
                received = await self._loop.sock_recv(sock, 4096)
                answer += received
                if not received or len(answer) > _MAX_CONNECT_HEAD or b"\r\n\r\n" in answer[:-4]:
                    raise ConnectFailed("the proxy does not answer CONNECT as it should")
            status = answer.split(b" ", 2)[1:2]
            if not answer.startswith(b"HTTP/1.") or status != [b"200"]:
                raise ConnectFailed(
                    f"the proxy refused to connect: status {status[0].decode('latin-1') if status else '?'}"
                )
        except BaseException:
            sock.close()
            raise


def _tune(sock: socket.socket) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):
        # a model may think for minutes, longer than some networks remember a silent connection
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _KEEP_ALIVE_AFTER)


def _target(parts: SplitResult) -> str:
    target = parts.path or "/"
    if parts.query:
        target = f"{target}?{parts.query}"
    return quote(target, safe=_UNQUOTED)


def _proxy(scheme: str, proxies: Mapping[str, str]) -> Proxy | None:
    value = proxies.get(scheme)
    if not value:
        return None
    variable = f"{scheme.upper()}_PROXY"
    try:
        parts = urlsplit(value if "://" in value else f"http://{value}")
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(f"{variable} is not valid; write it as http://HOST:PORT") from None
    if parts.scheme != "http" or not host:
        raise ValueError(f"{variable} is no HTTP proxy; write it as http://HOST:PORT")
    authorization = None
    if parts.username is not None:
        credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = f"Basic {b64encode(credentials.encode()).decode()}"
    return Proxy(host, port or 80, authorization)


def _plain_reason(error: Exception) -> str:
    """In the words of the operating system: the libraries' own name addresses."""
    if isinstance(error, OSError) and error.strerror and error.errno:
        return os.strerror(error.errno)
    return "no connection"
