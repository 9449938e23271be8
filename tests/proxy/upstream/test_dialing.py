"""TLS roots and proxies of the environment."""

import asyncio
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from proxy.upstream.client import ConnectFailed
from tests.proxy.upstream.servers import OK, Handler, Peer, answering, connected, header, post, run, serving


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusted(ca: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ssl.SSLContext]:
    """The TLS context of a server whose CA stands in ``SSL_CERT_FILE``."""
    file = tmp_path / "ca.pem"
    ca.cert_pem.write_to_path(str(file))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    return _tls(ca)


def _tls(ca: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert("vendor.test", "localhost", "127.0.0.1").configure_cert(context)
    return context


def tunnel(to: int, opened: list[bytes], answer: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n") -> Handler:
    """An HTTP proxy that leads every CONNECT to one port."""

    async def handle(peer: Peer) -> None:
        head = await peer.request()
        assert head is not None
        opened.append(head)
        await peer.say(answer)
        if b" 200 " not in answer:
            return
        reader, writer = await asyncio.open_connection("127.0.0.1", to)
        await asyncio.gather(_pipe(peer.reader, writer), _pipe(reader, peer.writer))

    return handle


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


def test_tls_with_the_roots_of_the_environment(trusted: ssl.SSLContext) -> None:
    async def scenario() -> None:
        async with serving(answering(OK), trusted) as server, connected() as client:
            for _ in range(2):
                response = await post(client, f"https://localhost:{server.port}/v1")
                assert await response.read(2) == b"ok"
            assert len(server.peers) == 1

    run(scenario())


def test_a_large_body_over_tls(trusted: ssl.SSLContext) -> None:
    async def scenario() -> None:
        async with serving(answering(OK), trusted) as server, connected() as client:
            body = b"x" * 3_000_000
            assert await (await post(client, f"https://localhost:{server.port}/", body=body)).read(2) == b"ok"
            assert server.peers[0].requests[0][1] == body

    run(scenario())


def test_cancelling_over_tls(trusted: ssl.SSLContext) -> None:
    async def scenario() -> None:
        reached, hung_up = asyncio.Event(), asyncio.Event()

        async def hang(peer: Peer) -> None:
            await peer.request()
            reached.set()
            if await peer.hung_up():
                hung_up.set()

        async with serving(hang, trusted) as server, connected() as client:
            task = asyncio.ensure_future(post(client, f"https://localhost:{server.port}/"))
            await reached.wait()
            task.cancel()
            await asyncio.wait_for(hung_up.wait(), 1)

    run(scenario())


def test_certificates_that_are_not_accepted(ca: trustme.CA, trusted: ssl.SSLContext) -> None:
    async def scenario() -> None:
        async with serving(answering(OK), _tls(trustme.CA())) as stranger, connected() as client:
            with pytest.raises(ConnectFailed, match="certificate"):
                await post(client, f"https://localhost:{stranger.port}/")
        other_name = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        ca.issue_cert("other.test").configure_cert(other_name)
        async with serving(answering(OK), other_name) as server, connected() as client:
            with pytest.raises(ConnectFailed, match="Hostname mismatch"):
                await post(client, f"https://localhost:{server.port}/")
            assert server.heads() == []

    run(scenario())


def test_tunnel(trusted: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        opened: list[bytes] = []
        async with serving(answering(OK), trusted) as server, serving(tunnel(server.port, opened)) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"http://user:p%40ss@127.0.0.1:{proxy.port}")
            async with connected() as client:
                for _ in range(2):
                    response = await post(client, "https://vendor.test/v1/chat")
                    assert await response.read(2) == b"ok"
            assert [head.split(b"\r\n")[0] for head in opened] == [b"CONNECT vendor.test:443 HTTP/1.1"]
            assert header(opened[0], b"proxy-authorization") == b"Basic dXNlcjpwQHNz"
            assert b"sk-secret" not in opened[0]
            assert [head.split(b"\r\n")[0] for head in server.heads()] == [b"POST /v1/chat HTTP/1.1"] * 2
            assert header(server.heads()[0], b"proxy-authorization") is None

    run(scenario())


def test_hosts_that_need_no_proxy(trusted: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")

    async def scenario() -> None:
        async with serving(answering(OK), trusted) as tls, serving(answering(OK)) as plain, connected() as client:
            assert await (await post(client, f"https://localhost:{tls.port}/")).read(2) == b"ok"
            assert await (await post(client, plain.url)).read(2) == b"ok"
            with pytest.raises(ConnectFailed):
                await post(client, "https://vendor.test/")

    run(scenario())


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
        b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 3\r\n\r\nbad",
        b"SOCKS\r\n\r\n",
        b"HTTP/1.1 200 OK",
        b"x" * 100_000,
    ],
)
def test_a_proxy_that_refuses(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async with serving(tunnel(1, [], answer)) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"http://user:pass@127.0.0.1:{proxy.port}")
            async with connected() as client:
                with pytest.raises(ConnectFailed, match="proxy") as caught:
                    await post(client, "https://vendor.test/")
                assert "pass" not in str(caught.value)

    run(scenario())


def test_a_proxy_that_refuses_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async def refuse(peer: Peer) -> None:
            await peer.request()
            await peer.say(b"HTTP/1.1 403 Forbidden\r\n\r\n")
            assert await peer.hung_up()

        async with serving(refuse) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
            async with connected() as client:
                with pytest.raises(ConnectFailed, match="status 403") as _caught:
                    await post(client, "https://vendor.test/")
                await proxy.peers[0].ended()

    run(scenario())


def test_a_proxy_whose_answer_has_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async def flood(peer: Peer) -> None:
            await peer.request()
            await peer.say(b"HTTP/1.1 200 OK\r\nx: ")
            while True:
                await peer.say(b"a" * 4000)

        async with serving(flood) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
            async with connected() as client:
                with pytest.raises(ConnectFailed, match="proxy"):
                    await post(client, "https://vendor.test/")

    run(scenario())


def test_plain_http_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async with serving(answering(OK)) as proxy:
            monkeypatch.setenv("HTTP_PROXY", f"user:pass@127.0.0.1:{proxy.port}")
            async with connected() as client:
                assert await (await post(client, "http://vendor.test/v1?a=b")).read(2) == b"ok"
            head = proxy.heads()[0]
            assert head.split(b"\r\n")[0] == b"POST http://vendor.test/v1?a=b HTTP/1.1"
            assert header(head, b"host") == b"vendor.test"
            assert header(head, b"proxy-authorization") == b"Basic dXNlcjpwYXNz"

    run(scenario())


@pytest.mark.parametrize("value", ["socks5://127.0.0.1:1080", "https://127.0.0.1:1", "http://", "http://127.0.0.1:x"])
def test_a_proxy_that_cannot_be_used_stops_the_start(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", value)

    async def scenario() -> None:
        with pytest.raises(ValueError, match=r"HTTPS_PROXY .* http://HOST:PORT"):
            async with connected():
                pass

    run(scenario())
