"""The operations of the management API as the document lists them, from their table and their functions."""

import inspect
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final, get_type_hints

from litestar import Response
from pydantic import TypeAdapter

from proxy.api.management.operation import CHANGED_BY, Operation
from proxy.api.management.table import OPERATIONS
from proxy.api.openapi.written import examples
from proxy.auth.permissions import Group

Schema = dict[str, Any]
Parts = tuple[dict[str, dict[str, Schema]], dict[str, Schema]]

TEMPLATE: Final = "#/components/schemas/{model}"
JSON: Final = "application/json"
REFUSALS: Final = {
    "400": "Refused",
    "401": "Unauthorized",
    "403": "Forbidden",
    "404": "NotFound",
    "409": "Conflict",
    "422": "Invalid",
}
ON_BEHALF: Final[Schema] = {
    "name": CHANGED_BY,
    "in": "header",
    "schema": {"type": ["string", "null"]},
    "description": "For whom the change is made; kept in the audit log.",
}
#: Parts of a docstring that are for programmers.
SECTIONS: Final = ("Args:", "Raises:", "Returns:")


class Schemas:
    """The JSON schemas of all bodies, queries and answers; models of one name in several modules get names of their own."""

    def __init__(self, operations: list[Operation]) -> None:
        models = {
            (operation.function, name): model
            for operation in operations
            for name, model in (*operation.models.items(), *_answer(operation))
        }
        inputs = [(key, "validation", TypeAdapter(model)) for key, model in models.items()]
        found, shared = TypeAdapter.json_schemas(inputs, ref_template=TEMPLATE)  # type: ignore[arg-type]
        self._found: dict[tuple[str, str], Schema] = {key: schema for (key, _), schema in found.items()}
        self.components: dict[str, Schema] = shared.get("$defs", {})
        self._queries = {key: self._taken_out(schema) for key, schema in self._found.items() if key[1] == "query"}

    def of(self, operation: Operation, part: str) -> Schema | None:
        """Of the ``body`` or the ``return``."""
        return self._found.get((operation.function, part))

    def query(self, operation: Operation) -> Iterator[Schema]:
        """The parameters in the query."""
        schema = self._queries.get((operation.function, "query"), {})
        required = schema.get("required", ())
        for name, member in schema.get("properties", {}).items():
            shown = {key: value for key, value in member.items() if key not in ("title", "description")}
            parameter = {"name": name, "in": "query", "required": name in required, "schema": shown}
            yield parameter | ({"description": member["description"]} if "description" in member else {})

    def _taken_out(self, schema: Schema) -> Schema:
        """The model of a query is no component: its members stand among the parameters."""
        if "$ref" not in schema:
            return schema
        return self.components[schema["$ref"].rpartition("/")[2]]

    def without_queries(self) -> dict[str, Schema]:
        """The components that bodies and answers refer to."""
        taken = {schema["$ref"].rpartition("/")[2] for key, schema in self._found.items() if _is_query(key, schema)}
        return {name: schema for name, schema in self.components.items() if name not in taken}


@cache
def management_parts() -> Parts:
    """Those of every operation that is not hidden."""
    return parts_of([operation for operation in OPERATIONS if not operation.hidden])


def parts_of(operations: list[Operation]) -> Parts:
    """The paths of operations, and the components that they refer to."""
    schemas = Schemas(operations)
    known = examples()
    paths: dict[str, dict[str, Schema]] = {}
    for operation in operations:
        for path in operation.paths:
            shown: Schema = next((known[key] for key in _keys(operation) if key in known), {})
            described = _described(operation, schemas, path, shown)
            paths.setdefault(untyped(path), {})[operation.method.lower()] = described
    return paths, schemas.without_queries()


def untyped(path: str) -> str:
    """``{name:path}`` as OpenAPI writes it, ``{name}``."""
    return "/".join(
        f"{part.partition(':')[0]}}}" if part.startswith("{") and ":" in part else part for part in path.split("/")
    )


def _described(operation: Operation, schemas: Schemas, path: str, example: Mapping[str, Any]) -> Schema:
    summary, description = _texts(operation)
    named = [part[1:-1] for part in untyped(path).split("/") if part.startswith("{")]
    parameters: list[Schema] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in named
    ]
    parameters += schemas.query(operation)
    if operation.method != "GET":
        parameters.append(ON_BEHALF)
    described: Schema = {"tags": [operation.tag], "summary": summary, "description": description}
    if parameters:
        described["parameters"] = parameters
    body = schemas.of(operation, "body")
    if body is not None:
        content = {"schema": body} | ({"example": example["request"]} if "request" in example else {})
        described["requestBody"] = {"required": not _takes_null(body), "content": {JSON: content}}
    described["responses"] = _responses(operation, schemas, example)
    if Group.PUBLIC in operation.groups:
        described["security"] = []
    return described


def _responses(operation: Operation, schemas: Schemas, example: Mapping[str, Any]) -> Schema:
    answer = schemas.of(operation, "return")
    good: Schema = {"description": "What was asked for."}
    if answer is not None:
        good["content"] = {JSON: {"schema": answer} | ({"example": example["answer"]} if "answer" in example else {})}
    responses: Schema = {"200": good}
    if answer is None:
        responses["303"] = {"description": "To another page."}
    responses |= {code: {"$ref": f"#/components/responses/{name}"} for code, name in REFUSALS.items()}
    if operation.no_store is not None and str(operation.no_store.status) not in responses:
        responses[str(operation.no_store.status)] = {"$ref": "#/components/responses/NoDatabase"}
    return dict(sorted(responses.items()))


def _texts(operation: Operation) -> tuple[str, str]:
    """The first sentence of the docstring, and all that is for clients of it."""
    text = inspect.getdoc(operation.call) or ""
    for section in SECTIONS:
        text = text.partition(f"\n{section}")[0]
    text = " ".join(text.replace("``", "`").split())
    end = text.find(". ")
    return (text if end < 0 else text[:end]).rstrip("."), text


def _answer(operation: Operation) -> Iterator[tuple[str, Any]]:
    """The annotated type of what is returned, where it is no response of its own."""
    hint = get_type_hints(operation.call).get("return", Any)
    if not (
        isinstance(getattr(hint, "__origin__", hint), type) and issubclass(getattr(hint, "__origin__", hint), Response)
    ):
        yield "return", hint


def _is_query(key: tuple[str, str], schema: Mapping[str, Any]) -> bool:
    return key[1] == "query" and "$ref" in schema


def _takes_null(schema: Schema) -> bool:
    return any(choice.get("type") == "null" for choice in schema.get("anyOf", ()))


def _keys(operation: Operation) -> Iterator[str]:
    yield from (f"{operation.method} {untyped(path)}" for path in operation.paths)
