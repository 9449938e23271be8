"""Bodies that are handed on as they come, without waking a task."""

import asyncio
from collections.abc import Callable

import pytest

from proxy.upstream.client import Broken, TimedOut, Timeouts, UpstreamResponse
from tests.proxy.upstream.servers import CHUNKED, OK, PATIENT, Handler, Peer, answering, connected, post, run, serving


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


async def all_of(response: UpstreamResponse) -> list[bytes]:
    """The parts, and last an empty one at the end."""
    parts: list[bytes] = []

    def take(part: bytes) -> bool:
        parts.append(part)
        return not part

    await response.forward(take)
    return parts


def saying(*pieces: bytes | float, then: Callable[[Peer], None] | None = None) -> Handler:
    """Say the pieces of one chunked answer; a number is a pause."""

    async def handle(peer: Peer) -> None:
        await peer.request()
        await peer.say(CHUNKED)
        for piece in pieces:
            if isinstance(piece, float):
                await asyncio.sleep(piece)
            else:
                await peer.say(piece)
        if then is not None:
            then(peer)
        await peer.hung_up()

    return handle


def test_parts_come_one_by_one_and_the_end_is_told() -> None:
    async def scenario() -> None:
        vendor = saying(chunk(b"one"), 0.02, chunk(b"two"), 0.02, chunk(b"three"), 0.02, b"0\r\n\r\n")
        async with serving(vendor) as server, connected() as client:
            assert await all_of(await post(client, server.url)) == [b"one", b"two", b"three", b""]

    run(scenario())


def test_the_connection_serves_the_next_call() -> None:
    async def scenario() -> None:
        async with serving(answering(CHUNKED + chunk(b"one") + b"0\r\n\r\n", OK)) as server, connected() as client:
            assert await all_of(await post(client, server.url)) == [b"one", b""]
            assert await (await post(client, server.url)).read(2) == b"ok"
            assert len(server.peers) == 1

    run(scenario())


def test_whoever_has_enough_is_given_no_more_until_they_ask_again() -> None:
    async def scenario() -> None:
        vendor = saying(chunk(b"one"), 0.02, chunk(b"two"), 0.02, chunk(b"three"), b"0\r\n\r\n")
        async with serving(vendor) as server, connected() as client:
            response = await post(client, server.url)
            parts: list[bytes] = []

            def take_two(part: bytes) -> bool:
                parts.append(part)
                return len(parts) == 2

            await response.forward(take_two)
            await asyncio.sleep(0.1)
            assert parts == [b"one", b"two"]
            assert b"".join(await all_of(response)) == b"three"

    run(scenario())


def test_what_the_taker_raises_ends_the_call() -> None:
    async def scenario() -> None:
        vendor = saying(chunk(b"one"), 0.02, chunk(b"two"), 0.02, chunk(b"three"))
        async with serving(vendor) as server, connected() as client:
            response = await post(client, server.url)
            parts: list[bytes] = []

            def take(part: bytes) -> bool:
                parts.append(part)
                if len(parts) == 2:
                    raise ValueError
                return False

            with pytest.raises(ValueError):
                await response.forward(take)
            await response.aclose()
            assert parts == [b"one", b"two"]

    run(scenario())


@pytest.mark.parametrize("ending", [Peer.end, Peer.reset], ids=["closes", "resets"])
def test_a_connection_that_breaks(ending: Callable[[Peer], None]) -> None:
    async def scenario() -> None:
        vendor = saying(chunk(b"one"), 0.02, chunk(b"two"), 0.05, then=ending)
        async with serving(vendor) as server, connected() as client:
            parts: list[bytes] = []
            with pytest.raises(Broken):
                await (await post(client, server.url)).forward(lambda part: bool(parts.append(part)))
            assert parts == [b"one", b"two"]

    run(scenario())


def test_each_part_gives_the_vendor_new_time() -> None:
    async def scenario() -> None:
        pieces = [piece for number in range(6) for piece in (chunk(b"%d" % number), 0.06)]
        async with serving(saying(*pieces, b"0\r\n\r\n")) as server, connected() as client:
            timeouts = Timeouts(connect=5, first_byte=5, idle=0.15, total=None)
            assert b"".join(await all_of(await post(client, server.url, timeouts))) == b"012345"

    run(scenario())


@pytest.mark.parametrize("phase", ["idle", "total"])
def test_silence_and_length_are_bounded(phase: str) -> None:
    async def scenario() -> None:
        pieces = [piece for _ in range(30) for piece in (chunk(b"x"), 0.02)]
        vendor = saying(chunk(b"x"), 5.0) if phase == "idle" else saying(*pieces)
        async with serving(vendor) as server, connected() as client:
            timeouts = Timeouts(connect=5, first_byte=5, idle=0.1, total=0.2 if phase == "total" else None)
            response = await post(client, server.url, timeouts)
            with pytest.raises(TimedOut) as caught:
                async with asyncio.timeout(1):
                    await response.forward(lambda _: False)
            assert caught.value.phase == phase

    run(scenario())


def test_whoever_gives_up_waiting_frees_the_connection() -> None:
    async def scenario() -> None:
        async with serving(saying(chunk(b"one"))) as server, connected() as client:
            response = await post(client, server.url, PATIENT)
            task = asyncio.create_task(all_of(response))
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await response.aclose()
            await server.peers[0].ended()

    run(scenario())
