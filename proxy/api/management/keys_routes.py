"""Which ``allowed_routes`` somebody may give a key: none that would let it call more than he may himself."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from proxy.api.management.operation import Operation
from proxy.api.management.table import OPERATIONS
from proxy.api.openapi.document import MODEL_PATHS, MODEL_TAGS
from proxy.api.openapi.written import written_parts
from proxy.auth.permissions import NAMED, check_route
from proxy.call import Identity
from proxy.errors import DetailError, GatewayError


def check_routes(caller: Identity, fields: Mapping[str, Any]) -> None:
    """Refuse routes, or a type, that the caller may not call, and all that is no group or whole path of the gateway's own.

    An entry widens what a role may call by the path that is called, whatever operation, or endpoint of the config, it is of;
    so patterns and beginnings of paths are for admins to give.

    Raises:
        DetailError: 403.
    """
    if caller.is_admin:
        return
    entries = list(fields.get("allowed_routes") or ())
    if fields.get("key_type") == "management":
        entries.append("management_routes")
    bare = Identity(role=caller.role, administers=caller.administers, permissions=caller.permissions)
    for entry in entries:
        opened = _opened(entry)
        if not opened and entry not in _model_paths():
            raise DetailError(
                403, {"error": f"Only proxy admins can allow a key a route that is no known path: {entry}"}
            )
        for operation, path in opened:
            if not _passes(bare, operation, path):
                raise DetailError(403, {"error": f"Only proxy admins can allow a key the route {path} ({entry})"})


def _opened(entry: str) -> list[tuple[Operation, str]]:
    """The operations that an entry is about, with their paths; none: it is neither a group nor a path."""
    pairs = [(operation, path) for operation in OPERATIONS for path in operation.paths]
    if (groups := NAMED.get(entry)) is not None:
        return [(operation, path) for operation, path in pairs if operation.groups & groups]
    if "{" in entry or all(path != entry for _, path in pairs):
        return []
    return [(operation, path) for operation, path in pairs if path == entry or path.startswith(f"{entry}/")]


@cache
def _model_paths() -> frozenset[str]:
    """What stands for calls of models, which every key may make."""
    paths = written_parts()["paths"]
    tagged = {
        path
        for path, item in paths.items()
        for call in item.values()
        if isinstance(call, dict) and not set(call["tags"]).isdisjoint(MODEL_TAGS)
    }
    return frozenset({*(path for path in tagged if "{" not in path), *MODEL_PATHS, "llm_api_routes", "openai_routes"})


def _passes(caller: Identity, operation: Operation, path: str) -> bool:
    try:
        check_route(caller, path, operation.groups, operation.method)
    except GatewayError:
        return False
    return True
