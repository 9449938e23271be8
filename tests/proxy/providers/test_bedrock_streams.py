"""Binary streams however the network cuts them, and embeddings whose tokens a header counts."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from fixtures.bedrock_replies import said
from fixtures.event_stream import event
from fixtures.replies import Reply, ok
from fixtures.running import UpstreamControl
from proxy.providers.bedrock.chunks import ConverseChunks
from proxy.providers.bedrock.stream import BinaryStream
from proxy.providers.failures import StreamFailure
from tests.proxy.providers.pumping import events_of
from tests.proxy.providers.sending import answered, attempt

USAGE = {"inputTokens": 10, "outputTokens": 5, "totalTokens": 15}
STREAM = b"".join(
    (
        event("messageStart", {"role": "assistant"}),
        event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "one "}}),
        event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "two"}}),
        event("contentBlockStop", {"contentBlockIndex": 0}),
        event("messageStop", {"stopReason": "end_turn"}),
        event("metadata", {"usage": USAGE}),
    )
)


class _Response:
    """An answer that comes in these parts."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts

    async def part(self) -> bytes:
        return next(self._parts, b"")

    async def forward(self, take: Any) -> None:
        while not take(await self.part()):
            pass

    async def aclose(self) -> None:
        pass


async def _texts(parts: list[bytes]) -> list[str]:
    chunks = ConverseChunks("m", {}, include_usage=False)
    stream = BinaryStream(_Response(iter(parts)), chunks, attempt("bedrock/x"))  # type: ignore[arg-type]
    await stream.start()
    *told, done = await events_of(stream)
    assert done == b"[DONE]"
    assert stream.usage.total_tokens == 15
    return [json.loads(chunk)["choices"][0]["delta"].get("content", "") for chunk in told]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, len(STREAM)])
def test_however_a_stream_is_cut(size: int) -> None:
    parts = [STREAM[at : at + size] for at in range(0, len(STREAM), size)]
    assert asyncio.run(_texts(parts)) == ["one ", "two", ""]


def test_a_bit_that_fell_over() -> None:
    spoilt = bytearray(STREAM)
    spoilt[-20] ^= 1
    with pytest.raises(StreamFailure, match="no event"):
        asyncio.run(_texts([bytes(spoilt)]))


@pytest.fixture
def deployment(upstream: UpstreamControl) -> dict[str, Any]:
    keys = {"aws_access_key_id": "AKID", "aws_secret_access_key": "secret"}
    return {"api_base": upstream.url, "other": keys | {"aws_region_name": "eu-west-1"}}


def test_the_header_that_counts_tokens(upstream: UpstreamControl, deployment: dict[str, Any]) -> None:
    counted = Reply(body={"embeddings": [[0.5]]}, headers={"x-amzn-bedrock-input-token-count": "37"})
    upstream.script("counts", {"cohere.embed-english-v3": [counted]})
    [answer] = answered(attempt("bedrock/cohere.embed-english-v3", "embeddings", body={"input": "hi"}, **deployment))
    assert answer["usage"]["prompt_tokens"] == 37


def test_a_text_completion_is_asked_as_a_chat(upstream: UpstreamControl, deployment: dict[str, Any]) -> None:
    upstream.script("completes", {"plain": [said({"text": "hello"})]})
    [answer] = answered(attempt("bedrock/converse/plain", "completions", body={"prompt": "hi"}, **deployment))
    assert answer["choices"][0]["text"] == "hello"


def test_a_text_completion_is_streamed(upstream: UpstreamControl, deployment: dict[str, Any]) -> None:
    upstream.script("streams", {"plain": [ok(["hel", "lo"])]})
    asked = attempt("bedrock/converse/plain", "completions", body={"prompt": "hi"}, stream=True, **deployment)
    assert "".join(chunk["choices"][0]["text"] for chunk in answered(asked)[:-1]) == "hello"
