"""Realtime sessions of the ``openai`` SDK as it is, against the gateway."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from websockets.exceptions import ConnectionClosedError

from fixtures.replies import ok, status
from fixtures.sessions import close, send, session
from tests.conftest import Vendor
from tests.gateways import KEY, Gateway, eventually

Talk = Callable[[AsyncRealtimeConnection], Awaitable[Any]]


def talked(gateway: Gateway, model: str, talk: Talk, **options: Any) -> Any:
    async def run() -> Any:
        client = AsyncOpenAI(api_key=KEY, base_url=f"{gateway.url}/v1", **options)
        async with client, client.realtime.connect(model=model) as connection:
            return await talk(connection)

    return asyncio.run(run())


def test_a_conversation(gateway: Gateway, vendor: Vendor) -> None:
    vendor.answers(ok(["Hel", "lo."]))

    async def talk(connection: AsyncRealtimeConnection) -> list[str]:
        await connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        await connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Say hello."}]}
        )
        await connection.response.create()
        texts = []
        async for event in connection:
            if event.type == "response.output_text.delta":
                texts.append(event.delta)
            elif event.type == "response.done":
                assert event.response.usage is not None
                assert event.response.usage.total_tokens == 15
                break
        return texts

    assert talked(gateway, vendor.name, talk) == ["Hel", "lo."]
    [entry] = vendor.received
    assert [message["type"] for message in entry.messages] == [
        "session.update",
        "conversation.item.create",
        "response.create",
    ]
    assert entry.closed == 1000


def test_the_vendor_ends_it(gateway: Gateway, vendor: Vendor) -> None:
    vendor.answers(session(send({"type": "session.created"}), close(4001, "session expired")))

    async def talk(connection: AsyncRealtimeConnection) -> Any:
        await connection.recv()
        with pytest.raises(ConnectionClosedError) as ended:
            await connection.recv()
        return ended.value.rcvd

    received = talked(gateway, vendor.name, talk)
    assert (received.code, received.reason) == (4001, "session expired")


def test_the_vendor_refuses(gateway: Gateway, vendor: Vendor) -> None:
    vendor.answers(status(401))

    async def talk(connection: AsyncRealtimeConnection) -> Any:
        with pytest.raises(ConnectionClosedError) as ended:
            await connection.recv()
        return ended.value.rcvd

    assert talked(gateway, vendor.name, talk).code == 1011


def test_without_async(gateway: Gateway, vendor: Vendor) -> None:
    with (
        OpenAI(api_key=KEY, base_url=f"{gateway.url}/v1") as client,
        client.realtime.connect(model=vendor.name) as connection,
    ):
        assert connection.recv().type == "session.created"
    assert eventually(lambda: vendor.open == 0)


def test_a_wrong_key(gateway: Gateway, vendor: Vendor) -> None:
    client = OpenAI(api_key="sk-wrong", base_url=f"{gateway.url}/v1")
    with pytest.raises((openai.OpenAIError, Exception), match="403"), client.realtime.connect(model=vendor.name):
        pass
    assert vendor.calls == 0
