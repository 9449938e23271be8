"""What Anthropic receives for a chat completion: its messages and system prompts."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

pytestmark = contract("core", config="core/anthropic.yaml")

HI = {"role": "user", "content": "hi"}
SAID_HI = {"role": "user", "content": [{"type": "text", "text": "hi"}]}
CACHED = {"cache_control": {"type": "ephemeral"}}
PIXEL = "iVBORw0KGgo="
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "How it is",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def text(said: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": said, **more}


def asked(index: int, city: str) -> dict[str, Any]:
    function = {"name": "weather", "arguments": f'{{"city": "{city}"}}'}
    return {"id": f"call_{index}", "type": "function", "function": function}


def used(index: int, city: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": f"call_{index}", "name": "weather", "input": {"city": city}}


def told(index: int, content: Any, **more: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": f"call_{index}", "content": content, **more}


def result(index: int, content: Any, **more: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": f"call_{index}", "content": content, **more}


def user(*content: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": list(content)}


def assistant(*content: dict[str, Any]) -> dict[str, Any]:
    return {"role": "assistant", "content": list(content)}


SYSTEM: dict[str, tuple[list[Any], list[Any]]] = {
    "none": ([HI], []),
    "one": ([{"role": "system", "content": "be brief"}, HI], [text("be brief")]),
    "several": (
        [{"role": "system", "content": "be brief"}, HI, {"role": "system", "content": "be kind"}],
        [text("be brief"), text("be kind")],
    ),
    "developer": ([{"role": "developer", "content": "be brief"}, HI], [text("be brief")]),
    "blocks": (
        [{"role": "system", "content": [text("be brief", **CACHED), text("be kind")]}, HI],
        [text("be brief", **CACHED), text("be kind")],
    ),
    "cached": ([{"role": "system", "content": "be brief", **CACHED}, HI], [text("be brief", **CACHED)]),
    "empty": ([{"role": "system", "content": ""}, HI], []),
    "empty-block": ([{"role": "system", "content": [text(""), text("be kind")]}, HI], [text("be kind")]),
    "billing": ([{"role": "system", "content": "x-anthropic-billing-header: cc_version=1"}, HI], []),
}


@pytest.mark.parametrize("system", SYSTEM)
def test_system_prompts(case: Case, system: str) -> None:
    messages, expected = SYSTEM[system]
    case.script({"upstream-claude": []})
    answer = case.chat("claude-chat", messages=messages)
    case.assert_same_as_recorded()
    assert answer.status == 200
    [call] = case.journal()
    assert call.path == "/v1/messages"
    assert call.body.get("system", []) == expected
    assert call.body["messages"] == [SAID_HI]


CONVERSATIONS: dict[str, tuple[list[Any], list[Any]]] = {
    "users-merged": ([HI, {"role": "user", "content": "there"}], [user(text("hi"), text("there"))]),
    "assistants-merged": (
        [HI, {"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}, HI],
        [SAID_HI, assistant(text("a"), text("b")), SAID_HI],
    ),
    "system-between": (
        [HI, {"role": "assistant", "content": "a"}, {"role": "system", "content": "be kind"}, HI],
        [SAID_HI, assistant(text("a")), SAID_HI],
    ),
    "prefill": ([HI, {"role": "assistant", "content": "I am "}], [SAID_HI, assistant(text("I am"))]),
    "prefill-of-blocks": (
        [HI, {"role": "assistant", "content": [text("I "), text("am \n")]}],
        [SAID_HI, assistant(text("I"), text("am"))],
    ),
    "starts-with-assistant": (
        [{"role": "assistant", "content": "a"}, HI],
        [assistant(text("a")), SAID_HI],
    ),
    "empty-assistant": ([HI, {"role": "assistant", "content": ""}, HI], [SAID_HI, SAID_HI]),
    "empty-user": ([{"role": "user", "content": ""}], [user(text(""))]),
    "blocks": (
        [{"role": "user", "content": [text("hi", **CACHED), text("there")]}],
        [user(text("hi", **CACHED), text("there"))],
    ),
    "cached-user": ([{**HI, **CACHED}], [user(text("hi", **CACHED))]),
    "cached-assistant": (
        [HI, {"role": "assistant", "content": "a", **CACHED}, HI],
        [SAID_HI, assistant(text("a", **CACHED)), SAID_HI],
    ),
    "named": ([{**HI, "name": "anna"}], [SAID_HI]),
    "data-image": (
        [user({"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}", "detail": "low"}})],
        [user({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}})],
    ),
    "data-image-as-text": (
        [user({"type": "image_url", "image_url": f"data:image/png;base64,{PIXEL}", **CACHED})],
        [user({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}, **CACHED})],
    ),
    "data-image-of-a-format": (
        [user({"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}", "format": "image/webp"}})],
        [user({"type": "image", "source": {"type": "base64", "media_type": "image/webp", "data": PIXEL}})],
    ),
    "image-url": (
        [user({"type": "image_url", "image_url": {"url": "https://pictures.test/cat.png"}})],
        [user({"type": "image", "source": {"type": "url", "url": "https://pictures.test/cat.png"}})],
    ),
    "file-data": (
        [user({"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0="}})],
        [user({"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}})],
    ),
    "file-url": (
        [user({"type": "file", "file": {"file_id": "https://papers.test/a.pdf"}})],
        [user({"type": "document", "source": {"type": "url", "url": "https://papers.test/a.pdf"}})],
    ),
    "file-id": (
        [user({"type": "file", "file": {"file_id": "file_1", "format": "application/pdf"}})],
        [user({"type": "document", "source": {"type": "file", "file_id": "file_1"}})],
    ),
    "image-file-id": (
        [user({"type": "file", "file": {"file_id": "file_1", "format": "image/png"}})],
        [user({"type": "image", "source": {"type": "file", "file_id": "file_1"}})],
    ),
    "other-file-id": (
        [user({"type": "file", "file": {"file_id": "file_1"}})],
        [user({"type": "container_upload", "file_id": "file_1"})],
    ),
    "document": (
        [user({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}})],
        [user({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}})],
    ),
    "sound": (
        [user(text("hi"), {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}})],
        [SAID_HI],
    ),
    "tools": (
        [HI, {"role": "assistant", "content": None, "tool_calls": [asked(1, "Bonn")]}, told(1, "rain")],
        [SAID_HI, assistant(used(1, "Bonn")), user(result(1, "rain"))],
    ),
    "parallel-tools": (
        [
            HI,
            {"role": "assistant", "content": "let me see", "tool_calls": [asked(1, "Bonn"), asked(2, "Kiel")]},
            told(1, "rain"),
            told(2, "sun"),
            {"role": "user", "content": "well?"},
        ],
        [
            SAID_HI,
            assistant(text("let me see"), used(1, "Bonn"), used(2, "Kiel")),
            user(result(1, "rain"), result(2, "sun"), text("well?")),
        ],
    ),
    "tool-result-of-blocks": (
        [
            HI,
            {"role": "assistant", "content": None, "tool_calls": [asked(1, "Bonn")]},
            told(
                1,
                [text("rain"), {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}],
                **CACHED,
            ),
        ],
        [
            SAID_HI,
            assistant(used(1, "Bonn")),
            user(
                result(
                    1,
                    [
                        text("rain"),
                        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
                    ],
                    **CACHED,
                )
            ),
        ],
    ),
    "repeated-tool-call": (
        [
            HI,
            {"role": "assistant", "content": None, "tool_calls": [asked(1, "Bonn")]},
            {"role": "assistant", "content": None, "tool_calls": [asked(1, "Bonn")]},
            told(1, "rain"),
        ],
        [SAID_HI, assistant(used(1, "Bonn")), user(result(1, "rain"))],
    ),
    "cached-tool-call": (
        [HI, {"role": "assistant", "content": None, "tool_calls": [{**asked(1, "Bonn"), **CACHED}]}, told(1, "rain")],
        [SAID_HI, assistant({**used(1, "Bonn"), **CACHED}), user(result(1, "rain"))],
    ),
    "tool-call-without-arguments": (
        [
            HI,
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ""}}],
            },
            told(1, "rain"),
        ],
        [
            SAID_HI,
            assistant({"type": "tool_use", "id": "call_1", "name": "weather", "input": {}}),
            user(result(1, "rain")),
        ],
    ),
    "odd-tool-call-id": (
        [
            HI,
            {"role": "assistant", "content": None, "tool_calls": [{**asked(1, "Bonn"), "id": "call_1"}]},
            {"role": "tool", "tool_call_id": "call.1|x", "content": "rain"},
        ],
        [
            SAID_HI,
            assistant(used(1, "Bonn")),
            user({"type": "tool_result", "tool_use_id": "call_1_x", "content": "rain"}),
        ],
    ),
    "server-tool": (
        [
            HI,
            {
                "role": "assistant",
                "content": "found",
                "tool_calls": [{**asked(1, "Bonn"), "id": "srvtoolu_1"}],
                "provider_specific_fields": {
                    "web_search_results": [
                        {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
                    ]
                },
            },
            HI,
        ],
        [
            SAID_HI,
            assistant(
                text("found"),
                {**used(1, "Bonn"), "type": "server_tool_use", "id": "srvtoolu_1"},
                {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []},
            ),
            SAID_HI,
        ],
    ),
    "thinking": (
        [
            HI,
            {
                "role": "assistant",
                "content": "a",
                "reasoning_content": "hm",
                "thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "c2ln"}],
            },
            HI,
        ],
        [SAID_HI, assistant({"type": "thinking", "thinking": "hm", "signature": "c2ln"}, text("a")), SAID_HI],
    ),
    "thinking-in-the-content": (
        [
            HI,
            assistant({"type": "thinking", "thinking": "hm", "signature": "c2ln"}, text(""), text("a", **CACHED)),
            HI,
        ],
        [
            SAID_HI,
            assistant({"type": "thinking", "thinking": "hm", "signature": "c2ln"}, text("a", **CACHED)),
            SAID_HI,
        ],
    ),
}


@pytest.mark.parametrize("conversation", CONVERSATIONS)
def test_a_conversation(case: Case, conversation: str) -> None:
    messages, expected = CONVERSATIONS[conversation]
    case.script({"upstream-claude": []})
    answer = case.chat("claude-chat", messages=messages, tools=[WEATHER])
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert case.journal().bodies[0]["messages"] == expected


def test_a_function_call_of_the_old_kind(case: Case) -> None:
    messages = [
        HI,
        {"role": "assistant", "content": None, "function_call": {"name": "weather", "arguments": '{"city": "Bonn"}'}},
        {"role": "function", "name": "weather", "content": "rain"},
    ]
    case.script({"upstream-claude": []})
    answer = case.chat("claude-chat", messages=messages, tools=[WEATHER])
    case.assert_same_as_recorded()
    assert answer.status == 200
    blocks = [message["content"][0] for message in case.journal().bodies[0]["messages"]]
    assert [block["type"] for block in blocks] == ["text", "tool_use", "tool_result"]
    assert blocks[1]["input"] == {"city": "Bonn"}


REFUSED: dict[str, dict[str, Any]] = {
    "no-messages": {"messages": []},
    "only-system": {"messages": [{"role": "system", "content": "be brief"}]},
    "unknown-role": {"messages": [{"role": "chorus", "content": "la"}]},
    "tool-calls-without-tools": {
        "messages": [HI, {"role": "assistant", "content": None, "tool_calls": [asked(1, "Bonn")]}, told(1, "rain")]
    },
    "image-that-is-none": {"messages": [user({"type": "image_url", "image_url": {"url": "cat.png"}})]},
    "arguments-that-are-no-json": {
        "messages": [
            HI,
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{"}}],
            },
            told(1, "rain"),
        ],
        "tools": [WEATHER],
    },
    "file-without-data": {"messages": [user({"type": "file", "file": {}})]},
}


@pytest.mark.parametrize("mistake", REFUSED)
def test_what_cannot_be_said_to_anthropic(case: Case, mistake: str) -> None:
    case.script({"upstream-claude": []})
    answer = case.chat("claude-chat", **REFUSED[mistake])
    assert answer.status == 400
    assert len(case.journal()) == 0


HOPELESS: dict[str, dict[str, Any]] = {
    "unknown-kind": {"type": "hammer", "name": "x"},
    "no-name": {"type": "function", "function": {}},
    "no-screen": {"type": "computer_20250124", "function": {"name": "computer", "parameters": {}}},
}


@contract("core", config="core/anthropic.yaml", provenance="documented")
@pytest.mark.parametrize("tool", HOPELESS)
def test_a_tool_that_makes_no_sense(case: Case, tool: str) -> None:
    case.script({"upstream-claude": []})
    answer = case.chat("claude-chat", tools=[HOPELESS[tool]])
    assert answer.status == 400
    assert "tool" in answer.json["error"]["message"]
    assert len(case.journal()) == 0


def test_an_image_at_an_address_that_only_the_gateway_can_reach(case: Case) -> None:
    url = "http://upstream.test/u/private/cat.png"
    case.script({"upstream-claude": []})
    answer = case.chat("claude-chat", messages=[user({"type": "image_url", "image_url": {"url": url}})])

    def as_recorded(answer: Exchange) -> None:
        assert answer.status >= 400
        assert "Unable to fetch image" in answer.json["error"]["message"]

    def required(answer: Exchange) -> None:
        assert answer.status == 200
        image = {"type": "image", "source": {"type": "url", "url": url}}
        assert case.journal().bodies[0]["messages"] == [user(image)]

    case.deviates(answer, as_recorded=as_recorded, required=required)
