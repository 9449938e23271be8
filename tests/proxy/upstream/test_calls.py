"""What a call looks like on the wire, and what comes back."""

import asyncio
import gzip
import zlib

import pytest

from proxy.upstream.client import UpstreamClient
from tests.proxy.upstream.servers import (
    CHUNKED,
    OK,
    Peer,
    answering,
    answering_once,
    connected,
    header,
    post,
    run,
    serving,
)


def test_request_and_answer() -> None:
    async def scenario() -> None:
        answer = b"HTTP/1.1 429 Too Many\r\nRetry-After: 3\r\nX-Name: caf\xe9\r\ncontent-length: 4\r\n\r\nslow"
        async with serving(answering(answer)) as server, connected() as client:
            response = await post(client, server.url + "?a=b", headers=[("Authorization", "Bearer k"), ("x-a", "1")])
            assert response.status == 429
            assert response.headers == [("retry-after", "3"), ("x-name", "café"), ("content-length", "4")]
            assert await response.read(4) == b"slow"
            head, body = server.peers[0].requests[0]
            assert body == b'{"model":"m"}'
            assert head.decode().split("\r\n") == [
                "POST /v1/chat?a=b HTTP/1.1",
                "Authorization: Bearer k",
                "x-a: 1",
                f"host: 127.0.0.1:{server.port}",
                "user-agent: tianji",
                "accept: */*",
                "accept-encoding: gzip, deflate",
                "content-length: 13",
                "",
                "",
            ]

    run(scenario())


def test_headers_of_the_connection_are_not_the_callers() -> None:
    async def scenario() -> None:
        async with serving(answering(OK)) as server, connected() as client:
            mine = [
                ("Content-Length", "99"),
                ("Transfer-Encoding", "chunked"),
                ("Connection", "close"),
                ("Accept-Encoding", "br"),
                ("Host", "vendor.test"),
                ("User-Agent", "own"),
            ]
            await (await post(client, server.url, headers=mine)).read(10)
            head = server.heads()[0]
            assert header(head, b"content-length") == b"13"
            assert header(head, b"transfer-encoding") is None
            assert header(head, b"connection") is None
            assert header(head, b"accept-encoding") == b"gzip, deflate"
            assert header(head, b"host") == b"vendor.test"
            assert header(head, b"user-agent") == b"own"
            assert head.lower().count(b"host:") == head.lower().count(b"user-agent:") == 1

    run(scenario())


def test_connections_are_used_again() -> None:
    async def scenario() -> None:
        chunked = CHUNKED + b"2\r\nok\r\n0\r\n\r\n"
        async with serving(answering(OK, chunked, OK)) as server, connected() as client:
            for _ in range(3):
                response = await post(client, server.url)
                assert [part async for part in response.chunks()] == [b"ok"]
                await response.aclose()
            assert len(server.peers) == 1

    run(scenario())


def test_calls_never_queue() -> None:
    calls = 300

    async def scenario() -> None:
        arrived = 0
        everyone = asyncio.Event()

        async def wait_for_everyone(peer: Peer) -> None:
            nonlocal arrived
            await peer.request()
            arrived += 1
            if arrived == calls:
                everyone.set()
            await everyone.wait()
            await peer.say(OK)

        async with serving(wait_for_everyone) as server, connected() as client:
            responses = await asyncio.gather(*(post(client, server.url) for _ in range(calls)))
            assert [await response.read(2) for response in responses] == [b"ok"] * calls

    run(scenario())


def test_chunks_come_as_they_are_sent() -> None:
    async def scenario() -> None:
        read = asyncio.Event()

        async def one_at_a_time(peer: Peer) -> None:
            await peer.request()
            await peer.say(CHUNKED)
            for number in range(3):
                await peer.say(b"8\r\ndata: %d\n\r\n" % number)
                await read.wait()
                read.clear()
            await peer.say(b"0\r\n\r\n")

        async with serving(one_at_a_time) as server, connected() as client:
            response = await post(client, server.url)
            received = []
            async for chunk in response.chunks():
                received.append(chunk)
                read.set()
            assert received == [b"data: 0\n", b"data: 1\n", b"data: 2\n"]

    run(scenario())


def test_a_slow_reader_slows_the_vendor_down() -> None:
    async def scenario() -> None:
        sent = 0
        piece = b"x" * 100_000

        async def flood(peer: Peer) -> None:
            nonlocal sent
            await peer.request()
            await peer.say(b"HTTP/1.1 200 OK\r\ncontent-length: 50000000\r\n\r\n")
            for _ in range(500):
                await peer.say(piece)
                sent += len(piece)

        async with serving(flood) as server, connected() as client:
            response = await post(client, server.url)
            await asyncio.sleep(0.2)
            assert sent < 20_000_000
            assert sum([len(chunk) async for chunk in response.chunks()]) == 50_000_000

    run(scenario())


def test_large_request() -> None:
    async def scenario() -> None:
        async with serving(answering(OK)) as server, connected() as client:
            body = bytes(range(256)) * 40_000
            assert await (await post(client, server.url, body=body)).read(2) == b"ok"
            assert server.peers[0].requests[0][1] == body

    run(scenario())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(status: int) -> None:
    async def scenario() -> None:
        moved = b"HTTP/1.1 %d Moved\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n" % status
        async with serving(answering(moved)) as server, connected() as client:
            response = await post(client, server.url)
            assert response.status == status
            assert await response.read(0) == b""
            assert len(server.heads()) == 1

    run(scenario())


def test_cookies_are_not_kept() -> None:
    async def scenario() -> None:
        async with serving(answering(OK.replace(b"\r\n\r\n", b"\r\nset-cookie: a=b; Path=/\r\n\r\n"))) as server:
            async with connected() as client:
                for _ in range(2):
                    response = await post(client, server.url)
                    assert ("set-cookie", "a=b; Path=/") in response.headers
                    await response.read(2)
            assert [header(head, b"cookie") for head in server.heads()] == [None, None]

    run(scenario())


def test_interim_answers_are_skipped() -> None:
    async def scenario() -> None:
        hints = b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"
        async with serving(answering(hints + hints + OK)) as server, connected() as client:
            for _ in range(2):
                response = await post(client, server.url)
                assert response.status == 200
                assert response.headers == [("content-length", "2")]
                assert await response.read(2) == b"ok"
            assert len(server.peers) == 1

    run(scenario())


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
        OK.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"),
    ],
)
def test_connections_that_end_with_the_answer(answer: bytes) -> None:
    async def scenario() -> None:
        async with serving(answering_once(answer)) as server, connected() as client:
            for _ in range(2):
                assert await (await post(client, server.url)).read(2) == b"ok"
            assert len(server.peers) == 2

    run(scenario())


def test_a_connection_that_the_vendor_will_close_is_not_used_again() -> None:
    async def scenario() -> None:
        last = OK.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")
        async with serving(answering(last)) as server, connected() as client:
            for _ in range(2):
                assert await (await post(client, server.url)).read(2) == b"ok"
            assert len(server.peers) == 2

    run(scenario())


def test_answers_without_a_body() -> None:
    async def scenario() -> None:
        async with serving(answering(b"HTTP/1.1 204 No Content\r\n\r\n")) as server, connected() as client:
            for _ in range(2):
                response = await post(client, server.url)
                assert (response.status, await response.read(0)) == (204, b"")
            assert len(server.peers) == 1
        head = b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n"
        async with serving(answering(head)) as server, connected() as client:
            response = await post(client, server.url, method="HEAD", body=b"")
            assert await response.read(0) == b""
            assert header(server.heads()[0], b"content-length") is None

    run(scenario())


def test_an_offer_to_upgrade_is_no_upgrade() -> None:
    async def scenario() -> None:
        offer = OK.replace(b"\r\n\r\n", b"\r\nupgrade: h2,h2c\r\nconnection: Upgrade, Keep-Alive\r\n\r\n")
        async with serving(answering(offer)) as server, connected() as client:
            assert await (await post(client, server.url)).read(2) == b"ok"

    run(scenario())


def test_an_early_answer_to_a_request_still_being_sent() -> None:
    async def scenario() -> None:
        async def refuse(peer: Peer) -> None:
            await peer.reader.readuntil(b"\r\n\r\n")
            await peer.say(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n")
            await asyncio.sleep(0.2)

        async with serving(refuse) as server, connected() as client:
            for _ in range(2):
                response = await post(client, server.url, body=b"x" * 20_000_000)
                assert response.status == 413
                assert await response.read(0) == b""
            assert len(server.peers) == 2

    run(scenario())


def test_an_answer_that_came_but_was_not_read_does_not_disturb_the_next_one() -> None:
    async def scenario() -> None:
        size = 400_000
        answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size + b"x" * size
        async with serving(answering(answer)) as server, connected() as client:
            for _ in range(3):
                unread = await post(client, server.url)
                await asyncio.sleep(0.05)
                await unread.aclose()
                assert len(await (await post(client, server.url)).read(size)) == size

    run(scenario())


def _bare(data: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-15)
    return deflater.compress(data) + deflater.flush()


PLAIN = b"0123456789" * 30_000
ZEROS = bytes(64 * 1024 + 1)
COMPRESSED = {
    "gzip": (b"gzip", gzip.compress(PLAIN)),
    "members": (b"GZIP", gzip.compress(PLAIN[:5]) + gzip.compress(PLAIN[5:])),
    "zlib": (b"deflate", zlib.compress(PLAIN)),
    "bare": (b"deflate", _bare(PLAIN)),
    # the last input leaves output behind that a full piece has no room for
    "overhang": (b"deflate", _bare(ZEROS)),
    "identity": (b"identity", PLAIN),
}


@pytest.mark.parametrize("kind", COMPRESSED)
def test_compressed_answers(kind: str) -> None:
    encoding, body = COMPRESSED[kind]
    plain = ZEROS if kind == "overhang" else PLAIN
    head = b"HTTP/1.1 200 OK\r\nx: y\r\ncontent-encoding: %s\r\ncontent-length: %d\r\n\r\n" % (encoding, len(body))

    async def scenario() -> None:
        async with serving(answering(head + body)) as server, connected() as client:
            response = await post(client, server.url)
            assert await response.read(len(plain)) == plain
            if kind != "identity":
                assert response.headers == [("x", "y")]
            await (await post(client, server.url)).read(len(plain))
            assert len(server.peers) == 1

    run(scenario())


def test_compressed_streams_are_not_held_back() -> None:
    async def scenario() -> None:
        read = asyncio.Event()

        async def pace(peer: Peer) -> None:
            await peer.request()
            await peer.say(CHUNKED.replace(b"\r\n\r\n", b"\r\ncontent-encoding: gzip\r\n\r\n"))
            deflater = zlib.compressobj(wbits=31)
            for number in range(3):
                data = deflater.compress(b"event %d" % number) + deflater.flush(zlib.Z_SYNC_FLUSH)
                await peer.say(b"%x\r\n%s\r\n" % (len(data), data))
                await read.wait()
                read.clear()
            data = deflater.flush()
            await peer.say(b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data))

        async with serving(pace) as server, connected() as client:
            received = []
            async for chunk in (await post(client, server.url)).chunks():
                received.append(chunk)
                read.set()
            assert received == [b"event 0", b"event 1", b"event 2"]

    run(scenario())


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("", "/"),
        ("?q=1", "/?q=1"),
        ("/a b/ü", "/a%20b/%C3%BC"),
        ("/a%2Fb:x#part", "/a%2Fb:x"),
        ("/a\r\nx: y", "/ax:%20y"),
    ],
)
def test_targets(path: str, target: str) -> None:
    async def scenario() -> None:
        async with serving(answering(OK)) as server, connected() as client:
            await (await post(client, f"http://127.0.0.1:{server.port}{path}")).read(2)
            assert server.heads()[0].split(b"\r\n")[0] == f"POST {target} HTTP/1.1".encode()

    run(scenario())


def test_works_on_the_standard_loop() -> None:
    async def scenario() -> None:
        async with serving(answering(OK)) as server:
            client = UpstreamClient()
            assert await (await post(client, server.url)).read(2) == b"ok"
            await client.aclose()

    asyncio.run(scenario())
