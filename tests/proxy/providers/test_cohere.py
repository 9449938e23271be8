"""What cannot be seen in the recordings: addresses and keys; odd requests to Cohere are refused, never an error of ours."""

import json
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.cohere_replies import said
from fixtures.running import UpstreamControl
from proxy.errors import Failure
from proxy.providers.cohere.answers import CohereChunks, Failed, chat_completion
from proxy.providers.cohere.requests import translate
from proxy.providers.failures import StreamFailure
from tests.proxy.providers.sending import answered, attempt, sent


@pytest.mark.parametrize(
    ("base", "endpoint", "url"),
    [
        (None, "chat", "https://api.cohere.com/v2/chat"),
        (None, "embeddings", "https://api.cohere.com/v2/embed"),
        ("http://house.test", "chat", "http://house.test/v2/chat"),
        ("http://house.test/v2/", "embeddings", "http://house.test/v2/embed"),
        ("http://house.test/x/v2/chat", "chat", "http://house.test/x/v2/chat"),
    ],
)
def test_addresses(base: str | None, endpoint: str, url: str) -> None:
    body = {"input": "hi"} if endpoint == "embeddings" else None
    assert sent(attempt("cohere/m", endpoint, body=body, api_base=base, api_key="sk-up")).url == url


@pytest.mark.parametrize("name", ["COHERE_API_KEY", "CO_API_KEY"])
def test_a_key_of_the_environment(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "sk-of-the-house")
    assert sent(attempt("cohere_chat/v2/m")).headers["authorization"] == "Bearer sk-of-the-house"


def test_a_text_completion_is_asked_as_a_chat(upstream: UpstreamControl) -> None:
    upstream.script("completes", {"plain": [said({"type": "text", "text": "hello"})]})
    keys = {"api_base": upstream.url, "api_key": "sk-up"}
    [answer] = answered(attempt("cohere/plain", "completions", body={"prompt": "hi"}, **keys))
    assert answer["choices"][0]["text"] == "hello"


odd = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(("", "x")),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(("type", "name", "url")), inner, max_size=2)
    ),
    max_leaves=4,
)


def shaped(**known: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with some of these fields, each sometimes as it should be and sometimes not."""
    return st.fixed_dictionaries({}, optional={name: value | odd for name, value in known.items()})


requests = shaped(
    messages=st.lists(shaped(role=st.just("developer"), content=st.lists(shaped(image_url=st.just("a")))), max_size=2),
    tools=st.lists(odd, max_size=1),
    tool_choice=odd,
    response_format=shaped(type=st.just("json_schema"), json_schema=shaped(schema=odd)),
)


@given(requests)
def test_odd_requests(asked: dict[str, Any]) -> None:
    with suppress(Failure):
        translate(attempt("cohere/m", body=asked), "m")


messages = shaped(
    content=st.lists(shaped(text=st.just("a"), thinking=st.just("b")), max_size=2),
    tool_calls=st.lists(shaped(id=st.just("c"), function=shaped(name=st.just("f"))), max_size=2),
    citations=st.lists(shaped(start=odd, sources=st.lists(shaped(document=odd), max_size=1)), max_size=1),
)
answers = shaped(message=messages, finish_reason=st.sampled_from(("COMPLETE", "ERROR")), usage=shaped(tokens=odd))


@given(answers)
def test_odd_answers(answer: dict[str, Any]) -> None:
    with suppress(msgspec.DecodeError, Failed):
        json.loads(chat_completion(json.dumps(answer).encode(), "m")[0])


kinds = ("content-delta", "tool-call-start", "tool-call-delta", "tool-plan-delta", "citation-start", "message-end")
pieces = shaped(content=shaped(text=st.just("a")), tool_calls=shaped(function=odd), citations=odd, tool_plan=odd)
events = shaped(type=st.sampled_from(kinds), delta=shaped(message=pieces, usage=shaped(tokens=odd)))


@given(st.lists(events, max_size=4))
def test_odd_streams(told: list[Any]) -> None:
    chunks = CohereChunks("m", include_usage=True)
    with suppress(StreamFailure):
        for event in told:
            chunks.feed(json.dumps(event).encode())
        chunks.finish()
