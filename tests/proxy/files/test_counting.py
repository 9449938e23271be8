"""What a batch file asks for."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import GatewayError
from proxy.files.counting import BLOCK, Counted, count

CHAT = msgspec.json.encode(
    {"custom_id": "a", "body": {"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}]}}
)
EACH = 8
"""Tokens of the chat: 3 around it, 3 around its message, a role and a word."""


async def _parts(parts: Iterable[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def counted(*parts: bytes, tokens: bool = True, longest: int = 10_000) -> Counted:
    return asyncio.run(count(_parts(parts), tokens=tokens, longest=longest))


@given(st.integers(0, 5), st.lists(st.integers(0, 700), max_size=5), st.booleans())
def test_parts_may_end_anywhere(lines: int, cuts: list[int], ended: bool) -> None:
    whole = b"\n".join([CHAT] * lines) + (b"\n" if ended else b"")
    places = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    parts = [whole[start:end] for start, end in itertools.pairwise(places)]
    assert counted(*parts) == Counted(lines, lines * EACH)


def test_many_blocks() -> None:
    lines = 3 * BLOCK // len(CHAT)
    assert counted(*[CHAT + b"\n"] * lines, tokens=False) == Counted(lines, 0)


def test_a_line_after_many_blocks_is_named_by_its_number() -> None:
    lines = 2 * BLOCK // len(CHAT)
    with pytest.raises(GatewayError, match=f"line {lines + 1}:"):
        counted(*[CHAT + b"\n"] * lines, b"{\n", CHAT, tokens=False)


@pytest.mark.parametrize("blank", [b"", b"\n", b"\r\n", b"  \n\n"])
def test_nothing_counts_nothing(blank: bytes) -> None:
    assert counted(blank) == Counted(0, 0)


@pytest.mark.parametrize(
    "line",
    [b"{", b"[1]", b"7", b"null", b"\xff", b'{"body": 7}', b'{"body": {"messages": "hello"}}', b"[" * 100_000],
    ids=["cut", "list", "number", "null", "no-text", "body", "messages", "nested"],
)
def test_what_is_no_request_is_named(line: bytes) -> None:
    with pytest.raises(GatewayError, match="line 2:") as refused:
        counted(CHAT + b"\n" + line + b"\n" + CHAT, longest=1_000_000)
    assert (refused.value.status, refused.value.param) == (400, "input_file_id")


def test_a_line_without_an_end_is_not_held() -> None:
    with pytest.raises(GatewayError, match=r"line 1: it has more than 1000 bytes"):
        counted(*[b"x" * 600] * 3, longest=1000)


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        {"prompt": "hello"},
        {"input": "hello"},
        {"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]},
    ],
    ids=["none", "empty", "prompt", "input", "audio"],
)
def test_requests_without_tokens_that_count(body: object) -> None:
    assert counted(msgspec.json.encode({"body": body})) == Counted(1, 0)
