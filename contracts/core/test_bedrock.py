"""What Amazon Bedrock receives for a chat completion: where it is called, by whom, its messages and system prompts."""

from typing import Any
from urllib.parse import quote

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import ok

pytestmark = contract("core", config="vendors/bedrock.yaml")

HI = {"role": "user", "content": "hi"}
SAID_HI = {"role": "user", "content": [{"text": "hi"}]}
CACHED = {"cache_control": {"type": "ephemeral"}}
CACHE_POINT = {"cachePoint": {"type": "default"}}
PIXEL = "iVBORw0KGgo="
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "How it is",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
SONNET = "anthropic.claude-3-5-sonnet-20240620-v1:0"
HAIKU = "anthropic.claude-3-haiku-20240307-v1:0"
PROFILE = "arn:aws:bedrock:us-east-2:123456789012:application-inference-profile"
WAYS = {
    "rock-chat": ("upstream-rock", "/model/upstream-rock/converse", "eu-west-1"),
    "rock-claude": (SONNET, "", "eu-west-1"),
    "rock-thinker": ("us.anthropic.claude-3-7-sonnet-20250219-v1:0", "", "eu-west-1"),
    "rock-nova": ("amazon.nova-pro-v1:0", "", "eu-west-1"),
    "rock-profile": (f"{PROFILE}/ab1", "", "us-east-2"),
    "rock-named": (f"{PROFILE}/efgh5678", "", "eu-west-1"),
    "rock-base": ("upstream-base", "/u/eu/model/upstream-base/converse", "eu-west-1"),
    "rock-session": ("upstream-session", "", "eu-west-1"),
    "rock-headers": ("upstream-headers", "", "eu-west-1"),
}


@pytest.mark.parametrize("model", WAYS)
def test_the_way_to_bedrock(case: Case, model: str) -> None:
    upstream, path, region = WAYS[model]
    case.script({upstream: [ok("hello")]})
    answer = case.chat(model)
    case.assert_same_as_recorded()
    assert answer.content == "hello"
    [call] = case.journal()
    assert call.path == (path or f"/model/{quote(upstream, safe='')}/converse")
    assert call.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDUPSTREAM/")
    assert f"/{region}/bedrock/aws4_request" in call.headers["authorization"]


def test_a_bearer_token_is_not_a_signature(case: Case) -> None:
    case.script({"upstream-bearer": []})
    answer = case.chat("rock-bearer")
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert case.journal()[0].headers["authorization"] == "Bearer bedrock-up-key"


def test_a_region_in_the_name_of_the_model(case: Case) -> None:
    case.script({HAIKU: [], f"us-east-1/{HAIKU}": []})
    answer = case.chat("rock-region")
    [call] = case.journal()

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 200
        assert call.path == f"/model/us-east-1%2F{quote(HAIKU)}/converse"

    def required(answer: Exchange) -> None:
        assert answer.status == 200
        assert call.path == f"/model/{quote(HAIKU)}/converse"
        assert "/us-east-1/bedrock/aws4_request" in call.headers["authorization"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


# --- conversations ---------------------------------------------------------------------------------------------------


def user(*content: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": list(content)}


def assistant(*content: dict[str, Any]) -> dict[str, Any]:
    return {"role": "assistant", "content": list(content)}


def text(said: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": said, **more}


def image(url: str, **more: Any) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url, **more}}


def asked(index: int, arguments: str = '{"city": "Bonn"}', **more: Any) -> dict[str, Any]:
    function = {"name": "weather", "arguments": arguments}
    return {"id": f"call_{index}", "type": "function", "function": function, **more}


def calling(*calls: dict[str, Any], content: Any = None) -> dict[str, Any]:
    return {"role": "assistant", "content": content, "tool_calls": list(calls)}


def told(index: int, content: Any, **more: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": f"call_{index}", "content": content, **more}


def used(call_id: str, given: Any) -> dict[str, Any]:
    return {"toolUse": {"input": given, "name": "weather", "toolUseId": call_id}}


def result(call_id: str, *content: dict[str, Any]) -> dict[str, Any]:
    return {"toolResult": {"content": list(content), "toolUseId": call_id}}


BONN = {"city": "Bonn"}
THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}
SYSTEM: dict[str, tuple[list[Any], list[Any]]] = {
    "none": ([HI], []),
    "one": ([{"role": "system", "content": "be brief"}, HI], [{"text": "be brief"}]),
    "several": (
        [{"role": "system", "content": "be brief"}, HI, {"role": "system", "content": "be kind"}],
        [{"text": "be brief"}, {"text": "be kind"}],
    ),
    "developer": ([{"role": "developer", "content": "be brief"}, HI], [{"text": "be brief"}]),
    "empty": ([{"role": "system", "content": ""}, HI], []),
    "cached": ([{"role": "system", "content": "be brief", **CACHED}, HI], [{"text": "be brief"}, CACHE_POINT]),
    "parts": (
        [{"role": "system", "content": [text("be brief", **CACHED), text(""), text("be kind")]}, HI],
        [{"text": "be brief"}, CACHE_POINT, {"text": "be kind"}],
    ),
}


@pytest.mark.parametrize("prompt", SYSTEM)
def test_a_system_prompt(case: Case, prompt: str) -> None:
    messages, expected = SYSTEM[prompt]
    case.script({"upstream-rock": []})
    answer = case.chat("rock-chat", messages=messages)
    case.assert_same_as_recorded()
    assert answer.status == 200
    body = case.journal().bodies[0]
    assert body["system"] == expected
    assert body["messages"] == [SAID_HI]


CONVERSATIONS: dict[str, tuple[list[Any], list[Any]]] = {
    "two-users": ([HI, HI], [user({"text": "hi"}, {"text": "hi"})]),
    "both-sides": (
        [HI, {"role": "assistant", "content": "a"}, HI],
        [SAID_HI, assistant({"text": "a"}), SAID_HI],
    ),
    "assistant-at-the-end": ([HI, {"role": "assistant", "content": "a "}], [SAID_HI, assistant({"text": "a "})]),
    "assistant-at-the-start": ([{"role": "assistant", "content": "a"}, HI], [assistant({"text": "a"}), SAID_HI]),
    "parts": ([user(text("a"), text("b", **CACHED))], [user({"text": "a"}, {"text": "b"}, CACHE_POINT)]),
    "empty-text": ([user(text("a"), text(" "))], [user({"text": "a"})]),
    "empty-assistant": ([HI, {"role": "assistant", "content": " "}, HI], [user({"text": "hi"}, {"text": "hi"})]),
    "cached-message": ([{**HI, **CACHED}], [user({"text": "hi"}, CACHE_POINT)]),
    "cached-assistant": (
        [HI, {"role": "assistant", "content": "a", **CACHED}, HI],
        [SAID_HI, assistant({"text": "a"}, CACHE_POINT), SAID_HI],
    ),
    "image": (
        [user(text("look"), image(f"data:image/png;base64,{PIXEL}"))],
        [user({"text": "look"}, {"image": {"source": {"bytes": PIXEL}, "format": "png"}})],
    ),
    "image-with-format": (
        [user(image(f"data:image/png;base64,{PIXEL}", format="image/webp"))],
        [user({"image": {"source": {"bytes": PIXEL}, "format": "webp"}})],
    ),
    "image-as-text": (
        [user({"type": "image_url", "image_url": f"data:image/gif;base64,{PIXEL}"})],
        [user({"image": {"source": {"bytes": PIXEL}, "format": "gif"}})],
    ),
    "video": (
        [user(image(f"data:video/mp4;base64,{PIXEL}"))],
        [user({"video": {"source": {"bytes": PIXEL}, "format": "mp4"}})],
    ),
    "document": (
        [user({"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0="}})],
        [
            user(
                {
                    "document": {
                        "source": {"bytes": "JVBERi0="},
                        "format": "pdf",
                        "name": "DocumentPDFmessages_fdaa7659473d3816_pdf",
                    }
                }
            )
        ],
    ),
    "tool-call": (
        [HI, calling(asked(1)), told(1, "rain")],
        [SAID_HI, assistant(used("call_1", BONN)), user(result("call_1", {"text": "rain"}))],
    ),
    "parallel-tool-calls": (
        [HI, calling(asked(1), asked(2), content="let me see"), told(1, "rain"), told(2, "sun"), HI],
        [
            SAID_HI,
            assistant({"text": "let me see"}, used("call_1", BONN), used("call_2", BONN)),
            user(result("call_1", {"text": "rain"}), result("call_2", {"text": "sun"}), {"text": "hi"}),
        ],
    ),
    "tool-call-without-arguments": (
        [HI, calling(asked(1, "")), told(1, "rain")],
        [SAID_HI, assistant(used("call_1", {})), user(result("call_1", {"text": "rain"}))],
    ),
    "tool-call-with-odd-arguments": (
        [HI, calling(asked(1, '"Bonn"')), told(1, "rain")],
        [SAID_HI, assistant(used("call_1", {})), user(result("call_1", {"text": "rain"}))],
    ),
    "tool-call-with-two-objects": (
        [HI, calling(asked(1, '{"city": "Bonn"}{"city": "Kiel"}')), told(1, "rain")],
        [
            SAID_HI,
            assistant(used("call_1", BONN), used("call_1_1", {"city": "Kiel"})),
            user(result("call_1", {"text": "rain"})),
        ],
    ),
    "tool-result-of-parts": (
        [HI, calling(asked(1)), told(1, [text("rain", **CACHED), image(f"data:image/png;base64,{PIXEL}")])],
        [
            SAID_HI,
            assistant(used("call_1", BONN)),
            user(
                result("call_1", {"text": "rain"}, {"image": {"source": {"bytes": PIXEL}, "format": "png"}}),
                CACHE_POINT,
            ),
        ],
    ),
    "repeated-tool-result": (
        [HI, calling(asked(1), asked(1)), told(1, "rain"), told(1, "sun")],
        [SAID_HI, assistant(used("call_1", BONN)), user(result("call_1", {"text": "rain"}))],
    ),
    "cached-tools": (
        [HI, calling(asked(1, **CACHED)), told(1, "rain", **CACHED)],
        [
            SAID_HI,
            assistant(used("call_1", BONN), CACHE_POINT),
            user(result("call_1", {"text": "rain"}), CACHE_POINT),
        ],
    ),
    "thinking": (
        [HI, {"role": "assistant", "content": "a", "reasoning_content": "hm", "thinking_blocks": [THOUGHT]}, HI],
        [
            SAID_HI,
            assistant({"reasoningContent": {"reasoningText": {"text": "hm", "signature": "c2ln"}}}, {"text": "a"}),
            SAID_HI,
        ],
    ),
    "thinking-without-signature": (
        [
            HI,
            {"role": "assistant", "content": "a", "thinking_blocks": [{"type": "thinking", "thinking": "hm"}]},
            HI,
        ],
        [SAID_HI, assistant({"text": "hm"}, {"text": "a"}), SAID_HI],
    ),
    "thinking-in-the-content": (
        [HI, assistant(THOUGHT, text("a", **CACHED)), HI],
        [
            SAID_HI,
            assistant(
                {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "c2ln"}}},
                {"text": "a"},
                CACHE_POINT,
            ),
            SAID_HI,
        ],
    ),
}


@pytest.mark.parametrize("conversation", CONVERSATIONS)
def test_a_conversation(case: Case, conversation: str) -> None:
    messages, expected = CONVERSATIONS[conversation]
    case.script({SONNET: []})
    answer = case.chat("rock-claude", messages=messages, tools=[WEATHER])
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert case.journal().bodies[0]["messages"] == expected


def test_a_lifetime_in_the_cache(case: Case) -> None:
    hour = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
    case.script({"eu.anthropic.claude-sonnet-4-5-20250929-v1:0": []})
    answer = case.chat(
        "rock-schema", messages=[{"role": "system", "content": "be brief", **hour}, user(text("hi", **hour))]
    )
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert case.journal().bodies[0]["system"][1]["cachePoint"]["ttl"] == "1h"


REFUSED: dict[str, dict[str, Any]] = {
    "no-messages": {"messages": []},
    "only-system": {"messages": [{"role": "system", "content": "be brief"}]},
    "unknown-role": {"messages": [{"role": "chorus", "content": "la"}]},
    "tool-calls-without-tools": {"messages": [HI, calling(asked(1)), told(1, "rain")]},
    "file-without-data": {"messages": [user({"type": "file", "file": {}})]},
}


@pytest.mark.parametrize("mistake", REFUSED)
def test_what_cannot_be_said_to_bedrock(case: Case, mistake: str) -> None:
    case.script({SONNET: []})
    answer = case.chat("rock-claude", **REFUSED[mistake])
    assert answer.status == 400
    assert len(case.journal()) == 0


HOPELESS: dict[str, dict[str, Any]] = {
    "image-that-is-none": {"messages": [user(image("cat.png"))]},
    "image-at-an-address": {"messages": [user(image("http://upstream.test/u/private/cat.png"))]},
    "unknown-format": {"messages": [user(image(f"data:image/tiff;base64,{PIXEL}"))]},
    "arguments-that-are-no-json": {"messages": [HI, calling(asked(1, "{")), told(1, "rain")], "tools": [WEATHER]},
}


@pytest.mark.parametrize("mistake", HOPELESS)
def test_a_mistake_is_the_clients_own(case: Case, mistake: str) -> None:
    """Bedrock takes no addresses, and the gateway opens none that a client names."""
    case.script({SONNET: []})
    answer = case.chat("rock-claude", **HOPELESS[mistake])

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 400
        assert len(case.journal()) == 0

    case.deviates(answer, as_recorded=as_recorded, required=required)
