"""Tools as OpenAI's models are believed to read them: declarations in the manner of TypeScript."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from proxy.tokens.errors import Uncountable


def tools_text(tools: Sequence[Any]) -> str:
    """The declarations of function tools.

    Raises:
        Uncountable: one of them is no function, or its parameters are no schema of an object.
    """
    lines = ["namespace functions {", ""]
    for tool in tools:
        function = _mapping(_mapping(tool, "tool").get("function"), "tool.function")
        lines += [*_comment(function), *_declaration(function), ""]
    return "\n".join([*lines, "} // namespace functions"])


def _declaration(function: Mapping[str, Any]) -> list[str]:
    name = function.get("name")
    schema = _mapping(function.get("parameters") or {}, "parameters")
    if not schema.get("properties"):
        return [f"type {name} = () => any;"]
    return [f"type {name} = (_: {{", _fields(schema, 0), "}) => any;"]


def _fields(schema: Mapping[str, Any], indent: int) -> str:
    required = schema.get("required") or ()
    lines = []
    for name, field in _mapping(schema.get("properties") or {}, "properties").items():
        described = _mapping(field, "property")
        lines += _comment(described)
        lines.append(f"{name}{'' if name in required else '?'}: {_type(described, indent)},")
    return "\n".join(" " * indent + line for line in lines)


def _comment(described: Mapping[str, Any]) -> list[str]:
    return [f"// {described['description']}"] if described.get("description") else []


def _type(field: Mapping[str, Any], indent: int) -> str:
    match field.get("type"):
        case "string" | "integer" | "number" if "enum" in field:
            return " | ".join(f'"{choice}"' for choice in field["enum"])
        case "integer" | "number":
            return "number"
        case "string" | "boolean" | "null" as plain:
            return str(plain)
        case "array":
            return f"{_type(_mapping(field.get('items'), 'items'), indent)}[]"
        case "object":
            return f"{{\n{_fields(field, indent + 2)}\n}}"
    return "any"


def _mapping(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise Uncountable(f"{what} must be an object, not {json.dumps(value, default=str)[:100]}")
    return value
