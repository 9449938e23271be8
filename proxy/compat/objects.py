"""API objects with attribute and key access, as callbacks and hooks use them."""

from collections.abc import Iterator
from typing import Any

import msgspec


class ApiObject:
    """A JSON object whose fields are attributes and keys; nested objects too. Both ways see every change."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update({name: _wrapped(value) for name, value in fields.items()})

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"{type(self).__name__} has no field {name!r}")

    def __getitem__(self, name: str) -> Any:
        return self.__dict__[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self.__dict__[name] = _wrapped(value)

    def __contains__(self, name: object) -> bool:
        return name in self.__dict__

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return iter(self.__dict__.items())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ApiObject) and self.__dict__ == other.__dict__

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self)})"

    def get(self, name: str, default: Any = None) -> Any:
        """A field, or the default."""
        return self.__dict__.get(name, default)

    def keys(self) -> Any:
        """The names of the fields."""
        return self.__dict__.keys()

    def model_dump(self, *, exclude_none: bool = False, **_: Any) -> dict[str, Any]:
        """The object as plain JSON values."""
        values = {name: _unwrapped(value, exclude_none) for name, value in self}
        return {name: value for name, value in values.items() if not (exclude_none and value is None)}

    dict = model_dump
    json = model_dump

    def model_dump_json(self, **options: Any) -> str:
        """The object as JSON text."""
        return msgspec.json.encode(self.model_dump(**options)).decode()


def _wrapped(value: Any) -> Any:
    if isinstance(value, dict):
        return ApiObject(**{str(name): item for name, item in value.items()})
    return [_wrapped(item) for item in value] if isinstance(value, list) else value


def _unwrapped(value: Any, exclude_none: bool) -> Any:
    if isinstance(value, ApiObject):
        return value.model_dump(exclude_none=exclude_none)
    return [_unwrapped(item, exclude_none) for item in value] if isinstance(value, list) else value


class ModelResponse(ApiObject):
    """A chat completion."""


class ModelResponseStream(ApiObject):
    """A chunk of a streamed chat completion."""


class TextCompletionResponse(ApiObject):
    """A text completion."""


class EmbeddingResponse(ApiObject):
    """Embeddings."""


class ImageResponse(ApiObject):
    """Generated images."""


class Choices(ApiObject):
    """One answer of a chat completion."""


class Message(ApiObject):
    """A chat message."""


class Delta(ApiObject):
    """What a chunk adds to a message."""


class Usage(ApiObject):
    """Tokens used."""
