"""What Google is sent: contents, tools, schemas, parameters; what cannot be said to it."""

from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import Failure
from proxy.providers.google.contents import Message, Untranslatable, contents, decode_messages
from proxy.providers.google.params import Rules, param_rules, translate
from proxy.providers.google.schema import google_schema, json_schema
from proxy.providers.google.tools import NoSuchTool, translate_choice, translate_tools
from proxy.providers.schema_refs import MOST_PARTS, ImpossibleSchema

FLASH = "gemini-2.5-flash"


def messages(*given: dict[str, Any]) -> list[Message]:
    return decode_messages(msgspec.json.encode(given))


# --- schemas ---------------------------------------------------------------------------------------------------------


def test_definitions_are_put_in() -> None:
    schema = {"properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"$ref": "#/definitions/B"}}}
    schema["definitions"] = {"B": {"type": "string"}}
    assert google_schema(schema) == {"type": "object", "properties": {"a": {"type": "string"}}}


def test_a_schema_that_holds_itself_ends() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}
    made = google_schema({"$ref": "#/$defs/Node", "$defs": {"Node": node}})
    assert made == {"type": "object", "properties": {"next": {"type": "object"}}}


def test_a_small_schema_that_stands_for_an_endless_one_is_refused() -> None:
    defs = {f"n{i}": {"properties": {side: {"$ref": f"#/$defs/n{i + 1}"} for side in "ab"}} for i in range(40)}
    with pytest.raises(ImpossibleSchema, match=str(MOST_PARTS)):
        google_schema({"$ref": "#/$defs/n0", "$defs": defs})


def test_what_is_given_stays_as_it_is() -> None:
    schema = {"type": "object", "properties": {"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}}, "strict": True}
    before = msgspec.json.encode(schema)
    google_schema(schema, ordered=True)
    json_schema(schema)
    assert msgspec.json.encode(schema) == before


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": ["string"]}, {"type": "string"}),
        (
            {"type": ["array", "null"], "items": {"type": "string"}, "description": "d"},
            {
                "anyOf": [
                    {"type": "array", "items": {"type": "string"}, "description": "d"},
                    {"type": "null", "description": "d"},
                ]
            },
        ),
        (
            {"anyOf": [{"type": "array", "items": {}}, {"type": "null"}]},
            {"anyOf": [{"type": "array", "nullable": True}]},
        ),
        (
            {"type": "string", "format": "date-time", "title": "T"},
            {"type": "string", "format": "date-time", "title": "T"},
        ),
        ({"type": "string", "const": "x", "examples": ["y"]}, {"type": "string"}),
        ({"enum": [1]}, {"type": "object"}),
        ({"anyOf": [{"type": "string"}], "enum": ["", "a"]}, {"anyOf": [{"type": "string"}]}),
    ],
)
def test_googles_dialect(schema: dict[str, Any], expected: dict[str, Any]) -> None:
    assert google_schema(schema) == expected


def test_json_schemas_keep_what_the_dialect_lacks() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "const": "x"}}, "additionalProperties": False}
    assert json_schema(schema) == schema


# --- contents --------------------------------------------------------------------------------------------------------


def test_an_identical_call_with_another_id_is_another_call() -> None:
    function = {"name": "clock", "arguments": "{}"}
    calls = [{"id": f"call_{i}", "type": "function", "function": function} for i in (1, 2, 1)]
    [content] = contents(messages({"role": "assistant", "tool_calls": calls}), FLASH, with_system=False)
    assert len(content["parts"]) == 2


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://x.test/cat.webp#top", "image/webp"),
        ("https://x.test/cat", "image/jpeg"),
        ("https://[x.test/cat.png", "image/png"),
        ("gs://bucket/film.mp4", "video/mp4"),
    ],
)
def test_the_kind_of_media_at_an_address(url: str, kind: str) -> None:
    part = {"type": "image_url", "image_url": {"url": url}}
    [content] = contents(messages({"role": "user", "content": [part]}), FLASH, with_system=False)
    assert content["parts"][0] == {"file_data": {"mime_type": kind, "file_uri": url}}


@pytest.mark.parametrize("url", ["file:///etc/passwd", "cat.png", "", "data:image/png,raw"])
def test_what_is_no_address_of_media(url: str) -> None:
    part = {"type": "image_url", "image_url": {"url": url}}
    with pytest.raises(Untranslatable, match="image_url"):
        contents(messages({"role": "user", "content": [part]}), FLASH, with_system=False)


def test_a_file_whose_kind_nobody_tells() -> None:
    part = {"type": "file", "file": {"file_id": "https://x.test/paper"}}
    with pytest.raises(Untranslatable, match=r"file\.format"):
        contents(messages({"role": "user", "content": [part]}), FLASH, with_system=False)


_roles = st.sampled_from(["user", "assistant", "system"])


@given(st.lists(st.tuples(_roles, st.text(max_size=5))))
def test_sides_alternate_and_nothing_is_lost(said: list[tuple[str, str]]) -> None:
    told = contents(messages(*({"role": role, "content": text} for role, text in said)), FLASH, with_system=True)
    assert told
    assert all(one["role"] != other["role"] for one, other in pairwise(told))
    texts = [part["text"] for content in told for part in content["parts"]]
    assert texts == ([text for _, text in said] or [" "])


# --- parameters ------------------------------------------------------------------------------------------------------


def test_what_a_model_takes() -> None:
    studio = param_rules(FLASH, "gemini", {})
    vertex = param_rules(FLASH, "vertex_ai", {"supports_reasoning": True})
    assert {"seed", "top_logprobs", "reasoning_effort", "audio"} <= studio.refused
    assert not {"seed", "top_logprobs", "reasoning_effort", "frequency_penalty"} & vertex.refused
    assert "frequency_penalty" in param_rules("gemini-3-pro-preview", "vertex_ai", {}).refused
    assert "audio" not in param_rules("gemini-2.5-flash-preview-tts", "gemini", {}).refused


def test_a_voice() -> None:
    made = translate({"audio": {"voice": "Kore", "format": "pcm16"}, "modalities": ["text"]}, Rules(FLASH))
    assert made["generationConfig"] == {
        "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}},
        "responseModalities": ["TEXT", "AUDIO"],
    }


def test_labels_are_vertexs_alone() -> None:
    assert translate({"labels": {"a": "b"}}, Rules(FLASH, labels=True)) == {"labels": {"a": "b"}}
    assert translate({"labels": {"a": "b"}}, Rules(FLASH)) == {}


WRONG: dict[str, dict[str, Any]] = {
    "tools": {"tools": "x"},
    "tool": {"tools": ["x"]},
    "parameters": {"tools": [{"type": "function", "function": {"name": "x", "parameters": [1]}}]},
    "format": {"response_format": "json"},
    "thinking": {"thinking": "much"},
    "audio": {"audio": {"format": "mp3"}},
    "effort": {"reasoning_effort": "extreme"},
}


@pytest.mark.parametrize("what", WRONG)
def test_a_value_that_makes_no_sense(what: str) -> None:
    with pytest.raises(Untranslatable):
        translate(WRONG[what], Rules(FLASH))


@pytest.mark.parametrize("choice", [["auto"], 1, "any"])
def test_no_such_choice(choice: Any) -> None:
    with pytest.raises(NoSuchTool):
        translate_choice(choice)
    with pytest.raises(Failure) as caught:
        translate({"tool_choice": choice}, Rules(FLASH))
    assert caught.value.status == 400


def test_a_function_may_be_named_like_a_tool_of_googles() -> None:
    tool = {"type": "function", "function": {"name": "googleSearch"}}
    assert translate_tools([tool]) == [{"function_declarations": [{"name": "googleSearch"}]}]
