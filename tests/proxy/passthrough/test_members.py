"""Members of a JSON object are taken out of its text as it goes by."""

import json
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


def filtered(text: bytes, cuts: list[int]) -> bytes:
    member_filter = MemberFilter(NAMES)
    bounds = [0, *sorted(cut for cut in cuts if cut <= len(text)), len(text)]
    parts = [member_filter.feed(text[begin:end]) for begin, end in pairwise(bounds)]
    return b"".join(parts) + member_filter.finish()


@given(
    st.dictionaries(KEYS, VALUES, max_size=5),
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
