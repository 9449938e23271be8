"""A call of the Responses API as a chat completion, for vendors that only chat.

What they receive is what LiteLLM 1.81.14 sends (contracts/A/test_A2_bridged*.py), but that calls of tools made together
stay together, and that a tool which is asked for by name keeps its name.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from proxy.call import Body
from proxy.providers.openai.format import present, raw
from proxy.providers.openai.responses import FIELDS

Item = dict[str, Any]

_SAME = ("temperature", "top_p", "user", "parallel_tool_calls", "service_tier", "context_management")
_RENAMED = {"max_output_tokens": "max_tokens"}
_OUTPUTS = frozenset(("function_call_output", "computer_call_output", "tool_result", "web_search_call"))
_OF_TOOLS = ("cache_control", "defer_loading", "allowed_callers", "input_examples")
_ANY_TOOL = frozenset(("required", "tool", "any", "function"))


class _Request(msgspec.Struct):
    input: str | list[Item] | None = None
    instructions: str | None = None
    tools: list[Item] | None = None
    tool_choice: str | Item | None = None
    text: Item | None = None
    reasoning: Item | str | None = None


def to_chat(body: Body, history: Sequence[Item], *, stream: bool) -> Body:
    """Translate a call.

    Args:
        history: items of earlier turns.

    Raises:
        msgspec.ValidationError: it is no such call.
    """
    asked = msgspec.json.decode(msgspec.json.encode(body), type=_Request)
    fields: Item = {"messages": [*_system(asked.instructions), *messages_of([*history, *items_of(asked.input)])]}
    tools, search = _tools(asked.tools or ())
    fields |= {"tools": tools} if tools else {}
    fields |= {} if search is None else {"web_search_options": search}
    choice = _choice(asked.tool_choice)
    fields |= {} if choice is None else {"tool_choice": choice}
    answered_as = _response_format(asked.text)
    fields |= {} if answered_as is None else {"response_format": answered_as}
    effort = asked.reasoning.get("effort") if isinstance(asked.reasoning, dict) else asked.reasoning
    fields |= {} if effort is None else {"reasoning_effort": effort}
    if stream:
        fields["stream_options"] = {"include_usage": True}
    chat = {name: value for name, value in body.items() if name not in FIELDS}
    chat |= {name: body[name] for name in _SAME if present(body.get(name))}
    chat |= {new: body[name] for name, new in _RENAMED.items() if present(body.get(name))}
    if stream:
        chat["stream"] = raw(True)
    return chat | {name: raw(value) for name, value in fields.items()}


def items_of(given: str | list[Item] | None) -> list[Item]:
    """The input as items."""
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    return given or []


# --- messages --------------------------------------------------------------------------------------------------------


def _system(instructions: str | None) -> list[Item]:
    return [{"role": "system", "content": instructions}] if instructions else []


def messages_of(items: Iterable[Item]) -> list[Item]:
    """The messages that say what the items say; what a chat has nothing like is left out."""
    messages: list[Item] = []
    called = False
    for item in items:
        kind = item.get("type")
        if kind == "function_call":
            if called:
                messages[-1]["tool_calls"].append(_call(item))
            else:
                messages.append({"role": "assistant", "content": None, "tool_calls": [_call(item)]})
            called = True
            continue
        called = False
        if kind in _OUTPUTS:
            if item.get("call_id"):
                messages.append(
                    {"role": "tool", "content": _output(item.get("output")), "tool_call_id": item["call_id"]}
                )
        elif kind in (None, "message") and item.get("content") is not None:
            messages.append({"role": item.get("role") or "user", "content": _content(item["content"])})
    return messages


def _call(item: Item) -> Item:
    function = {"name": item.get("name") or "", "arguments": str(item.get("arguments") or "")}
    return {"id": item.get("call_id") or item.get("id") or "", "type": "function", "function": function}


def _content(content: Any) -> Any:
    if not isinstance(content, list):
        return content
    return [part for given in content if (part := _part(given)) is not None]


def _part(part: Any) -> Any:
    if not isinstance(part, dict):
        return part
    kind = part.get("type")
    if kind == "input_image":
        address = part.get("image_url") or part.get("file_id") or ""
        return {"type": "image_url", "image_url": {"url": address, "detail": part.get("detail") or "auto"}}
    if kind == "input_file":
        return {"type": "file", "file": {name: part[name] for name in ("file_id", "file_data") if part.get(name)}}
    if kind == "input_audio":
        return part
    text = part.get("text")
    return None if text is None else {"type": "text", "text": text}


def _output(output: Any) -> Any:
    """A text, unless a tool answered with images."""
    if output is None or isinstance(output, str):
        return output or ""
    if not isinstance(output, list):
        return json.dumps(output)
    parts = [part for given in output if isinstance(given, dict) and (part := _output_part(given)) is not None]
    if any(part["type"] == "image_url" for part in parts):
        return parts
    return "".join(part["text"] for part in parts) if parts else json.dumps(output)


def _output_part(part: Item) -> Item | None:
    image = part.get("image_url") or part.get("url")
    if part.get("type") in ("input_image", "image_url") and image:
        return {"type": "image_url", "image_url": {"url": image["url"] if isinstance(image, dict) else image}}
    text = part.get("text")
    return {"type": "text", "text": text} if isinstance(text, str) and text else None


# --- tools and formats -----------------------------------------------------------------------------------------------


def _tools(tools: Iterable[Item]) -> tuple[list[Item], Item | None]:
    """The tools of a chat, and what it is to search the web with."""
    told: list[Item] = []
    search: Item | None = None
    for tool in tools:
        kind = tool.get("type")
        if kind in ("web_search", "web_search_preview"):
            search = {name: tool.get(name) for name in ("search_context_size", "user_location")}
        elif kind == "function" and "function" not in tool:
            told.append(_function(tool))
        else:
            told.append(tool)
    return told, search


def _function(tool: Item) -> Item:
    parameters = tool.get("parameters") or {}
    described = {
        "name": tool.get("name") or "",
        "description": tool.get("description") or "",
        "parameters": parameters if "type" in parameters else {**parameters, "type": "object"},
        "strict": tool.get("strict") or False,
    }
    own = {name: tool[name] for name in _OF_TOOLS if tool.get(name)}
    return {"type": "function", "function": described, **own}


def _choice(choice: str | Item | None) -> Any:
    if not isinstance(choice, dict) or choice.get("function"):
        return choice
    kind = choice.get("type")
    if kind == "function" and choice.get("name"):
        return {"type": "function", "function": {"name": choice["name"]}}
    if kind in ("auto", "none"):
        return kind
    return "required" if kind in _ANY_TOOL else choice


def _response_format(text: Item | None) -> Item | None:
    wanted = text.get("format") if text else None
    if not isinstance(wanted, dict):
        return None
    if wanted.get("type") == "json_object":
        return {"type": "json_object"}
    if wanted.get("type") != "json_schema":
        return None
    described = {
        "name": wanted.get("name", "response_schema"),
        "schema": wanted.get("schema", {}),
        "strict": wanted.get("strict", False),
    }
    return {"type": "json_schema", "json_schema": described}
