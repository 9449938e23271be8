"""JSON schemas as Google takes them: a dialect of OpenAPI 3.0's for tools and older models, plainer JSON schema for newer ones.

https://ai.google.dev/api/caching#Schema. What Google receives is what LiteLLM 1.81.14 sends, recorded in
contracts/core/test_gemini_tools.py and test_gemini_fields.py.
"""

import re
from typing import Any

from proxy.providers.schema_refs import ImpossibleSchema, expanded

Schema = dict[str, Any]

_KNOWN = frozenset(
    """
    type format title description nullable default items minItems maxItems enum properties propertyOrdering required
    minProperties maxProperties minimum maximum minLength maxLength pattern example anyOf
    """.split()  # noqa: SIM905
)
"""What Google's dialect has."""
_FORMATS = ("enum", "date-time")
_OF_CONTAINERS = ("properties", "required", "items", "minItems", "maxItems", "minProperties", "maxProperties")
_CHOICES = ("anyOf", "oneOf", "allOf")
_takes_json_schemas = re.compile(r"gemini-([2-9]|[1-9]\d+)\.", re.IGNORECASE)


def takes_json_schemas(model: str) -> bool:
    """Whether a model takes JSON schemas for its answers, and not only Google's dialect."""
    return _takes_json_schemas.search(model) is not None


def google_schema(schema: Schema, *, ordered: bool = False) -> Schema:
    """The schema in Google's dialect.

    Args:
        ordered: say in which order properties come; else Google sorts them.

    Raises:
        ImpossibleSchema: it has no such form.
    """
    made: Schema = _in_dialect(_usable(expanded(schema), dialect=True), ordered=ordered)
    return made


def json_schema(schema: Schema) -> Schema:
    """The schema without what Google refuses in JSON schemas; raises as :func:`google_schema`."""
    made: Schema = _usable(expanded(schema), dialect=False)
    return made


# --- what both forms need --------------------------------------------------------------------------------------------


def _usable(schema: Any, *, dialect: bool) -> Any:
    if not isinstance(schema, dict):
        return schema
    made = {name: value for name, value in schema.items() if name != "strict"}
    if isinstance(made.get("anyOf"), list):
        made["anyOf"] = _nullable(made["anyOf"])
    if dialect:
        if made.get("additionalProperties") is False:
            del made["additionalProperties"]
        _one_type(made)
    if isinstance(made.get("enum"), list):
        _restrict_enum(made)
    if made.get("items") == {}:
        made["items"] = {"type": "object"}
    _type_objects(made)
    _use_inner(made, dialect=dialect)
    return made


def _nullable(choices: list[Any]) -> list[Any]:
    """The choices without null, which is said of the others instead."""
    others = [choice for choice in choices if not (isinstance(choice, dict) and choice.get("type") == "null")]
    if not others:
        raise ImpossibleSchema("a schema has an anyOf of nothing but null; give it another type")
    may_be_null = len(others) < len(choices)
    return [_choice(choice, may_be_null) if isinstance(choice, dict) else choice for choice in others]


def _choice(choice: Schema, may_be_null: bool) -> Schema:
    made = choice or {"type": "object"}
    if not may_be_null:
        return made
    if made.get("type") == "array" and "items" in made and not made["items"]:
        made = {name: value for name, value in made.items() if name != "items"}
    return made | {"nullable": True}


def _one_type(made: Schema) -> None:
    """Several types in one are said as a choice."""
    types = made.get("type")
    if not isinstance(types, list):
        return
    if len(types) == 1:
        made["type"] = types[0]
        return
    del made["type"]
    container = {name: made[name] for name in _OF_CONTAINERS if name in made}
    names = [name for name in types if isinstance(name, str)]
    made["anyOf"] = [{"type": name, **(container if name in ("object", "array") else {})} for name in names]
    if "object" in names or "array" in names:
        for name in container:
            del made[name]


def _restrict_enum(made: Schema) -> None:
    """Google knows enumerations of texts alone, and no empty one."""
    choices = made.get("anyOf")
    types = [made, *(choices if isinstance(choices, list) and not isinstance(made.get("type"), str) else ())]
    if any(isinstance(one, dict) and str(one.get("type")).lower() == "string" for one in types):
        made["enum"] = [None if value == "" else value for value in made["enum"]]
    else:
        del made["enum"]


def _type_objects(made: Schema) -> None:
    if "type" not in made and not any(name in made for name in _CHOICES):
        made["type"] = "object"
    properties = made.get("properties")
    if not isinstance(properties, dict):
        return
    made["type"] = "object"
    if made.get("required", ()) is None or not properties:
        made.pop("required", None)
    if not properties:
        del made["properties"]


def _use_inner(made: Schema, *, dialect: bool) -> None:
    if isinstance(made.get("properties"), dict):
        made["properties"] = {name: _usable(inner, dialect=dialect) for name, inner in made["properties"].items()}
    if "items" in made:
        made["items"] = _usable(made["items"], dialect=dialect)
    for name in _CHOICES:
        if isinstance(made.get(name), list):
            made[name] = [_usable(choice, dialect=dialect) for choice in made[name]]


# --- Google's dialect ------------------------------------------------------------------------------------------------


def _in_dialect(schema: Any, *, ordered: bool) -> Any:
    if not isinstance(schema, dict):
        return schema
    choices = schema.get("anyOf")
    if choices:
        return {"anyOf": [_in_dialect(choice, ordered=ordered) for choice in _described(choices, schema)]}
    made = {name: value for name, value in schema.items() if name in _KNOWN}
    if made.get("format", _FORMATS[0]) not in _FORMATS:
        del made["format"]
    if isinstance(made.get("properties"), dict):
        made["properties"] = {name: _in_dialect(inner, ordered=ordered) for name, inner in made["properties"].items()}
        if ordered:
            made.setdefault("propertyOrdering", list(made["properties"]))
    if isinstance(made.get("items"), dict):
        made["items"] = _in_dialect(made["items"], ordered=ordered)
    return made


def _described(choices: list[Any], schema: Schema) -> list[Any]:
    """Beside a choice Google takes nothing: what describes it goes into each of its members."""
    told = {name: schema[name] for name in ("title", "description") if schema.get(name)}
    return [choice | told if isinstance(choice, dict) else choice for choice in choices]
