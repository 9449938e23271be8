"""A call that is given up stops at the vendor, too."""

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from proxy.upstream.client import Broken, ConnectFailed, UpstreamClient
from proxy.upstream.connection import Connection
from tests.proxy.upstream.servers import CHUNKED, OK, Peer, Server, answering, connected, post, run, serving


@asynccontextmanager
async def waiting_for(said: bytes) -> AsyncIterator[tuple[Server, asyncio.Event, asyncio.Event]]:
    """A server that says this much; the events tell that it waits, and that the client has hung up within a second."""
    reached, hung_up = asyncio.Event(), asyncio.Event()

    async def handle(peer: Peer) -> None:
        await peer.request()
        if said:
            await peer.say(said)
        reached.set()
        if await peer.hung_up():
            hung_up.set()

    async with serving(handle) as server:
        yield server, reached, hung_up


async def before_the_answer(client: UpstreamClient, url: str) -> None:
    await post(client, url)


async def while_reading(client: UpstreamClient, url: str) -> None:
    await (await post(client, url)).read(100)


async def while_streaming(client: UpstreamClient, url: str) -> None:
    async for _ in (await post(client, url)).chunks():
        pass


CALLS = {"before_the_answer": (before_the_answer, b""), "while_reading": (while_reading, CHUNKED)}
CALLS["while_streaming"] = (while_streaming, CHUNKED + b"2\r\nhi\r\n")


@pytest.mark.parametrize("when", CALLS)
def test_a_cancelled_task_drops_the_connection(when: str) -> None:
    call: Callable[[UpstreamClient, str], Awaitable[None]]
    call, said = CALLS[when]

    async def scenario() -> None:
        async with waiting_for(said) as (server, reached, hung_up), connected() as client:
            task = asyncio.ensure_future(call(client, server.url))
            await reached.wait()
            await asyncio.sleep(0.02)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.wait_for(hung_up.wait(), 1)

    run(scenario())


def test_cancelling_while_connecting() -> None:
    async def scenario() -> None:
        reached, hung_up = asyncio.Event(), asyncio.Event()

        async def mute(peer: Peer) -> None:
            await peer.reader.read(1)
            reached.set()
            if await peer.hung_up():
                hung_up.set()

        async with serving(mute) as server, connected() as client:
            task = asyncio.ensure_future(post(client, server.url.replace("http:", "https:")))
            await reached.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.wait_for(hung_up.wait(), 1)

    run(scenario())


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_calls_given_up_at_any_moment_leave_nothing_behind() -> None:
    async def scenario() -> None:
        async def pace(peer: Peer) -> None:
            while await peer.request() is not None:
                await peer.say(CHUNKED)
                for _ in range(5):
                    await peer.say(b"2\r\nhi\r\n")
                    await asyncio.sleep(0.001)
                await peer.say(b"0\r\n\r\n")

        async def give_up(client: UpstreamClient, url: str, after: float) -> None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(after):
                    await while_streaming(client, url)

        async with serving(pace) as server, connected() as client:
            before = open_files()
            for number in range(100):
                await asyncio.gather(*(give_up(client, server.url, number * 0.0002) for _ in range(5)))
            await client.aclose()
            await asyncio.sleep(0.05)
            gc.collect()
            assert open_files() - before < 5
            assert [thing for thing in gc.get_objects() if isinstance(thing, Connection)] == []

    run(scenario())


def test_closing_the_client_while_it_connects() -> None:
    async def scenario() -> None:
        async with serving(answering(OK)) as server:
            client = UpstreamClient()
            task = asyncio.ensure_future(post(client, server.url))
            await asyncio.sleep(0)
            await client.aclose()
            with pytest.raises(ConnectFailed):
                await task
            assert server.heads() == []

    run(scenario())


def test_closing_an_unfinished_response() -> None:
    async def scenario() -> None:
        async with waiting_for(CHUNKED + b"2\r\nhi\r\n") as (server, _, hung_up), connected() as client:
            response = await post(client, server.url)
            source = response.chunks()
            assert await anext(source) == b"hi"
            await response.aclose()
            await response.aclose()
            await asyncio.wait_for(hung_up.wait(), 1)
            with pytest.raises(Broken):
                await anext(source)

    run(scenario())


def test_closing_a_response_never_read() -> None:
    async def scenario() -> None:
        async with waiting_for(CHUNKED) as (server, _, hung_up), connected() as client:
            await (await post(client, server.url)).aclose()
            await asyncio.wait_for(hung_up.wait(), 1)

    run(scenario())


def test_a_closed_response_never_reads_what_belongs_to_the_next_one() -> None:
    async def scenario() -> None:
        answer = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"
        async with serving(answering(answer + b"first", answer + b"other")) as server, connected() as client:
            first = await post(client, server.url)
            source = first.chunks()
            await first.aclose()
            other = await post(client, server.url)
            assert len(server.peers) == 1
            with pytest.raises(Broken):
                await anext(source)
            with pytest.raises(Broken):
                await first.read(5)
            await first.aclose()
            assert await other.read(5) == b"other"

    run(scenario())


def test_closing_the_client_ends_calls() -> None:
    async def scenario() -> None:
        async with waiting_for(b"") as (server, reached, hung_up), serving(answering(OK)) as other:
            client = UpstreamClient()
            await (await post(client, other.url)).read(2)
            task = asyncio.ensure_future(post(client, server.url))
            await reached.wait()
            await client.aclose()
            with pytest.raises(Broken):
                await task
            await asyncio.wait_for(hung_up.wait(), 1)
            await other.peers[0].ended()
            for url in (server.url, other.url):
                with pytest.raises(ConnectFailed):
                    await post(client, url)

    run(scenario())
