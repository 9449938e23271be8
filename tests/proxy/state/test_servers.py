"""Redis as people run it: with a password, over TLS, on a socket, behind sentinels, as a cluster."""

import asyncio
import itertools
import ssl
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from proxy.config.loader import load_config
from proxy.state import resilient
from proxy.state.base import Charge, Slot, State, Unavailable
from proxy.state.opening import open_state
from proxy.state.redis import RedisState
from proxy.state.resilient import ResilientState
from proxy.state.settings import RedisSettings, redis_settings
from tests.proxy.state.servers import RedisServer, redis_server

_numbers = itertools.count()
Scenario = Callable[[Any], Coroutine[Any, Any, None]]


async def everything_works(state: State) -> None:
    await state.put("a", b"1", 60)
    await state.put("b", b"2", None)
    assert await state.get_many(["a", "b", "c"]) == [b"1", b"2", None]
    assert await state.swap("a", b"1", b"3", 60)
    await state.delete("a", "b")
    assert await state.get("a") is None
    key, team = (f"{name}-{next(_numbers)}" for name in ("key", "team"))
    answer = await state.reserve([Charge(key, 2, 60), Charge(team, 1.5, 60)], [Slot(key, 1, 60), Slot(team, 1, 60)])
    assert answer.totals == (2, 1.5)
    assert answer.lease is not None
    assert await state.acquire(team, 1, 60) is None
    assert await state.renew(answer.lease, 60)
    await state.release(answer.lease)
    assert await state.acquire(team, 1, 60) is not None
    assert await state.push("queue", b"x", 1)
    assert await state.pop("queue") == [b"x"]
    await _announced(state)


async def _announced(state: State) -> None:
    messages = state.listen("news")
    assert await anext(messages) is None
    async with asyncio.timeout(5):
        while True:
            await state.announce("news", b"hello")
            if await anext(messages) == b"hello":
                break
    await messages.aclose()  # type: ignore[attr-defined]


def run(settings: RedisSettings, scenario: Scenario = everything_works) -> None:
    async def running() -> None:
        state = RedisState(settings)
        await state.probe()
        try:
            await scenario(state)
        finally:
            await state.aclose()

    asyncio.run(running())


def configured(folder: Path, params: str) -> RedisSettings:
    """Of a config with these ``cache_params``."""
    file = folder / "config.yaml"
    file.write_text(f"litellm_settings: {{cache: true, cache_params: {params}}}\n", encoding="utf-8")
    settings = redis_settings(load_config(file))
    assert settings is not None
    return settings


def test_an_address_with_a_database(redis: RedisServer, tmp_path: Path) -> None:
    run(configured(tmp_path, f"{{url: 'redis://127.0.0.1:{redis.port}/5', namespace: mine}}"))
    with redis.client(db=5) as client:
        assert client.keys("mine:{tianji}:count:key-*")
        assert client.keys("mine:{tianji}:slots:team-*")
    with redis.client() as client:
        assert not client.keys("mine:*")


def test_a_password(tmp_path: Path) -> None:
    with redis_server(tmp_path, "--requirepass", "secret") as server:
        run(configured(tmp_path, f"{{host: 127.0.0.1, port: {server.port}, password: secret}}"))
        run(configured(tmp_path, f"{{url: 'redis://:secret@127.0.0.1:{server.port}'}}"))
        for password in ("wr0ng", ""):
            with pytest.raises(Unavailable, match="Authentication") as refused:
                run(configured(tmp_path, f"{{host: 127.0.0.1, port: {server.port}, password: '{password}'}}"))
            assert not password or password not in str(refused.value)


def test_a_user_name(tmp_path: Path) -> None:
    with redis_server(
        tmp_path, "--user", "tianji", "on", ">secret", "~*", "&*", "+@all", "--user", "default", "off"
    ) as server:
        run(configured(tmp_path, f"{{host: 127.0.0.1, port: {server.port}, username: tianji, password: secret}}"))


def test_a_socket(tmp_path: Path) -> None:
    # the name of a socket is at most 107 bytes long
    with tempfile.TemporaryDirectory() as folder, redis_server(Path(folder), "--unixsocket", "r.sock") as server:
        path = Path(folder) / f"redis-{server.port}" / "r.sock"
        run(configured(tmp_path, f"{{unix_socket_path: {path}}}"))
        run(configured(tmp_path, f"{{url: 'unix://{path}'}}"))


@asynccontextmanager
async def _tls(server: RedisServer, folder: Path) -> AsyncIterator[tuple[int, Path]]:
    """The server over TLS: the port, and the authority's file. Its own binary has no TLS."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await asyncio.open_connection("127.0.0.1", server.port)
        await asyncio.gather(relay(reader, forth), relay(back, writer))

    listener = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context)
    yield listener.sockets[0].getsockname()[1], folder / "ca.pem"
    listener.close()


def test_tls(redis: RedisServer, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with _tls(redis, tmp_path) as (port, authority):
            for params in (
                f"{{host: 127.0.0.1, port: {port}, ssl: true, ssl_ca_certs: {authority}}}",
                f"{{host: 127.0.0.1, port: {port}, ssl: 'True', ssl_cert_reqs: none, ssl_check_hostname: false}}",
                f"{{url: 'rediss://127.0.0.1:{port}', ssl_ca_certs: {authority}}}",
            ):
                state = RedisState(configured(tmp_path, params))
                await state.probe()
                await everything_works(state)
                await state.aclose()
            state = RedisState(configured(tmp_path, f"{{url: 'rediss://127.0.0.1:{port}'}}"))
            with pytest.raises(Unavailable, match="certificate"):
                await state.probe()
            await state.aclose()

    asyncio.run(scenario())


def test_a_cluster(redis_cluster: Sequence[RedisServer], tmp_path: Path) -> None:
    params = f"{{redis_startup_nodes: [{{host: 127.0.0.1, port: {redis_cluster[1].port}}}]}}"
    run(configured(tmp_path, params))

    async def spread(state: RedisState) -> None:
        keys = [f"spread-{number}" for number in range(40)]
        for key in keys:
            await state.put(key, key.encode(), 60)
        assert await state.get_many(keys) == [key.encode() for key in keys]
        await state.delete(*keys)
        assert await state.get_many(keys) == [None] * 40

    run(configured(tmp_path, params), spread)
    assert sum(1 for node in redis_cluster if node.client().info()["total_commands_processed"] > 20) == 3


def test_a_master_that_dies_behind_sentinels(
    watched: tuple[RedisServer, RedisServer, RedisServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resilient, "MAX_PAUSE", 0.2)
    master, replica, sentinel = watched
    file = tmp_path / "config.yaml"
    params = f"sentinel_nodes: [[127.0.0.1, {sentinel.port}]], service_name: mymaster, password: secret"
    file.write_text(f"litellm_settings: {{cache: true, cache_params: {{{params}}}}}\n", encoding="utf-8")

    async def scenario() -> None:
        state = open_state(load_config(file))
        assert isinstance(state, ResilientState)
        await state.start()
        try:
            assert state.kind == "redis"
            await everything_works(state)
            master.kill()
            await state.put("meanwhile", b"x", 60)
            async with asyncio.timeout(20):
                while state.kind == "redis":
                    await asyncio.sleep(0.02)
                while state.kind != "redis":
                    await asyncio.sleep(0.02)
            assert await state.get("meanwhile") == b"x"
        finally:
            await state.aclose()

    asyncio.run(scenario())
    with replica.client(password="secret") as client:
        assert client.get("meanwhile") == b"x"


def test_a_full_redis_is_away_for_writers(tmp_path: Path) -> None:
    full = ("--maxmemory", "1", "--maxmemory-policy", "noeviction")
    with redis_server(tmp_path, *full) as server, pytest.raises(Unavailable, match="OutOfMemory"):
        run(configured(tmp_path, f"{{host: 127.0.0.1, port: {server.port}}}"))


def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:9"):
        run(configured(tmp_path, "{host: 127.0.0.1, port: 9}"))
