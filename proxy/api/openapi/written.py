"""What of the document is written by hand."""

from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Final

import yaml

LOADER: Final = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
HERE: Final = files("proxy.api.openapi")

Tree = dict[str, Any]


@cache
def written_parts() -> Tree:
    """``paths`` and ``components`` of all files in one."""
    paths: Tree = {}
    components: Tree = {}
    for file in sorted((HERE / "paths").iterdir(), key=lambda file: file.name):
        tree = _read(file)
        paths |= tree.get("paths", {})
        for kind, members in tree.get("components", {}).items():
            components.setdefault(kind, {}).update(members)
    return {"paths": paths, "components": components}


def examples() -> Tree:
    """Of operations, by ``METHOD /path``: what a ``request`` may look like, and its ``answer``."""
    return _read(HERE / "examples.yaml")


def _read(file: Traversable) -> Tree:
    tree: Tree = yaml.load(file.read_text(encoding="utf-8"), Loader=LOADER)  # noqa: S506 - a safe one
    return tree
