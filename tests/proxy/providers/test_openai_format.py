"""Complete answers: what the reference keeps is kept to the last digit, what is no answer is refused."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.call import Usage
from proxy.providers.openai import format as openai_format
from tests.proxy.providers import answers

LAYOUTS = {"chat": openai_format.chat, "completions": openai_format.completion, "embeddings": openai_format.embeddings}
REFUSED = (msgspec.DecodeError, KeyError, RecursionError)
MESSAGE_FIELDS = {"content", "role", "tool_calls", "function_call", "audio", "annotations", "images", "thinking_blocks"}


def exact(text: bytes | str) -> Any:
    """Decoded, with numbers as they were written."""
    return json.loads(text, parse_float=str, parse_int=str)


def laid_out(kind: str, answer: Any, model: str | None = "asked-for") -> tuple[Any, Usage]:
    body, usage = LAYOUTS[kind](json.dumps(answer).encode(), model)
    return exact(body), usage


@settings(max_examples=50)
@given(answers.chats())
def test_no_field_of_a_chat_completion_is_lost(answer: dict[str, Any]) -> None:
    got, _ = laid_out("chat", answer)
    given_exactly = exact(json.dumps(answer))
    assert got["model"] == "asked-for"
    for name, value in given_exactly.items():
        if name not in ("model", "choices", "usage") and value is not None:
            assert got[name] == value
    assert len(got["choices"]) == len(answer["choices"])
    for sent, choice in zip(given_exactly["choices"], got["choices"], strict=True):
        _check_choice(sent, choice)


def _check_choice(sent: dict[str, Any], got: dict[str, Any]) -> None:
    assert (got["index"], got["finish_reason"]) == (sent["index"], sent["finish_reason"])
    assert got.get("logprobs") == sent.get("logprobs")
    own = {name: value for name, value in sent.items() if name not in ("index", "finish_reason", "message", "logprobs")}
    assert got["provider_specific_fields"] == own
    message, specific = got["message"], got["message"]["provider_specific_fields"]
    assert message["content"] == sent["message"].get("content")
    assert message["role"] == "assistant"
    for name, value in sent["message"].items():
        if name in MESSAGE_FIELDS:
            assert message.get(name) == value
        elif name == "reasoning_content":
            assert message.get(name) == specific.get(name) == value
            assert (name in message) == (name in specific) == (value is not None)
        else:
            assert specific[name] == value


@given(answers.usages)
def test_usage_is_passed_on_and_read(usage: dict[str, Any]) -> None:
    got, counted = laid_out("chat", {"choices": [], "usage": usage})
    for name, value in exact(json.dumps(usage)).items():
        if isinstance(value, dict):
            assert got["usage"][name] == {key: item for key, item in value.items() if item is not None}
        elif value is not None:
            assert got["usage"][name] == value
    assert counted.prompt_tokens == usage["prompt_tokens"]
    assert counted.completion_tokens == usage["completion_tokens"]
    assert counted.cached_tokens == (3 if usage.get("prompt_tokens_details") else 0)
    assert counted.reasoning_tokens == (2 if usage.get("completion_tokens_details") else 0)


@pytest.mark.parametrize(
    "usage",
    [
        "many",
        5,
        [],
        {"prompt_tokens": "10"},
        {"prompt_tokens": 2.5},
        {"prompt_tokens": -3},
        {"prompt_tokens": 10, "prompt_tokens_details": [1]},
        {"prompt_tokens": 10, "prompt_tokens_details": {"cached_tokens": "x"}},
        {"prompt_tokens": 10**30},
    ],
)
@pytest.mark.parametrize("kind", LAYOUTS)
def test_a_good_answer_with_an_odd_usage_is_a_good_answer(kind: str, usage: Any) -> None:
    answer = {"choices": [{"index": 0, "message": {"content": "hi"}}], "data": [], "usage": usage}
    got, counted = laid_out(kind, answer)
    assert got.get("choices" if kind != "embeddings" else "data") is not None
    assert counted.prompt_tokens >= 0


def test_without_usage_the_counts_are_zero() -> None:
    got, counted = laid_out("chat", {"choices": []})
    assert got["usage"] == {"completion_tokens": "0", "prompt_tokens": "0", "total_tokens": "0"}
    assert counted == Usage()


_counts = st.integers(0, 2**40)
_maybe = st.sampled_from
_plain_answers = st.fixed_dictionaries(
    {
        "id": st.text(max_size=8),
        "object": st.just("chat.completion"),
        "created": _counts,
        "model": st.text(max_size=8),
        "choices": st.fixed_dictionaries(
            {
                "index": st.just(0),
                "finish_reason": _maybe(["stop", "length", None]),
                "message": st.fixed_dictionaries(
                    {"role": st.just("assistant"), "content": st.text(max_size=20) | st.none()},
                    optional={"refusal": st.none() | st.just("no"), "annotations": st.just([])},
                ),
            },
            optional={"logprobs": st.none() | st.just({"content": []})},
        ).map(lambda choice: [choice]),
        "usage": st.fixed_dictionaries(
            {"prompt_tokens": _counts, "completion_tokens": _counts, "total_tokens": _counts | st.none()},
            optional={"prompt_tokens_details": st.just({"cached_tokens": 3, "audio_tokens": None})},
        ),
    },
    optional={
        "system_fingerprint": st.none() | st.text(max_size=5),
        "service_tier": st.just("default"),
        "x": st.none(),
    },
)


@given(answer=_plain_answers, model=st.none() | st.just("shown"))
def test_plain_answers_are_laid_out_as_all_others_are(answer: dict[str, Any], model: str | None) -> None:
    body = json.dumps(answer).encode()
    quick, quick_usage = openai_format.chat(body, model)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(openai_format, "_plain_chat", lambda body, model: None)
        slow, slow_usage = openai_format.chat(body, model)
    assert json.loads(quick) == json.loads(slow)
    assert quick_usage == slow_usage


def test_a_chat_completion_as_the_reference_lays_it_out() -> None:
    answer = {
        "id": "chatcmpl-up1",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "gpt-4o-mini",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "hello", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
        "system_fingerprint": "fp_x",
        "service_tier": None,
    }
    body, usage = openai_format.chat(json.dumps(answer).encode(), "gpt-ok")
    assert body.decode() == (
        '{"id":"chatcmpl-up1","created":1700000000,"model":"gpt-ok","object":"chat.completion",'
        '"system_fingerprint":"fp_x","choices":[{"finish_reason":"stop","index":0,"message":{"content":"hello",'
        '"role":"assistant","provider_specific_fields":{"refusal":null}},"provider_specific_fields":{}}],'
        '"usage":{"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}}'
    )
    assert usage == Usage(10, 5, 15)


def test_a_fallbacks_answer_keeps_the_vendors_name() -> None:
    assert laid_out("chat", {"model": "gpt-4o-2024", "choices": []}, None)[0]["model"] == "gpt-4o-2024"


def test_embeddings_may_be_base64() -> None:
    got, usage = laid_out("embeddings", {"data": [{"embedding": "AAAA", "index": 0}], "usage": {"prompt_tokens": 4}})
    assert got["data"] == [{"embedding": "AAAA", "index": "0"}]
    assert (got["object"], got["usage"]["prompt_tokens_details"]) == ("list", None)
    assert usage.prompt_tokens == 4


def test_text_completions_keep_their_choices() -> None:
    choices = [
        {"text": "a", "index": 0, "logprobs": {"tokens": ["a"]}, "finish_reason": "stop"},
        {"text": "b", "index": 1},
    ]
    got, _ = laid_out("completions", {"id": "cmpl-1", "choices": choices})
    assert got["choices"] == exact(json.dumps(choices))
    assert got["system_fingerprint"] is None


@pytest.mark.parametrize("kind", LAYOUTS)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"<html>",
        b'{"choices"',
        b'{"error": {"message": "no"}}',
        b'{"choices": null, "data": null}',
        b'{"choices": {}, "data": {}}',
        b'{"choices": [null], "data": [null]}',
        b'{"choices": [1], "data": ["x"]}',
        b'{"choices": [' + b"[" * 5000,
        b"\xff\xfe",
    ],
)
def test_what_is_no_answer_is_refused(kind: str, body: bytes) -> None:
    with pytest.raises(REFUSED):
        LAYOUTS[kind](body, "m")


@settings(max_examples=50)
@given(
    st.sampled_from(sorted(LAYOUTS)),
    st.dictionaries(st.sampled_from(("id", "model", "choices", "data", "usage", "object", "created")), answers.values),
)
def test_any_json_is_laid_out_or_refused(kind: str, answer: dict[str, Any]) -> None:
    try:
        got, _ = laid_out(kind, answer)
    except REFUSED:
        return
    assert isinstance(got, dict)


@settings(max_examples=50)
@given(answers.values, st.sampled_from(("message", "logprobs", "finish_reason", "index", "delta")))
def test_any_value_in_a_choice_is_laid_out_or_refused(value: Any, name: str) -> None:
    try:
        laid_out("chat", {"choices": [{name: value}]})
    except REFUSED:
        return


@given(st.binary(max_size=40), st.integers(0, 200))
def test_bytes_within_an_answer_never_surprise(noise: bytes, at: int) -> None:
    good = b'{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}'
    body = good[:at] + noise + good[at:]
    try:
        made, _ = openai_format.chat(body, "m")
    except REFUSED:
        return
    json.loads(made.decode())
