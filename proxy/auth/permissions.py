"""Who may call what: routes belong to groups, roles may call groups, and a key's ``allowed_routes`` narrow or widen that.

The groups and their members are the reference's (D.md, 0.4): the member a route is of stands in the table of operations.
"""

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
    """What admins see, for those who only view. Of all organizations: no admin of one may see it."""


#: What a role may call, beside ``EVERYBODY``.
ALLOWED: Final[dict[str, Group]] = {
    Role.INTERNAL_USER: Group.KEYS | Group.SPEND | Group.INTERNAL,
    Role.INTERNAL_USER_VIEWER: Group.SPEND | Group.GLOBAL_SPEND,
}
EVERYBODY: Final = Group.PUBLIC | Group.LLM | Group.INFO | Group.SELF_MANAGED
#: What admins of an organization may call in its name.
OF_ORG_ADMINS: Final = Group.ORG | Group.MANAGEMENT | Group.KEYS | Group.SELF_MANAGED
#: What those may see who only view.
VIEWED: Final = Group.MANAGEMENT | Group.KEYS | Group.ADMIN_VIEW | Group.GLOBAL_SPEND
#: What they may change of themselves (the endpoint sees to that).
OWN_USER: Final = "/user/update"
READING: Final = frozenset(("GET", "HEAD"))
#: The team of the keys that people get who sign in; the admin pages call these with them.
UI_TEAM: Final = "litellm-dashboard"
UI_GROUPS: Final = Group.INFO | Group.SPEND | Group.INTERNAL
UI_PATHS: Final = (
    "/sso",
    "/get/ui_settings",
    "/login",
    "/spend",
    "/health",
)
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
    "internal_user_view_only_routes": Group.SPEND | Group.GLOBAL_SPEND,
    "self_managed_routes": Group.SELF_MANAGED,
    "org_admin_allowed_routes": OF_ORG_ADMINS,
    "admin_viewer_routes": Group.ADMIN_VIEW | Group.INFO,
    "public_routes": Group.PUBLIC,
}


def check_route(
    caller: Identity, path: str, groups: Group, method: str = "GET", organization_id: str | None = None
) -> None:
    """Let the caller through, or not.

    Args:
        path: that was called.
        groups: of its route.
        organization_id: that the request names.

    Raises:
        GatewayError: 401 or 403, in the reference's words.
    """
    if caller.is_master:
        return
    if Group.MASTER in groups:
        raise _refused(f"Tried to access route={path}, which is only for MASTER KEY")
    if not caller.is_admin:
        _check_role(caller, path, groups, method, organization_id)
    if caller.allowed_routes and not _is_listed(caller.allowed_routes, path, groups):
        raise DetailError(
            403,
            "Virtual key is not allowed to call this route. Only allowed to call routes: "
            f"{list(caller.allowed_routes)}. Tried to call route: {path}",
        )


def _check_role(caller: Identity, path: str, groups: Group, method: str, organization_id: str | None) -> None:
    if groups & (Group.PUBLIC | Group.LLM | Group.INFO) or _is_ui(caller, path, groups, method):
        return
    if Group.GLOBAL_SPEND in groups and caller.permissions.get("get_spend_routes"):
        return
    if caller.role == Role.ADMIN_VIEWER:
        if groups & VIEWED and (method in READING or path == OWN_USER):
            return
        raise GatewayError(
            403,
            f"user not allowed to access this route, role= {caller.role}. Trying to access: {path}",
            type="auth_error",
        )
    allowed = EVERYBODY | ALLOWED.get(caller.role or "", Group.NONE)
    if organization_id is not None and organization_id in caller.administers:
        allowed |= OF_ORG_ADMINS
    granted = caller.allowed_routes if caller.routes_granted else ()
    if not groups & allowed and not any(matches(entry, path) for entry in granted):
        raise _refused(
            "Only proxy admin can be used to generate, delete, update info for new keys/users/teams. "
            f"Route={path}. Your role={_shown_role(caller)}. Your user_id={_masked(_user(caller))}"
        )


def is_delegate(caller: Identity, path: str) -> bool:
    """Whether a key is nobody's and was granted this very path, which can only have been by an admin, for a program.

    Groups of routes, and beginnings of paths, cover what everybody may call, and give nobody power.
    """
    owners = (caller.user_id, caller.team_id, caller.organization_id)
    return caller.routes_granted and path in caller.allowed_routes and all(owner is None for owner in owners)


def _is_ui(caller: Identity, path: str, groups: Group, method: str) -> bool:
    """Whether an admin page reads what it shows; the reference also lets its keys write there."""
    return caller.team_id == UI_TEAM and method in READING and bool(groups & UI_GROUPS or path.startswith(UI_PATHS))


def _is_listed(allowed: tuple[str, ...], path: str, groups: Group) -> bool:
    return any(NAMED.get(entry, Group.NONE) & groups or matches(entry, path) for entry in allowed)


def matches(entry: str, path: str) -> bool:
    """Whether an entry of ``allowed_routes`` is this path, contains it, or is a beginning of it that ends with ``*``."""
    return path == entry or path.startswith(f"{entry}/") or (entry.endswith("*") and path.startswith(entry[:-1]))


def _user(caller: Identity) -> str | None:
    """The user, if there is one of this id."""
    return None if caller.access is not None and caller.access.user is None else caller.user_id


def _shown_role(caller: Identity) -> str:
    if caller.access is None:
        return caller.role or "unknown"
    user = caller.access.user
    return "unknown" if user is None else user["user_role"] or "unknown"


def _masked(user_id: str | None) -> str:
    name = user_id or "unknown"
    if len(name) <= 4:
        return "***"
    return name if len(name) < 8 else f"{name[:6]}{'*' * (len(name) - 8)}{name[-2:]}"


def _refused(why: str) -> GatewayError:
    return GatewayError(401, f"Authentication Error, {why}", type="auth_error")
