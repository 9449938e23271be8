"""Converse's messages as chat completions, laid out as LiteLLM 1.81.14 lays them out.

Recorded in contracts/core/test_bedrock_answers.py;
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_ResponseSyntax
"""

import json
import re
import time
import uuid
from collections.abc import Mapping
from typing import Any

import msgspec

from proxy.call import Usage
from proxy.providers.anthropic.tools import SCHEMA_TOOL
from proxy.providers.bedrock.params import Params

Fields = dict[str, Any]
Block = dict[str, Any]

_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "content_filtered": "content_filter",
}
_THOUGHT_AS_TEXT = re.compile(
    r"<(?:think|thinking|budget:thinking)>(.*?)</(?:think|thinking|budget:thinking)>(.*)", re.DOTALL
)
"""How some models write down what they think."""


class _Message(msgspec.Struct):
    content: list[Block]


class _Output(msgspec.Struct):
    message: _Message


class _Answer(msgspec.Struct):
    output: _Output
    stopReason: str  # noqa: N815 - Bedrock's
    usage: Fields = {}
    trace: Any = None
    serviceTier: Any = None  # noqa: N815 - Bedrock's


_decode = msgspec.json.Decoder(_Answer).decode


class _Content(msgspec.Struct):
    text: str = ""
    tool_calls: list[Fields] = []
    thoughts: list[Block] | None = None
    citations: list[Any] | None = None


def chat_completion(body: bytes, model: str, params: Params) -> tuple[Fields, Usage]:
    """A chat completion that says what the answer says; ``model`` is shown in it.

    Raises:
        msgspec.DecodeError: it is none.
    """
    answer = _decode(body)
    content = _read(answer.output.message.content, params.tool_names)
    reason = finish_reason(answer.stopReason)
    called = _called_in_text(content.text, params) if not content.tool_calls else None
    if called is not None:
        said: Fields = {"content": None, "role": "assistant", "tool_calls": [called]}
        reason = "tool_calls"
    else:
        said = _said(content, in_schema=params.in_schema)
    laid_out, usage = chat_usage(answer.usage)
    completion: Fields = {
        "id": f"chatcmpl-{uuid.uuid4()}",
        "created": int(time.time()),
        "model": model,
        "object": "chat.completion",
        "choices": [{"finish_reason": reason, "index": 0, "message": said}],
        "usage": laid_out,
    }
    if answer.trace is not None:
        completion["trace"] = answer.trace
    if isinstance(answer.serviceTier, dict) and "type" in answer.serviceTier:
        completion["service_tier"] = answer.serviceTier["type"]
    return completion, usage


def finish_reason(reason: str) -> str:
    """OpenAI's word for why the answer ended; reasons that OpenAI does not know keep their names."""
    return _REASONS.get(reason, reason)


def chat_usage(usage: Mapping[str, Any]) -> tuple[Fields, Usage]:
    """Bedrock's ``usage`` as OpenAI's, in which tokens read from a cache or written to it are prompt tokens too."""
    read, written = _count(usage, "cacheReadInputTokens"), _count(usage, "cacheWriteInputTokens")
    prompt = _count(usage, "inputTokens") + read + written
    completion = _count(usage, "outputTokens")
    total = _count(usage, "totalTokens")
    laid_out: Fields = {
        "completion_tokens": completion,
        "prompt_tokens": prompt,
        "total_tokens": total,
        "prompt_tokens_details": {"cached_tokens": read, "cache_creation_tokens": written},
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": read,
    }
    return laid_out, Usage(prompt, completion, total, read, 0, written)


def thinking_block(content: Block) -> Block | None:
    """Anthropic's words for Bedrock's ``reasoningContent``, whole or a piece of it."""
    if "redactedContent" in content:
        return {"type": "redacted_thinking", "data": content["redactedContent"]}
    if "text" in content or "signature" in content:
        block = {"type": "thinking", "thinking": content.get("text") or ""}
        return block if content.get("signature") is None else block | {"signature": content["signature"]}
    return None


def _said(content: _Content, *, in_schema: bool) -> Fields:
    said: Fields = {"content": content.text, "role": "assistant"}
    specific: Fields = {}
    if content.thoughts is not None:
        shown = [block.get("reasoningText") or block for block in content.thoughts]
        said["reasoning_content"] = "".join(str(block.get("text") or "") for block in shown)
        said["thinking_blocks"] = [block for block in map(thinking_block, shown) if block is not None]
        specific["reasoningContentBlocks"] = content.thoughts
    if content.citations is not None:
        specific["citationsContent"] = content.citations
    if specific:
        said["provider_specific_fields"] = specific
    structured = _structured(content) if in_schema else None
    if structured is not None:
        said["content"] = structured
    elif content.tool_calls:
        said["tool_calls"] = content.tool_calls
    return said


def _structured(content: _Content) -> str | None:
    """The answer in a schema, if the message is one; some models wrap it once more."""
    if len(content.tool_calls) != 1 or content.tool_calls[0]["function"]["name"] != SCHEMA_TOOL:
        return None
    arguments: str = content.tool_calls[0]["function"]["arguments"]
    value = json.loads(arguments)
    if isinstance(value, dict) and list(value) == ["properties"]:
        return json.dumps(value["properties"])
    return arguments


def _called_in_text(text: str, params: Params) -> Fields | None:
    """The call of a tool that a model has written down as its answer."""
    if not text.startswith("{"):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if value.get("type") != "function" or value.get("name") not in params.called:
        return None
    arguments = value.get("arguments", "{}")
    function = {
        "arguments": arguments if isinstance(arguments, str) else json.dumps(arguments),
        "name": params.tool_names.get(value["name"], value["name"]),
    }
    return {"function": function, "id": str(uuid.uuid4()), "type": "function"}


def _read(blocks: list[Block], names: Mapping[str, str]) -> _Content:
    content = _Content()
    for index, block in enumerate(blocks):
        if "text" in block:
            text = msgspec.convert(block["text"], str)
            thought = _THOUGHT_AS_TEXT.match(text)
            if thought:
                content.thoughts = [*(content.thoughts or ()), {"reasoningText": {"text": thought[1]}}]
            content.text += thought[2] if thought else text
        elif "toolUse" in block:
            content.tool_calls.append(_tool_call(index, msgspec.convert(block["toolUse"], _ToolUse), names))
        elif "reasoningContent" in block:
            content.thoughts = [*(content.thoughts or ()), msgspec.convert(block["reasoningContent"], Block)]
        elif "citationsContent" in block:
            content.citations = [*(content.citations or ()), block["citationsContent"]]
    return content


class _ToolUse(msgspec.Struct):
    toolUseId: str  # noqa: N815 - Bedrock's
    name: str
    input: Any = msgspec.field(default_factory=dict)


def _tool_call(index: int, use: _ToolUse, names: Mapping[str, str]) -> Fields:
    function = {"arguments": json.dumps(use.input), "name": names.get(use.name, use.name)}
    return {"index": index, "function": function, "id": use.toolUseId, "type": "function"}


def _count(usage: Mapping[str, Any], name: str) -> int:
    value = usage.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
