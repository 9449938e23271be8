"""JSON schemas without references, for vendors that follow none."""

from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]

MOST_PARTS = 20_000
"""Of a schema with its references put in: a small one may stand for an endless one."""
DEFINITIONS = ("$defs", "definitions")


class ImpossibleSchema(ValueError):
    """The schema cannot be said to the vendor; the text says why."""


class _Budget:
    def __init__(self) -> None:
        self._left = MOST_PARTS

    def spend(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise ImpossibleSchema(f"a schema has more than {MOST_PARTS} parts once its references are put in")


def expanded(schema: Schema) -> Schema:
    """The schema with its definitions put where they are referred to; those that hold themselves stay references.

    Raises:
        ImpossibleSchema: it is too large.
    """
    made: Schema = _put_in(schema, {}, frozenset(), _Budget())
    return made


def _put_in(node: Any, known: Mapping[str, Any], within: frozenset[str], budget: _Budget) -> Any:
    budget.spend()
    if isinstance(node, list):
        return [_put_in(item, known, within, budget) for item in node]
    if not isinstance(node, dict):
        return node
    own = {name: held for where in DEFINITIONS for name, held in _definitions(node, where).items()}
    known = {**known, **own} if own else known
    name = node["$ref"].rpartition("/")[2] if isinstance(node.get("$ref"), str) else None
    if name is not None and name in known and name not in within:
        return _put_in(known[name], known, within | {name}, budget)
    return {
        key: _put_in(value, known, within, budget)
        for key, value in node.items()
        if key not in DEFINITIONS or not isinstance(value, dict)
    }


def _definitions(node: Schema, where: str) -> Schema:
    held = node.get(where)
    return held if isinstance(held, dict) else {}
