"""Which ``allowed_routes`` somebody may give a key: none that would let it call more than he may himself."""

from collections.abc import Mapping
from typing import Any

from proxy.api.management.table import OPERATIONS
from proxy.auth.permissions import Group, check_route
from proxy.call import Identity
from proxy.errors import DetailError, GatewayError


def check_routes(caller: Identity, fields: Mapping[str, Any]) -> None:
    """Refuse routes, or a type, that the caller may not call.

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
        listing = Identity(is_admin=True, allowed_routes=(entry,))
        for operation in OPERATIONS:
            for path in operation.paths:
                if _passes(listing, path, operation.groups) and not _passes(bare, path, operation.groups):
                    raise DetailError(403, {"error": f"Only proxy admins can allow a key the route {path} ({entry})"})


def _passes(caller: Identity, path: str, groups: Group) -> bool:
    try:
        check_route(caller, path, groups)
    except GatewayError:
        return False
    return True
