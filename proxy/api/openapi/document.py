"""The document: what is written by hand (``paths/*.yaml``), the management API, and the pass-through routes of a snapshot."""

from collections.abc import Iterator
from typing import Final

import msgspec

from proxy.api.headers import CONTRACT_VERSION
from proxy.api.openapi.management import management_parts
from proxy.api.openapi.settings import DocsSettings
from proxy.api.openapi.vendors import passed_paths
from proxy.api.openapi.written import Tree, written_parts
from proxy.api.root_path import root_path
from proxy.snapshot import Snapshot

VERSION: Final = "3.1.0"
SECURITY: Final[list[Tree]] = [{"Bearer": []}, {"APIKeyHeader": []}]
#: The tags that are left with ``DOCS_FILTERED``, and what a reader needs to know of some.
MODEL_TAGS: Final = (
    "chat/completions",
    "completions",
    "embeddings",
    "responses",
    "files",
    "batch",
    "Anthropic messages",
)
MODEL_PATHS: Final = ("/v1/models", "/models")


def encoded_document(snapshot: Snapshot, settings: DocsSettings) -> bytes:
    """As JSON."""
    return msgspec.json.encode(build_document(snapshot, settings))


def build_document(snapshot: Snapshot, settings: DocsSettings) -> Tree:
    """Every operation of the gateway that is not hidden; those of the model endpoints alone where ``filtered`` says so."""
    written = written_parts()
    managed, models = management_parts()
    paths = {**written["paths"]}
    for path, operations in (*managed.items(), *passed_paths(snapshot.passthrough).items()):
        # the gateway's own come first where an endpoint of the config has the same path
        paths[path] = {**operations, **paths.get(path, {})}
    if settings.filtered:
        paths = {path: item for path, item in paths.items() if _is_of_models(path, item)}
    document: Tree = {
        "openapi": VERSION,
        "info": {
            "title": settings.title,
            "description": settings.description,
            "version": CONTRACT_VERSION.decode(),
        },
        "paths": {path: _identified(path, paths[path]) for path in sorted(paths)},
        "components": {**written["components"], "schemas": {**models, **written["components"]["schemas"]}},
        "security": SECURITY,
        "tags": [{"name": name} for name in sorted(set(_tags(paths)), key=str.lower)],
    }
    if root_path():
        document["servers"] = [{"url": root_path()}]
    return document


def _identified(path: str, item: Tree) -> Tree:
    """The operations with ids, which programs that write clients name functions after."""
    return {
        method: {"operationId": _identifier(method, path), **operation} if isinstance(operation, dict) else operation
        for method, operation in item.items()
    }


def _identifier(method: str, path: str) -> str:
    words = "".join("_" if char in "/:." else char for char in path if char not in "{}-")
    return f"{method}{words}".rstrip("_")


def _tags(paths: Tree) -> Iterator[str]:
    for item in paths.values():
        for operation in item.values():
            if isinstance(operation, dict):
                yield from operation["tags"]


def _is_of_models(path: str, item: Tree) -> bool:
    return path.startswith(MODEL_PATHS) or any(tag in MODEL_TAGS for tag in _tags({path: item}))
