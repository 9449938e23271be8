"""The tokens of a call: what is counted, what is the most that it can be, and where it is counted."""

import asyncio
import json
import threading
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.tokens import calls, encodings
from proxy.tokens.calls import LONG, at_most, counting, estimate

HELLO = {"role": "user", "content": "Hello, how are you today?"}


def body(**fields: Any) -> dict[str, msgspec.Raw]:
    return {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in fields.items()}


@pytest.mark.parametrize(
    ("fields", "tokens"),
    [
        ({"messages": [HELLO]}, 14),
        ({"messages": [], "prompt": "hi"}, 3),
        ({"prompt": HELLO["content"]}, 14),
        ({"prompt": ["hi", "hi"]}, 2 + 7),
        ({"prompt": [1, 2, 3]}, 3),
        ({"prompt": [[1, 2], [3]]}, 3),
        ({"input": HELLO["content"]}, 7),
        ({"input": [[1, 2, 3], [4]]}, 4),
        ({"input": [{"role": "user", "content": [{"type": "input_text", "text": "hi"}]}]}, 1),
        ({"model": "m"}, 0),
        ({"messages": "hi"}, 0),
        ({"prompt": 5}, 7),
        ({"messages": [HELLO, {"role": "user", "content": [{"type": "input_audio"}]}]}, 0),
    ],
)
def test_what_a_client_sends(fields: dict[str, Any], tokens: int) -> None:
    assert estimate(body(**fields)) == tokens


def test_what_is_no_json_counts_nothing() -> None:
    assert estimate({"messages": msgspec.Raw(b"[{")}) == 0


def test_what_is_nested_too_deeply_counts_nothing() -> None:
    assert estimate({"prompt": msgspec.Raw(b"[" * 5000 + b"]" * 5000)}) == 0


texts = st.text(max_size=60)
parts = st.fixed_dictionaries({"type": st.just("text"), "text": texts})
messages = st.dictionaries(
    st.sampled_from(["role", "content", "name", "tool_call_id", "refusal"]), texts | st.lists(parts | texts, max_size=3)
)


@given(st.lists(messages, max_size=4) | texts)
def test_there_are_never_more_tokens_than_at_most(given_: Any) -> None:
    sent = body(**({"messages": given_} if isinstance(given_, list) else {"prompt": given_}))
    assert estimate(sent) <= at_most(sent)


def test_images_may_be_any_number_of_tokens() -> None:
    image = {"type": "image_url", "image_url": {"url": "http://x.test/a.png", "detail": "high"}}
    sent = body(messages=[{"role": "user", "content": [image]}])
    assert estimate(sent) <= at_most(sent)
    assert estimate(sent) > len(json.dumps(image))


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Where calls were counted."""
    seen: list[int] = []
    original = calls.estimate

    def watched(sent: calls.Body) -> int:
        seen.append(threading.get_ident())
        return original(sent)

    monkeypatch.setattr(calls, "estimate", watched)
    return seen


def test_what_is_short_is_counted_once_and_only_if_somebody_asks(threads: list[int]) -> None:
    encodings.load(encodings.CL100K)
    ask = asyncio.run(counting(body(messages=[HELLO])))
    assert threads == []
    assert (ask(), ask()) == (14, 14)
    assert threads == [threading.get_ident()]


def test_what_is_long_is_counted_in_a_thread(threads: list[int]) -> None:
    encodings.load(encodings.CL100K)
    ask = asyncio.run(counting(body(prompt="word " * LONG)))
    assert ask() == LONG + 1 + 7
    [thread] = threads
    assert thread != threading.get_ident()


def test_a_vocabulary_is_loaded_in_a_thread(threads: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encodings, "_loaded", {})
    assert asyncio.run(counting(body(messages=[HELLO])))() == 14
    [thread] = threads
    assert thread != threading.get_ident()
