"""Projects of teams: between a team and its keys, with models and limits of their own."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.errors import DetailError, GatewayError
from proxy.management.budgets import create_budget
from proxy.management.object_permissions import object_permission, set_object_permission
from proxy.management.organizations import change_budget, folded, known_budget
from proxy.management.teams_limits import ALL_MODELS
from proxy.management.teams_shown import shown_budget
from proxy.store.rows import Row, add, change, count, find, remove
from proxy.store.tables import budgets, keys, projects

_COLUMNS: Final[tuple[str, ...]] = (
    "project_alias",
    "description",
    "team_id",
    "models",
    "model_rpm_limit",
    "model_tpm_limit",
    "blocked",
)


def check_limits(team: Row, fields: Mapping[str, Any]) -> None:
    """Refuse what is wrong in itself, and what the team has not got.

    Raises:
        DetailError: 400.
    """
    for name in ("max_budget", "soft_budget"):
        value = fields.get(name)
        if value is not None and value < 0:
            raise _refused(f"{name} cannot be negative. Received: {value}")
    budget, soft = fields.get("max_budget"), fields.get("soft_budget")
    if soft is not None and budget is not None and soft >= budget:
        raise _refused(f"soft_budget ({soft}) must be strictly lower than max_budget ({budget})")
    allowed = team["models"]
    for model in fields.get("models") or ():
        if allowed and ALL_MODELS not in allowed and model not in allowed:
            raise _refused(
                f"Model '{model}' not in team's allowed models. Team allowed models={allowed}. Team: {team['team_id']}"
            )
    for name in ("max_budget", "tpm_limit", "rpm_limit"):
        wanted, most = fields.get(name), team[name]
        if wanted is not None and most is not None and wanted > most:
            raise _refused(f"Project {name} ({wanted}) exceeds team's {name} ({most}). Team: {team['team_id']}")


async def create_project(connection: AsyncConnection, fields: Mapping[str, Any], *, author: str) -> Row:
    """Store a project, with a budget of its own unless it names one.

    Args:
        fields: as they were sent, with an id; the team was checked before.

    Raises:
        DetailError: 400, there is no such budget.
        GatewayError: 400, the id is taken.
        ValueError: the duration of the budget is none.
    """
    project_id = fields["project_id"]
    if await find(connection, projects, project_id=project_id) is not None:
        raise GatewayError(
            400,
            f"Project id = {project_id} already exists. Please use a different project id.",
            type="bad_request",
            param="project_id",
        )
    budget_id = fields.get("budget_id")
    if budget_id is None:
        budget_id = (await create_budget(connection, fields, author=author))["budget_id"]
    else:
        await known_budget(connection, budget_id)
    values = {name: fields[name] for name in _COLUMNS if fields.get(name) is not None}
    values |= {
        "project_id": project_id,
        "budget_id": budget_id,
        "metadata": folded(fields.get("metadata"), fields),
        "created_by": author,
        "updated_by": author,
    }
    if fields.get("object_permission") is not None:
        values["object_permission_id"] = await set_object_permission(connection, fields["object_permission"], None)
    return await add(connection, projects, values)


async def update_project(connection: AsyncConnection, project: Row, fields: Mapping[str, Any], *, author: str) -> Row:
    """Change what is given of a project and its budget; nulls change nothing, metadata are replaced.

    Raises:
        DetailError: 400, there is no such budget.
        ValueError: the duration of the budget is none.
    """
    given = {name: value for name, value in fields.items() if value is not None}
    values = {name: given[name] for name in (*_COLUMNS, "budget_id") if name in given}
    if "budget_id" in values:
        await known_budget(connection, values["budget_id"])
    metadata = folded(given.get("metadata", project["metadata"]), given)
    if metadata != project["metadata"]:
        values["metadata"] = metadata
    if "object_permission" in given:
        known = project["object_permission_id"]
        values["object_permission_id"] = await set_object_permission(connection, given["object_permission"], known)
    budget_id = values.get("budget_id") or project["budget_id"]
    if budget_id is not None:
        await change_budget(connection, budget_id, given, author=author)
    where = projects.c.project_id == project["project_id"]
    [row] = await change(connection, projects, {**values, "updated_by": author}, where)
    return row


async def delete_projects(connection: AsyncConnection, project_ids: Iterable[str]) -> list[Row]:
    """Delete projects that have no keys.

    Returns:
        their rows.

    Raises:
        GatewayError: 404, one is unknown; 400, one has keys.
    """
    gone: list[Row] = []
    for project_id in dict.fromkeys(project_ids):
        if await find(connection, projects, project_id=project_id) is None:
            raise not_found(project_id, "project_ids")
        used = await count(connection, keys, keys.c.project_id == project_id)
        if used:
            raise GatewayError(
                400,
                f"Cannot delete project {project_id}. {used} key(s) are associated with it. Please delete or reassign the keys "
                "first.",
                type="bad_request",
                param="project_ids",
            )
        gone += await remove(connection, projects, projects.c.project_id == project_id)
    return gone


async def shown_project(connection: AsyncConnection, row: Row) -> dict[str, Any]:
    """A row of ``projects`` with its budget and permissions."""
    return {
        **row,
        "litellm_budget_table": shown_budget(await find(connection, budgets, budget_id=row["budget_id"])),
        "object_permission": await object_permission(connection, row),
    }


def not_found(project_id: str | None, param: str = "project_id") -> GatewayError:
    """404."""
    return GatewayError(404, f"Project not found, project_id={project_id}", type="not_found", param=param)


def _refused(why: str) -> DetailError:
    return DetailError(400, {"error": why})
