"""The tokens of chats: what is counted, what is not, and what nobody can count."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.tokens.count import Counter, count_messages, count_text, counter_of
from proxy.tokens.errors import Uncountable

HELLO = {"role": "user", "content": "Hello, how are you today?"}
SYSTEM = {"role": "system", "content": "You are helpful."}
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Tells the weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
EXAMPLES = [
    {
        "role": "system",
        "content": "You are a helpful, pattern-following assistant that translates corporate jargon into plain English.",
    },
    {"role": "system", "name": "example_user", "content": "New synergies will help drive top-line growth."},
    {"role": "system", "name": "example_assistant", "content": "Things working well together will increase revenue."},
    {
        "role": "system",
        "name": "example_user",
        "content": "Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage.",
    },
    {
        "role": "system",
        "name": "example_assistant",
        "content": "Let's talk later when we're less busy about how to do better.",
    },
    {
        "role": "user",
        "content": "This late pivot means we don't have time to boil the ocean for the client deliverable.",
    },
]


@pytest.mark.parametrize(("model", "tokens"), [("gpt-3.5-turbo", 129), ("gpt-4", 129), ("gpt-4o", 124)])
def test_openai_charges_as_many(model: str, tokens: int) -> None:
    """https://cookbook.openai.com/examples/how_to_count_tokens_with_tiktoken, confirmed there by the API."""
    assert count_messages(EXAMPLES, model) == tokens


def words(text: str) -> int:
    return len(text.split())


def counted(message: dict[str, Any], counter: Counter = words) -> int:
    """Of one message, without what stands around it."""
    return count_messages([message], "", counter=counter) - count_messages([{}], "", counter=counter)


@pytest.mark.parametrize(
    ("message", "tokens"),
    [
        ({"role": "user"}, 1),
        ({"content": "a b c"}, 3),
        ({"content": None}, 0),
        ({"content": ["a b", "c"]}, 3),
        ({"content": [{"type": "text", "text": "a b"}, {"type": "text"}]}, 2),
        ({"name": "ada"}, 2),
        ({"refusal": "no no", "priority": 3, "cache_control": {"type": "a b c"}}, 2),
        ({"tool_calls": [{"id": "a b", "function": {"name": "a b", "arguments": "x y z"}}]}, 3),
        ({"tool_calls": None}, 0),
        ({"content": [{"type": "thinking", "thinking": "a b", "signature": "c"}]}, 2),
        ({"content": [{"type": "tool_use", "id": "a", "name": "b", "input": {"c": "d"}}]}, 3),
        ({"content": [{"type": "tool_result", "tool_use_id": "a", "content": "b c"}]}, 2),
        ({"content": [{"type": "tool_result", "content": [{"type": "text", "text": "b c"}]}]}, 2),
        ({"content": [{"type": "tool_result"}]}, 0),
        ({"content": [{"type": "image_url", "image_url": "http://x.test/a.png"}]}, 85),
    ],
)
def test_what_a_message_is_made_of(message: dict[str, Any], tokens: int) -> None:
    assert counted(message) == tokens


@pytest.mark.parametrize(
    ("messages", "told"),
    [
        ("hi", "messages must be a list"),
        ([["hi"]], "a message must be an object"),
        ([{"tool_calls": "none"}], "tool_calls must be a list"),
        ([{"tool_calls": [{}]}], "function of a tool call must be an object"),
        ([{"content": [3]}], "a part must be an object"),
        ([{"content": [{"type": "input_audio"}]}], "input_audio"),
        ([{"content": [{"type": "file"}]}], "file"),
        ([{"content": [{}]}], "type None"),
        ([{"content": [{"type": "image_url", "image_url": {"url": ""}}]}], "image_url"),
        ([{"content": [{"type": "image_url", "image_url": {"url": "x", "detail": "best"}}]}], "'best'"),
    ],
)
def test_what_nobody_can_count(messages: Any, told: str) -> None:
    with pytest.raises(Uncountable, match=told):
        count_messages(messages, "gpt-4o")


def test_what_is_nested_too_deeply() -> None:
    part: dict[str, Any] = {"type": "text", "text": "a"}
    for _ in range(5000):
        part = {"type": "tool_result", "content": [part]}
    with pytest.raises(Uncountable, match="too deeply"):
        count_messages([{"content": [part]}], "gpt-4o")


@pytest.mark.parametrize(
    ("fields", "more"),
    [
        ({}, 0),
        ({"tool_choice": "auto"}, 0),
        ({"tool_choice": "none"}, 1),
        ({"tool_choice": {"type": "function", "function": {"name": "weather"}}}, 8),
        ({"tools": []}, 0),
    ],
)
def test_what_stands_around_messages(fields: dict[str, Any], more: int) -> None:
    assert count_messages([HELLO], "gpt-4o", **fields) == 14 + more


def test_tools_cost_less_beside_a_system_prompt() -> None:
    alone = count_messages([HELLO], "gpt-4o", tools=[WEATHER]) - count_messages([HELLO], "gpt-4o")
    beside = count_messages([SYSTEM, HELLO], "gpt-4o", tools=[WEATHER]) - count_messages([SYSTEM, HELLO], "gpt-4o")
    assert alone - beside == 4


def test_an_old_model_counts_otherwise() -> None:
    named = HELLO | {"name": "ada"}
    assert count_messages([named], "gpt-3.5-turbo") - count_messages([named], "gpt-3.5-turbo-0301") == 1


def test_texts() -> None:
    assert count_text("Hello, how are you today?", "gpt-4o") == counter_of("")("Hello, how are you today?") == 7


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["role", "content", "type", "text", "tool_calls", "function", "image_url", "url", "name"]),
            inner | st.sampled_from(["text", "image_url", "tool_use", "tool_result"]),
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(anything, anything, anything)
def test_anything_is_counted_or_refused(messages: Any, tools: Any, tool_choice: Any) -> None:
    with contextlib.suppress(Uncountable):
        assert count_messages(messages, "", tools=tools, tool_choice=tool_choice) >= 3
