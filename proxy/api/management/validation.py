"""Bodies and queries of the management API, validated by pydantic: its words are what the reference's clients know."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, get_args, get_origin

import msgspec
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from proxy.errors import DetailError

T = TypeVar("T")

MAX_NUMBER = 2**31 - 1
"""Of a query: what follows from a larger one (the rows before a page) would be no number of the database's."""

MAX_DEPTH = 100
"""Of a body: what is stored is read and written by others, whose limits differ."""
MAX_BODY_DEPTH_ERROR = {"type": "json_invalid", "loc": ["body", 0], "msg": "JSON decode error", "input": {}}


class Body(BaseModel):
    """Base of request bodies. Unknown fields are left out, as the reference does."""

    model_config = ConfigDict(extra="ignore", protected_namespaces=())

    def given(self) -> dict[str, Any]:
        """What the client sent, validated, without what it left out."""
        return self.model_dump(exclude_unset=True)


class Query(BaseModel):
    """Base of query parameters; a field that is a list takes all values of a repeated name, others the last."""

    model_config = ConfigDict(extra="ignore", protected_namespaces=(), populate_by_name=True)


def validated_body(model: Any, body: bytes, content_type: str) -> Any:
    """A body as its model; ``None`` without one, for ``Model | None``.

    Raises:
        DetailError: 422, with pydantic's list of what is wrong.
    """
    if not body.strip():
        if type(None) in get_args(model):
            return None
        return _validated(model, None, "body", missing=True)
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        detail = {**MAX_BODY_DEPTH_ERROR, "ctx": {"error": str(error)}}
        raise DetailError(422, [detail]) from None
    if content_type and "json" not in content_type:
        value = body.decode("utf-8", "replace")
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        raise DetailError(422, [MAX_BODY_DEPTH_ERROR])
    if b"\\u0000" in body and _has_nul(value):
        raise _nul(["body"])
    return _validated(model, value, "body")


def validated_query(model: type[Query], params: Any) -> Any:
    """A query as its model. Raises DetailError, 422."""
    values: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        alias = field.alias or name
        found = params.getall(alias, [])
        if any("\x00" in text for text in found):
            raise _nul(["query", alias])
        if found:
            values[alias] = found if _is_list(field.annotation) else found[-1]
    query = _validated(model, values, "query")
    for name, field in model.model_fields.items():
        value = getattr(query, name)
        if isinstance(value, int) and abs(value) > MAX_NUMBER:
            raise _too_large(field.alias or name, value)
    return query


def check_path(params: Mapping[str, Any]) -> None:
    """Refuse what no database takes in the parameters of a path. Raises DetailError, 422."""
    for name, value in params.items():
        if isinstance(value, str) and "\x00" in value:
            raise _nul(["path", name])


def _too_large(name: str, value: int) -> DetailError:
    message = "Unable to parse input string as an integer, exceeded maximum size"
    return DetailError(422, [{"type": "int_parsing_size", "loc": ["query", name], "msg": message, "input": str(value)}])


def _nul(place: list[str]) -> DetailError:
    message = "Value error, NUL characters cannot be stored; leave them out"
    return DetailError(422, [{"type": "value_error", "loc": place, "msg": message, "input": None}])


def _depth(value: Any) -> int:
    """How deep objects and lists are nested."""
    depth, level = 0, [value]
    while level:
        depth += 1
        level = [
            inner
            for item in level
            if isinstance(item, dict | list)
            for inner in (item.values() if isinstance(item, dict) else item)
        ]
    return depth


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any("\x00" in name or _has_nul(inner) for name, inner in value.items())
    return isinstance(value, list) and any(map(_has_nul, value))


def _is_list(annotation: Any) -> bool:
    return any(get_origin(part) is list for part in (annotation, *getattr(annotation, "__args__", ())))


def _validated(model: Any, value: Any, place: str, *, missing: bool = False) -> Any:
    if missing:
        raise DetailError(422, [{"type": "missing", "loc": [place], "msg": "Field required", "input": None}])
    try:
        return TypeAdapter(model).validate_python(value, from_attributes=True)
    except ValidationError as error:
        raise DetailError(422, list(_problems(error, place))) from None
    except RecursionError:
        raise DetailError(422, [MAX_BODY_DEPTH_ERROR]) from None


def _problems(error: ValidationError, place: str) -> Iterable[Mapping[str, Any]]:
    for problem in error.errors(include_url=False):
        shown: dict[str, Any] = {
            "type": problem["type"],
            "loc": [place, *problem["loc"]],
            "msg": problem["msg"],
            "input": None if place == "query" and problem["type"] == "missing" else problem["input"],
        }
        if "ctx" in problem:
            shown["ctx"] = {name: {} if isinstance(item, Exception) else item for name, item in problem["ctx"].items()}
        yield shown
