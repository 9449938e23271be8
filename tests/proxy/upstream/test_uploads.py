"""Request bodies that are sent as they come."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from proxy.upstream.client import Broken, TimedOut, Timeouts, Upload, UpstreamClient, UpstreamResponse
from tests.proxy.upstream.servers import OK, PATIENT, Peer, connected, header, run, serving

BLOCK = b"x" * 65_536


async def _parts(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        await asyncio.sleep(0)
        yield part


async def _send(client: UpstreamClient, url: str, upload: Upload, timeouts: Timeouts = PATIENT) -> UpstreamResponse:
    return await client.send("POST", url, [], upload, timeouts)


def test_a_body_of_known_size_is_sent_as_it_is() -> None:
    async def scenario() -> None:
        async def handler(peer: Peer) -> None:
            while await peer.request() is not None:
                await peer.say(OK)

        async with serving(handler) as server, connected() as client:
            for _ in range(2):
                response = await _send(client, server.url, Upload(_parts(b"one ", b"", b"two"), 7))
                assert await response.read(9) == b"ok"
            assert len(server.peers) == 1
            for head, body in server.peers[0].requests:
                assert body == b"one two"
                assert header(head, b"transfer-encoding") is None

    run(scenario())


def test_a_body_of_unknown_size_is_chunked() -> None:
    async def scenario() -> None:
        received = b""

        async def handler(peer: Peer) -> None:
            nonlocal received
            received = await peer.reader.readuntil(b"\r\n0\r\n\r\n")
            await peer.say(OK)

        async with serving(handler) as server, connected() as client:
            response = await _send(client, server.url, Upload(_parts(b"one", b"", b"two!"), None))
            assert await response.read(9) == b"ok"
            head, _, body = received.partition(b"\r\n\r\n")
            assert header(head + b"\r\n\r\n", b"transfer-encoding") == b"chunked"
            assert body == b"3\r\none\r\n4\r\ntwo!\r\n0\r\n\r\n"

    run(scenario())


def test_no_more_is_asked_for_than_the_vendor_reads() -> None:
    async def scenario() -> None:
        asked = 0
        reads = asyncio.Event()

        async def parts() -> AsyncIterator[bytes]:
            nonlocal asked
            for _ in range(1000):
                asked += 1
                yield BLOCK

        async def handler(peer: Peer) -> None:
            await reads.wait()
            await peer.reader.readuntil(b"\r\n\r\n")
            await peer.reader.readexactly(1000 * len(BLOCK))
            await peer.say(OK)

        async with serving(handler) as server, connected() as client:
            sending = asyncio.ensure_future(_send(client, server.url, Upload(parts(), 1000 * len(BLOCK))))
            await asyncio.sleep(0.3)
            assert asked < 300  # what the system's own buffers take
            reads.set()
            assert (await sending).status == 200
            assert asked == 1000

    run(scenario())


def test_an_early_answer_ends_the_upload_and_the_connection() -> None:
    async def scenario() -> None:
        async def handler(peer: Peer) -> None:
            await peer.reader.readuntil(b"\r\n\r\n")
            await peer.say(b"HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nbig")
            assert await peer.hung_up()

        async def endless() -> AsyncIterator[bytes]:
            while True:
                await asyncio.sleep(0.001)
                yield BLOCK

        async with serving(handler) as server, connected() as client:
            response = await _send(client, server.url, Upload(endless(), None))
            assert response.status == 413
            assert await response.read(9) == b"big"
            await server.peers[0].ended()

    run(scenario())


def test_a_body_that_ends_early_is_not_taken_for_a_whole_one() -> None:
    async def scenario() -> None:
        async def broken() -> AsyncIterator[bytes]:
            yield b"half"
            raise RuntimeError("the client is gone")

        async def handler(peer: Peer) -> None:
            assert await peer.hung_up()

        async with serving(handler) as server, connected() as client:
            with pytest.raises(RuntimeError, match="the client is gone"):
                await _send(client, server.url, Upload(broken(), None))
            await server.peers[0].ended()

    run(scenario())


def test_a_vendor_that_stops_reading_is_given_up() -> None:
    async def scenario() -> None:
        async def endless() -> AsyncIterator[bytes]:
            while True:
                yield BLOCK

        async def handler(peer: Peer) -> None:
            await asyncio.sleep(1)

        timeouts = Timeouts(connect=5, first_byte=5, idle=0.2, total=None)
        async with serving(handler) as server, connected() as client:
            with pytest.raises(TimedOut, match="idle"):
                await _send(client, server.url, Upload(endless(), None), timeouts)

    run(scenario())


def test_a_connection_lost_within_the_upload_is_told() -> None:
    async def scenario() -> None:
        async def endless() -> AsyncIterator[bytes]:
            while True:
                await asyncio.sleep(0.001)
                yield BLOCK

        async def handler(peer: Peer) -> None:
            await peer.reader.readuntil(b"\r\n\r\n")
            peer.reset()

        async with serving(handler) as server, connected() as client:
            with pytest.raises(Broken):
                await _send(client, server.url, Upload(endless(), None))

    run(scenario())
