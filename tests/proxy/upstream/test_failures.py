"""Every way in which a vendor can fail, and the one error that each becomes."""

import asyncio
import socket
import traceback
from collections.abc import Awaitable, Callable

import pytest

from proxy.upstream.client import (
    Broken,
    ConnectFailed,
    TimedOut,
    Timeouts,
    UpstreamClient,
    UpstreamError,
    UpstreamResponse,
)
from tests.proxy.upstream.servers import (
    CHUNKED,
    OK,
    PATIENT,
    Peer,
    answering,
    answering_once,
    connected,
    post,
    run,
    serving,
)

LIMIT = 1_000_000


async def received(response: UpstreamResponse) -> tuple[bytes, UpstreamError | None]:
    """What came, and what the body ended with."""
    body = b""
    try:
        async for chunk in response.chunks():
            body += chunk
    except UpstreamError as error:
        return body, error
    return body, None


async def raised(call: Awaitable[object]) -> UpstreamError:
    """The error of a call. It quotes nothing that was sent."""
    with pytest.raises(UpstreamError) as caught:
        await call
    shown = "".join(traceback.format_exception(caught.value))
    assert "sk-secret" not in shown
    assert "key=hidden" not in shown
    return caught.value


async def hang_up(peer: Peer) -> None:
    await peer.request()


async def reset(peer: Peer) -> None:
    await peer.request()
    peer.reset()


async def reset_unread(peer: Peer) -> None:
    await peer.reader.read(1)
    peer.reset()


@pytest.mark.parametrize(
    "handler",
    [
        hang_up,
        reset,
        reset_unread,
        answering_once(b"HTTP/1.1 200 OK\r\ncontent-le"),
        answering_once(b"hello\r\n\r\n"),
        answering_once(b"<html>"),
        answering_once(b"SSH-2.0-OpenSSH_9.6\r\n"),
        answering_once(b"HTTP/1.1 abc OK\r\n\r\n"),
        answering_once(b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n"),
        answering_once(b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n"),
        answering_once(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok!"),
        answering_once(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\nok"),
        answering_once(b"HTTP/1.1 101 Switching\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n"),
        answering_once(b"HTTP/1.1 200 OK\r\ncontent-encoding: br\r\ncontent-length: 2\r\n\r\nok"),
        answering_once(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip, gzip\r\ncontent-length: 2\r\n\r\nok"),
    ],
)
def test_no_answer(handler: Callable[[Peer], Awaitable[None]]) -> None:
    async def scenario() -> None:
        async with serving(handler) as server, connected() as client:
            assert isinstance(await raised(post(client, server.url + "?key=hidden")), Broken)
            assert len(server.heads()) <= 1, "the request was sent again"

    run(scenario())


async def close_at_once(peer: Peer) -> None:
    pass


async def reset_at_once(peer: Peer) -> None:
    peer.reset()


@pytest.mark.parametrize("handler", [close_at_once, reset_at_once])
def test_a_host_that_does_not_wait_for_a_request(handler: Callable[[Peer], Awaitable[None]]) -> None:
    async def scenario() -> None:
        async with serving(handler) as server, connected() as client:
            for _ in range(20):
                assert isinstance(await raised(post(client, server.url)), Broken | ConnectFailed)

    run(scenario())


async def reset_within_the_body(peer: Peer) -> None:
    await peer.request()
    await peer.say(CHUNKED + b"3\r\nabc\r\n")
    await asyncio.sleep(0.05)
    peer.reset()


@pytest.mark.parametrize(
    "handler",
    [
        reset_within_the_body,
        answering_once(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"),
        answering_once(CHUNKED + b"3\r\nabc\r\n"),
        answering_once(CHUNKED + b"9\r\nabc"),
        answering_once(CHUNKED + b"3\r\nabc\r\nzz\r\n"),
        answering_once(CHUNKED + b"3\r\nabc\r\n0\r\n"),
    ],
)
def test_an_answer_that_breaks_off_gives_what_came_and_fails(handler: Callable[[Peer], Awaitable[None]]) -> None:
    async def scenario() -> None:
        async with serving(handler) as server, connected() as client:
            body, error = await received(await post(client, server.url))
            assert body == b"abc"
            assert isinstance(error, Broken)
            assert isinstance(await raised((await post(client, server.url)).read(LIMIT)), Broken)
            assert len(server.peers) == 2

    run(scenario())


def test_silence_before_the_answer() -> None:
    async def scenario() -> None:
        async def hang(peer: Peer) -> None:
            await peer.request()
            assert await peer.hung_up()

        async with serving(hang) as server, connected() as client:
            error = await raised(post(client, server.url, Timeouts(connect=5, first_byte=0.1, idle=5, total=5)))
            assert isinstance(error, TimedOut)
            assert (error.phase, error.seconds) == ("first_byte", 0.1)

    run(scenario())


def test_silence_within_the_answer() -> None:
    async def scenario() -> None:
        async def hang(peer: Peer) -> None:
            await peer.request()
            await peer.say(CHUNKED + b"3\r\nabc\r\n")
            assert await peer.hung_up()

        async with serving(hang) as server, connected() as client:
            response = await post(client, server.url, Timeouts(connect=5, first_byte=5, idle=0.1, total=5))
            body, error = await received(response)
            assert body == b"abc"
            assert isinstance(error, TimedOut)
            assert (error.phase, error.seconds) == ("idle", 0.1)

    run(scenario())


async def trickle(peer: Peer) -> None:
    await peer.request()
    await peer.say(CHUNKED)
    while True:
        await peer.say(b"1\r\nx\r\n")
        await asyncio.sleep(0.01)


def test_a_trickle_is_no_silence_but_ends_in_total() -> None:
    async def scenario() -> None:
        async with serving(trickle) as server, connected() as client:
            response = await post(client, server.url, Timeouts(connect=5, first_byte=5, idle=0.3, total=0.6))
            body, error = await received(response)
            assert len(body) > 1
            assert isinstance(error, TimedOut)
            assert (error.phase, error.seconds) == ("total", 0.6)
            error = await raised(post(client, server.url, Timeouts(connect=5, first_byte=5, idle=5, total=0)))
            assert isinstance(error, TimedOut)
            assert error.phase == "total"

    run(scenario())


def test_total_ends_a_flood_that_never_lets_the_reader_wait() -> None:
    async def scenario() -> None:
        async def flood(peer: Peer) -> None:
            await peer.request()
            await peer.say(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                await peer.say(b"x" * 1_000_000)

        async with serving(flood) as server, connected() as client:
            response = await post(client, server.url, Timeouts(connect=5, first_byte=5, idle=0.05, total=0.2))
            with pytest.raises(TimedOut) as caught:
                async with asyncio.timeout(1):
                    async for _ in response.chunks():
                        await asyncio.sleep(0.02)
            assert caught.value.phase == "total"

    run(scenario())


def test_total_ends_an_answer_that_nobody_reads() -> None:
    async def scenario() -> None:
        async with serving(trickle) as server, connected() as client:
            response = await post(client, server.url, Timeouts(connect=5, first_byte=5, idle=0.05, total=0.3))
            source = response.chunks()
            for _ in range(3):
                await anext(source)
            await server.peers[0].ended()
            with pytest.raises(TimedOut) as caught:
                async for chunk in source:
                    assert chunk
            assert caught.value.phase == "total"

    run(scenario())


def test_time_spent_by_the_reader_is_no_silence() -> None:
    async def scenario() -> None:
        async with serving(trickle) as server, connected() as client:
            response = await post(client, server.url, Timeouts(connect=5, first_byte=0.1, idle=0.1, total=None))
            source = response.chunks()
            for _ in range(3):
                await anext(source)
                await asyncio.sleep(0.2)
            await response.aclose()

    run(scenario())


def test_a_host_that_accepts_and_says_nothing_to_tls() -> None:
    async def scenario() -> None:
        async def mute(peer: Peer) -> None:
            assert await peer.hung_up()

        async with serving(mute) as server, connected() as client:
            url = server.url.replace("http:", "https:")
            error = await raised(post(client, url, Timeouts(connect=0.1, first_byte=5, idle=5, total=None)))
            assert isinstance(error, TimedOut)
            assert (error.phase, error.seconds) == ("connect", 0.1)
            error = await raised(post(client, url, Timeouts(connect=5, first_byte=5, idle=5, total=0.1)))
            assert isinstance(error, TimedOut)
            assert (error.phase, error.seconds) == ("total", 0.1)

    run(scenario())


def test_no_connection() -> None:
    async def scenario() -> None:
        async with serving(answering(OK)) as server:
            port = server.port
        async with connected() as client:
            error = await raised(post(client, f"http://127.0.0.1:{port}/?key=hidden"))
            assert isinstance(error, ConnectFailed)
            assert str(error) == "Connection refused"
            assert isinstance(await raised(post(client, "http://no-such-host.invalid/?key=hidden")), ConnectFailed)

    run(scenario())


def test_tls_to_a_plain_server() -> None:
    async def scenario() -> None:
        async def plain(peer: Peer) -> None:
            await peer.reader.read(1)
            await peer.say(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        async with serving(plain) as server, connected() as client:
            assert isinstance(await raised(post(client, server.url.replace("http:", "https:"))), ConnectFailed)

    run(scenario())


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/v1/chat",
        "127.0.0.1/v1",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "http:///path",
        "http://[::1/",
        "http://127.0.0.1:99999/",
        "http://a b/",
        "http://a\x00b/",
        "http://" + "ü" * 70 + "/",
        "http://user:sk-secret@127.0.0.1/",
    ],
)
def test_unusable_urls(url: str) -> None:
    async def scenario() -> None:
        async with connected() as client:
            error = await raised(post(client, url))
            assert isinstance(error, ConnectFailed)
            assert "URL" in str(error)

    run(scenario())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x", "sk-secret\r\nx-injected: 1"),
        ("x", "sk-secret\n"),
        ("x", "sk-secret\rb"),
        ("x", "sk-secret\x00"),
        ("x", "sk-secret\ud800"),
        ("x\r\ny", "1"),
        ("x y", "1"),
        ("x:", "1"),
        ("", "1"),
        ("ü", "1"),
    ],
)
def test_unusable_headers(name: str, value: str) -> None:
    async def scenario() -> None:
        async with serving(answering(OK)) as server, connected() as client:
            error = await raised(post(client, server.url, headers=[(name, value)]))
            assert isinstance(error, ConnectFailed)
            assert "header" in str(error)
            assert server.peers == []

    run(scenario())


def test_a_vendor_that_closes_an_idle_connection() -> None:
    async def scenario() -> None:
        async with serving(answering_once(OK)) as server, connected() as client:
            for _ in range(5):
                assert await (await post(client, server.url)).read(2) == b"ok"
                for _ in range(3):
                    await asyncio.sleep(0)
            await asyncio.sleep(0.05)
            assert await (await post(client, server.url)).read(2) == b"ok"
            assert len(server.peers) == 6

    run(scenario())


def test_a_close_that_the_loop_has_not_seen_yet() -> None:
    async def scenario() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:

            def serve_one() -> socket.socket:
                vendor, _ = listener.accept()
                vendor.recv(65536)
                vendor.sendall(OK)
                return vendor

            url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
            async with connected() as client:
                first = asyncio.ensure_future(asyncio.to_thread(serve_one))
                assert await (await post(client, url)).read(2) == b"ok"
                vendor = await first
                second = asyncio.ensure_future(asyncio.to_thread(serve_one))
                await asyncio.sleep(0.02)
                vendor.close()
                assert await (await post(client, url)).read(2) == b"ok"
                (await second).close()

    run(scenario())


def test_a_vendor_that_closes_just_when_it_is_asked_is_not_asked_again() -> None:
    async def scenario() -> None:
        async def second_request_is_one_too_many(peer: Peer) -> None:
            await peer.request()
            await peer.say(OK)
            await peer.request()

        async with serving(second_request_is_one_too_many) as server, connected() as client:
            assert await (await post(client, server.url)).read(2) == b"ok"
            assert isinstance(await raised(post(client, server.url)), Broken)
            assert len(server.heads()) == 2

    run(scenario())


@pytest.mark.parametrize("extra", [b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nbad", b"x"])
@pytest.mark.parametrize("pause", [0, 0.05])
def test_an_answer_to_no_request_is_never_taken_for_the_next_one(extra: bytes, pause: float) -> None:
    async def scenario() -> None:
        async def talkative(peer: Peer) -> None:
            while await peer.request() is not None:
                if pause:
                    await peer.say(OK)
                    await asyncio.sleep(pause)
                    await peer.say(extra)
                else:
                    await peer.say(OK + extra)

        async with serving(talkative) as server, connected() as client:
            for _ in range(3):
                assert await (await post(client, server.url)).read(3) == b"ok"
                await asyncio.sleep(2 * pause)
            assert len(server.peers) == 3

    run(scenario())


def test_timeouts_of_a_call_do_not_outlive_it() -> None:
    async def scenario() -> None:
        async with serving(answering(OK)) as server, connected(keep_alive=5) as client:
            for _ in range(2):
                response = await post(client, server.url, Timeouts(connect=5, first_byte=0.1, idle=0.1, total=0.1))
                assert await response.read(2) == b"ok"
                await asyncio.sleep(0.2)
            assert len(server.peers) == 1

    run(scenario())


def test_unused_connections_expire() -> None:
    async def scenario() -> None:
        async with serving(answering(OK)) as server, connected(keep_alive=0.1) as client:
            await asyncio.gather(*(_read(client, server.url) for _ in range(3)))
            await asyncio.sleep(0.05)
            await _read(client, server.url)
            assert len(server.peers) == 3
            await asyncio.sleep(0.2)
            for peer in server.peers:
                assert peer.reader.at_eof()
            await _read(client, server.url)
            assert len(server.peers) == 4

    run(scenario())


async def _read(client: UpstreamClient, url: str) -> None:
    assert await (await post(client, url, PATIENT)).read(2) == b"ok"
