"""Turning YAML values into typed fields, with errors and warnings that name file, line and key."""

import re
from collections.abc import Collection, Iterator
from difflib import get_close_matches
from typing import Any, Final, TypeVar

import msgspec

from proxy.config.errors import ConfigError, one_line
from proxy.config.yaml_tree import Map, Origin, Seq, plain, respelled

S = TypeVar("S", bound=msgspec.Struct)
C = TypeVar("C", Map, Seq)

_MISMATCH: Final = re.compile(r"Expected `([^`]+)`(?:, got `([^`]+)`)?(?: (>=|<=) (\S+))?(?: - at `\$([^`]*)`)?")
_STEP: Final = re.compile(r"\.([^.\[]+)|\[(\d+)\]")
_WORDS: Final = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}
_FIXES: Final = {
    "int": "write digits without quotes",
    "float": "write a number, such as 30 or 0.5",
    "str": "put the value in quotes",
    "bool": "write true or false without quotes",
    "array": "write a list: `- item` on lines of its own, or [item, item]",
    "object": "write `key: value` on indented lines below it",
}


class Warnings:
    """What is odd in a config but stops nothing."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, origin: Origin, key: str, text: str) -> None:
        """Note one thing; ``text`` says what is odd and how to fix it."""
        self.lines.append(one_line(f"{origin.place}: {key}: {text}"))

    def unknown(self, origin: Origin, key: str, known: Collection[str], *, elsewhere: str = "") -> None:
        """Note a key that nothing reads; ``elsewhere`` is the section that has a key of this name."""
        name = key.rpartition(".")[2]
        if elsewhere:
            self.add(origin, key, f"unknown here and ignored; move it to {elsewhere}")
        else:
            self.add(origin, key, f"unknown and ignored; {did_you_mean(name, known) or 'remove it, or check its name'}")


def did_you_mean(name: str, known: Collection[str]) -> str:
    """``did you mean X?``, or nothing when no name is close."""
    close = get_close_matches(name, sorted(known), n=1, cutoff=0.75)
    return f"did you mean `{close[0]}`?" if close else ""


def field_types(struct: type[msgspec.Struct]) -> dict[str, Any]:
    """The fields of a struct by the name that the config file uses."""
    return {field.encode_name: field.type for field in msgspec.structs.fields(struct)}


def fill(struct: type[S], tree: Map, key: str, **given: Any) -> S:
    """Build a struct from the keys of ``tree`` that are its fields, and from ``given`` fields as they are.

    Null means "not set". Raises ConfigError for a value of the wrong type or outside its bounds.
    """
    values = {}
    for field in msgspec.structs.fields(struct):
        name = field.encode_name
        if field.name not in given and tree.get(name) is not None:
            values[field.name] = convert(tree[name], field.type, tree.origins[name], f"{key}.{name}")
    return struct(**values | given)


def drop_zeros(tree: Map, names: Collection[str], key: str, warnings: Warnings) -> None:
    """Take a 0 for "not set" where the reference does: a timeout of nothing has no use."""
    for name in names:
        if tree.get(name) in (0, "0"):
            warnings.add(tree.origins[name], f"{key}.{name}", "0 counts as not set, so the default applies; remove it")
            tree[name] = None


def convert(value: Any, wanted: Any, origin: Origin, key: str) -> Any:
    """One value as ``wanted``; raises ConfigError.

    A number is text where text is wanted, text is a number where it reads as one, and a single name is a list of one.
    """
    failure: msgspec.ValidationError | None = None
    for candidate in _readings(value, origin):
        try:
            return msgspec.convert(candidate, wanted, strict=False)
        except msgspec.ValidationError as error:
            failure = failure or error
    raise _mismatch(str(failure), value, origin, key)


def _readings(value: Any, origin: Origin) -> Iterator[Any]:
    yield plain(value)
    yield respelled(value, origin)
    if isinstance(value, str):
        yield [value]


def _mismatch(failure: str, value: Any, origin: Origin, key: str) -> ConfigError:
    found = _MISMATCH.match(failure)
    if found is None:
        return ConfigError("not a valid value; correct it", place=origin.place, key=key)
    wanted, got, relation, bound, path = found.groups()
    for name, index in _STEP.findall((path or "").partition("[...]")[0]):
        step: Any = name or int(index)
        if not isinstance(value, (Map, Seq)):
            break
        origin, value = value.origins[step], value[step]
        key += f".{name}" if name else f"[{index}]"
    types = [name for name in wanted.split(" | ") if name != "null"]
    words = " or ".join(_WORDS.get(name, name) for name in types)
    if relation:
        limit = f"{float(bound):g}"
        problem = f"must be {limit} or {'more' if relation == '>=' else 'less'}; correct the number"
    else:
        problem = f"expected {words}, not {_WORDS.get(got, got)}; {_FIXES.get(types[0], 'correct the value')}"
    return ConfigError(problem, place=origin.place, key=key)


def as_map(value: Any, origin: Origin, key: str) -> Map:
    """The value as a mapping; null is an empty one. Raises ConfigError for anything else."""
    return _as(Map, "object", value, origin, key)


def as_seq(value: Any, origin: Origin, key: str) -> Seq:
    """The value as a list; null is an empty one. Raises ConfigError for anything else."""
    return _as(Seq, "array", value, origin, key)


def _as(kind: type[C], name: str, value: Any, origin: Origin, key: str) -> C:
    if value is None:
        return kind()
    if isinstance(value, kind):
        return value
    raise ConfigError(f"expected {_WORDS[name]}; {_FIXES[name]}", place=origin.place, key=key)
