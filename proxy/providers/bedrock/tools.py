"""Tools and the choice among them in OpenAI's format, as Bedrock's Converse wants them.

What Bedrock receives is what LiteLLM 1.81.14 sends (contracts/core/test_bedrock_fields.py).
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolConfiguration.html
"""

import re
from typing import Any

from proxy.providers.anthropic.messages import Untranslatable
from proxy.providers.anthropic.tools import SCHEMA_TOOL
from proxy.providers.openai.params import refusal
from proxy.providers.schema_refs import ImpossibleSchema, expanded

Tool = dict[str, Any]

_OWN_KINDS = ("systemTool", "toolSpec", "cachePoint")
"""Tools in Bedrock's own words go through."""
_COMPUTER = ("computer_use_preview", "computer_", "bash_", "text_editor_")
"""Beginnings of the types of Anthropic's tools for the use of a computer."""
_NAMES = {"bash_": "bash", "text_editor_": "str_replace_editor"}
_SEARCHES = ("tool_search_tool_regex_20251119", "tool_search_tool_bm25_20251119")
"""Not of Converse."""
_COMPUTER_BETAS = (
    (re.compile(r"(?:opus|sonnet)[-_]4[-_.]6|opus[-_]4[-_.]5", re.IGNORECASE), "computer-use-2025-11-24"),
    (
        re.compile(r"(?:sonnet|haiku)[-_]4[-_.]5|opus[-_]4|sonnet[-_]4|sonnet[-_]3[-_.]7", re.IGNORECASE),
        "computer-use-2025-01-24",
    ),
)
_FIRST_COMPUTER_BETA = "computer-use-2024-10-22"
_ANYTHING: Tool = {"type": "object", "additionalProperties": True, "properties": {}}


class Tools:
    """The tools of a request. Converse's are in ``config``, Anthropic's in ``computer``."""

    def __init__(self, given: list[Any], model: str) -> None:
        """Raises Untranslatable if one of them cannot be said to Bedrock."""
        self.config: list[Tool] = []
        self.computer: list[Tool] = []
        self.betas: list[str] = []
        self.names: dict[str, str] = {}
        """What the client calls a tool, by the name that Bedrock knows."""
        own: list[Tool] = []
        for tool in given:
            if not isinstance(tool, dict):
                raise Untranslatable("tools must be a list of objects")
            kind = str(tool.get("type"))
            if "systemTool" in tool:
                own.append(tool)
            elif kind.startswith(_COMPUTER):
                self.computer.append(_computer_tool(tool, kind))
            elif kind not in _SEARCHES:
                self._add(tool)
        self.config += own
        if self.computer:
            self.betas = [computer_beta(model)]

    def _add(self, tool: Tool) -> None:
        if any(kind in tool for kind in _OWN_KINDS):
            self.config.append(tool)
            return
        function = _object(tool.get("function"))
        name = _string(function.get("name", ""))
        ours = bedrock_name(name)
        if ours != name:
            self.names[ours] = name
        spec = {
            "inputSchema": {"json": _schema(function.get("parameters", {"type": "object", "properties": {}}))},
            "name": ours,
            "description": function.get("description") or ours,
        }
        self.config.append({"toolSpec": spec})
        control = tool.get("cache_control")
        if isinstance(control, dict) and control.get("type", "ephemeral") == "ephemeral":
            self.config.append({"cachePoint": {"type": "default"}})


def bedrock_name(name: str) -> str:
    """Bedrock takes letters, digits and ``_`` only, and a letter first."""
    if not name:
        return name
    begun = name if name[0].isalpha() else f"a{name}"
    return "".join(character if character.isalnum() else "_" for character in begun)


def computer_beta(model: str) -> str:
    """What has to be switched on for a Claude to use a computer."""
    return next((beta for models, beta in _COMPUTER_BETAS if models.search(model)), _FIRST_COMPUTER_BETA)


def schema_tool(schema: Tool | None, description: Any) -> Tool:
    """The tool, in OpenAI's words, that stands for an answer in that JSON schema; ``None``: in any JSON."""
    function = {"name": SCHEMA_TOOL, "parameters": _ANYTHING if schema is None else schema}
    return {"type": "function", "function": function | ({"description": description} if description else {})}


def translate_choice(choice: Any, *, drop: bool) -> Tool | None:
    """Bedrock's words for ``tool_choice``; ``None``: nothing is to be said.

    Raises:
        Failure: 400, there is no such choice, unless it is to be dropped.
    """
    if isinstance(choice, dict):
        function = choice.get("function")
        name = function.get("name", "") if isinstance(function, dict) else ""
        return {"tool": {"name": bedrock_name(_string(name))}}
    if choice in ("auto", "required"):
        return {"auto" if choice == "auto" else "any": {}}
    if choice == "none" and drop:
        return None
    supported = "" if choice == "none" else " Supported tool_choice values=['auto', 'required', json object]."
    raise refusal(
        f"Bedrock doesn't support tool_choice={choice}.{supported} To drop it from the call, set "
        "`litellm.drop_params = True."
    )


def _computer_tool(tool: Tool, kind: str) -> Tool:
    function = tool.get("function")
    if kind.startswith("computer_") and isinstance(function, dict):
        return {"type": kind, "name": function.get("name", "computer"), **_object(function.get("parameters"))}
    name = next((name for beginning, name in _NAMES.items() if kind.startswith(beginning)), None)
    return tool if name is None or "name" in tool else tool | {"name": name}


def _schema(parameters: Any) -> Tool:
    if not isinstance(parameters, dict):
        raise Untranslatable("tools: parameters must be a JSON schema")
    try:
        schema = expanded(parameters)
    except ImpossibleSchema as error:
        raise Untranslatable(f"tools: {error}") from error
    return {
        "type": schema.get("type", ""),
        "properties": schema.get("properties", {}),
        "required": schema.get("required", []),
    }


def _object(value: Any) -> Tool:
    return value if isinstance(value, dict) else {}


def _string(name: Any) -> str:
    if not isinstance(name, str):
        raise Untranslatable("tools: the name of a tool must be a text")
    return name
