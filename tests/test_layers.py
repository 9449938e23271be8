"""The import layers of docs/architecture.md, read from the source."""

import ast
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
#: The names of the reference inside the folder that stands in for them are names of our own files.
STAND_INS = ROOT / "proxy" / "compat" / "standins"

#: Each row imports from its own and from those below; rows of stages whose members must not meet are marked so.
LAYERS = (
    ("server", "sockets", "unread", "cli", "commands", "__main__"),
    ("app",),
    ("api",),
    (
        "preparation",
        "pipeline",
        "gateway",
        "reloading",
        "rotating",
        "snapshot",
        "sharing",
        "capacity",
        "queueing",
        "rerouting",
        "realtime",
    ),
    ("passthrough", "files", "responses", "autorouting", "secrets", "management", "sso", "takeover"),
    ("auth", "accounting", "limits", "metrics"),
    ("jobs",),
    ("routing",),
    ("providers",),
    ("upstream",),
    (
        "deployment",
        "call",
        "config",
        "durations",
        "errors",
        "fields",
        "compat",
        "logs",
        "rates",
        "state",
        "store",
        "tokens",
    ),
)
STAGES = frozenset({"auth", "accounting", "limits", "metrics"})
#: Libraries that only some may know.
ONLY_IN = {
    "uvicorn": ("server", "sockets"),
    "click": ("cli", "commands"),
    "litestar": ("server", "app", "api"),
}
#: What carries a call from its client to its vendor.
HOT_PATH = ("api", "pipeline", "gateway", "routing", "providers", "upstream", "call", "deployment", "errors")


class Import(NamedTuple):
    module: str
    """Dotted, of the importing file."""
    target: str
    """Dotted: a module where the name stands for one."""
    place: str


def modules() -> dict[str, Path]:
    files = (file for file in (ROOT / "proxy").rglob("*.py") if not file.is_relative_to(STAND_INS))
    return {_dotted(file): file for file in files}


def _dotted(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imports() -> tuple[Import, ...]:
    """Every import of the gateway, those inside functions too; those for the type checker alone are none."""
    known = modules()
    found = []
    for module, file in known.items():
        for node in _run_nodes(ast.parse(file.read_text(encoding="utf-8"))):
            place = f"{file.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Import):
                found += [Import(module, alias.name, place) for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{place}: relative import; write the whole path"
                base = node.module or ""
                names = (f"{base}.{alias.name}" for alias in node.names)
                found += [Import(module, name if name in known else base, place) for name in names]
    return tuple(found)


def _run_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            continue
        yield node
        yield from _run_nodes(node)


def _part(module: str) -> str:
    """``proxy.api.llm`` is of ``api``."""
    return module.split(".")[1]


def _rank(part: str) -> int:
    return next(rank for rank, row in enumerate(LAYERS) if part in row)


def _own() -> list[Import]:
    return [found for found in imports() if found.target.startswith("proxy.") and "." in found.module]


def test_every_part_has_its_layer() -> None:
    parts = {_part(module) for module in modules() if "." in module}
    assert parts == {part for row in LAYERS for part in row}


def test_nobody_imports_from_a_layer_above() -> None:
    upward = [
        f"{found.place}: {_part(found.module)} imports {found.target}"
        for found in _own()
        if _rank(_part(found.target)) < _rank(_part(found.module))
    ]
    assert upward == []


def test_stages_do_not_import_each_other() -> None:
    met = [
        f"{found.place}: {found.target}"
        for found in _own()
        if {_part(found.module), _part(found.target)} <= STAGES and _part(found.module) != _part(found.target)
    ]
    assert met == []


def test_no_module_imports_itself_in_a_circle() -> None:
    graph: dict[str, set[str]] = {module: set() for module in modules()}
    for found in _own():
        graph[found.module].add(found.target)
    assert _circle(graph) is None


def _circle(graph: dict[str, set[str]]) -> list[str] | None:
    done: set[str] = set()
    path: list[str] = []

    def visit(module: str) -> list[str] | None:
        if module in path:
            return [*path[path.index(module) :], module]
        if module in done:
            return None
        path.append(module)
        for target in sorted(graph.get(module, ())):
            if circle := visit(target):
                return circle
        path.pop()
        done.add(module)
        return None

    return next(filter(None, map(visit, sorted(graph))), None)


def test_circles_are_found() -> None:
    assert _circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert _circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) is None


@pytest.mark.parametrize("library", ONLY_IN)
def test_a_library_stays_where_it_belongs(library: str) -> None:
    users = {_part(found.module) for found in imports() if found.target.split(".")[0] == library}
    assert users <= set(ONLY_IN[library])


def test_the_reference_is_never_imported() -> None:
    assert [found for found in imports() if found.target.split(".")[0] == "litellm"] == []


def test_the_comfortable_client_is_not_on_the_hot_path() -> None:
    slow = [found for found in imports() if found.target.split(".")[0] in ("httpx", "requests", "urllib3")]
    assert [found for found in slow if _part(found.module) in HOT_PATH] == []


def test_nothing_below_knows_the_harness_or_the_fixtures() -> None:
    foreign = ("contracts", "fixtures", "tools", "tests")
    assert [found for found in imports() if found.target.split(".")[0] in foreign] == []


def test_the_page_shows_these_layers() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    places = [page.index(f"`{row[0]}`", page.index("Layers, each importing")) for row in LAYERS]
    assert all(upper < lower for upper, lower in pairwise(places))
