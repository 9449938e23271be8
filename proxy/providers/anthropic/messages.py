"""A conversation in OpenAI's format as Anthropic's Messages API wants it (https://docs.anthropic.com/en/api/messages).

What Anthropic receives is what LiteLLM 1.81.14 sends (contracts/core/test_provider_anthropic.py): system prompts apart, the
messages of one side merged into one, empty texts left out, tool results said by the user. Addresses of images and
documents are handed on and never fetched here.
"""

import json
import re
import uuid
from typing import Any

import msgspec

Block = dict[str, Any]

_BILLING = "x-anthropic-billing-header:"
_SERVER_TOOL = "srvtoolu_"
_DATA_URL = re.compile(r"data:(?P<media>[^;,]*);base64,(?P<data>.*)", re.DOTALL)
_ODD_IN_AN_ID = re.compile(r"[^a-zA-Z0-9_-]")
_OWN_BLOCKS = ("server_tool_use", "tool_search_tool_result")
_SYSTEM_ROLES = frozenset(("system", "developer"))
_USER_ROLES = frozenset(("user", "tool", "function"))
_IMAGES = ("image/jpeg", "image/png", "image/gif", "image/webp")


class Untranslatable(ValueError):
    """The client asks for something that cannot be said to Anthropic; the text says what."""


class _Function(msgspec.Struct):
    name: str = ""
    arguments: str | dict[str, Any] | None = None


class _ToolCall(msgspec.Struct):
    function: _Function
    id: str = ""
    type: str = "function"
    cache_control: Any = None


class _Specific(msgspec.Struct):
    compaction_blocks: list[Block] | None = None
    web_search_results: list[Block] | None = None


class Message(msgspec.Struct):
    """A message of a chat, as far as it is told to Anthropic."""

    role: str
    content: str | list[Block] | None = None
    cache_control: Any = None
    prefix: bool | None = None
    tool_call_id: str | None = None
    tool_calls: list[_ToolCall] | None = None
    function_call: _Function | None = None
    thinking_blocks: list[Block] | None = None
    provider_specific_fields: _Specific | None = None


decode_messages = msgspec.json.Decoder(list[Message]).decode


def uses_tools(messages: list[Message]) -> bool:
    """Whether tools were called so far, which Anthropic accepts only together with ``tools``."""
    return any(message.tool_calls for message in messages)


def prefill(messages: list[Message]) -> str:
    """What the answer begins with, if the client wants that said: a last message of the assistant with ``prefix``."""
    last = messages[-1] if messages else None
    if last is None or last.role != "assistant" or not last.prefix:
        return ""
    return last.content if isinstance(last.content, str) else ""


def split(messages: list[Message]) -> tuple[list[Block], list[Block]]:
    """The system prompts and the conversation.

    Raises:
        Untranslatable: a message cannot be said to Anthropic.
    """
    prompts = [block for message in messages if message.role in _SYSTEM_ROLES for block in _system(message)]
    return prompts, _merged([message for message in messages if message.role not in _SYSTEM_ROLES])


def is_billing(text: Any) -> bool:
    """Whether a system prompt is none, but what Claude Code tells Anthropic of itself."""
    return isinstance(text, str) and text.startswith(_BILLING)


def _system(message: Message) -> list[Block]:
    parts = [_text(message.content, message.cache_control)] if isinstance(message.content, str) else message.content
    blocks = []
    for part in parts or ():
        text = part.get("text")
        if part.get("type") == "text" and (not isinstance(text, str) or not text or is_billing(text)):
            continue
        block = {"type": part.get("type"), "text": text}
        blocks.append(block | ({"cache_control": part["cache_control"]} if "cache_control" in part else {}))
    return blocks


def _merged(messages: list[Message]) -> list[Block]:
    merged: list[Block] = []
    called: set[str] = set()
    function_id = ""
    side, content = "", list[Block]()
    for message in messages:
        speaker = "user" if message.role in _USER_ROLES else message.role
        if speaker not in ("user", "assistant"):
            raise Untranslatable(f"messages: unknown role {message.role!r}")
        if speaker != side:
            side, content = speaker, []
            called.clear()
            merged.append({"role": side, "content": content})
        if message.function_call is not None:
            function_id = str(uuid.uuid4())
        if side == "assistant":
            content += _assistant(message, called, function_id)
        else:
            content += _user(message, function_id)
    spoken = [message for message in merged if message["content"]]
    if spoken and spoken[-1]["role"] == "assistant":
        _strip(spoken[-1]["content"])
    return spoken


def _strip(content: list[Block]) -> None:
    """Anthropic refuses a last message of the assistant that ends with blanks."""
    for block in content:
        if block.get("type") == "text" and isinstance(block.get("text"), str):
            block["text"] = block["text"].rstrip()


# --- the user --------------------------------------------------------------------------------------------------------


def _user(message: Message, function_id: str) -> list[Block]:
    if message.role != "user":
        call_id = message.tool_call_id if message.role == "tool" else message.tool_call_id or function_id
        return [_tool_result(message, call_id or str(uuid.uuid4()))]
    if isinstance(message.content, str):
        return [_text(message.content, message.cache_control)]
    converted = (_user_part(part) for part in message.content or ())
    return [block for block in converted if block is not None]


def _user_part(part: Block) -> Block | None:
    """``None``: Anthropic has nothing like it, such as sounds."""
    match part.get("type"):
        case "text":
            return _text(_string(part, "text"), part.get("cache_control"))
        case "image_url":
            return _image(part)
        case "document":
            return part
        case "file":
            return _file(part)
    return None


def _tool_result(message: Message, call_id: str) -> Block:
    content: str | list[Block] = message.content if isinstance(message.content, str) else []
    if isinstance(message.content, list):
        converted = (_user_part(part) for part in message.content if part.get("type") in ("text", "image_url"))
        content = [block for block in converted if block is not None]
    block = {"type": "tool_result", "tool_use_id": _tool_id(call_id), "content": content or ""}
    return block if message.cache_control is None else block | {"cache_control": message.cache_control}


def _image(part: Block) -> Block:
    given = part.get("image_url")
    url, media = (given.get("url"), given.get("format")) if isinstance(given, dict) else (given, None)
    if not isinstance(url, str):
        raise Untranslatable("image_url: url must be a text")
    if url.startswith(("http://", "https://")):
        source: Block = {"type": "url", "url": url}
    else:
        source = _base64(url, media)
    return _cached({"type": "image", "source": source}, part.get("cache_control"))


def _file(part: Block) -> Block:
    given = part.get("file")
    file: Block = given if isinstance(given, dict) else {}
    data, file_id, media = file.get("file_data"), file.get("file_id"), file.get("format")
    if isinstance(data, str) and data:
        return {"type": "document", "source": _base64(data, media)}
    if not isinstance(file_id, str) or not file_id:
        raise Untranslatable("file: either file_data or file_id must be given")
    if media is None and file_id.startswith("http"):
        return {"type": "document", "source": {"type": "url", "url": file_id}}
    kind = "document" if media in ("application/pdf", "text/plain") else "image" if media in _IMAGES else None
    if kind is None:
        return {"type": "container_upload", "file_id": file_id}
    return {"type": kind, "source": {"type": "file", "file_id": file_id}}


def _base64(url: str, media: Any) -> Block:
    match = _DATA_URL.fullmatch(url)
    if match is None:
        raise Untranslatable('an image or file must be "data:MEDIA/TYPE;base64,..." or an address with https://')
    return {"type": "base64", "media_type": media or match["media"], "data": match["data"]}


# --- the assistant ---------------------------------------------------------------------------------------------------


def _assistant(message: Message, called: set[str], function_id: str) -> list[Block]:
    """Blocks of thinking come first: Anthropic refuses them anywhere else."""
    specific = message.provider_specific_fields or _Specific()
    blocks = [*(specific.compaction_blocks or ()), *(message.thinking_blocks or ())]
    if isinstance(message.content, str):
        blocks += [_text(message.content, message.cache_control)] if message.content else []
    else:
        converted = (_assistant_part(part) for part in message.content or ())
        blocks += [block for block in converted if block is not None]
    for call in message.tool_calls or ():
        if call.type == "function" and call.id not in called:
            called.add(call.id)
            blocks += _tool_use(call, specific.web_search_results or [])
    if message.function_call is not None:
        blocks.append(_use("tool_use", function_id, message.function_call))
    return blocks


def _assistant_part(part: Block) -> Block | None:
    kind = part.get("type")
    if kind == "text":
        return _text(_string(part, "text"), part.get("cache_control")) if part.get("text") else None
    if kind in _OWN_BLOCKS or (kind == "thinking" and part.get("thinking")):
        return part
    return None


def _tool_use(call: _ToolCall, search_results: list[Block]) -> list[Block]:
    """The call, and what it led to if it is one of the tools that Anthropic runs itself."""
    if not call.id.startswith(_SERVER_TOOL):
        return [_cached(_use("tool_use", _tool_id(call.id), call.function), call.cache_control)]
    results = [result for result in search_results if result.get("tool_use_id") == call.id]
    return [_use("server_tool_use", call.id, call.function), *results[:1]]


def _use(kind: str, call_id: str, function: _Function) -> Block:
    return {"type": kind, "id": call_id, "name": function.name, "input": _arguments(function)}


def _arguments(function: _Function) -> Any:
    if not function.arguments or isinstance(function.arguments, dict):
        return function.arguments or {}
    try:
        return json.loads(function.arguments)
    except (ValueError, RecursionError) as error:
        raise Untranslatable(f"the arguments of tool {function.name!r} are no JSON: {error}") from None


def _tool_id(given: str) -> str:
    """Anthropic takes letters, digits, ``_`` and ``-`` only."""
    return _ODD_IN_AN_ID.sub("_", given) or "tool_use_id"


# --- blocks ----------------------------------------------------------------------------------------------------------


def _text(text: str, cache_control: Any = None) -> Block:
    return _cached({"type": "text", "text": text}, cache_control)


def _cached(block: Block, cache_control: Any) -> Block:
    return block | {"cache_control": cache_control} if isinstance(cache_control, dict) else block


def _string(part: Block, name: str) -> str:
    value = part.get(name)
    if not isinstance(value, str):
        raise Untranslatable(f"{name} of a content part must be a text")
    return value
