"""A call in Anthropic's format as a chat completion, for vendors that do not speak Anthropic's dialect.

What they receive is what LiteLLM 1.81.14 sends (contracts/core/test_messages_translated.py).
"""

import hashlib
import json
from typing import Any

import msgspec

from proxy.call import Body
from proxy.providers.openai.format import present, raw

Block = dict[str, Any]

LONGEST_NAME = 64
"""Characters that OpenAI allows in the name of a function."""
_KEPT_OF_A_NAME = 55
_EFFORTS = ((10_000, "high"), (5_000, "medium"), (2_000, "low"))
"""OpenAI's ``reasoning_effort`` by the least ``budget_tokens``."""
_TOOL_FIELDS = frozenset(("name", "input_schema", "description", "cache_control"))
_TRANSLATED = frozenset(
    ("messages", "model", "metadata", "system", "tool_choice", "tools", "thinking", "output_format", "stop_sequences")
)


class _Message(msgspec.Struct):
    role: str
    content: str | list[Block] | None = None


class _Tool(msgspec.Struct):
    name: str
    type: str | None = None
    input_schema: Any = None
    description: Any = None
    cache_control: Any = None


class _Request(msgspec.Struct):
    messages: list[_Message]
    system: str | list[Block] | None = None
    tools: list[Block] | None = None
    tool_choice: Block | None = None
    thinking: Block | None = None
    output_format: Block | None = None
    stop_sequences: list[str] | None = None


class _Metadata(msgspec.Struct):
    user_id: Any = None


class Chat(msgspec.Struct):
    """The chat completion that stands for a call."""

    body: Body
    names: dict[str, str] = {}
    """Names of tools that were too long for OpenAI, by those that it is told."""


def to_chat(body: Body, model: str, metadata: msgspec.Raw | None, *, stream: bool) -> Chat:
    """Translate a call.

    Args:
        model: of the vendor; those of Anthropic keep what only they understand.
        metadata: of the client, which names the user.

    Raises:
        msgspec.ValidationError: it is no such call.
    """
    request = msgspec.json.decode(msgspec.json.encode(body), type=_Request)
    own = _is_claude(model)
    chat = Chat({"messages": raw([*_system(request.system, own), *_messages(request.messages, own)])})
    chat.body |= {name: value for name, value in body.items() if name not in _TRANSLATED and present(value)}
    fields = _fields(request, own)
    if request.tools:
        fields |= _tools(request.tools, own, chat.names)
    user = None if metadata is None else msgspec.json.decode(metadata, type=_Metadata | None)
    if user is not None and user.user_id is not None:
        fields["user"] = user.user_id
    if stream:
        fields["stream_options"] = {"include_usage": True}
    chat.body |= {name: raw(value) for name, value in fields.items()}
    return chat


def _fields(request: _Request, own: bool) -> Block:
    fields: Block = {}
    choice = _choice(request.tool_choice)
    if choice is not None:
        fields["tool_choice"] = choice
    if request.thinking and own:
        fields["thinking"] = request.thinking
    elif request.thinking and request.thinking.get("type") == "enabled":
        budget = request.thinking.get("budget_tokens")
        tokens = budget if isinstance(budget, int) else 0
        fields["reasoning_effort"] = next((effort for least, effort in _EFFORTS if tokens >= least), "minimal")
    schema = request.output_format.get("schema") if request.output_format else None
    if schema and request.output_format and request.output_format.get("type") == "json_schema":
        described = {"name": "structured_output", "schema": schema, "strict": True}
        fields["response_format"] = {"type": "json_schema", "json_schema": described}
    if request.stop_sequences:
        fields["stop"] = request.stop_sequences
    return fields


def _is_claude(model: str) -> bool:
    return "anthropic" in model.lower() or "claude" in model.lower()


# --- messages --------------------------------------------------------------------------------------------------------


def _system(system: str | list[Block] | None, own: bool) -> list[Block]:
    if not system:
        return []
    content = system if isinstance(system, str) else [_text(block, own) for block in system if _is_text(block)]
    return [{"role": "system", "content": content}] if content else []


def _messages(messages: list[_Message], own: bool) -> list[Block]:
    translated: list[Block] = []
    for message in messages:
        if message.role == "user":
            translated += _user(message, own)
        elif message.role == "assistant":
            translated += _assistant(message, own)
    return translated


def _user(message: _Message, own: bool) -> list[Block]:
    """Results of tools are messages of their own, before what the user says."""
    if not isinstance(message.content, list):
        return [{"role": "user", "content": message.content}] if message.content else []
    results = [_result(block, own) for block in message.content if block.get("type") == "tool_result"]
    said = [part for block in message.content if (part := _part(block, own)) is not None]
    return [*results, {"role": "user", "content": said}] if said else results


def _result(block: Block, own: bool) -> Block:
    content = block.get("content")
    if isinstance(content, list):
        parts = [part for item in content if isinstance(item, dict) and (part := _part(item, own=False)) is not None]
        content = _alone(parts[0]) if len(parts) == 1 else parts
    told = {"role": "tool", "tool_call_id": block.get("tool_use_id", ""), "content": content or ""}
    return _cached(told, block, own)


def _alone(part: Block) -> Any:
    return part["text"] if _is_text(part) else part["image_url"]["url"]


def _part(block: Block, own: bool) -> Block | None:
    if _is_text(block):
        return _text(block, own)
    if block.get("type") not in ("image", "document"):
        return None
    url = _url(block.get("source"))
    return _cached({"type": "image_url", "image_url": {"url": url}}, block, own) if url else None


def _url(source: Any) -> str | None:
    """The address of an image or document, which may hold all of it."""
    if not isinstance(source, dict):
        return None
    if source.get("type") == "base64" and source.get("data"):
        return f"data:{source.get('media_type', 'image/jpeg')};base64,{source['data']}"
    url = source.get("url")
    return url if source.get("type") == "url" and isinstance(url, str) else None


def _assistant(message: _Message, own: bool) -> list[Block]:
    blocks = message.content if isinstance(message.content, list) else []
    texts = [_text(block, own) for block in blocks if _is_text(block)]
    content: Any = message.content if isinstance(message.content, str) else None
    if texts:
        content = texts if any("cache_control" in part for part in texts) else "".join(part["text"] for part in texts)
    calls = [_call(block, own) for block in blocks if block.get("type") == "tool_use"]
    thoughts = [_thought(block) for block in blocks if block.get("type") in ("thinking", "redacted_thinking")]
    said: Block = {"role": "assistant"} | ({} if content is None else {"content": content})
    said |= {"tool_calls": calls} if calls else {}
    said |= {"thinking_blocks": thoughts} if thoughts else {}
    return [said] if len(said) > 1 else []


def _call(block: Block, own: bool) -> Block:
    function = {"name": shortened(str(block.get("name", ""))), "arguments": json.dumps(block.get("input", {}))}
    return _cached({"id": block.get("id", ""), "type": "function", "function": function}, block, own)


def _thought(block: Block) -> Block:
    kept = ("thinking", "signature") if block["type"] == "thinking" else ("data",)
    return {"type": block["type"], **{name: block.get(name) or "" for name in kept}}


def _is_text(block: Block) -> bool:
    return block.get("type") == "text"


def _text(block: Block, own: bool) -> Block:
    return _cached({"type": "text", "text": str(block.get("text", ""))}, block, own)


def _cached(made: Block, block: Block, own: bool) -> Block:
    return made | {"cache_control": block["cache_control"]} if own and block.get("cache_control") else made


# --- tools -----------------------------------------------------------------------------------------------------------


def _tools(tools: list[Block], own: bool, names: dict[str, str]) -> Block:
    fields: Block = {}
    for tool in tools:
        known = msgspec.convert(tool, _Tool)
        if (known.type or "").startswith("web_search") or known.name == "web_search":
            fields["web_search_options"] = {}
            continue
        function: Block = {"name": shortened(known.name)}
        if function["name"] != known.name:
            names[function["name"]] = known.name
        if "input_schema" in tool:
            function["parameters"] = known.input_schema
        if "description" in tool:
            function["description"] = known.description
        further = {name: value for name, value in tool.items() if name not in _TOOL_FIELDS}
        if further:
            schema = function.get("parameters")
            function["parameters"] = (schema if isinstance(schema, dict) else {}) | further
        fields.setdefault("tools", []).append(_cached({"type": "function", "function": function}, tool, own))
    return fields


def _choice(choice: Block | None) -> Any:
    if choice is None:
        return None
    kind = choice.get("type")
    if kind == "tool":
        return {"type": "function", "function": {"name": shortened(str(choice.get("name", "")))}}
    return {"any": "required", "auto": "auto", "none": "none"}.get(str(kind))


def shortened(name: str) -> str:
    """A name that OpenAI takes: its beginning and a hash of it all."""
    if len(name) <= LONGEST_NAME:
        return name
    return f"{name[:_KEPT_OF_A_NAME]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"
