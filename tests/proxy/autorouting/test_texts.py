"""What calls say, in whichever format."""

import json
from typing import Any

import msgspec
import pytest

from proxy.autorouting.texts import said


def last(endpoint: str, **body: Any) -> str | None:
    raw = {name: msgspec.Raw(json.dumps(value).encode()) for name, value in body.items()}
    return next((message.text for message in said(endpoint, raw)), None)


@pytest.mark.parametrize("endpoint", ["chat", "messages"])
@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("words", "words"),
        ([{"type": "text", "text": "two"}, {"type": "text", "text": "parts"}], "two\nparts"),
        ([{"type": "image_url", "image_url": {"url": "data:"}}, {"type": "text", "text": "seen"}], "seen"),
        ([{"type": "image_url", "image_url": {"url": "data:"}}], ""),
        (None, ""),
        (7, ""),
        ([7, None, ["x"]], ""),
    ],
)
def test_messages(endpoint: str, content: Any, text: str) -> None:
    messages = [{"role": "user", "content": "before"}, {"role": "user", "content": content}]
    assert last(endpoint, messages=messages) == text


@pytest.mark.parametrize(
    ("prompt", "text"), [("one", "one"), (["one", "two"], "two"), ([1, 2, 3], None), ([[1, 2]], None), (7, None)]
)
def test_prompts(prompt: Any, text: str | None) -> None:
    assert last("completions", prompt=prompt) == text


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("one", "one"),
        ([{"role": "user", "content": [{"type": "input_text", "text": "part"}]}], "part"),
        ([{"role": "user", "content": "one"}, {"type": "function_call_output", "output": "4"}], ""),
    ],
)
def test_responses(given: Any, text: str) -> None:
    assert last("responses", input=given) == text


def test_googles_format() -> None:
    contents = [
        {"role": "user", "parts": [{"text": "first"}]},
        {"role": "user", "parts": [{"text": "a"}, {"text": "b"}]},
    ]
    assert last("contents", contents=contents) == "a\nb"
    assert last("contents", contents={"parts": [{"text": "alone"}]}) == "alone"


def test_roles_go_along_the_last_message_first() -> None:
    messages = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
    found = said("chat", {"messages": msgspec.Raw(json.dumps(messages).encode())})
    assert [(message.role, message.text) for message in found] == [("user", "u"), ("system", "s")]


def test_embeddings_say_nothing() -> None:
    assert last("embeddings", input="text") is None
    assert last("chat") is None
