"""Providers asked directly: what they would send, and what they make of the answers of simulated vendors."""

import asyncio
import json
from typing import Any

import msgspec

from proxy.config.model import DeploymentParams, ModelEntry
from proxy.deployment import make_deployment
from proxy.errors import Failure, Headers
from proxy.providers.base import Attempt, Reply, find_provider
from proxy.providers.openai.format import raw
from proxy.upstream.client import ConnectFailed, Timeouts, UpstreamClient, UpstreamResponse
from tests.proxy.providers.pumping import events_of


class Sent(msgspec.Struct):
    """A request that was not sent."""

    url: str
    headers: dict[str, str]
    content: bytes

    @property
    def body(self) -> dict[str, Any]:
        return dict(json.loads(self.content))


class _Catching:
    """A client that keeps what it is given, and reaches nobody."""

    sent: Sent | None = None

    async def send(self, _: str, url: str, headers: Headers, body: bytes, __: Timeouts) -> UpstreamResponse:
        self.sent = Sent(url, dict(headers), body)
        raise ConnectFailed("nobody is there")


def attempt(
    model: str, endpoint: str = "chat", *, body: dict[str, Any] | None = None, stream: bool = False, **params: Any
) -> Attempt:
    asked = {"messages": [{"role": "user", "content": "hello"}]} if endpoint == "chat" else {}
    fields = (asked | {"stream": True} if stream else asked) | (body or {})
    return Attempt(
        deployment=make_deployment(ModelEntry(model_name="group", params=DeploymentParams(model=model, **params))),
        endpoint=endpoint,
        body={name: raw(value) for name, value in fields.items()},
        stream=stream,
        timeout=5.0,
        shown_model=None,
    )


def sent(asked: Attempt) -> Sent:
    """What the provider of a deployment would send."""
    client = _Catching()
    try:
        asyncio.run(find_provider(asked.deployment.provider).send(asked, client))  # type: ignore[arg-type]
    except Failure:
        if client.sent is None:
            raise
    assert client.sent is not None
    return client.sent


async def _complete(asked: Attempt) -> tuple[Reply, list[Any]]:
    client = UpstreamClient()
    try:
        reply = await find_provider(asked.deployment.provider).send(asked, client)
        if reply.stream is None:
            return reply, [json.loads(reply.body)]
        events = await events_of(reply.stream)
        return reply, [event.decode() if event == b"[DONE]" else json.loads(event) for event in events]
    finally:
        await client.aclose()


def answered(asked: Attempt) -> list[Any]:
    """The answer, decoded, or the events of a stream.

    Raises:
        Failure: what the provider raises.
    """
    return asyncio.run(_complete(asked))[1]
