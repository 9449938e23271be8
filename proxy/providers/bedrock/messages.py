"""A conversation in OpenAI's format as Bedrock's Converse wants it.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Message.html. What Bedrock receives is what LiteLLM
1.81.14 sends (contracts/core/test_bedrock.py): system prompts apart, the messages of one side merged into one, marks of a
cache as blocks of their own. Addresses of images and documents are refused and never fetched here: Bedrock takes none.
"""

import hashlib
import json
import mimetypes
import re
import uuid
from collections.abc import Iterable
from typing import Any

from proxy.providers.anthropic.messages import Message, Untranslatable

Block = dict[str, Any]

_IMAGES = ("png", "jpeg", "gif", "webp")
_VIDEOS = ("mp4", "mov", "mkv", "webm", "flv", "mpeg", "mpg", "wmv", "3gp")
_DOCUMENTS = ("pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md")
_SYSTEM_ROLES = ("system", "developer")
_CACHES_FOR = re.compile(r"(?:sonnet|haiku|opus)[-_]4[-_.]5|(?:sonnet|opus)[-_]4[-_.]6", re.IGNORECASE)
"""Models that are told how long to keep what they cache."""
_LIFETIMES = ("5m", "1h")
_HASHED = 64 * 1024
"""Bytes of a document that its name is made of."""


def split(messages: list[Message], model: str, *, guarded: bool = False) -> tuple[list[Block], list[Block]]:
    """The system prompts and the conversation.

    Args:
        guarded: mark what the user said last as that which a guardrail looks at.

    Raises:
        Untranslatable: a message cannot be said to Bedrock.
    """
    prompts = [block for message in messages if message.role in _SYSTEM_ROLES for block in _system(message, model)]
    spoken = [message for message in messages if message.role not in _SYSTEM_ROLES]
    if not spoken:
        raise Untranslatable("Invalid Message bedrock requires at least one non-system message")
    return prompts, _merged(_guarded(spoken) if guarded else spoken)


def _system(message: Message, model: str) -> list[Block]:
    parts = [_as_part(message)] if isinstance(message.content, str) else message.content
    blocks: list[Block] = []
    for part in parts or ():
        if part.get("type") == "text" and part.get("text"):
            blocks += [{"text": _string(part, "text")}, *_cache_point(part, model)]
    return blocks


def _as_part(message: Message) -> Block:
    part: Block = {"type": "text", "text": message.content}
    return part if message.cache_control is None else part | {"cache_control": message.cache_control}


def _guarded(messages: list[Message]) -> list[Message]:
    """What the user said last is looked at, unless the client says itself what is."""
    for message in reversed(messages):
        if message.role != "user":
            break
        parts = [_as_part(message)] if isinstance(message.content, str) else message.content or []
        if not any(part.get("type") == "guarded_text" for part in parts):
            message.content = [
                part | {"type": "guarded_text"} if part.get("type") == "text" else part for part in parts
            ]
    return messages


def _merged(messages: list[Message]) -> list[Block]:
    merged: list[Block] = []
    group: list[Message] = []
    for message in [*messages, None]:
        if group and (message is None or message.role != group[0].role):
            _add(merged, group)
            group = []
        if message is not None:
            group.append(message)
    return merged


def _add(merged: list[Block], group: list[Message]) -> None:
    """Add what messages of one role say; the results of tools are said by the user."""
    role = group[0].role
    if role == "user":
        blocks = [block for message in group for block in _user(message)]
    elif role == "tool":
        blocks = _once((block for message in group for block in _tool_result(message)), "toolResult")
    elif role == "assistant":
        blocks = _once((block for message in group for block in _assistant(message)), "toolUse")
    else:
        raise Untranslatable(f"Invalid Message passed in: unknown role {role!r}")
    side = "assistant" if role == "assistant" else "user"
    if blocks and side == "user" and merged and merged[-1]["role"] == "user":
        merged[-1]["content"] += blocks
    elif blocks:
        merged.append({"role": side, "content": blocks})


def _once(blocks: Iterable[Block], kind: str) -> list[Block]:
    """Without repeated ids, which Bedrock refuses."""
    seen: set[str] = set()
    kept = []
    for block in blocks:
        known = block.get(kind)
        if known is not None:
            if known["toolUseId"] in seen:
                continue
            seen.add(known["toolUseId"])
        kept.append(block)
    return kept


# --- the user --------------------------------------------------------------------------------------------------------


def _user(message: Message) -> list[Block]:
    if isinstance(message.content, str):
        return [{"text": message.content}, *_cache_point(_as_part(message))] if message.content else []
    return [block for part in message.content or () for block in (*_user_part(part), *_cache_point(part))]


def _user_part(part: Block) -> list[Block]:
    match part.get("type"):
        case "text":
            text = _string(part, "text")
            return [{"text": text}] if text.strip() else []
        case "guarded_text":
            return [{"guardContent": {"text": {"text": _string(part, "text")}}}]
        case "image_url":
            return [_image(part)]
        case "file":
            return [_file(part)]
    return []


def _tool_result(message: Message) -> list[Block]:
    parts = [_as_part(message)] if isinstance(message.content, str) else message.content or []
    content: list[Block] = []
    for part in parts:
        if part.get("type") == "text":
            content.append({"text": _string(part, "text")})
        elif part.get("type") == "image_url":
            content += [block for block in [_image(part)] if "image" in block]
    block = {"toolResult": {"content": content, "toolUseId": message.tool_call_id or str(uuid.uuid4())}}
    marked = message.cache_control is not None or any(part.get("cache_control") is not None for part in parts)
    return [block, {"cachePoint": {"type": "default"}}] if marked else [block]


# --- images, documents, videos ---------------------------------------------------------------------------------------


def _image(part: Block) -> Block:
    given = part.get("image_url")
    url, media = (given.get("url"), given.get("format")) if isinstance(given, dict) else (given, None)
    return _media(url, media)


def _file(part: Block) -> Block:
    given = part.get("file")
    file: Block = given if isinstance(given, dict) else {}
    data = file.get("file_id") or file.get("file_data")
    if not isinstance(data, str):
        raise Untranslatable("file: either file_data or file_id must be given")
    return _media(data, file.get("format"))


def _media(url: Any, media: Any) -> Block:
    head, comma, data = url.partition(",") if isinstance(url, str) else ("", "", "")
    if not comma or "base64" not in head:
        raise Untranslatable('Bedrock takes images and files as "data:MEDIA/TYPE;base64,..." only, and no addresses')
    given = re.match(r"data:([^;]*);base64", head)
    kind = media if isinstance(media, str) else given[1] if given else "image/jpeg"
    source = {"bytes": data}
    if kind.startswith(("application/", "text/")):
        name = _document_format(kind)
        return {"document": {"source": source, "format": name, "name": _document_name(data, name)}}
    name = kind.partition("/")[2]
    if name in _VIDEOS:
        return {"video": {"source": source, "format": name}}
    if name in _IMAGES:
        return {"image": {"source": source, "format": name}}
    raise Untranslatable(f"Unsupported image format: {name}. Supported formats: {[*_VIDEOS, *_IMAGES]}")


def _document_format(kind: str) -> str:
    endings = (ending[1:] for ending in mimetypes.guess_all_extensions(kind, strict=False))
    found = next((ending for ending in endings if ending in _DOCUMENTS), None)
    if found is None:
        raise Untranslatable(f"No supported extensions for MIME type: {kind}. Supported formats: {list(_DOCUMENTS)}")
    return found


def _document_name(data: str, kind: str) -> str:
    """Bedrock wants documents named, and refuses two of one name."""
    text = "".join(data.split()).encode()
    digest = hashlib.sha256(text[:_HASHED] + str(len(text)).encode()).hexdigest()
    return f"DocumentPDFmessages_{digest[:16]}_{kind}"


# --- the assistant ---------------------------------------------------------------------------------------------------


def _assistant(message: Message) -> list[Block]:
    blocks = [_thinking(block) for block in message.thinking_blocks or ()]
    if isinstance(message.content, str):
        part = _as_part(message)
        if message.content.strip():
            blocks.append({"text": message.content})
        blocks += _cache_point(part)
    else:
        blocks += [block for part in message.content or () for block in (*_assistant_part(part), *_cache_point(part))]
    for call in message.tool_calls or ():
        blocks += _tool_uses(call.id, call.function.name, call.function.arguments)
        if call.cache_control is not None:
            blocks.append({"cachePoint": {"type": "default"}})
    return blocks


def _assistant_part(part: Block) -> list[Block]:
    match part.get("type"):
        case "thinking":
            return [_thinking(part)]
        case "text":
            return [{"text": part["text"]}] if str(part.get("text") or "").strip() else []
        case "image_url":
            return [_image(part)]
    return []


def _thinking(block: Block) -> Block:
    """What nobody signed is no thinking to Bedrock, but a text."""
    thought = block.get("thinking") or ""
    if not block.get("signature"):
        return {"text": thought}
    return {"reasoningContent": {"reasoningText": {"text": thought, "signature": block["signature"]}}}


def _tool_uses(call_id: str, name: str, arguments: Any) -> list[Block]:
    """One use for each object in the arguments: some models write several into one call."""
    found = [arguments] if isinstance(arguments, dict) else _objects(name, arguments or "")
    ids = (call_id if index == 0 else f"{call_id}_{index}" for index in range(len(found)))
    return [
        {"toolUse": {"input": given, "name": name, "toolUseId": one}} for one, given in zip(ids, found, strict=True)
    ]


def _objects(name: str, text: str) -> list[Block]:
    decoder, text = json.JSONDecoder(), text.strip()
    found: list[Block] = []
    while text:
        try:
            value, end = decoder.raw_decode(text)
        except (ValueError, RecursionError) as error:
            raise Untranslatable(f"the arguments of tool {name!r} are no JSON: {error}") from None
        found.append(value if isinstance(value, dict) else {})
        text = text[end:].lstrip()
    return found or [{}]


# --- blocks ----------------------------------------------------------------------------------------------------------


def _cache_point(part: Block, model: str = "") -> list[Block]:
    control = part.get("cache_control")
    if control is None:
        return []
    point: Block = {"type": "default"}
    lifetime = control.get("ttl") if isinstance(control, dict) else None
    if lifetime in _LIFETIMES and _CACHES_FOR.search(model):
        point["ttl"] = lifetime
    return [{"cachePoint": point}]


def _string(part: Block, name: str) -> str:
    value = part.get(name)
    if not isinstance(value, str):
        raise Untranslatable(f"{name} of a content part must be a text")
    return value
