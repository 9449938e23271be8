"""YAML that remembers where each key stands, decoded into msgspec structs: a mistake is told with its line and key."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

T = TypeVar("T")
Steps = tuple[str | int, ...]

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WHERE = re.compile(r"^(?P<what>.*?)(?: - at (?:`key` in )?`\$(?P<path>[^`]*)`)?$", re.DOTALL)
_STEP = re.compile(r"\.(?P<key>[^.\[]+)|\[(?P<index>\d+)\]")
_FIELD = re.compile(r"unknown field `(?P<name>[^`]+)`")


class Problem(msgspec.Struct, frozen=True, order=True):
    """One mistake: the 1-based line it stands on, the key (`items[3].status`), and what is wrong."""

    line: int
    key: str
    message: str


class YamlError(Exception):
    """A file with mistakes; each line of the message names file, line and key."""

    def __init__(self, path: Path, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(f"{path}:{p.line}: {p.key}: {p.message}" for p in self.problems))


class Document:
    """One YAML file. Raises YamlError if it cannot be read, is not YAML, is no mapping, or repeats a key."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            text = path.read_text(encoding="utf-8")
            root = yaml.compose(text, Loader=_LOADER)
        except OSError as error:
            raise YamlError(path, [Problem(1, "$", error.strerror or str(error))]) from None
        except UnicodeDecodeError as error:
            raise YamlError(path, [Problem(1, "$", f"not UTF-8: {error.reason} at byte {error.start}")]) from None
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise YamlError(path, [Problem(line, "$", f"not YAML: {error.problem}")]) from None
        if not isinstance(root, yaml.MappingNode):
            raise YamlError(path, [Problem(1, "$", "the file must be a mapping")])
        repeated = [Problem(line, key, "this key stands here twice; keep one") for line, key in _repeated_keys(root)]
        if repeated:
            raise YamlError(path, repeated)
        self._root = root
        self.data: dict[str, Any] = yaml.load(text, Loader=_LOADER)  # noqa: S506 - it is a safe loader

    def decode(self, kind: type[T], *, each: dict[str, type] | None = None) -> T:
        """The whole file as a `kind`. Raises YamlError.

        `each` names lists whose entries are also checked one by one, so that one run tells the mistakes of all of them.
        """
        try:
            return msgspec.convert(self.data, kind)
        except msgspec.ValidationError as error:
            whole = self._explain(error, ())
        problems = [
            self._explain(error, (name, index))
            for name, entry_kind in (each or {}).items()
            for index, error in _errors_in(self.data.get(name), entry_kind)
        ]
        raise YamlError(self.path, problems or [whole])

    def problem(self, steps: Steps, message: str) -> Problem:
        """A mistake found by the caller at `steps`, with the line where that key (or the nearest one above) stands."""
        return Problem(self._line(steps), _text(steps), message)

    def _explain(self, error: msgspec.ValidationError, base: Steps) -> Problem:
        match = _WHERE.match(str(error))
        what, path = (match["what"], match["path"] or "") if match else (str(error), "")
        steps = base + tuple(int(m["index"]) if m["index"] else m["key"] for m in _STEP.finditer(path))
        if unknown := _FIELD.search(what):
            return self.problem((*steps, unknown["name"]), "unknown key")
        value = self._value(steps)
        return self.problem(steps, f"{what}, not {value!r}" if what.startswith("Expected `str`") and value else what)

    def _value(self, steps: Steps) -> str | None:
        value: Any = self.data
        for step in steps:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                return None
        return value if isinstance(value, str) else None

    def _line(self, steps: Steps) -> int:
        node: yaml.Node = self._root
        line = 1
        for step in steps:
            if isinstance(node, yaml.MappingNode):
                found = next(((key, value) for key, value in node.value if key.value == step), None)
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
                found = (node.value[step], node.value[step])
            else:
                found = None
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        return line


def _errors_in(entries: object, kind: type) -> Iterator[tuple[int, msgspec.ValidationError]]:
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        try:
            msgspec.convert(entry, kind)
        except msgspec.ValidationError as error:
            yield index, error


def _repeated_keys(node: yaml.Node, above: Steps = ()) -> Iterator[tuple[int, str]]:
    if isinstance(node, yaml.SequenceNode):
        for index, entry in enumerate(node.value):
            yield from _repeated_keys(entry, (*above, index))
    elif isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                yield key.start_mark.line + 1, _text((*above, key.value))
            seen.add(key.value)
            yield from _repeated_keys(value, (*above, key.value))


def _text(steps: Steps) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).lstrip(".") or "$"
