"""Strategies: JSON, and answers of vendors with fields that nobody expects."""

from typing import Any

from hypothesis import strategies as st

names = st.sampled_from(("x", "extra", "citations", "reasoning", "é", 'a"b', "prompt_filter_results"))
numbers = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | numbers | st.text(max_size=6)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3))
extras = st.dictionaries(names, values, max_size=3)
texts = st.text(max_size=20)

tool_calls = st.lists(
    st.fixed_dictionaries(
        {
            "id": texts,
            "type": st.just("function"),
            "function": st.fixed_dictionaries({"name": texts, "arguments": texts}),
        }
    ),
    min_size=1,
    max_size=2,
)
usages = st.fixed_dictionaries(
    {"prompt_tokens": st.integers(0, 99), "completion_tokens": st.integers(0, 99), "total_tokens": st.integers(0, 198)},
    optional={
        "prompt_tokens_details": st.none() | st.just({"cached_tokens": 3, "audio_tokens": None}),
        "completion_tokens_details": st.none() | st.just({"reasoning_tokens": 2}),
        "cost": numbers,
    },
)


@st.composite
def messages(draw: st.DrawFn) -> dict[str, Any]:
    known = {
        "role": st.just("assistant"),
        "content": st.none() | texts,
        "refusal": st.none() | texts,
        "tool_calls": st.none() | tool_calls,
        "annotations": values,
        "audio": st.none() | st.just({"id": "audio_1", "data": "AA=="}),
        "reasoning_content": st.none() | texts,
    }
    picked = draw(st.sets(st.sampled_from(sorted(known))))
    return {name: draw(known[name]) for name in sorted(picked)} | draw(extras)


@st.composite
def choices(draw: st.DrawFn, index: int) -> dict[str, Any]:
    choice = {"index": index, "message": draw(messages()), "finish_reason": draw(st.sampled_from(("stop", "length")))}
    if draw(st.booleans()):
        choice["logprobs"] = draw(
            st.none() | st.just({"content": [{"token": "a", "logprob": -0.25, "top_logprobs": []}]})
        )
    return draw(extras) | choice


@st.composite
def chats(draw: st.DrawFn) -> dict[str, Any]:
    answer = {
        "id": draw(texts),
        "object": "chat.completion",
        "created": draw(st.integers(0, 2**40)),
        "model": draw(texts),
    }
    answer["choices"] = [draw(choices(index)) for index in range(draw(st.integers(1, 3)))]
    if draw(st.booleans()):
        answer["usage"] = draw(st.none() | usages)
    if draw(st.booleans()):
        answer["system_fingerprint"] = draw(st.none() | texts)
    return draw(extras) | answer
