"""What clients must know of the operations of an OpenAPI document, and whether one gateway's clients get on with another.

    python -m contracts.harness.operations openapi.json >contracts/reference_operations.json

distils the reference's document into the facts that `contracts/D/test_D16_operations.py` compares with a gateway's.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "contracts" / "reference_operations.json"

ANY = "any"
METHODS = frozenset(("get", "post", "put", "patch", "delete", "options", "head"))
_PARAMETER = re.compile(r"\{[^}]*\}")


class Value(msgspec.Struct, frozen=True, omit_defaults=True):
    """A parameter or a member of a body: the JSON types it may be of, or `any`."""

    types: tuple[str, ...]
    required: bool = False


class Operation(msgspec.Struct, frozen=True, omit_defaults=True):
    """Of parameters in the path only how many there are matters; their names are no client's business."""

    tag: str = ""
    query: dict[str, Value] = {}
    header: dict[str, Value] = {}
    body: dict[str, Value] = {}


def operations_of(document: Mapping[str, Any]) -> dict[str, Operation]:
    """Every operation of a document, by `METHOD /path` as it stands there."""
    return {
        f"{method.upper()} {path}": _operation(document, {**shared, **operation})
        for path, item in document["paths"].items()
        for shared in [{"parameters": item.get("parameters", [])}]
        for method, operation in item.items()
        if method in METHODS
    }


def unnamed(operation: str) -> str:
    """`METHOD /path` without the names of the path's parameters."""
    return _PARAMETER.sub("{}", operation)


def misfits(wanted: Operation, found: Operation) -> Iterator[str]:
    """What a client of `wanted` would miss in `found`."""
    for place in ("query", "header", "body"):
        there: dict[str, Value] = getattr(found, place)
        known: dict[str, Value] = getattr(wanted, place)
        for name, value in known.items():
            if name not in there:
                yield f"{place} {name}: absent"
                continue
            missing = _without(value.types, there[name].types, null=place == "body")
            if missing:
                yield f"{place} {name}: takes no {' or '.join(missing)}"
        if place == "body" and not known:
            continue  # it takes one, but does not say which
        for name, value in there.items():
            if value.required and not (name in known and known[name].required):
                yield f"{place} {name}: required"


def load_reference() -> dict[str, Operation]:
    """The distilled operations of the reference."""
    return msgspec.json.decode(REFERENCE.read_bytes(), type=dict[str, Operation])


def _without(wanted: tuple[str, ...], there: tuple[str, ...], *, null: bool) -> list[str]:
    if ANY in there or ANY in wanted:
        return []
    taken = {*there, *(("integer",) if "number" in there else ()), *(() if null else ("null",))}
    return [name for name in wanted if name not in taken]


def _operation(document: Mapping[str, Any], operation: Mapping[str, Any]) -> Operation:
    places: dict[str, dict[str, Value]] = {"query": {}, "header": {}}
    for given in operation.get("parameters", []):
        parameter = _resolved(document, given)
        if parameter["in"] in places:
            types = tuple(sorted(set(_types(document, parameter.get("schema", {})))))
            places[parameter["in"]][parameter["name"].lower()] = Value(types, bool(parameter.get("required")))
    body = _resolved(document, operation.get("requestBody", {}))
    content: Mapping[str, Any] = next(iter(body.get("content", {}).values()), {})
    fields = dict(_members(document, content.get("schema", {}), required=bool(body.get("required"))))
    return Operation((operation.get("tags") or [""])[0], body=dict(sorted(fields.items())), **places)


def _members(document: Mapping[str, Any], schema: Mapping[str, Any], *, required: bool) -> Iterator[tuple[str, Value]]:
    """The members of an object; where it may be one of several, those of all, none required."""
    schema = _resolved(document, schema)
    for part in schema.get("allOf", []):
        yield from _members(document, part, required=required)
    choices = [*schema.get("anyOf", []), *schema.get("oneOf", [])]
    objects = [choice for choice in choices if _resolved(document, choice).get("type") != "null"]
    for part in objects:
        yield from _members(document, part, required=required and len(objects) == 1)
    needed = schema.get("required", []) if required else []
    for name, member in schema.get("properties", {}).items():
        yield name, Value(tuple(sorted(set(_types(document, member)))), name in needed)


def _types(document: Mapping[str, Any], schema: Any, depth: int = 20) -> Iterator[str]:
    schema = _resolved(document, schema if isinstance(schema, dict) else {})
    choices = [*schema.get("anyOf", []), *schema.get("oneOf", []), *schema.get("allOf", [])]
    if "type" in schema:
        yield from [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    elif "const" in schema or "enum" in schema:
        yield from (_type_of(value) for value in schema.get("enum", [schema.get("const")]))
    elif choices and depth:
        for choice in choices:
            yield from _types(document, choice, depth - 1)
    else:
        yield ANY


def _type_of(value: Any) -> str:
    names = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null", list: "array"}
    return names.get(type(value), "object")


def _resolved(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        found: Any = document
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step.replace("~1", "/").replace("~0", "~")]
        schema = found
    return schema


def main() -> int:
    """Distil the document of the command line. Exit status 0, or 2 for what is none."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("document", type=Path, help="an OpenAPI document in JSON")
    try:
        found = operations_of(msgspec.json.decode(parser.parse_args().document.read_bytes()))
    except (OSError, msgspec.DecodeError, KeyError, AttributeError) as error:
        print(f"operations: no OpenAPI document: {error!r}", file=sys.stderr)
        return 2
    lines = (f"{msgspec.json.encode(name).decode()}: {msgspec.json.encode(it).decode()}" for name, it in found.items())
    print("{\n" + ",\n".join(sorted(lines)) + "\n}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
