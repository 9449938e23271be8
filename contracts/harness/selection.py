"""Which cases run: what `-k A4` means, which cases have no meaning on a target, and what every case must have."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterable
from functools import cache
from types import FunctionType
from typing import Any

import pytest

from contracts.harness.mark import Contract
from contracts.harness.matrix import ITEM_IDS, Status, load_matrix
from contracts.harness.results import Provenance
from contracts.harness.targets import Kind

_ITEM = re.compile(r"\b[A-F]\d+\b")
_ITEM_IN_NAME = re.compile(r"(?<![A-Za-z0-9])[A-F]\d+(?![A-Za-z0-9])")


def rewrite_keyword(keyword: str) -> str:
    """Make `-k D1` mean item D1 alone: pytest's own matching is by substring and would find D10 too."""
    return _ITEM.sub(r"item_\g<0>_", keyword)


def add_item_keywords(node: pytest.Item, contract: Contract | None) -> None:
    """Give a test the keywords that a rewritten `-k` looks for; plain tests those of the items in their names."""
    items = [contract.item] if contract else _ITEM_IN_NAME.findall(node.nodeid)
    node.extra_keyword_matches.update(f"item_{item}_" for item in items)


def reason_to_deselect(contract: Contract, kind: Kind) -> str:
    """Why a case has no meaning on a target; empty when it has."""
    if kind is Kind.CASSETTE and contract.provenance is not Provenance.RECORDED:
        return f"{contract.provenance}: there is no recording"
    if kind is Kind.REFERENCE and contract.provenance is not Provenance.RECORDED:
        return f"{contract.provenance}: the reference does not show it"
    if kind is Kind.PROXY and contract.depends_on and not _is_there(contract.depends_on):
        return f"depends on {contract.depends_on}"
    return ""


@cache
def lacks_assertion(test: Callable[..., Any]) -> bool:
    """Whether a case states nothing in its own words: no `assert` in it or in a function of its module that it
    names."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(test)))
    if _asserts(tree):
        return False
    named = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return not any(_asserts(ast.parse(textwrap.dedent(source))) for source in _sources(test, named))


def _asserts(tree: ast.AST) -> bool:
    return any(isinstance(node, ast.Assert) for node in ast.walk(tree))


def _sources(test: Callable[..., Any], names: Iterable[str]) -> Iterable[str]:
    scope = getattr(test, "__globals__", {})
    for name in names:
        found = scope.get(name)
        if isinstance(found, FunctionType) and found.__module__ == test.__module__:
            yield inspect.getsource(found)


@cache
def _is_there(dependency: str) -> bool:
    """Whether a matrix item is implemented; later work that is no item is not there until the mark is dropped."""
    return dependency in ITEM_IDS and load_matrix().item(dependency).status is Status.IMPLEMENTED
