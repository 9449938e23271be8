"""YAML as plain values whose containers remember where each of their items stands.

Dates stay the text that was written: ``api_version: 2024-06-01`` means a name, never a day. Keys are always text.
"""

import math
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from proxy.config.errors import ConfigError, Place

_MAX_DEPTH = 100
_MAX_NODES = 200_000
_TAG = "tag:yaml.org,2002:"
_MERGE = _TAG + "merge"
_TAG_REFUSED = "this YAML tag is not supported; remove it"


class Origin(NamedTuple):
    """Where a value was written; ``text`` is the spelling of a plain number, ``None`` for everything else."""

    place: Place
    text: str | None = None


class Map(dict[str, Any]):
    """A mapping; ``origins`` has the keys of the mapping."""

    def __init__(self) -> None:
        super().__init__()
        self.origins: dict[str, Origin] = {}

    def put(self, key: str, value: Any, origin: Origin) -> None:
        """Set a key together with its origin."""
        self[key] = value
        self.origins[key] = origin


class Seq(list[Any]):
    """A list; ``origins`` runs in parallel."""

    def __init__(self) -> None:
        super().__init__()
        self.origins: list[Origin] = []

    def put(self, value: Any, origin: Origin) -> None:
        """Append an item together with its origin."""
        self.append(value)
        self.origins.append(origin)


class _Loader(yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader):  # type: ignore[misc]
    """The safe loader without its reading of dates."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - the name and form are PyYAML's
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in {_TAG + "timestamp", _TAG + "value"}]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def parse(text: str, file: Path) -> Map:
    """Parse one YAML document whose top is a mapping (an empty file is an empty one).

    Raises ConfigError for broken YAML, duplicate keys, other tops, values that refer to themselves, and unknown tags.
    """
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        tree = _Builder(loader, file).build(node, 0) if node is not None else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(file, mark.line + 1 if mark else 0)
        raise ConfigError(
            f"invalid YAML: {error.problem or error.context}; check the line and its indentation", place=place
        ) from None
    except (yaml.YAMLError, UnicodeError) as error:
        problem = "; ".join(str(error).splitlines()[:1])
        raise ConfigError(f"invalid YAML: {problem}; save the file as UTF-8 text", place=Place(file, 0)) from None
    except RecursionError:
        raise ConfigError("nested too deeply; flatten the file", place=Place(file, 0)) from None
    if tree is None:
        return Map()
    if not isinstance(tree, Map):
        raise ConfigError("the file must be a mapping; start it with `model_list:`", place=Place(file, 1))
    return tree


class _Builder:
    """Turns nodes into values."""

    def __init__(self, loader: Any, file: Path) -> None:
        self._loader = loader
        self._file = file
        self._open: set[int] = set()
        self._count = 0

    def build(self, node: yaml.Node, depth: int) -> Any:
        self._count += 1
        if depth > _MAX_DEPTH or self._count > _MAX_NODES or id(node) in self._open:
            raise ConfigError("nested too deeply, or refers to itself; write the value out", place=self._place(node))
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if node.tag not in {_TAG + "map", _TAG + "seq"}:
            raise ConfigError(_TAG_REFUSED, place=self._place(node))
        self._open.add(id(node))
        try:
            return self._mapping(node, depth) if isinstance(node, yaml.MappingNode) else self._sequence(node, depth)
        finally:
            self._open.remove(id(node))

    def _place(self, node: yaml.Node) -> Place:
        return Place(self._file, node.start_mark.line + 1)

    def _origin(self, node: yaml.Node, written_at: yaml.Node) -> Origin:
        number = isinstance(node, yaml.ScalarNode) and node.tag in {_TAG + "int", _TAG + "float"}
        return Origin(self._place(written_at), node.value if number else None)

    def _mapping(self, node: yaml.MappingNode, depth: int) -> Map:
        tree, merged = Map(), Map()
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                self._merge(merged, value_node, depth)
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                raise ConfigError("a key must be text; a list or mapping cannot be one", place=self._place(key_node))
            key = str(key_node.value)
            if key in tree:
                first = tree.origins[key].place.line
                raise ConfigError(
                    f"given twice, first on line {first}; remove one of the two", place=self._place(key_node), key=key
                )
            tree.put(key, self.build(value_node, depth + 1), self._origin(value_node, key_node))
        for key, value in merged.items():
            if key not in tree:
                tree.put(key, value, merged.origins[key])
        return tree

    def _merge(self, merged: Map, node: yaml.Node, depth: int) -> None:
        """``<<: *base`` or a list of such; the first to give a key wins."""
        for base in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            tree = self.build(base, depth + 1)
            if not isinstance(tree, Map):
                raise ConfigError("`<<` takes a mapping, or a list of mappings", place=self._place(node))
            for key, value in tree.items():
                if key not in merged:
                    merged.put(key, value, tree.origins[key])

    def _sequence(self, node: yaml.Node, depth: int) -> Seq:
        tree = Seq()
        for item in node.value:
            tree.put(self.build(item, depth + 1), self._origin(item, item))
        return tree

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        kind = node.tag.removeprefix(_TAG)
        if kind in {"str", "timestamp", "merge"}:
            return str(node.value)
        if kind not in {"null", "bool", "int", "float"}:
            raise ConfigError(_TAG_REFUSED, place=self._place(node))
        try:
            value = self._loader.construct_object(node)
        except (ValueError, KeyError, IndexError):
            raise ConfigError(f"not a valid {kind}; correct it or put it in quotes", place=self._place(node)) from None
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigError(
                "infinite and undefined numbers have no meaning here; leave the setting out for no limit",
                place=self._place(node),
            )
        if isinstance(value, int) and abs(value) >= 2**63:
            raise ConfigError("the number is too large; put it in quotes when it is a name", place=self._place(node))
        return value


def planted(value: Any, place: Place) -> Any:
    """The reverse of ``plain``: every item of ``value`` stands at ``place``."""
    if isinstance(value, dict):
        tree = Map()
        for key, item in value.items():
            tree.put(str(key), planted(item, place), _written(item, place))
        return tree
    if isinstance(value, list | tuple):
        items = Seq()
        for item in value:
            items.put(planted(item, place), _written(item, place))
        return items
    return value


def _written(value: Any, place: Place) -> Origin:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return Origin(place, str(value) if number else None)


def plain(value: Any) -> Any:
    """The same value in ordinary dicts and lists."""
    if isinstance(value, Map):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, Seq):
        return [plain(item) for item in value]
    return value


def respelled(value: Any, origin: Origin) -> Any:
    """As ``plain``, with every number as the text that was written."""
    if isinstance(value, Map):
        return {key: respelled(item, value.origins[key]) for key, item in value.items()}
    if isinstance(value, Seq):
        return [respelled(item, item_origin) for item, item_origin in zip(value, value.origins, strict=True)]
    return value if origin.text is None else origin.text
