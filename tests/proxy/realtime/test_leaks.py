"""Two hundred sessions are opened and dropped: nothing of them is left in the process."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest
import uvicorn
from websockets.asyncio.client import ClientConnection, connect

from fixtures.replies import hang, ok, status
from fixtures.running import UpstreamControl
from fixtures.sessions import send, session, vanish
from proxy.app import build_app
from proxy.config.loader import load_config
from proxy.gateway import Gateway
from proxy.realtime.session import RealtimeSession
from proxy.server import BoundedProtocol
from proxy.sockets import SocketProtocol
from proxy.upstream.websocket import UpstreamSocket

SESSIONS = 200
CONFIG = """
model_list:
  - model_name: voice
    litellm_params: {{model: openai/leaking-voice, api_base: {url}/v1, api_key: sk-up}}
    model_info: {{id: voice-1}}
router_settings: {{num_retries: 0, disable_cooldowns: true}}
general_settings: {{master_key: sk-1234}}
"""
ENDS = {"close": ok(), "drop": ok(), "upstream": session(send({}), vanish()), "refused": status(500), "opening": hang()}


@asynccontextmanager
async def serving(url: str, folder: Path) -> AsyncIterator[tuple[Gateway, int]]:
    """The gateway in this process, so that its tasks and objects can be counted."""
    (folder / "config.yaml").write_text(CONFIG.format(url=url))
    gateway = Gateway(load_config(folder / "config.yaml"))

    @asynccontextmanager
    async def around(_: Gateway) -> AsyncIterator[None]:
        yield

    listening = socket.create_server(("127.0.0.1", 0), backlog=512)
    server = uvicorn.Server(
        uvicorn.Config(
            build_app(gateway, around), http=BoundedProtocol, ws=SocketProtocol, lifespan="on", log_config=None
        )
    )
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(server._serve([listening]))
    while not server.started:
        await asyncio.sleep(0.01)
    yield gateway, listening.getsockname()[1]
    server.should_exit = True
    await task


async def one(port: int, end: str) -> None:
    """One session that ends in that way."""
    url = f"ws://127.0.0.1:{port}/v1/realtime?model=voice"
    client: ClientConnection
    async with connect(url, additional_headers={"authorization": "Bearer sk-1234"}, proxy=None) as client:
        if end in ("close", "drop"):
            await client.recv()
            await client.send('{"type": "response.create"}')
            await client.recv()
        if end in ("drop", "opening"):
            await asyncio.sleep(0.05)
            client.transport.abort()
        elif end in ("upstream", "refused"):
            await client.wait_closed()


def left() -> list[object]:
    gc.collect()
    kinds = (RealtimeSession, UpstreamSocket, SocketProtocol)
    return [item for item in gc.get_objects() if isinstance(item, kinds)]


@pytest.mark.parametrize("end", ENDS)
def test_nothing_is_left(upstream: UpstreamControl, tmp_path: Path, end: str) -> None:
    upstream.script("leaks", {"leaking-voice": [ENDS[end]]})

    async def run() -> None:
        async with serving(upstream.url, tmp_path) as (gateway, port):
            await one(port, end)
            await asyncio.sleep(0.1)
            tasks = len(asyncio.all_tasks())
            process = psutil.Process()
            sockets = len(process.net_connections())
            await asyncio.gather(*(one(port, end) for _ in range(SESSIONS)))
            for _ in range(200):
                if not gateway.calls and len(asyncio.all_tasks()) == tasks:
                    break
                await asyncio.sleep(0.01)
            assert gateway.calls == 0
            assert len(asyncio.all_tasks()) == tasks
            await asyncio.sleep(0.2)
            assert len(process.net_connections()) <= sockets + 1
            assert left() == []

    asyncio.run(run())
    assert upstream.calls("leaks").open == 0


def test_memory_does_not_grow(upstream: UpstreamControl, tmp_path: Path) -> None:
    upstream.script("leaks", {"leaking-voice": []})

    async def run() -> None:
        async with serving(upstream.url, tmp_path) as (_, port):
            process = psutil.Process()
            sizes = []
            for _ in range(4):
                await asyncio.gather(*(one(port, "drop") for _ in range(SESSIONS)))
                await asyncio.sleep(0.3)
                gc.collect()
                sizes.append(process.memory_info().rss)
            assert sizes[-1] - sizes[1] < 4_000_000, sizes

    asyncio.run(run())
