"""Members of a JSON object are taken out of its text as it goes by."""

import asyncio
import json
import time
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from proxy.passthrough.members import MemberFilter

NAMES = frozenset(("tags", "metadata"))
KEYS = st.sampled_from(["tags", "metadata", "model", "a", 'q"', "\\", "é", "tags ", "x" * 2000])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6) | st.sampled_from(["}{", "],[", '\\"', '"tags"']),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


def deep(value: Any, depth: int) -> Any:
    """Within ``depth`` arrays and objects."""
    for level in range(depth):
        value = [value, "]"] if level % 2 else {"tags": value, "a": 1}
    return value


def filtered(text: bytes, cuts: list[int]) -> bytes:
    member_filter = MemberFilter(NAMES)
    bounds = [0, *sorted(cut for cut in cuts if cut <= len(text)), len(text)]
    parts = [member_filter.feed(text[begin:end]) for begin, end in pairwise(bounds)]
    return b"".join(parts) + member_filter.finish()


@given(
    st.dictionaries(KEYS, st.builds(deep, VALUES, st.sampled_from([0, 8, 9, 10, 20])), max_size=5),
    st.lists(st.integers(0, 300), max_size=6),
    st.booleans(),
    st.sampled_from([None, 1, 4]),
    st.booleans(),
)
@example({"tags": 1}, [], False, None, False)
@example({"tags": 1, "a": 2, "metadata": {"tags": []}}, [9, 10, 11], False, None, True)
def test_what_is_left_is_the_rest(
    fields: dict[str, Any], cuts: list[int], ascii_only: bool, indent: int | None, escaped: bool
) -> None:
    text = json.dumps(fields, ensure_ascii=ascii_only, indent=indent).encode()
    if escaped:
        text = text.replace(b'"tags"', b'"t\\u0061gs"')
    left = filtered(text, cuts)
    expected = {name: value for name, value in fields.items() if name not in NAMES}
    assert json.loads(left) == json.loads(json.dumps(expected)) or escaped
    assert len(left) == len(text)
    if expected == fields:
        assert left == text


@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=4))
@example(b'{"a', [])
@example(b'{"a":1', [2])
@example(b'{,,"tags":1}', [])
@example(b'[{"tags": 1}]', [])
@example(b"\xef\xbb\xbf{}", [])
def test_what_is_no_object_passes(text: bytes, cuts: list[int]) -> None:
    left = filtered(text, cuts)
    assert len(left) == len(text)
    if not text.lstrip().startswith(b"{"):
        assert left == text


def test_a_name_that_never_ends_is_not_held_back() -> None:
    member_filter = MemberFilter(NAMES)
    assert sum(len(member_filter.feed(b'{"' if not index else b"x" * 100)) for index in range(100)) > 8000


@pytest.mark.parametrize("text", [b'{"tags":1}', b'{"a":{"tags":1}}', b'{"tags":{"a":[1,"}"]}}'])
def test_only_the_outermost_members_count(text: bytes) -> None:
    left = json.loads(filtered(text, []))
    assert left in ({}, {"a": {"tags": 1}})


def test_blanks_before_a_name_may_be_many() -> None:
    text = b'{"a":1,' + b" " * 3000 + b'"tags":2}'
    for cuts in ([], [7], [2000], [3008], [3011]):
        left = filtered(text, cuts)
        assert (json.loads(left), len(left)) == ({"a": 1}, len(text))


HOSTILE = {
    "brackets": b'{"a":' + b"[" * 1_000_000,
    "members": b"{" + b'"":1,' * 200_000 + b'"tags":1}',
    "ours": b"{" + b'"tags":1,' * 110_000 + b'"":1}',
    "quotes": b'{"a":"' + b'\\"' * 500_000 + b'"}',
    "backslashes": b'{"a":"' + b"\\" * 1_000_000,
    "nested": b'{"a":' + b'["",' * 250_000,
    "shallow": b'{"a":[' + b"[]," * 330_000,
    "commas": b'{"a":' + b"," * 1_000_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_text_takes_long(text: bytes) -> None:
    began = time.thread_time()
    left = filtered(text, [])
    assert time.thread_time() - began < 0.4  # a tenth of it on an idle machine
    assert len(left) == len(text)
    assert b"tags" not in left


def test_other_calls_go_on_meanwhile() -> None:
    async def run() -> tuple[list[float], bytes]:
        text, gaps, over = HOSTILE["members"], [], False

        async def tick() -> None:
            last = time.thread_time()
            while not over:
                await asyncio.sleep(0)
                gaps.append(time.thread_time() - last)
                last = time.thread_time()

        ticking = asyncio.create_task(tick())
        member_filter = MemberFilter(NAMES)
        pieces = [piece async for piece in member_filter.pass_on(text)]
        over = True
        await ticking
        return gaps, b"".join(pieces) + member_filter.finish()

    gaps, left = asyncio.run(run())
    assert len(gaps) > 20
    assert max(gaps) < 0.05
    assert left == filtered(HOSTILE["members"], [])
