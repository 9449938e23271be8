"""Who may do what to which key.

Admins may do everything. Organization admins and team admins manage the keys of theirs, members of a team as far as the team's
``team_member_permissions`` go, and everybody else the keys that are their own. Only those who manage a key widen it, and nobody
gets a key of somebody mightier.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.auth.permissions import UI_TEAM, Role
from proxy.call import Identity
from proxy.errors import DetailError, GatewayError
from proxy.management.teams import Member, member_of
from proxy.store.rows import Row, find
from proxy.store.tables import organization_memberships, teams, users

#: Routes as ``team_member_permissions`` name them, and the names that errors of the reference give them.
ROUTES: Final = {
    "/key/generate": "KEY_GENERATE",
    "/key/update": "KEY_UPDATE",
    "/key/delete": "KEY_DELETE",
    "/key/regenerate": "KEY_REGENERATE",
    "/key/service-account/generate": "KEY_GENERATE_SERVICE_ACCOUNT",
}
DEFAULT_PERMISSIONS: Final = ("/key/info", "/key/health")
"""Of members of a team that says nothing else."""
ADMIN_VIEWER: Final = "proxy_admin_viewer"
ADMINS: Final = frozenset({Role.ADMIN.value, Role.ADMIN_VIEWER.value})


async def team_of(connection: AsyncConnection, team_id: str | None) -> Row | None:
    """A team's row."""
    return None if team_id is None else await find(connection, teams, team_id=team_id)


def membership(caller: Identity, team: Mapping[str, Any]) -> Member | None:
    """The caller as a member of a team; nobody is one of the team of sessions."""
    return (
        None
        if caller.user_id is None or team["team_id"] == UI_TEAM
        else member_of(team["members_with_roles"], caller.user_id)
    )


def administers_team(caller: Identity, team: Mapping[str, Any]) -> bool:
    """Whether the caller is an admin of the team, or of its organization."""
    if team["team_id"] == UI_TEAM:
        return False
    member = membership(caller, team)
    return (member is not None and member["role"] == "admin") or team.get("organization_id") in caller.administers


def check_permission(member: Member, team: Mapping[str, Any], route: str) -> None:
    """Whether a member may call a route for keys of the team.

    Raises:
        GatewayError: 401, in the reference's words.
    """
    permissions = list(team["team_member_permissions"] or DEFAULT_PERMISSIONS)
    if member["role"] == "admin" or route in permissions:
        return
    raise GatewayError(
        401,
        f"Team member does not have permissions for endpoint: KeyManagementRoutes.{ROUTES[route]}. You only have access to the "
        f"following endpoints: {permissions} for team {team['team_id']}. To create keys for this team, please ask your proxy "
        "admin to check the team member permission settings and update the settings to allow team member users to create keys.",
        type="team_member_permission_error",
        param=route,
    )


async def may_change(connection: AsyncConnection, caller: Identity, key: Row) -> bool:
    """Whether the caller may block, delete or regenerate a key: it is his own, or of a team or organization he administers."""
    if await manages(connection, caller, key):
        return True
    if key["team_id"] is not None and await team_of(connection, key["team_id"]) is None:
        return False
    return key["user_id"] is not None and key["user_id"] == caller.user_id


async def manages(connection: AsyncConnection, caller: Identity, key: Row) -> bool:
    """Whether the caller may give a key more than it has, and unblock it: its owner as such may not."""
    if caller.is_admin or key["organization_id"] in caller.administers:
        return True
    team = await team_of(connection, key["team_id"])
    return team is not None and administers_team(caller, team)


async def check_user(connection: AsyncConnection, caller: Identity, user_id: str | None) -> None:
    """Refuse to hand out a key with the rights of an admin, or of an admin of an organization that is not the caller's.

    Raises:
        DetailError: 403.
    """
    if caller.is_admin or user_id is None or user_id == caller.user_id:
        return
    user = await find(connection, users, user_id=user_id)
    found = await connection.execute(
        select(organization_memberships.c.organization_id).where(
            organization_memberships.c.user_id == user_id,
            organization_memberships.c.user_role == Role.ORG_ADMIN.value,
        )
    )
    is_admin = user is not None and user["user_role"] in ADMINS
    if is_admin or not caller.administers.issuperset(found.scalars()):
        raise DetailError(403, {"error": f"Only proxy admins can make keys of the admin user_id={user_id}"})


async def check_change(connection: AsyncConnection, caller: Identity, key: Row, verb: str) -> None:
    """As :func:`may_change`.

    Raises:
        DetailError: 403.
    """
    if not await may_change(connection, caller, key):
        raise DetailError(403, {"error": f"You are not authorized to {verb} this key"})


async def check_update(connection: AsyncConnection, caller: Identity, key: Row, changes: Mapping[str, Any]) -> None:
    """Whether the caller may change these fields of a key.

    Raises:
        DetailError: 403.
        GatewayError: 401, the team does not let its members.
    """
    if caller.is_admin:
        return
    user_id = changes.get("user_id", key["user_id"])
    if user_id != key["user_id"]:
        raise DetailError(
            403, f"User={user_id} is not allowed to update key={changes['key']} to belong to user={key['user_id']}"
        )
    if changes.get("team_id", key["team_id"]) is None and key["team_id"] is not None:
        raise DetailError(403, {"error": "Only proxy admins can take a key out of its team"})
    team = await team_of(connection, key["team_id"])
    managed = await manages(connection, caller, key)
    if not managed:
        check_owner(caller, key["user_id"])
        member = None if team is None else membership(caller, team)
        if team is not None and member is not None:
            check_permission(member, team, "/key/update")
        elif key["user_id"] is None or key["team_id"] is not None:
            raise DetailError(403, {"error": "You are not authorized to update this key"})
        if "spend" in changes:
            raise DetailError(403, {"error": "You must be a proxy admin or team admin to reset key spend"})
    if not managed or caller.token == key["token"]:
        check_not_wider(key, changes)


def check_owner(caller: Identity, user_id: str | None) -> None:
    """Refuse keys of other users. Raises DetailError, 403."""
    if user_id is not None and user_id != caller.user_id:
        raise DetailError(
            403, f"User can only create keys for themselves. Got user_id={user_id}, Your ID={caller.user_id}"
        )


def check_not_wider(key: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
    """Refuse changes by which a key would get more than it has.

    Raises:
        DetailError: 403.
    """
    wider = sorted(name for name, value in changes.items() if _is_wider(name, key, value))
    if wider:
        raise DetailError(403, {"error": f"Its owner cannot widen a key: {', '.join(wider)}. Ask your proxy admin"})


async def may_see(connection: AsyncConnection, caller: Identity, key: Row) -> bool:
    """Whether the caller may read a key's row."""
    if caller.is_admin or caller.role == ADMIN_VIEWER or caller.token == key["token"]:
        return True
    if key["user_id"] is not None and key["user_id"] == caller.user_id:
        return True
    team = await team_of(connection, key["team_id"])
    organization = key["organization_id"] or (team or {}).get("organization_id")
    return organization in caller.administers or (team is not None and membership(caller, team) is not None)


async def check_organization(connection: AsyncConnection, caller: Identity, organization_id: str) -> None:
    """Whether the caller may make keys of an organization.

    Raises:
        DetailError: 403.
    """
    if caller.is_admin or organization_id in caller.administers:
        return
    found = await connection.execute(
        select(organization_memberships.c.user_id).where(
            organization_memberships.c.user_id == caller.user_id,
            organization_memberships.c.organization_id == organization_id,
        )
    )
    if found.first() is None:
        raise DetailError(403, {"error": f"You are not a member of organization={organization_id}"})


_LIMITS: Final = frozenset({"max_budget", "tpm_limit", "rpm_limit", "max_parallel_requests"})
_LISTS: Final = frozenset({"models", "allowed_routes", "access_group_ids"})
"""Empty: everything."""
_FIXED: Final = frozenset(
    {
        "spend",
        "team_id",
        "user_id",
        "organization_id",
        "project_id",
        "budget_id",
        "budget_duration",
        "permissions",
        "object_permission",
        "model_max_budget",
        "temp_budget_increase",
        "model_rpm_limit",
        "model_tpm_limit",
        "tpm_limit_type",
        "rpm_limit_type",
        "enforced_params",
        "guardrails",
        "policies",
        "allowed_passthrough_routes",
        "allowed_vector_store_indexes",
        "config",
        "aliases",
        "router_settings",
    }
)


def _is_wider(name: str, key: Mapping[str, Any], value: Any) -> bool:
    known = key.get(name)
    if name in _LIMITS:
        return known is not None and (value is None or value > known)
    if name in _LISTS:
        return bool(known) and not within(value or (), known or ())
    if name == "blocked":
        return bool(known) and not value
    if name == "duration":
        return key["expires"] is not None
    if name == "metadata":
        return any((value or {}).get(limit) != (known or {}).get(limit) for limit in _FIXED)
    return name in _FIXED and value != known


def within(values: Collection[Any], known: Collection[Any]) -> bool:
    """Whether a list in which nothing means everything stays inside of another."""
    return bool(values) and set(map(str, values)) <= set(map(str, known))
