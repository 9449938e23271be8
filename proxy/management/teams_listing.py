"""Teams are found: all of a user, a page of a search, deleted ones."""

from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Table, cast, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.errors import DetailError
from proxy.store.rows import Row, count, find, find_all
from proxy.store.tables import deleted_teams, teams, users

SORTED_BY: Final = frozenset(("team_id", "team_alias", "created_at"))
NO_ORGANIZATION: Final = "default_organization"
"""The name of the teams of no organization, in searches."""


class Search(NamedTuple):
    """What is looked for; ``None`` does not matter."""

    team_id: str | None = None
    team_alias: str | None = None
    """Part of it, however capitalised."""
    organization_id: str | None = None
    user_id: str | None = None
    """Of a member."""


class Page(NamedTuple):
    """Which part of what was found, in which order."""

    number: int
    size: int
    sort_by: str | None = None
    descending: bool = False


async def page_of(connection: AsyncConnection, search: Search, page: Page, *, deleted: bool) -> tuple[list[Row], int]:
    """Rows of one page, and how many there are on all.

    Raises:
        DetailError: 404, there is no such user, or he is in no such team.
    """
    table = deleted_teams if deleted else teams
    where = await _conditions(connection, table, search)
    column = table.c[page.sort_by if page.sort_by in SORTED_BY else "created_at"]
    descending = page.descending or page.sort_by not in SORTED_BY
    tie = table.c.id if deleted else table.c.team_id
    order = [column.desc(), tie.desc()] if descending else [column.asc(), tie.asc()]
    rows = await find_all(connection, table, *where, order=order, limit=page.size, offset=(page.number - 1) * page.size)
    return rows, await count(connection, table, *where)


def resembles(column: ColumnElement[Any], part: str) -> ColumnElement[bool]:
    """Whether a column contains a text, however both are capitalised; nothing in it stands for anything else."""
    return func.lower(column).contains(part.lower(), autoescape=True)


async def teams_of(connection: AsyncConnection, user_id: str | None, organization_id: str | None) -> list[Row]:
    """The teams of a member, or all; of an organization, or all; by alias."""
    where: list[ColumnElement[bool]] = []
    if user_id is not None:
        where.append(has_member(connection, teams, user_id))
    if organization_id == NO_ORGANIZATION:
        where.append(teams.c.organization_id.is_(None))
    elif organization_id is not None:
        where.append(teams.c.organization_id == organization_id)
    order = (func.coalesce(teams.c.team_alias, ""), teams.c.created_at, teams.c.team_id)
    return await find_all(connection, teams, *where, order=order)


async def _conditions(connection: AsyncConnection, table: Table, search: Search) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if search.team_id:
        where.append(table.c.team_id == search.team_id)
    if search.team_alias:
        where.append(resembles(table.c.team_alias, search.team_alias))
    if search.organization_id:
        where.append(table.c.organization_id == search.organization_id)
    if search.user_id:
        user = await find(connection, users, user_id=search.user_id)
        if user is None:
            raise DetailError(404, {"error": f"User not found, passed user_id={search.user_id}"})
        if table is deleted_teams:
            where.append(has_member(connection, table, search.user_id))
            return where
        if search.team_id and search.team_id not in user["teams"]:
            raise DetailError(404, {"error": f"User is not a member of team_id={search.team_id}"})
        where.append(table.c.team_id.in_(user["teams"]))
    return where


def has_member(connection: AsyncConnection, table: Table, user_id: str) -> ColumnElement[bool]:
    """Whether ``members_with_roles`` name a user."""
    members = table.c.members_with_roles
    if connection.dialect.name == "postgresql":
        return cast(members, JSONB).contains([{"user_id": user_id}])
    each = func.json_each(members).table_valued("value")
    return select(each.c.value).where(func.json_extract(each.c.value, "$.user_id") == user_id).exists()
