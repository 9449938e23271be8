"""Tokens of every vendor's answers, whole and streamed."""

import json
from typing import Any

import pytest

from proxy.call import Usage
from proxy.passthrough.prices import VendorPrices
from proxy.passthrough.usage import MAX_READ, Meter

JSON = "application/json"
EVENTS = "text/event-stream; charset=utf-8"

UNREADABLE = (
    b'{"model":"x\xff","usage":{"prompt_tokens":1}}',
    b'data: {"usage":{"x":"\xff"}}\n\n',
    b'{"usage":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    b'data: {"usage":' + b"[" * 10_000 + b"]" * 10_000 + b"}\n\n",
)


def metered(kind: str, *parts: bytes, model: str = "") -> Meter:
    meter = Meter(kind, model)
    for part in parts:
        meter.feed(part)
    meter.finish()
    return meter


def events(*values: Any) -> bytes:
    return b"".join(b"data: " + json.dumps(value).encode() + b"\n\n" for value in values)


@pytest.mark.parametrize(
    ("answer", "usage"),
    [
        (
            {
                "usage": {
                    "prompt_tokens": 10,
                    "completion_tokens": 5,
                    "total_tokens": 15,
                    "prompt_tokens_details": {"cached_tokens": 4},
                    "completion_tokens_details": {"reasoning_tokens": 2},
                }
            },
            Usage(10, 5, 15, 4, 2),
        ),
        (
            {"usage": {"input_tokens": 10, "output_tokens": 5, "input_tokens_details": {"cached_tokens": 3}}},
            Usage(10, 5, 15, 3),
        ),
        (
            {
                "usage": {
                    "input_tokens": 10,
                    "output_tokens": 5,
                    "cache_read_input_tokens": 7,
                    "cache_creation_input_tokens": 2,
                }
            },
            Usage(19, 5, 24, 7, 0, 2),
        ),
        (
            {
                "usageMetadata": {
                    "promptTokenCount": 10,
                    "candidatesTokenCount": 5,
                    "thoughtsTokenCount": 3,
                    "totalTokenCount": 18,
                }
            },
            Usage(10, 8, 18, 0, 3),
        ),
        ({"usage": {"inputTokens": 10, "outputTokens": 5, "totalTokens": 15}}, Usage(10, 5, 15)),
        ({"meta": {"tokens": {"input_tokens": 10, "output_tokens": 5}}}, Usage(10, 5, 15)),
        ({"usage": {"prompt_tokens": -1, "completion_tokens": True, "total_tokens": "9"}}, Usage()),
        ({"usage": None}, Usage()),
        ({}, Usage()),
    ],
    ids=["openai", "responses", "anthropic", "gemini", "bedrock", "cohere", "odd", "null", "none"],
)
def test_whole_answers(answer: dict[str, Any], usage: Usage) -> None:
    body = json.dumps(answer).encode()
    assert metered(JSON, body[:9], body[9:]).usage == usage


def test_a_stream_of_anthropic() -> None:
    body = events(
        {"type": "message_start", "message": {"model": "claude", "usage": {"input_tokens": 10, "output_tokens": 1}}},
        {"type": "content_block_delta", "delta": {"text": "usage"}},
        {"type": "message_delta", "delta": {}, "usage": {"input_tokens": 0, "output_tokens": 5}},
    )
    meter = metered(EVENTS, *(body[at : at + 7] for at in range(0, len(body), 7)))
    assert (meter.usage, meter.model) == (Usage(10, 5, 15), "claude")


@pytest.mark.parametrize(
    "last",
    [
        {"model": "m", "usage": {"prompt_tokens": 10, "completion_tokens": 5}},
        {"type": "response.completed", "response": {"model": "m", "usage": {"input_tokens": 10, "output_tokens": 5}}},
        {"modelVersion": "m", "usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 5}},
        {"model": "m", "delta": {"usage": {"tokens": {"input_tokens": 10, "output_tokens": 5}}}},
    ],
)
def test_the_last_event_tells(last: dict[str, Any]) -> None:
    body = events({"choices": []}, last) + b"data: [DONE]\n\n"
    meter = metered(EVENTS, body)
    assert (meter.usage, meter.model) == (Usage(10, 5, 15), "m")
    assert metered(EVENTS, body[: body.index(b"\n\ndata: [DONE]")]).usage == Usage(10, 5, 15)


def test_a_list_of_answers() -> None:
    answers = [{"usageMetadata": {"promptTokenCount": 10}}, {"usageMetadata": {"candidatesTokenCount": 5}}]
    assert metered(JSON, json.dumps(answers).encode()).usage == Usage(10, 5, 15)


def test_a_binary_stream_of_bedrock() -> None:
    told = b'{"metrics":{"latencyMs":7},"usage":{"inputTokens":10,"outputTokens":5,"totalTokens":15}}'
    frame = b"\x00\x00\x00\x9e:event-type\x07\x00\x08metadata" + told + b"\x9a\x01"
    assert metered("application/vnd.amazon.eventstream", frame[:50], frame[50:]).usage == Usage(10, 5, 15)


@pytest.mark.parametrize("kind", [JSON, EVENTS, "text/html", ""])
def test_what_is_not_understood_counts_nothing(kind: str) -> None:
    for body in (b'{"usage":', b"data: {", b"<html>", b"[" * 100_000, b'"usage"' * 1000, b"\xff\n\n", *UNREADABLE):
        assert metered(kind, body).usage == Usage()


def test_long_answers_are_not_kept() -> None:
    meter = Meter(JSON)
    for _ in range(100):
        meter.feed(b" " * (MAX_READ // 10))
    meter.finish()
    assert meter.usage == Usage()


def test_prices_are_public() -> None:
    prices = VendorPrices({})
    assert prices.cost("openai", "gpt-4o-mini", Usage(1_000_000, 0, 1_000_000)) == pytest.approx(0.15)
    assert prices.cost("anthropic", "claude-3-haiku-20240307", Usage(0, 1_000_000, 1_000_000)) == pytest.approx(1.25)
    assert prices.cost("vertex_ai", "gemini-2.5-flash", Usage(1_000_000, 0, 1_000_000)) == pytest.approx(0.3)
    assert prices.cost("openai", "unheard-of", Usage(1, 1, 2)) is None
    assert prices.cost("openai", "gpt-4o-mini", Usage()) is None
