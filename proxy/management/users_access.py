"""Who may see and change which user.

Proxy admins may do everything, viewers see everybody, organization admins manage those who were made in an organization of theirs
and are in no other, and everybody else is alone: users see themselves and change what names them. Nobody raises their own role or
budget, and only proxy admins make admins. A key that an admin made for nobody in particular, to call certain routes, acts for the
admin there, but makes no admins either.
"""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.auth.permissions import Role
from proxy.call import Identity
from proxy.errors import DetailError
from proxy.management.keys_access import administers_team
from proxy.store.rows import Row, find_all
from proxy.store.tables import organization_memberships, teams, users

ADMINS: Final = frozenset({Role.ADMIN.value, Role.ADMIN_VIEWER.value})
OWN_FIELDS: Final = frozenset({"user_id", "user_email", "user_alias", "password"})
"""What users may change of themselves."""
VIEWERS_FIELDS: Final = frozenset({"user_email", "password"})


def shown_role(caller: Identity) -> str:
    """The role of the caller as refusals name it: that of internal users where a key is nobody's."""
    return caller.role or Role.INTERNAL_USER.value


async def organizations_of(connection: AsyncConnection, user_id: str) -> frozenset[str]:
    """The organizations that a user is in."""
    column = organization_memberships.c.organization_id
    found = await connection.execute(select(column).where(organization_memberships.c.user_id == user_id))
    return frozenset(found.scalars())


async def manages(connection: AsyncConnection, caller: Identity, user: Row) -> bool:
    """Whether the caller is an admin of all organizations that a user is in, and the user was made as a member of one.

    Who existed before, and joined, is not handed to an organization's admins; nobody manages admins so.
    """
    if not caller.administers or user["user_role"] in ADMINS:
        return False
    columns = organization_memberships.c
    where = columns.user_id == user["user_id"]
    found = (await connection.execute(select(columns.organization_id, columns.made_user).where(where))).all()
    return any(made for _, made in found) and caller.administers.issuperset(name for name, _ in found)


def check_role(caller: Identity, role: str | None) -> None:
    """Only admins make admins. Raises DetailError, 403."""
    if role in ADMINS and not caller.is_admin:
        raise DetailError(
            403,
            "Only proxy admins can create administrative users (proxy_admin, proxy_admin_viewer). "
            f"Attempted to create user with role: {role}. Your role: {shown_role(caller)}",
        )


def organizations_to_join(caller: Identity, wanted: list[str]) -> list[str]:
    """The organizations of a new user: those wanted, for an organization admin without wishes the one administered.

    Raises:
        DetailError: 403, the caller may not make users there.
    """
    if caller.acts_for_admin:
        return wanted
    joined = wanted or (sorted(caller.administers) if len(caller.administers) == 1 else [])
    if not joined or not set(joined) <= caller.administers:
        raise DetailError(
            403,
            {
                "error": "Only proxy admins make users outside of an organization; name `organizations` that you are an "
                f"admin of. You are an admin of {sorted(caller.administers)}"
            },
        )
    return joined


def check_team(caller: Identity, team: Row) -> None:
    """Whether the caller may add somebody to a team. Raises DetailError, 403."""
    if not caller.acts_for_admin and not administers_team(caller, team):
        raise DetailError(403, {"error": f"You are not an admin of the team {team['team_id']}"})


async def check_change(
    connection: AsyncConnection, caller: Identity, user: Row | None, given: Mapping[str, Any]
) -> None:
    """Whether the caller may change these fields of a user.

    Args:
        user: ``None``: there is none yet, and the change would make one.

    Raises:
        DetailError: 403, in the reference's words where it refuses too.
    """
    if caller.is_admin:
        return
    if user is not None and caller.user_id is not None and user["user_id"] == caller.user_id:
        _refuse(set(given) - OWN_FIELDS, "of yourself")
        return
    if user is None or not await manages(connection, caller, user):
        raise DetailError(
            403,
            {"error": "User does not have permission to update this user. Only PROXY_ADMIN can update other users."},
        )
    _refuse(set(given) & {"password"}, "of others")
    check_role(caller, given.get("user_role"))


def check_viewers_fields(caller: Identity, path: str, given: Mapping[str, Any]) -> None:
    """What a viewer may send. Raises DetailError, 403."""
    other = next((name for name in given if name not in VIEWERS_FIELDS), None)
    if caller.role == Role.ADMIN_VIEWER and other is not None:
        raise DetailError(
            403,
            f"user not allowed to access this route, role= {caller.role}. Trying to access: {path} and updating invalid "
            f"param: {other}. only user_email and password can be updated",
        )


def _refuse(fields: set[str], whose: str) -> None:
    if fields:
        raise DetailError(403, {"error": f"Only proxy admins change {', '.join(sorted(fields))} {whose}"})


async def check_removal(connection: AsyncConnection, caller: Identity, user: Row) -> None:
    """Whether the caller may delete a user. Raises DetailError, 403."""
    granted = caller.acts_for_admin and user["user_role"] not in ADMINS
    if not caller.is_admin and not granted and not await manages(connection, caller, user):
        raise DetailError(403, {"error": f"Only proxy admins may delete the user {user['user_id']}"})


async def check_view(connection: AsyncConnection, caller: Identity, user_id: str) -> None:
    """Whether the caller may look at a user. Raises DetailError, 403."""
    if caller.acts_for_admin or user_id == caller.user_id:
        return
    if caller.administers & await organizations_of(connection, user_id):
        return
    raise DetailError(
        403, f"key not allowed to access this user's info. user_id={user_id}, key's user_id={caller.user_id}"
    )


async def visible(connection: AsyncConnection, caller: Identity, path: str) -> ColumnElement[bool]:
    """Which rows of ``users`` the caller may see.

    Admins of a team see everybody where they look for members (``/user/filter/ui``), others themselves and the members of the
    organizations that they administer.
    """
    if caller.acts_for_admin or caller.role == Role.ADMIN_VIEWER:
        return true()
    if path.endswith("/filter/ui") and await administered_teams(connection, caller):
        return true()
    own: ColumnElement[bool] = users.c.user_id == (caller.user_id or "")
    if not caller.administers:
        return own
    members = select(organization_memberships.c.user_id).where(
        organization_memberships.c.organization_id.in_(caller.administers)
    )
    return own | users.c.user_id.in_(members)


async def administered_teams(connection: AsyncConnection, caller: Identity) -> frozenset[str]:
    """Ids of the teams that the caller is an admin of, by himself or as an admin of their organization."""
    user = None if caller.user_id is None else await _teams_of(connection, caller.user_id)
    mine = teams.c.team_id.in_(user or []) | teams.c.organization_id.in_(caller.administers)
    rows = await find_all(connection, teams, mine)
    return frozenset(row["team_id"] for row in rows if administers_team(caller, row))


async def _teams_of(connection: AsyncConnection, user_id: str) -> list[str]:
    found = await connection.execute(select(users.c.teams).where(users.c.user_id == user_id))
    return found.scalar() or []
