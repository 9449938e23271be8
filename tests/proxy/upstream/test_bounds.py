"""What a hostile or broken vendor can make the gateway hold."""

import gzip
import tracemalloc
import zlib

import pytest

from proxy.upstream.client import Broken, TooLarge
from tests.proxy.upstream.servers import CHUNKED, Handler, Peer, answering, connected, post, run, serving

GZIPPED = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n"


def endless(start: bytes, again: bytes) -> Handler:
    async def handle(peer: Peer) -> None:
        await peer.request()
        await peer.say(start)
        while True:
            await peer.say(again)

    return handle


@pytest.mark.parametrize(
    "handler",
    [
        endless(b"HTTP/1.1 200 OK\r\nx: ", b"a" * 5000),
        endless(b"HTTP/1.1 200 OK\r\n", b"x-name: value\r\n" * 50),
        endless(b"HTTP/1.1 200 ", b"O" * 5000),
        endless(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 50),
        answering(b"HTTP/1.1 200 OK\r\nx: " + b"a" * 50_000 + b"\r\ncontent-length: 0\r\n\r\n"),
        answering(b"HTTP/1.1 200 OK\r\nx: " + b"a" * 50_000 + b"\r\ntransfer-encoding: chunked\r\n\r\n"),
    ],
)
def test_headers(handler: Handler) -> None:
    async def scenario() -> None:
        async with serving(handler) as server, connected(max_head=20_000) as client:
            with pytest.raises(TooLarge) as caught:
                await post(client, server.url)
            assert caught.value.limit == 20_000
            await server.peers[0].ended()

    run(scenario())


def test_headers_below_the_bound_with_a_large_body_behind_them() -> None:
    async def scenario() -> None:
        answer = b"HTTP/1.1 200 OK\r\nx: " + b"a" * 9000 + b"\r\ncontent-length: 100000\r\n\r\n" + b"b" * 100_000
        async with serving(answering(answer)) as server, connected(max_head=10_000) as client:
            assert await (await post(client, server.url)).read(100_000) == b"b" * 100_000

    run(scenario())


@pytest.mark.parametrize(
    "handler",
    [
        answering(b"HTTP/1.1 200 OK\r\ncontent-length: 101\r\n\r\n" + b"x" * 101),
        endless(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 5000),
        endless(CHUNKED, b"5\r\nhello\r\n" * 1000),
    ],
)
def test_body(handler: Handler) -> None:
    async def scenario() -> None:
        async with serving(handler) as server, connected() as client:
            with pytest.raises(TooLarge) as caught:
                await (await post(client, server.url)).read(100)
            assert caught.value.limit == 100

    run(scenario())


def test_body_of_exactly_the_limit() -> None:
    async def scenario() -> None:
        answer = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n" + b"x" * 100
        async with serving(answering(answer)) as server, connected() as client:
            assert len(await (await post(client, server.url)).read(100)) == 100

    run(scenario())


def bomb(size: int) -> bytes:
    deflater = zlib.compressobj(9, wbits=31)
    zeros = bytes(1_000_000)
    return b"".join(deflater.compress(zeros) for _ in range(size // len(zeros))) + deflater.flush()


def test_a_bomb_is_never_unfolded() -> None:
    body = bomb(60_000_000)

    async def scenario() -> None:
        async with serving(answering(GZIPPED % len(body) + body)) as server, connected() as client:
            tracemalloc.start()
            with pytest.raises(TooLarge):
                await (await post(client, server.url)).read(1_000_000)
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert peak < 8_000_000
            largest = 0
            async for chunk in (await post(client, server.url)).chunks():
                largest = max(largest, len(chunk))
            assert largest <= 65_536

    run(scenario())


GOOD = gzip.compress(b"hello" * 1000)


@pytest.mark.parametrize(
    "body",
    [
        GOOD[:-9],
        GOOD[:5],
        b"this is not gzip",
        GOOD[:-8] + b"\0" * 8,
        GOOD + b"trailing",
        gzip.compress(b"") * 200,
    ],
    ids=["end-missing", "head-cut", "no-gzip", "wrong-sum", "trailing", "empty-members"],
)
def test_damaged_compression(body: bytes) -> None:
    async def scenario() -> None:
        async with serving(answering(GZIPPED % len(body) + body)) as server, connected() as client:
            with pytest.raises(Broken, match="compressed"):
                await (await post(client, server.url)).read(1_000_000)

    run(scenario())


def test_a_trailer_has_an_end() -> None:
    start = CHUNKED + b"2\r\nok\r\n0\r\nx-endless: "

    async def scenario() -> None:
        async with serving(endless(start, b"a" * 8192)) as server, connected(max_head=65_536) as client:
            with pytest.raises(TooLarge):
                await (await post(client, server.url)).read(1_000_000)
            assert await server.peers[0].hung_up()

    run(scenario())


def test_chunks_may_have_trailers_and_notes() -> None:
    noted = b"".join(b"2;note=%s\r\nok\r\n" % (b"n" * 20_000) for _ in range(10))

    async def scenario() -> None:
        answer = CHUNKED + noted + b"0\r\nx-sum: 1\r\n\r\n"
        async with serving(answering(answer)) as server, connected(max_head=65_536) as client:
            assert await (await post(client, server.url)).read(1_000_000) == b"ok" * 10

    run(scenario())
