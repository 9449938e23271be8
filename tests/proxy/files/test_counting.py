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
from proxy.tokens.images import BASE, TILE

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


def test_each_model_is_looked_at_once_and_named_by_its_first_line() -> None:
    looked: list[str | None] = []

    def check(model: str | None) -> None:
        looked.append(model)
        if model == "bad":
            raise GatewayError(401, "no such thing", type="some_type", param="model")

    bad = msgspec.json.encode({"body": {"model": "bad"}})
    before = 2 * BLOCK // len(CHAT)
    parts = [*[CHAT + b"\n"] * before, bad + b"\n", *[CHAT + b"\n"] * 2 * before, b"{\n"]
    with pytest.raises(GatewayError, match=f"line {before + 1}: no such thing") as refused:
        asyncio.run(count(_parts(parts), tokens=False, longest=10_000, check=check))
    assert (refused.value.status, refused.value.type, refused.value.param) == (401, "some_type", "model")
    assert looked == ["gpt-4o", "bad"]


def tokens_of(body: object) -> int:
    found = counted(msgspec.json.encode({"body": body}))
    assert found.requests == 1
    return found.tokens


@pytest.mark.parametrize("body", [None, {}, {"messages": None}, {"input": None}, {"prompt": ""}, {"input": []}])
def test_requests_without_tokens(body: object) -> None:
    assert tokens_of(body) == 0


@pytest.mark.parametrize(
    ("body", "tokens"),
    [
        ({"prompt": "hello"}, 1),
        ({"prompt": ["hello", "hello there"]}, 3),
        ({"prompt": [1, 2, 3]}, 3),
        ({"prompt": [[1, 2], [3, 4]]}, 4),
        ({"input": "hello"}, 1),
        ({"input": ["hello"] * 5}, 5),
        ({"input": "hello", "instructions": "hello there"}, 3),
        ({"input": [{"role": "user", "content": "hello"}]}, 1),
        ({"input": [{"role": "user", "content": [{"type": "input_text", "text": "hello"}]}]}, 1),
        ({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "https://a.test/b"}]}]}, BASE),
        (
            {"input": [{"content": [{"type": "input_image", "image_url": "https://a.test/b", "detail": "high"}]}]},
            BASE + TILE,
        ),
        ({"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "file-1"}]}]}, BASE),
        ({"input": [{"type": "function_call_output", "call_id": "1", "output": "hello there"}]}, 2),
        ({"input": [{"type": "reasoning", "summary": []}]}, 0),
        ({"input": [{"type": "text", "text": "hello"}, {"type": "image_url", "image_url": {"url": "u"}}]}, 1 + BASE),
    ],
)
def test_prompts_and_inputs_count(body: dict[str, object], tokens: int) -> None:
    assert tokens_of({"model": "gpt-4o", **body}) == tokens


SOUND = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
FILE = {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA"}}
HELLO = {"type": "text", "text": "hello"}
PICTURE = {"type": "image_url", "image_url": {"url": "https://a.test/b", "detail": "high"}}


@pytest.mark.parametrize(
    ("content", "tokens"),
    [
        ([SOUND], BASE),
        ([HELLO, SOUND, HELLO], 2 + BASE),
        ([HELLO, FILE], 1 + BASE),
        ([PICTURE, FILE], 2 * BASE + TILE),
        ([{"type": "image_url", "image_url": ""}], BASE),
        ([{"type": "refusal", "refusal": "hello there"}], 2),
        ([{"type": "tool_result", "content": [HELLO, SOUND]}], 1 + BASE),
        ([7, "hello"], 2),
    ],
)
def test_what_nobody_can_count_is_estimated(content: object, tokens: int) -> None:
    messages = [{"role": "user", "content": "hello"}, {"role": "user", "content": content}]
    assert tokens_of({"model": "gpt-4o", "messages": messages}) == EACH + 4 + tokens


def test_calls_of_tools_that_nobody_can_count() -> None:
    call = {"id": "1", "type": "custom", "custom": {"name": "f", "input": "hello there"}}
    messages = [{"role": "user", "content": "hello"}, {"role": "user", "content": "hello", "tool_calls": [call]}]
    assert tokens_of({"model": "gpt-4o", "messages": messages}) == EACH + 5 + 2


def test_messages_that_are_none() -> None:
    assert tokens_of({"messages": [7, None]}) == 9


@pytest.mark.parametrize("name", ["input", "messages"])
def test_a_part_that_is_nested_too_deeply(name: str) -> None:
    depth = 900
    line = b'{"body": {"%b": [%b"hello"%b]}}' % (name.encode(), b'{"content": [' * depth, b"]}" * depth)
    with pytest.raises(GatewayError, match="line 1:"):
        counted(line, longest=1_000_000)
