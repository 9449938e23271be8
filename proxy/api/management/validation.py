"""Bodies and queries of the management API, validated by pydantic: its words are what the reference's clients know."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, get_origin

import msgspec
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from proxy.errors import DetailError

T = TypeVar("T")

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
    """A body as its model.

    Raises:
        DetailError: 422, with pydantic's list of what is wrong.
    """
    if not body.strip():
        return _validated(model, None, "body", missing=True)
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        detail = {**MAX_BODY_DEPTH_ERROR, "ctx": {"error": str(error)}}
        raise DetailError(422, [detail]) from None
    if content_type and "json" not in content_type:
        value = body.decode("utf-8", "replace")
    return _validated(model, value, "body")


def validated_query(model: type[Query], params: Any) -> Any:
    """A query as its model. Raises DetailError, 422."""
    values: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        alias = field.alias or name
        found = params.getall(alias, [])
        if found:
            values[alias] = found if _is_list(field.annotation) else found[-1]
    return _validated(model, values, "query")


def _is_list(annotation: Any) -> bool:
    return any(get_origin(part) is list for part in (annotation, *getattr(annotation, "__args__", ())))


def _validated(model: Any, value: Any, place: str, *, missing: bool = False) -> Any:
    if missing:
        raise DetailError(422, [{"type": "missing", "loc": [place], "msg": "Field required", "input": None}])
    try:
        return TypeAdapter(model).validate_python(value)
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
            "input": problem["input"],
        }
        if "ctx" in problem:
            shown["ctx"] = {name: {} if isinstance(item, Exception) else item for name, item in problem["ctx"].items()}
        yield shown
