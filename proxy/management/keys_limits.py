"""What holders of a key allow it: guaranteed throughput of a team or organization, models and budget of a project."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.errors import DetailError
from proxy.store.rows import Row, find
from proxy.store.tables import budgets, keys, organizations, projects

GUARANTEED: Final = "guaranteed_throughput"
_UNITS: Final = ("rpm", "tpm")


async def check_team_limits(connection: AsyncConnection, team: Row, fields: Mapping[str, Any]) -> None:
    """Refuse a key that is guaranteed more than its team has left.

    Args:
        fields: of the key.

    Raises:
        DetailError: 400.
    """
    if GUARANTEED in {fields.get(f"{unit}_limit_type") for unit in _UNITS}:
        allocated = await _keys(connection, keys.c.team_id == team["team_id"])
        _check(allocated, fields, "team", team, team["metadata"])


async def check_organization_limits(connection: AsyncConnection, organization: Row, fields: Mapping[str, Any]) -> None:
    """As :func:`check_team_limits`, for an organization, whose limits are those of its budget."""
    metadata = fields.get("metadata") or {}
    if GUARANTEED in {fields.get(name) or metadata.get(name) for name in ("rpm_limit_type", "tpm_limit_type")}:
        allocated = await _keys(connection, keys.c.organization_id == organization["organization_id"])
        limits = await find(connection, budgets, budget_id=organization["budget_id"]) or {}
        _check(allocated, fields, "organization", limits, organization["metadata"])


async def organization_of(connection: AsyncConnection, organization_id: str) -> Row:
    """An organization's row.

    Raises:
        DetailError: 404.
    """
    row = await find(connection, organizations, organization_id=organization_id)
    if row is None:
        raise DetailError(
            404,
            f"Organization doesn't exist in db. Organization={organization_id}. Create organization via `/organization/new` "
            "call.",
        )
    return row


async def check_project_limits(connection: AsyncConnection, project_id: str, fields: Mapping[str, Any]) -> None:
    """Refuse models and budgets beyond those of a project.

    Raises:
        DetailError: 400, or 404 when there is no such project.
    """
    project = await find(connection, projects, project_id=project_id)
    if project is None:
        raise DetailError(404, {"error": f"Project not found, project_id={project_id}"})
    allowed = project["models"]
    for model in fields.get("models") or ():
        if allowed and model not in allowed:
            raise DetailError(
                400,
                {
                    "error": f"Model '{model}' not in project's allowed models. Project allowed models={allowed}. "
                    f"Project: {project_id}"
                },
            )
    budget = await find(connection, budgets, budget_id=project["budget_id"])
    most, wanted = (budget or {}).get("max_budget"), fields.get("max_budget")
    if most is not None and wanted is not None and wanted > most:
        raise DetailError(
            400,
            {"error": f"Key max_budget ({wanted}) exceeds project's max_budget ({most}). Project: {project_id}"},
        )


async def _keys(connection: AsyncConnection, where: ColumnElement[bool]) -> list[Row]:
    found = await connection.execute(select(keys.c.rpm_limit, keys.c.tpm_limit, keys.c.metadata).where(where))
    return [dict(row) for row in found.mappings()]


def _check(
    allocated: list[Row], fields: Mapping[str, Any], kind: str, limits: Mapping[str, Any], metadata: Mapping[str, Any]
) -> None:
    for unit in _UNITS:
        wanted: Mapping[str, int] = _model_limits(fields, unit) or {}
        of_models = metadata.get(f"model_{unit}_limit") or {}
        for model, limit in wanted.items():
            used = sum((_model_limits(row, unit) or {}).get(model, 0) for row in allocated)
            for most in (limits.get(f"{unit}_limit"), of_models.get(model)):
                _check_one(used, limit, most, unit, kind)
    for unit in reversed(_UNITS):
        field = f"{unit}_limit"
        _check_one(_sum(row[field] for row in allocated), fields.get(field), limits.get(field), unit, kind)


def _check_one(used: int, wanted: int | None, most: int | None, unit: str, kind: str) -> None:
    if wanted is not None and most is not None and used + wanted > most:
        name = unit.upper()
        raise DetailError(
            400, f"Allocated {name} limit={used} + Key {name} limit={wanted} is greater than {kind} {name} limit={most}"
        )


def _model_limits(fields: Mapping[str, Any], unit: str) -> Mapping[str, int] | None:
    name = f"model_{unit}_limit"
    return fields.get(name) or (fields.get("metadata") or {}).get(name)


def _sum(limits: Iterable[int | None]) -> int:
    return sum(limit for limit in limits if limit is not None)
