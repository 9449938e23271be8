"""Raw servers on loopback, which say exactly what a test tells them to."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import uvloop

from proxy.upstream.client import Timeouts, UpstreamClient, UpstreamResponse

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
PATIENT = Timeouts(connect=5, first_byte=5, idle=5, total=10)


class Peer:
    """One connection as the server sees it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.requests: list[tuple[bytes, bytes]] = []
        """Head and body of each."""
        self._ended = asyncio.Event()

    async def request(self) -> bytes | None:
        """The head of the next request; none when the client has closed."""
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = header(head, b"content-length")
            body = await self.reader.readexactly(int(length or 0))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        self.requests.append((head, body))
        return head

    async def say(self, data: bytes) -> None:
        if self.writer.is_closing():
            raise ConnectionResetError
        self.writer.write(data)
        await self.writer.drain()

    async def hung_up(self) -> bool:
        """Wait for the client to drop the connection; false when it does not within a second."""
        try:
            async with asyncio.timeout(1):
                while await self.reader.read(65536):
                    pass
        except TimeoutError:
            return False
        except ConnectionError:
            pass
        return True

    def end(self) -> None:
        self.writer.close()
        self._ended.set()

    async def ended(self) -> None:
        """Wait until its handler has returned, at the most a second."""
        await asyncio.wait_for(self._ended.wait(), 1)

    def reset(self) -> None:
        """Close the connection with a TCP reset."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


class Server:
    """``failure`` is what the handler of a test raised; :func:`serving` raises it again."""

    def __init__(self) -> None:
        self.port = 0
        self.peers: list[Peer] = []
        self.failure: BaseException | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1/chat"

    def heads(self) -> list[bytes]:
        return [head for peer in self.peers for head, _ in peer.requests]


Handler = Callable[[Peer], Awaitable[None]]


@asynccontextmanager
async def serving(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """Serve connections with ``handler``, which is called once for each and may close it by returning."""
    server = Server()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer)
        server.peers.append(peer)
        try:
            await handler(peer)
        except ConnectionError:
            pass
        except Exception as error:
            server.failure = error
        finally:
            peer.end()

    listener = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
    if server.failure is not None:
        raise server.failure


def answering(*answers: bytes) -> Handler:
    """Answer the requests of each connection in order, the last answer again and again."""

    async def handle(peer: Peer) -> None:
        count = 0
        while await peer.request() is not None:
            await peer.say(answers[min(count, len(answers) - 1)])
            count += 1

    return handle


def answering_once(answer: bytes) -> Handler:
    """Answer one request of each connection, then close it."""

    async def handle(peer: Peer) -> None:
        await peer.request()
        await peer.say(answer)

    return handle


@asynccontextmanager
async def connected(**limits: Any) -> AsyncIterator[UpstreamClient]:
    client = UpstreamClient(**limits)
    try:
        yield client
    finally:
        await client.aclose()


async def post(client: UpstreamClient, url: str, timeouts: Timeouts = PATIENT, **more: Any) -> UpstreamResponse:
    """A call as providers make it."""
    sent = {"method": "POST", "headers": [("authorization", "Bearer sk-secret")], "body": b'{"model":"m"}', **more}
    return await client.send(sent["method"], url, sent["headers"], sent["body"], timeouts)


def header(head: bytes, name: bytes) -> bytes | None:
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.lower() == name:
            return value.strip()
    return None


def run(test: Coroutine[Any, Any, None]) -> None:
    """Run a test as the gateway runs."""
    uvloop.run(test)
