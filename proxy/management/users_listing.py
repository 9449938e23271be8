"""Users looked up: one with everything that is theirs, pages of many, searches."""

from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, cast, exists, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.errors import DetailError
from proxy.management.keys_listing import UI_TEAM
from proxy.management.keys_shown import whole_row
from proxy.management.members import memberships
from proxy.management.object_permissions import object_permission
from proxy.management.teams_listing import resembles, teams_of
from proxy.management.teams_shown import shown_member, shown_membership, shown_team
from proxy.management.users_shown import key_of_all, key_of_user, team_alias, team_of_all, whole_user
from proxy.store.rows import Row, count, find, find_all
from proxy.store.tables import budgets, keys, organization_memberships, team_memberships, teams, users

SORTABLE: Final = ("user_id", "user_email", "created_at", "spend", "user_alias", "user_role")


async def user_with_everything(connection: AsyncConnection, user_id: str) -> dict[str, Any] | None:
    """The answer to ``/user/info``; ``None``: there is no such user."""
    user = await find(connection, users, user_id=user_id)
    if user is None:
        return None
    of_user = organization_memberships.c.user_id == user_id
    order = [organization_memberships.c.organization_id]
    joined = await find_all(connection, organization_memberships, of_user, order=order)
    rows = await teams_of(connection, user_id, None)
    by_id = {row["team_id"]: row for row in rows}
    return {
        "user_id": user_id,
        "user_info": whole_user(user, joined),
        "keys": [
            {**key, "team_alias": team_alias(key, by_id.get(key["team_id"] or ""))}
            for key in await _keys_of(connection, user_id)
        ],
        "teams": [await _team(connection, row) for row in sorted(rows, key=lambda row: row["team_alias"] or "")],
    }


async def _keys_of(connection: AsyncConnection, user_id: str) -> list[dict[str, Any]]:
    of_user = (keys.c.user_id == user_id, _listed())
    own = await find_all(connection, keys, *of_user, order=[keys.c.created_at, keys.c.token])
    shared = budgets.c.budget_id.in_(select(keys.c.budget_id).where(*of_user))
    known = {row["budget_id"]: row for row in await find_all(connection, budgets, shared)}
    return [key_of_user(row, known.get(row["budget_id"]), await object_permission(connection, row)) for row in own]


async def _team(connection: AsyncConnection, row: Row) -> dict[str, Any]:
    members, known = await memberships(connection, team_memberships.c.team_id == row["team_id"])
    of_team = await find_all(connection, keys, keys.c.team_id == row["team_id"], order=[keys.c.created_at])
    return {
        **shown_team(row),
        "team_memberships": [shown_membership(member, known) for member in members],
        "keys": [whole_row(key) for key in of_team],
    }


async def everybodys(connection: AsyncConnection) -> dict[str, Any]:
    """All keys and teams, as an admin is shown them by ``/user/info``."""
    rows = await find_all(connection, teams)
    by_id = {row["team_id"]: row for row in rows}
    all_keys = await find_all(connection, keys, _listed(), order=[keys.c.created_at])
    return {
        "user_id": None,
        "user_info": None,
        "keys": [key_of_all(row, by_id.get(row["team_id"] or "")) for row in all_keys],
        "teams": [team_of_all(row) for row in sorted(rows, key=lambda row: row["team_alias"] or "")],
    }


def _listed() -> ColumnElement[bool]:
    """Keys that are no session's."""
    return keys.c.team_id.is_(None) | (keys.c.team_id != UI_TEAM)


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """Which users are wanted; ``None`` does not matter."""

    role: str | None = None
    user_ids: str | None = None
    """Several, separated by commas, or part of one however it is capitalised."""
    sso_user_ids: str | None = None
    user_email: str | None = None
    """Part of it, however it is capitalised."""
    team: str | None = None


class Page(msgspec.Struct, frozen=True):
    """Which part of what was found, in which order."""

    number: int
    size: int
    sort_by: str | None = None
    sort_order: str = "asc"


async def page_of(
    connection: AsyncConnection, search: Search, page: Page, allowed: ColumnElement[bool]
) -> dict[str, Any]:
    """The answer to ``/user/list``.

    Args:
        allowed: which rows may be seen.

    Raises:
        DetailError: 400, there is no such order.
    """
    order = _order(page)
    where = [allowed, *_conditions(connection, search)]
    offset = (page.number - 1) * page.size
    rows = await find_all(connection, users, *where, order=order, limit=page.size, offset=offset)
    total = await count(connection, users, *where)
    counted = await _key_counts(connection, [row["user_id"] for row in rows])
    return {
        "users": [{**shown_member(row), "key_count": counted.get(row["user_id"], 0)} for row in rows],
        "total": total,
        "page": page.number,
        "page_size": page.size,
        "total_pages": -(-total // page.size),
    }


async def search_of(
    connection: AsyncConnection, user_id: str | None, user_email: str | None, page: Page, allowed: ColumnElement[bool]
) -> list[dict[str, Any]]:
    """The answer to ``/user/filter/ui``: users whose id and address contain these."""
    where = [allowed]
    if user_id:
        where.append(resembles(users.c.user_id, user_id))
    if user_email:
        where.append(resembles(users.c.user_email, user_email))
    offset = (page.number - 1) * page.size
    rows = await find_all(connection, users, *where, order=_order(page), limit=page.size, offset=offset)
    return [{"user_id": row["user_id"], "user_email": row["user_email"]} for row in rows]


def _order(page: Page) -> list[ColumnElement[Any]]:
    """As Postgres sorts: what has no value comes last, and first where the order is reversed."""
    if page.sort_by is None:
        return [users.c.created_at.desc(), users.c.user_id]
    if page.sort_by not in SORTABLE:
        raise DetailError(400, {"error": f"Invalid sort column. Must be one of: {', '.join(SORTABLE)}"})
    column, direction = users.c[page.sort_by], page.sort_order.lower()
    if direction not in ("asc", "desc"):
        raise DetailError(400, {"error": "Invalid sort order. Must be 'asc' or 'desc'"})
    by = column.asc().nulls_last() if direction == "asc" else column.desc().nulls_first()
    return [by, users.c.user_id]


def _conditions(connection: AsyncConnection, search: Search) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if search.role:
        where.append(users.c.user_role == search.role)
    if search.user_ids:
        names = _names(search.user_ids)
        where.append(resembles(users.c.user_id, names[0]) if len(names) == 1 else users.c.user_id.in_(names))
    if search.user_email is not None:
        where.append(resembles(users.c.user_email, search.user_email))
    if search.team is not None:
        where.append(has_item(connection, users.c.teams, search.team))
    if search.sso_user_ids is not None:
        where.append(users.c.sso_user_id.in_(_names(search.sso_user_ids)))
    return where


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def has_item(connection: AsyncConnection, column: ColumnElement[Any], item: str) -> ColumnElement[bool]:
    """Whether a column of lists contains a text."""
    if connection.dialect.name == "sqlite":
        return exists(
            select(1).select_from(items := func.json_each(column).table_valued("value")).where(items.c.value == item)
        )
    return cast(column, JSONB).contains([item])


async def _key_counts(connection: AsyncConnection, user_ids: list[str]) -> dict[str, int]:
    statement = select(keys.c.user_id, func.count()).where(keys.c.user_id.in_(user_ids), _listed())
    found = await connection.execute(statement.group_by(keys.c.user_id))
    return {row[0]: row[1] for row in found}
