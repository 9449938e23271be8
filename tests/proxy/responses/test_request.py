from typing import Any

import msgspec
import pytest

from proxy.providers.openai.format import raw
from proxy.responses.request import messages_of, to_chat


def chat(history: list[Any] | None = None, *, stream: bool = False, **fields: Any) -> dict[str, Any]:
    body = to_chat({name: raw(value) for name, value in fields.items()}, history or [], stream=stream)
    translated: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(body))
    return translated


def test_earlier_turns_come_first() -> None:
    history = [{"role": "user", "content": "a"}, {"type": "message", "role": "assistant", "content": "b"}]
    asked = chat(history, input="c", instructions="brief")
    assert [message["content"] for message in asked["messages"]] == ["brief", "a", "b", "c"]


def test_streams_tell_their_usage() -> None:
    asked = chat(input="a", stream=True)
    assert asked["stream"] is True
    assert asked["stream_options"] == {"include_usage": True}


def test_what_a_chat_has_nothing_like_is_left_out() -> None:
    items = [
        {"type": "reasoning", "summary": []},
        {"type": "item_reference", "id": "x"},
        {"type": "compaction", "encrypted_content": "x"},
        {"type": "function_call_output", "output": "without a call"},
        {"role": "user"},
        {"role": "user", "content": [{"type": "refusal", "refusal": "no"}, "plain"]},
    ]
    assert messages_of(items) == [{"role": "user", "content": ["plain"]}]


def test_an_output_that_is_no_text() -> None:
    items = [{"type": "function_call_output", "call_id": "1", "output": {"degrees": 7}}]
    assert messages_of(items)[0]["content"] == '{"degrees": 7}'


@pytest.mark.parametrize("field", ["input", "instructions", "tools", "text"])
def test_what_is_no_such_call_is_refused(field: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        chat(**{field: 5})
