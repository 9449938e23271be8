"""Lists of keys: which ones somebody sees, in what order, page by page."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Table, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.call import Identity
from proxy.errors import DetailError, GatewayError
from proxy.management.keys_access import ADMIN_VIEWER, administers_team, may_see, membership
from proxy.store.rows import Row, find, find_all
from proxy.store.tables import deleted_keys, keys, object_permissions, organization_memberships, teams, users

UI_TEAM: Final = "litellm-dashboard"
"""Keys of sessions belong to it; nobody wants them listed."""
SORTABLE: Final = ("spend", "max_budget", "created_at", "updated_at", "token", "key_alias")
FILTERS: Final = {
    "user_id": "user_id",
    "team_id": "team_id",
    "key_alias": "key_alias",
    "organization_id": "organization_id",
    "key_hash": "token",
}
"""Columns by the parameter that filters by them."""


class Asking(msgspec.Struct, frozen=True):
    """Which keys are wanted."""

    filters: Mapping[str, str]
    """Values by parameter (``FILTERS``)."""
    include_team_keys: bool = False
    include_created_by_keys: bool = False
    deleted: bool = False
    sort_by: str | None = None
    sort_order: str = "desc"
    page: int = 1
    size: int = 10


class Page(NamedTuple):
    """A part of a list."""

    rows: list[Row]
    total: int


async def check_list(connection: AsyncConnection, caller: Identity, asking: Asking) -> Row | None:
    """Whether the caller may ask for this.

    Returns:
        the caller's user; ``None`` for admins, who see everything.

    Raises:
        GatewayError: 403.
    """
    if caller.is_admin:
        return None
    user = None if caller.user_id is None else await find(connection, users, user_id=caller.user_id)
    if user is None:
        raise _refused(
            "user_id", "You are not authorized to access this endpoint. No 'user_id' is associated with your API key."
        )
    filters = asking.filters
    if filters.get("user_id", user["user_id"]) != user["user_id"]:
        raise _refused("user_id", "You are not authorized to check another user's keys")
    if (team_id := filters.get("team_id")) and team_id not in user["teams"]:
        raise _refused("team_id", "You are not authorized to check this team's keys")
    if (organization_id := filters.get("organization_id")) and not await _is_member(connection, user, organization_id):
        raise _refused("organization_id", "You are not authorized to check this organization's keys")
    if key_hash := filters.get("key_hash"):
        key = await find(connection, keys, token=key_hash)
        if key is None:
            raise _refused("key_hash", "Key Hash not found.")
        if not await may_see(connection, caller, key):
            raise DetailError(403, f"You are not allowed to access this key's info. Your role={caller.role}")
    return user


async def list_keys(
    connection: AsyncConnection, caller: Identity, asking: Asking, user: Row | None, *, whole: bool
) -> Page:
    """One page.

    Args:
        user: of :func:`check_list`.
        whole: whether more than the hashes is wanted.

    Raises:
        DetailError: 400, there is no such order.
    """
    table = deleted_keys if asking.deleted else keys
    where = await _where(connection, table, caller, asking, user)
    order = _order(table, asking)
    identity = table.c.id if asking.deleted else table.c.token
    statement = select(identity, table.c.token).where(*where).order_by(*order)
    statement = statement.limit(asking.size).offset((asking.page - 1) * asking.size)
    found = (await connection.execute(statement)).all()
    if whole:
        # sorting whole rows takes ten times as long as looking up a page of them
        rows = await find_all(connection, table, identity.in_([name for name, _ in found]))
        by_name = {row[identity.name]: row for row in rows}
        rows = [by_name[name] for name, _ in found if name in by_name]
    else:
        rows = [{"token": token} for _, token in found]
    counted = await connection.execute(select(func.count()).select_from(table).where(*where))
    return Page(rows, int(counted.scalar_one()))


async def related(connection: AsyncConnection, rows: list[Row], table: Table, name: str) -> dict[str, Row]:
    """What rows refer to by ``name``, by that."""
    wanted = {row[name] for row in rows if row.get(name) is not None}
    if not wanted:
        return {}
    return {row[name]: row for row in await find_all(connection, table, table.c[name].in_(wanted))}


async def permissions_of(connection: AsyncConnection, rows: list[Row]) -> dict[str, Row]:
    """The object permissions of keys, by id."""
    return await related(connection, rows, object_permissions, "object_permission_id")


async def aliases(connection: AsyncConnection) -> list[str]:
    """The aliases of all keys, sorted."""
    statement = select(keys.c.key_alias).where(keys.c.key_alias.is_not(None), _no_session(keys)).distinct()
    # in the order of what is stored, as the reference shows them, whatever the database's collation
    found = sorted(alias for (alias,) in await connection.execute(statement))
    return list(dict.fromkeys(name for alias in found if (name := alias.strip())))


async def _where(
    connection: AsyncConnection, table: Table, caller: Identity, asking: Asking, user: Row | None
) -> list[ColumnElement[bool]]:
    filters = dict(asking.filters)
    if "user_id" not in filters and not caller.is_admin and caller.role != ADMIN_VIEWER and caller.user_id is not None:
        filters["user_id"] = caller.user_id
    ways: list[ColumnElement[bool]] = []
    if filters:
        ways.append(and_(*(table.c[FILTERS[name]] == value for name, value in filters.items())))
    member_of: list[str] = []
    if asking.include_team_keys or asking.include_created_by_keys:
        found = await _teams(connection, user)
        member_of = [team["team_id"] for team in found if membership(caller, team) is not None]
        administered = [team["team_id"] for team in found if administers_team(caller, team)]
        administered = administered if asking.include_team_keys else []
        if asking.include_created_by_keys and "user_id" in filters:
            mine = or_(table.c.team_id.is_(None), table.c.team_id.in_(member_of))
            ways.append(and_(table.c.created_by == filters["user_id"], mine))
        if administered:
            ways.append(table.c.team_id.in_(administered))
        if others := [team_id for team_id in member_of if team_id not in administered]:
            ways.append(and_(table.c.team_id.in_(others), table.c.user_id.is_(None)))
    return [_no_session(table), *([or_(*ways)] if ways else [])]


async def _teams(connection: AsyncConnection, user: Row | None) -> list[Row]:
    return await find_all(connection, teams, teams.c.team_id.in_(user["teams"])) if user and user["teams"] else []


async def _is_member(connection: AsyncConnection, user: Row, organization_id: str) -> bool:
    found = await find(connection, organization_memberships, user_id=user["user_id"], organization_id=organization_id)
    return found is not None


def _no_session(table: Table) -> ColumnElement[bool]:
    return or_(table.c.team_id.is_(None), table.c.team_id != UI_TEAM)


def _order(table: Table, asking: Asking) -> list[ColumnElement[Any]]:
    if asking.sort_by is None:
        return [table.c.created_at.desc(), table.c.token.desc()]
    if asking.sort_by not in SORTABLE:
        raise DetailError(400, {"error": f"Invalid sort column. Must be one of: {', '.join(SORTABLE)}"})
    if asking.sort_order.lower() not in ("asc", "desc"):
        raise DetailError(400, {"error": "Invalid sort order. Must be 'asc' or 'desc'"})
    # the databases disagree about where nulls belong; the hash makes pages that do not overlap
    column, token = table.c[asking.sort_by], table.c.token
    descending = asking.sort_order.lower() == "desc"
    ordered = column.desc().nulls_first() if descending else column.asc().nulls_last()
    return [ordered, token.desc() if descending else token.asc()]


def _refused(parameter: str, message: str) -> GatewayError:
    return GatewayError(403, message, type="bad_request_error", param=parameter)
