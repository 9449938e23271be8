"""Tools and the choice among them in OpenAI's format, as Anthropic's Messages API wants them.

What Anthropic receives is what LiteLLM 1.81.14 sends (contracts/core/test_provider_anthropic_fields.py).
"""

from typing import Any

from proxy.providers.anthropic.messages import Untranslatable

Tool = dict[str, Any]

SCHEMA_TOOL = "json_tool_call"
"""A tool that is no tool: models without JSON schemas of their own are made to answer by calling it."""
_SCHEMA_KEYS = ("type", "properties", "additionalProperties", "required", "$defs", "strict")
_HOSTED = ("web_search", "bash", "text_editor", "code_execution", "web_fetch", "memory")
"""Beginnings of the types of tools that Anthropic defines."""
_SEARCHES = {
    "tool_search_tool_regex_20251119": "tool_search_tool_regex",
    "tool_search_tool_bm25_20251119": "tool_search_tool_bm25",
}
_MOST_SEARCHES = {"low": 1, "medium": 5, "high": 10}
"""Web searches by OpenAI's ``search_context_size``."""
_CHOICES = {"auto": "auto", "required": "any", "any": "any", "none": "none"}
"""Anthropic's names of the choices that name no tool."""
_PLACE = ("city", "country", "region", "timezone")
_OPTIONS: tuple[str, ...] = ("cache_control", "defer_loading", "allowed_callers", "input_examples")
"""May stand in an OpenAI-like tool or in its function; the first may in every kind of tool."""
_SCREEN = ("display_width_px", "display_height_px")


def translate_tools(tools: list[Tool]) -> tuple[list[Tool], list[Tool]]:
    """The tools, and the MCP servers that stand among OpenAI's tools.

    Raises:
        Untranslatable: there is no such tool at Anthropic, or something is missing.
    """
    translated: list[Tool] = []
    servers: list[Tool] = []
    for tool in tools:
        kind = tool.get("type")
        if "input_schema" in tool:
            translated.append(tool)
        elif kind == "url":
            servers.append(tool)
        elif kind == "mcp":
            servers.append(_server(tool))
        else:
            translated.append(_tool(tool))
    return translated, servers


def _tool(tool: Tool) -> Tool:
    kind = str(tool.get("type"))
    given = tool.get("function")
    function: Tool = given if isinstance(given, dict) else {}
    if kind in _SEARCHES:
        return {"type": kind, "name": tool.get("name", _SEARCHES[kind])}
    if kind in ("function", "custom"):
        made = _function(function)
        names = _OPTIONS
    elif kind.startswith("computer_"):
        made = _computer(kind, function)
        names = _OPTIONS[:1]
    elif kind.startswith(_HOSTED):
        made = {"type": kind, "name": _named(tool | {"name": tool.get("name", function.get("name"))})}
        made |= {name: value for name, value in tool.items() if name not in made}
        names = _OPTIONS[:0]
    else:
        raise Untranslatable(f"tools: unsupported type {kind!r}")
    for name in names:
        value = tool.get(name, function.get(name))
        if value is not None:
            made[name] = value
    return made


def _function(function: Tool) -> Tool:
    schema = function.get("parameters", {"type": "object", "properties": {}})
    if not isinstance(schema, dict):
        raise Untranslatable("tools: parameters must be a JSON schema")
    made = {"name": _named(function), "input_schema": {name: schema[name] for name in _SCHEMA_KEYS if name in schema}}
    return made if function.get("description") is None else made | {"description": function["description"]}


def _computer(kind: str, function: Tool) -> Tool:
    given = function.get("parameters")
    screen: Tool = given if isinstance(given, dict) else {}
    missing = [name for name in _SCREEN if screen.get(name) is None]
    if missing:
        raise Untranslatable(f"tools: {kind} needs {' and '.join(missing)} among its parameters")
    made = {"type": kind, "name": function.get("name", "computer"), **{name: screen[name] for name in _SCREEN}}
    number = screen.get("display_number")
    return made if number is None else made | {"display_number": number}


def _server(tool: Tool) -> Tool:
    """An MCP server as OpenAI's Responses API names it."""
    try:
        made = {"type": "url", "url": tool["server_url"], "name": tool["server_label"]}
    except KeyError as error:
        raise Untranslatable(f"tools: an MCP server needs {error.args[0]}") from None
    if tool.get("allowed_tools") is not None:
        made["tool_configuration"] = {"allowed_tools": tool["allowed_tools"]}
    headers = tool.get("headers")
    token = headers.get("Authorization") if isinstance(headers, dict) else None
    return made if token is None else made | {"authorization_token": str(token).replace("Bearer ", "")}


def _named(function: Tool) -> str:
    name = function.get("name")
    if not isinstance(name, str):
        raise Untranslatable("tools: a tool needs a name")
    return name


def translate_choice(choice: Any, parallel: bool | None) -> Tool | None:
    """``tool_choice`` and ``parallel_tool_calls`` in one; ``None``: nothing is to be said."""
    made = _choice(choice)
    if parallel is None or choice == "none":
        return made
    return (made or {"type": "auto"}) | {"disable_parallel_tool_use": not parallel}


def _choice(choice: Any) -> Tool | None:
    function = choice.get("function") if isinstance(choice, dict) else None
    if isinstance(function, dict):
        return None if function.get("name") is None else {"type": "tool", "name": function["name"]}
    kind = _CHOICES.get(str(choice.get("type") if isinstance(choice, dict) else choice))
    return None if kind is None else {"type": kind}


def web_search(options: dict[str, Any]) -> Tool:
    """The tool that ``web_search_options`` stand for."""
    tool: Tool = {"type": "web_search_20250305", "name": "web_search"}
    location = options.get("user_location")
    near = location.get("approximate") if isinstance(location, dict) else None
    if isinstance(near, dict):
        tool["user_location"] = {"type": "approximate", **{name: near[name] for name in _PLACE if name in near}}
    most = _MOST_SEARCHES.get(str(options.get("search_context_size")))
    return tool if most is None else tool | {"max_uses": most}


def schema_tool(schema: dict[str, Any]) -> Tool:
    """The tool that stands for an answer in that JSON schema."""
    return {"name": SCHEMA_TOOL, "input_schema": {"type": "object", **schema}}
