"""``/team/list`` and its like."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import ColumnElement

from proxy.api.management.operation import Asked
from proxy.api.management.teams_models import FilterQuery, ListQuery, PageQuery
from proxy.auth.permissions import Role
from proxy.errors import DetailError
from proxy.management.keys_shown import whole_row
from proxy.management.members import memberships
from proxy.management.teams_access import available_teams
from proxy.management.teams_listing import Page, Search, page_of, resembles, teams_of
from proxy.management.teams_shown import deleted_team, shown_membership, shown_team, team_record
from proxy.store.rows import Row, find, find_all
from proxy.store.tables import keys, team_memberships, teams, users

AT_ONCE = 500
"""Teams whose keys are read with one query."""


async def list_teams(asked: Asked, query: ListQuery) -> Any:
    """All teams, or those of a user or an organization (``default_organization``: of none), with their keys."""
    _check_lister(asked, query.user_id)
    async with asked.store.reading() as connection:
        found = await teams_of(connection, query.user_id, query.organization_id)
        of_team: defaultdict[str, list[Row]] = defaultdict(list)
        members: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        for start in range(0, len(found), AT_ONCE):
            ids = [team["team_id"] for team in found[start : start + AT_ONCE]]
            for key in await find_all(connection, keys, keys.c.team_id.in_(ids), order=(keys.c.created_at,)):
                of_team[key["team_id"]].append(whole_row(key))
            where: list[ColumnElement[bool]] = [team_memberships.c.team_id.in_(ids)]
            if query.user_id is not None:
                where.append(team_memberships.c.user_id == query.user_id)
            rows, budgets = await memberships(connection, *where)
            for row in rows:
                members[row["team_id"]].append(shown_membership(row, budgets))
    return [
        {
            **shown_team(team, aliases=True),
            "team_memberships": members[team["team_id"]],
            "keys": of_team[team["team_id"]],
        }
        for team in found
    ]


async def page_of_teams(asked: Asked, query: PageQuery) -> Any:
    """One page of the teams that are looked for; without being an admin, of one's own."""
    _check_lister(asked, query.user_id)
    user_id = query.user_id
    if user_id is None and not asked.caller.is_admin:
        user_id = asked.caller.user_id
    if query.status not in (None, "deleted"):
        raise DetailError(400, {"error": "Invalid status value. Currently only 'deleted' is supported."})
    deleted = query.status == "deleted"
    search = Search(query.team_id, query.team_alias, query.organization_id, user_id)
    page = Page(query.page, query.page_size, query.sort_by, query.sort_order.lower() == "desc")
    async with asked.store.reading() as connection:
        rows, total = await page_of(connection, search, page, deleted=deleted)
    return {
        "teams": [deleted_team(row) if deleted else shown_team(row) for row in rows],
        "total": total,
        "page": page.number,
        "page_size": page.size,
        "total_pages": -(-total // page.size),
    }


async def filter_teams(asked: Asked, query: FilterQuery) -> Any:
    """Teams whose id and alias contain what was typed, the newest first."""
    where = []
    if query.team_id:
        where.append(resembles(teams.c.team_id, query.team_id))
    if query.team_alias:
        where.append(resembles(teams.c.team_alias, query.team_alias))
    order = (teams.c.created_at.desc(), teams.c.team_id.desc())
    async with asked.store.reading() as connection:
        rows = await find_all(
            connection,
            teams,
            *where,
            order=order,
            limit=query.page_size,
            offset=(query.page - 1) * query.page_size,
        )
    return [team_record(row) for row in rows]


async def list_available(asked: Asked) -> Any:
    """Teams that the caller may join by himself, and has not yet."""
    available = available_teams(asked.gateway.snapshot.config)
    if available is None:
        return []
    async with asked.store.reading() as connection:
        user = await find(connection, users, user_id=asked.caller.user_id) if asked.caller.user_id else None
        if user is None:
            raise DetailError(404, {"error": "User not found"})
        wanted = [team_id for team_id in available if team_id not in user["teams"]]
        rows = await find_all(connection, teams, teams.c.team_id.in_(wanted), order=(teams.c.created_at,))
    return [shown_team(row) for row in rows]


def _check_lister(asked: Asked, user_id: str | None) -> None:
    caller = asked.caller
    if caller.is_admin or caller.role == Role.ADMIN_VIEWER:
        return
    if user_id is None or user_id != caller.user_id:
        why = f"Only admin users can query all teams/other teams. Your user role={caller.role}"
        raise DetailError(401, {"error": why})
