"""``/project/*``."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.api.management.keys_errors import INTERNAL, refusals
from proxy.api.management.operation import Asked
from proxy.api.management.organizations import BudgetFields, durations
from proxy.api.management.validation import Body, Query
from proxy.errors import DetailError, GatewayError
from proxy.management.audit import record
from proxy.management.keys_access import administers_team, membership
from proxy.management.projects import (
    check_limits,
    create_project,
    delete_projects,
    not_found,
    shown_project,
)
from proxy.management.projects import update_project as update_row
from proxy.management.teams import locked_team
from proxy.management.teams_access import may_manage
from proxy.management.teams_listing import has_member
from proxy.store.rows import Row, find, find_all
from proxy.store.tables import projects, teams


class NewProject(BudgetFields):
    """``/project/new``."""

    project_id: str | None = None
    project_alias: str | None = None
    description: str | None = None
    team_id: str
    models: list[str] = Field(default_factory=list)
    blocked: bool = False


class UpdateProject(BudgetFields):
    """``/project/update``."""

    project_id: str
    project_alias: str | None = None
    description: str | None = None
    team_id: str | None = None
    models: list[str] | None = None
    blocked: bool | None = None


class DeleteProjects(Body):
    """``/project/delete``."""

    project_ids: list[str]


class ProjectQuery(Query):
    """``/project/info``."""

    project_id: str


async def new_project(asked: Asked, body: NewProject) -> Any:
    """Make a project of a team. Admins of the team may."""
    fields = body.model_dump() | {"project_id": body.project_id or str(uuid4())}
    with refusals(INTERNAL):
        async with asked.store.writing("access") as connection:
            team = await _team(connection, body.team_id)
            check_limits(team, fields)
            why = f"Only admins or team admins can create projects. Your role is {asked.caller.role}"
            _check_admin(asked, team, why)
            with durations():
                row = await create_project(connection, fields, author=asked.user)
            await record(connection, asked, "created", "projects", row["project_id"], None, row)
            return await shown_project(connection, row)


async def update_project(asked: Asked, body: UpdateProject) -> Any:
    """Change what is given of a project; the rest stays."""
    fields = body.given()
    with refusals(INTERNAL):
        async with asked.store.writing("access") as connection:
            project = await find(connection, projects, project_id=body.project_id)
            if project is None:
                raise not_found(body.project_id)
            refused = "Only admins or team admins can update projects"
            for team_id in {project["team_id"], body.team_id} - {None}:
                _check_admin(asked, await _team(connection, team_id), refused)
            if (team_id := body.team_id or project["team_id"]) is not None:
                check_limits(await _team(connection, team_id), fields)
            elif not asked.caller.is_admin:
                raise DetailError(403, {"error": refused})
            with durations():
                row = await update_row(connection, project, fields, author=asked.user)
            await record(connection, asked, "updated", "projects", body.project_id, project, fields)
            return await shown_project(connection, row)


async def delete_project(asked: Asked, body: DeleteProjects) -> Any:
    """Delete projects without keys: all of them, or none."""
    with refusals(INTERNAL):
        if not asked.caller.is_admin:
            raise DetailError(403, {"error": "Only admins can delete projects"})
        async with asked.store.writing("access") as connection:
            gone = await delete_projects(connection, body.project_ids)
            for row in gone:
                await record(connection, asked, "deleted", "projects", row["project_id"], row, None)
            return [await shown_project(connection, row) for row in gone]


async def project_info(asked: Asked, query: ProjectQuery) -> Any:
    """A project with its budget, for members of its team."""
    with refusals(INTERNAL):
        async with asked.store.reading() as connection:
            project = await find(connection, projects, project_id=query.project_id)
            if project is None:
                raise not_found(query.project_id)
            team = await find(connection, teams, team_id=project["team_id"]) if project["team_id"] else None
            caller = asked.caller
            is_member = team is not None and (may_manage(caller, team) or membership(caller, team) is not None)
            if not (caller.is_admin or is_member):
                raise DetailError(403, {"error": "You don't have access to this project"})
            return await shown_project(connection, project)


async def list_projects(asked: Asked) -> Any:
    """All projects, or those of one's teams."""
    async with asked.store.reading() as connection:
        where = []
        if not asked.caller.is_admin:
            mine = await find_all(connection, teams, has_member(connection, teams, asked.caller.user_id or ""))
            where.append(projects.c.team_id.in_([team["team_id"] for team in mine]))
        rows = await find_all(connection, projects, *where, order=(projects.c.created_at, projects.c.project_id))
        return [await shown_project(connection, row) for row in rows]


async def _team(connection: AsyncConnection, team_id: str) -> Row:
    team = await locked_team(connection, team_id)
    if team is None:
        raise GatewayError(404, f"Team not found, team_id={team_id}", type="not_found", param="team_id")
    return team


def _check_admin(asked: Asked, team: Row, refusal: str) -> None:
    if not (may_manage(asked.caller, team) or administers_team(asked.caller, team)):
        raise DetailError(403, {"error": refusal})
