"""F1: tokens of prompts and messages, by OpenAI's rules for the models of every vendor."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

pytestmark = contract("F1", config="F1/counting.yaml")

TEXT = "Hello, how are you today?"
HELLO = {"role": "user", "content": TEXT}
SYSTEM = {"role": "system", "content": "You are helpful."}
IMAGE = {"type": "image_url", "image_url": {"url": "http://upstream.test/image.png"}}


def count(case: Case, model: str = "count-four", query: str = "", **body: Any) -> Exchange:
    return case.post(f"/utils/token_counter{query}", {"model": model, **body})


@pytest.mark.parametrize(
    "model", ["count-four", "count-turbo", "count-llama", "count-claude", "count-gemini", "count-rock"]
)
def test_messages(case: Case, model: str) -> None:
    case.script({})
    answer = count(case, model, messages=[HELLO])
    case.assert_same_as_recorded()
    assert answer.json["total_tokens"] == 14
    assert answer.json["request_model"] == model
    assert answer.json["tokenizer_type"] == "openai_tokenizer"
    assert answer.json["error"] is False


@pytest.mark.parametrize("text", ["plain", "empty", "special", "spaces", "han", "emoji"])
def test_a_prompt(case: Case, text: str) -> None:
    texts = {
        "plain": (TEXT, 7),
        "empty": ("", 0),
        "special": ("<|endoftext|>", 7),
        "spaces": ("a" + " " * 3000 + "b", 26),
        "han": ("你好，世界" * 50, 150),
        "emoji": ("👩‍👩‍👧‍👦 ok", 12),
    }
    prompt, tokens = texts[text]
    answer = count(case, prompt=prompt)
    case.assert_same_as_recorded()
    assert answer.json["total_tokens"] == tokens


def test_the_vocabulary_is_the_models(case: Case) -> None:
    prompt = "இது ஒரு சோதனை, größtenteils"
    newer, older = count(case, prompt=prompt), count(case, "count-turbo", prompt=prompt)
    case.assert_same_as_recorded()
    assert newer.json["total_tokens"] < older.json["total_tokens"]
    assert (newer.json["model_used"], older.json["model_used"]) == ("gpt-4o", "gpt-3.5-turbo")


MESSAGES: dict[str, tuple[list[Any], int]] = {
    "none": ([], 3),
    "system": ([SYSTEM, HELLO], 22),
    "name": ([HELLO | {"name": "ada"}], 16),
    "parts": ([{"role": "user", "content": [{"type": "text", "text": TEXT}]}], 14),
    "text-parts": ([{"role": "user", "content": [TEXT, TEXT]}], 21),
    "null": ([{"role": "assistant", "content": None}], 7),
    "other-fields": ([HELLO | {"cache_control": {"type": "ephemeral"}, "n": 3}], 14),
    "tools": (
        [
            {"role": "user", "content": "hi"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}},
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "ok"},
        ],
        24,
    ),
    "tool-use": (
        [
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "Bonn"}}],
            }
        ],
        15,
    ),
    "tool-result": (
        [
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "sunny"}]}
                ],
            }
        ],
        9,
    ),
    "thinking": (
        [{"role": "assistant", "content": [{"type": "thinking", "thinking": "Well.", "signature": "c2ln"}]}],
        9,
    ),
}


@pytest.mark.parametrize("messages", MESSAGES)
def test_messages_of_every_kind(case: Case, messages: str) -> None:
    given, tokens = MESSAGES[messages]
    answer = count(case, messages=given)
    case.assert_same_as_recorded()
    assert answer.json["total_tokens"] == tokens


def test_the_oldest_turbo_counts_otherwise(case: Case) -> None:
    answer = count(case, "count-oldest", messages=[HELLO | {"name": "ada"}])
    case.assert_same_as_recorded()
    assert answer.json["total_tokens"] == 15


def png(width: int, height: int) -> str:
    import base64
    import struct

    head = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">LL", width, height)
    return "data:image/png;base64," + base64.b64encode(head).decode()


IMAGES: dict[str, tuple[Any, int]] = {
    "no-detail": ({"url": "http://upstream.test/image.png"}, 85),
    "text": ("http://upstream.test/image.png", 85),
    "low": ({"url": png(4000, 4000), "detail": "low"}, 85),
    "elsewhere": ({"url": "http://upstream.test/image.png", "detail": "high"}, 255),
    "small": ({"url": png(100, 100), "detail": "high"}, 255),
    "square": ({"url": png(2048, 2048), "detail": "high"}, 765),
    "wide": ({"url": png(4096, 1024), "detail": "high"}, 765),
    "tall": ({"url": png(600, 800), "detail": "high"}, 765),
}


@pytest.mark.parametrize("image", IMAGES)
def test_images(case: Case, image: str) -> None:
    case.script({"image.png": []})
    given, tokens = IMAGES[image]
    parts = [{"type": "text", "text": "hi"}, {"type": "image_url", "image_url": given}]
    answer = count(case, messages=[{"role": "user", "content": parts}])
    case.assert_same_as_recorded()
    assert answer.json["total_tokens"] == tokens + 8
    assert case.journal().models == []


def test_tools_are_not_counted(case: Case) -> None:
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]
    answer = count(case, messages=[HELLO], tools=tools, tool_choice="none")
    case.assert_same_as_recorded()
    assert answer.json["total_tokens"] == 14


def test_an_unknown_model_counts_under_its_own_name(case: Case) -> None:
    answer = count(case, "nobody/knows-me", messages=[HELLO])
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert answer.json["model_used"] == "nobody/knows-me"
    assert answer.json["total_tokens"] == 14


@pytest.mark.parametrize("mistake", ["nothing", "no-model", "no-list", "no-object", "no-text", "no-key"])
def test_a_mistake(case: Case, mistake: str) -> None:
    body: dict[str, Any] = {
        "nothing": {"model": "count-four"},
        "no-model": {"messages": [HELLO]},
        "no-list": {"model": "count-four", "messages": HELLO},
        "no-object": {"model": "count-four", "messages": ["hi"]},
        "no-text": {"model": "count-four", "prompt": [TEXT]},
        "no-key": {"model": "count-four", "prompt": TEXT},
    }[mistake]
    answer = case.post("/utils/token_counter", body, **({"key": None} if mistake == "no-key" else {}))
    case.assert_same_as_recorded()
    assert answer.status == {"nothing": 400, "no-key": 401}.get(mistake, 422)


AUDIO = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
IMPOSSIBLE: dict[str, dict[str, Any]] = {
    "both": {"prompt": TEXT, "messages": [HELLO]},
    "contents": {"contents": [{"role": "user", "parts": [{"text": TEXT}]}]},
    "audio": {"messages": [{"role": "user", "content": [AUDIO]}]},
    "detail": {
        "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x", "detail": "best"}}]}]
    },
    "tool-calls": {"messages": [{"role": "assistant", "tool_calls": "none"}]},
}


@pytest.mark.parametrize("what", IMPOSSIBLE)
def test_what_cannot_be_counted_is_the_clients_mistake(case: Case, what: str) -> None:
    answer = count(case, **IMPOSSIBLE[what])

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 400
        assert "count" in answer.json["detail"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_claudes_are_counted_as_others_are(case: Case) -> None:
    answer = count(case, "count-sonnet", messages=[HELLO])

    def as_recorded(answer: Exchange) -> None:
        assert answer.json["tokenizer_type"] == "huggingface_tokenizer"

    def required(answer: Exchange) -> None:
        assert answer.json["tokenizer_type"] == "openai_tokenizer"
        assert answer.json["total_tokens"] == 14

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_messages_of_anthropic(case: Case) -> None:
    answer = case.post("/v1/messages/count_tokens", {"model": "count-four", "messages": [HELLO]})
    case.assert_same_as_recorded()
    assert answer.json == {"input_tokens": 14}


@contract("F1", config="F1/counting.yaml", provenance="documented")
def test_a_tokenizer_of_ones_own(case: Case) -> None:
    """The reference would download it."""
    answer = count(case, "count-owned", prompt="hello there, hello")
    assert answer.json["total_tokens"] == 4
    assert answer.json["tokenizer_type"] == "huggingface_tokenizer"
    chat = count(case, "count-owned", messages=[{"role": "user", "content": "hello there, hello"}])
    assert chat.json["total_tokens"] == 4 + 1 + 6
