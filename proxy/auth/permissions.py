"""Who may call what: routes belong to groups, roles may call groups, and a key's ``allowed_routes`` narrow or widen that.

The groups and their members are the reference's (D.md, 0.4): the member a route is of stands in the table of operations.
"""

from collections.abc import Iterable
from enum import Flag, StrEnum, auto
from typing import Final

from proxy.call import Identity
from proxy.errors import DetailError, GatewayError


class Role(StrEnum):
    """What a user is to the gateway; ``Identity.role``."""

    ADMIN = "proxy_admin"
    ADMIN_VIEWER = "proxy_admin_viewer"
    ORG_ADMIN = "org_admin"
    INTERNAL_USER = "internal_user"
    INTERNAL_USER_VIEWER = "internal_user_viewer"
    TEAM = "team"
    CUSTOMER = "customer"


class Group(Flag):
    """Groups that a route may belong to. A route of none is the admin's alone."""

    NONE = 0
    PUBLIC = auto()
    """No key is needed."""
    MASTER = auto()
    """The master key alone."""
    LLM = auto()
    """Calls of models: every key."""
    INFO = auto()
    """Every key; the endpoint shows each caller its own."""
    SELF_MANAGED = auto()
    """Every key; the endpoint knows whom to refuse."""
    KEYS = auto()
    """Management of virtual keys."""
    MANAGEMENT = auto()
    """Management of users, teams and models."""
    SPEND = auto()
    GLOBAL_SPEND = auto()
    INTERNAL = auto()
    """What internal users see of everybody's spend."""
    ORG = auto()
    """Management of one organization."""
    ADMIN_VIEW = auto()
    """What admins see, for those who only view."""


#: What a role may call.
ALLOWED: Final[dict[str, Group]] = {
    Role.ADMIN_VIEWER: Group.ADMIN_VIEW | Group.SPEND | Group.GLOBAL_SPEND,
    Role.ORG_ADMIN: Group.ORG | Group.MANAGEMENT | Group.KEYS | Group.ADMIN_VIEW,
    Role.INTERNAL_USER: Group.KEYS | Group.SPEND | Group.INTERNAL,
    Role.INTERNAL_USER_VIEWER: Group.SPEND | Group.GLOBAL_SPEND,
}
EVERYBODY: Final = Group.PUBLIC | Group.LLM | Group.INFO | Group.SELF_MANAGED
#: What ``allowed_routes`` of a key may name in place of paths.
NAMED: Final = {
    "llm_api_routes": Group.LLM,
    "openai_routes": Group.LLM,
    "info_routes": Group.INFO,
    "key_management_routes": Group.KEYS,
    "management_routes": Group.MANAGEMENT | Group.KEYS,
    "spend_tracking_routes": Group.SPEND,
    "global_spend_tracking_routes": Group.GLOBAL_SPEND,
    "internal_user_routes": Group.INTERNAL | Group.SPEND | Group.KEYS,
    "self_managed_routes": Group.SELF_MANAGED,
    "admin_viewer_routes": Group.ADMIN_VIEW,
    "public_routes": Group.PUBLIC,
}


def check_route(caller: Identity, path: str, groups: Group) -> None:
    """Let the caller through, or not.

    Args:
        path: that was called.
        groups: of its route.

    Raises:
        GatewayError: 401 or 403, in the reference's words.
    """
    if caller.is_master:
        return
    if Group.MASTER in groups:
        raise _refused(f"Tried to access route={path}, which is only for MASTER KEY")
    if caller.allowed_routes and not _is_listed(caller.allowed_routes, path, groups):
        raise DetailError(
            403,
            "Virtual key is not allowed to call this route. Only allowed to call routes: "
            f"{list(caller.allowed_routes)}. Tried to call route: {path}",
        )
    if caller.is_admin or groups & EVERYBODY:
        return
    if Group.GLOBAL_SPEND in groups and caller.permissions.get("get_spend_routes"):
        return
    allowed = ALLOWED.get(caller.role or "", Group.NONE)
    if caller.administers:
        allowed |= ALLOWED[Role.ORG_ADMIN]
    if not groups & allowed and not caller.allowed_routes:
        raise _refused(
            "Only proxy admin can be used to generate, delete, update info for new keys/users/teams. "
            f"Route={path}. Your role={caller.role or 'unknown'}. Your user_id={_masked(caller.user_id)}"
        )


def _is_listed(allowed: Iterable[str], path: str, groups: Group) -> bool:
    return any(
        NAMED.get(entry, Group.NONE) & groups
        or path == entry
        or (entry.endswith("*") and path.startswith(entry[:-1]))
        or path.startswith(f"{entry}/")
        for entry in allowed
    )


def _masked(user_id: str | None) -> str:
    name = user_id or "unknown"
    return "***" if len(name) <= 4 else f"{name[:6]}{'*' * max(0, len(name) - 8)}{name[-2:]}"


def _refused(why: str) -> GatewayError:
    return GatewayError(401, f"Authentication Error, {why}", type="auth_error")
