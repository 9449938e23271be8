"""Anthropic's messages as chat completions, laid out as LiteLLM 1.81.14 lays them out.

Recorded in contracts/core/test_provider_anthropic_answers.py; https://docs.anthropic.com/en/api/messages
"""

import json
import re
import time
import uuid
from typing import Any

import msgspec

from proxy.call import Usage
from proxy.providers.anthropic.tools import SCHEMA_TOOL
from proxy.providers.openai.format import encode

Fields = dict[str, Any]
Block = dict[str, Any]

_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "compaction": "length",
    "tool_use": "tool_calls",
}
_SEARCHES = frozenset(("web_search_tool_result", "web_fetch_tool_result"))
_SEARCHED_TOOLS = "tool_search_tool_result"
"""Tells nobody but Anthropic anything."""
_WORDS = re.compile(r"\w+|[^\w\s]")
_BYTES_PER_TOKEN = 5
"""Of languages that do not write blanks between their words."""


class _Known(msgspec.Struct):
    """What is read of a block; the rest is handed on."""

    type: str
    text: str = ""
    thinking: str = ""
    citations: list[Fields] | None = None


class _Message(msgspec.Struct):
    content: list[Block]
    usage: Fields
    model: str = ""
    stop_reason: str | None = None
    container: Any = None
    context_management: Any = None


_decode = msgspec.json.Decoder(_Message).decode


class Content(msgspec.Struct):
    """What the blocks of a message say."""

    text: str = ""
    tool_calls: list[Fields] = []
    thinking: list[Block] | None = None
    citations: list[list[Fields]] | None = None
    searches: list[Block] = []
    results: list[Block] = []
    compactions: list[Block] = []
    thoughts: str = ""
    """The text of the thinking, as far as it is shown."""


def chat_completion(
    body: bytes, model: str | None, *, prefix: str = "", in_schema: bool = False, speed: str | None = None
) -> tuple[bytes, Usage]:
    """A chat completion that says what the message says.

    Args:
        model: shown in the answer; ``None``: what Anthropic calls it.
        prefix: the answer begins with it.
        in_schema: a call of :data:`SCHEMA_TOOL` is the answer.
        speed: that was asked for.

    Raises:
        msgspec.DecodeError: it is no message.
    """
    message = _decode(body)
    content = _read(message.content)
    if prefix and not content.text.startswith(prefix):
        content.text = prefix + content.text
    reason = finish_reason(message.stop_reason)
    answer = _structured(content) if in_schema else None
    if answer is None:
        answer = _said(content, message)
    else:
        reason = "stop"
    searches = sum("tool_search" in str(block.get("name")) for block in message.content if _is_own_tool(block))
    usage, counted = chat_usage(message.usage, thoughts=content.thoughts, tool_searches=searches)
    if speed is not None:
        usage["speed"] = speed
    completion = {
        "id": f"chatcmpl-{uuid.uuid4()}",
        "created": int(time.time()),
        "model": message.model if model is None else model,
        "object": "chat.completion",
        "choices": [{"finish_reason": reason, "index": 0, "message": answer}],
        "usage": usage,
    }
    return encode(completion), counted


def finish_reason(stop_reason: str | None) -> str:
    """OpenAI's word for why the message ended; reasons that OpenAI does not know keep their names."""
    return "stop" if stop_reason is None else _REASONS.get(stop_reason, stop_reason)


def _said(content: Content, message: _Message) -> Fields:
    specific: Fields = {"citations": content.citations, "thinking_blocks": content.thinking}
    further = {
        "context_management": message.context_management,
        "web_search_results": content.searches or None,
        "tool_results": content.results or None,
        "container": message.container,
        "compaction_blocks": content.compactions or None,
    }
    specific |= {name: value for name, value in further.items() if value is not None}
    answer: Fields = {"content": content.text or None, "role": "assistant"}
    if content.tool_calls:
        answer["tool_calls"] = content.tool_calls
    if content.thinking is not None:
        answer |= {"reasoning_content": content.thoughts, "thinking_blocks": content.thinking}
    return answer | {"provider_specific_fields": specific}


def _structured(content: Content) -> Fields | None:
    """The answer in a schema, if the message is one."""
    if len(content.tool_calls) != 1 or content.tool_calls[0]["function"]["name"] != SCHEMA_TOOL:
        return None
    arguments = json.loads(content.tool_calls[0]["function"]["arguments"])
    values = arguments.get("values") if isinstance(arguments, dict) else None
    return {"content": json.dumps(arguments if values is None else values), "role": "assistant"}


def _read(blocks: list[Block]) -> Content:
    content = Content()
    for index, block in enumerate(blocks):
        known = msgspec.convert(block, _Known)
        _read_block(content, index, block, known)
        if known.citations is not None:
            told = [citation | {"supported_text": known.text} for citation in known.citations]
            content.citations = [*(content.citations or ()), told]
    return content


def _read_block(content: Content, index: int, block: Block, known: _Known) -> None:
    kind = known.type
    if kind == "text":
        content.text += known.text
    elif kind in ("tool_use", "server_tool_use"):
        content.tool_calls.append(_tool_call(index, block))
    elif kind in ("thinking", "redacted_thinking"):
        content.thinking = [*(content.thinking or ()), block]
        content.thoughts += known.thinking
    elif kind in _SEARCHES:
        content.searches.append(block)
    elif kind == "compaction":
        content.compactions.append(block)
    elif kind.endswith("_tool_result") and kind != _SEARCHED_TOOLS:
        content.results.append(block)


def _tool_call(index: int, block: Block) -> Fields:
    call: Fields = {"index": index}
    if "caller" in block:
        call["caller"] = block["caller"]
    function = {"arguments": json.dumps(block.get("input")), "name": block.get("name")}
    return call | {"function": function, "id": block.get("id"), "type": "function"}


def _is_own_tool(block: Block) -> bool:
    return block.get("type") == "server_tool_use"


# --- usage -----------------------------------------------------------------------------------------------------------


def chat_usage(usage: Fields, *, thoughts: str = "", tool_searches: int = 0) -> tuple[Fields, Usage]:
    """Anthropic's ``usage`` as OpenAI's, in which tokens read from the cache or written to it are prompt tokens too.

    Args:
        thoughts: the text of the thinking, whose tokens Anthropic does not tell apart; they are estimated.
        tool_searches: where the usage does not tell them.
    """
    written, read = _count(usage, "cache_creation_input_tokens"), _count(usage, "cache_read_input_tokens")
    prompt = _count(usage, "input_tokens") + written + read
    completion = _count(usage, "output_tokens")
    reasoning = min(estimated_tokens(thoughts), completion)
    prompt_details: Fields = {"cached_tokens": read, "cache_creation_tokens": written}
    creation = usage.get("cache_creation")
    if isinstance(creation, dict):
        names = ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")
        prompt_details["cache_creation_token_details"] = {name: creation.get(name) for name in names}
    laid_out: Fields = {
        "completion_tokens": completion,
        "prompt_tokens": prompt,
        "total_tokens": prompt + completion,
        "completion_tokens_details": {"reasoning_tokens": reasoning, "text_tokens": completion - reasoning},
        "prompt_tokens_details": prompt_details,
    }
    searches = _searches(usage, tool_searches)
    if searches:
        laid_out["server_tool_use"] = searches
    laid_out |= {"cache_creation_input_tokens": written, "cache_read_input_tokens": read}
    if usage.get("inference_geo") is not None:
        laid_out["inference_geo"] = usage["inference_geo"]
    return laid_out, Usage(prompt, completion, prompt + completion, read, reasoning, written)


def _searches(usage: Fields, tool_searches: int) -> Fields:
    given = usage.get("server_tool_use")
    told: Fields = given if isinstance(given, dict) else {}
    found = {"web_search_requests": told.get("web_search_requests")}
    found["tool_search_requests"] = told.get("tool_search_requests", tool_searches or None)
    return {name: value for name, value in found.items() if value is not None}


def _count(usage: Fields, name: str) -> int:
    value = usage.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def estimated_tokens(text: str) -> int:
    """About as many tokens as the text has for OpenAI's tokenizers: its words and punctuation marks."""
    return max(len(_WORDS.findall(text)), len(text.encode()) // _BYTES_PER_TOKEN) if text else 0
