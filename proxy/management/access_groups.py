"""Access groups: of models, named in ``model_info.access_groups`` of stored deployments, and of everything, which are rows."""

from collections.abc import Collection, Mapping
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import Table, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import cast

from proxy.errors import DetailError
from proxy.store.rows import Row, add, change, find, find_all, remove
from proxy.store.tables import access_groups, keys, models, teams

_LISTS: Final = (
    "access_model_names",
    "access_mcp_server_ids",
    "access_agent_ids",
    "assigned_team_ids",
    "assigned_key_ids",
)
_FIELD: Final = "access_groups"


async def groups_of_models(connection: AsyncConnection) -> dict[str, dict[str, Any]]:
    """Access groups of stored deployments by name, sorted."""
    names: dict[str, set[str]] = {}
    counts: dict[str, int] = {}
    for row in await find_all(connection, models):
        for group in _groups(row):
            names.setdefault(group, set()).add(row["model_name"])
            counts[group] = counts.get(group, 0) + 1
    return {
        group: {"access_group": group, "model_names": sorted(names[group]), "deployment_count": counts[group]}
        for group in sorted(names)
    }


async def add_to_group(connection: AsyncConnection, group: str, model_names: Collection[str]) -> int:
    """Put all stored deployments of models into a group.

    Returns:
        how many were not in it.

    Raises:
        DetailError: 400, a model is not stored.
    """
    changed = 0
    for name in model_names:
        rows = await find_all(connection, models, models.c.model_name == name)
        if not rows:
            raise DetailError(
                400,
                {
                    "error": f"Can't find model '{name}' in Database. Access group management is only supported for database "
                    "models."
                },
            )
        for row in rows:
            if group not in _groups(row):
                await _set_groups(connection, row, [*_groups(row), group])
                changed += 1
    return changed


async def remove_group(connection: AsyncConnection, group: str) -> int:
    """Take all stored deployments from a group; how many were in it."""
    rows = [row for row in await find_all(connection, models) if group in _groups(row)]
    for row in rows:
        await _set_groups(connection, row, [other for other in _groups(row) if other != group])
    return len(rows)


async def create_group(connection: AsyncConnection, fields: Mapping[str, Any], *, author: str) -> Row:
    """Store an access group of everything.

    Raises:
        DetailError: 409, the name is taken.
    """
    await _check_name(connection, fields["access_group_name"])
    values = {name: fields.get(name) or [] for name in _LISTS}
    values |= {name: fields.get(name) for name in ("access_group_name", "description")}
    values |= {"access_group_id": str(uuid4()), "created_by": author, "updated_by": author}
    try:
        return await add(connection, access_groups, values)
    except IntegrityError:
        raise _taken(fields["access_group_name"]) from None


async def update_group(connection: AsyncConnection, group: Row, fields: Mapping[str, Any], *, author: str) -> Row:
    """Change what is given of an access group; null clears the description and leaves all else alone.

    Raises:
        DetailError: 409, the name is taken.
    """
    values = {name: value for name, value in fields.items() if value is not None or name == "description"}
    name: str = values.get("access_group_name") or group["access_group_name"]
    if name != group["access_group_name"]:
        await _check_name(connection, name)
    where = access_groups.c.access_group_id == group["access_group_id"]
    try:
        [row] = await change(connection, access_groups, {**values, "updated_by": author}, where)
    except IntegrityError:
        raise _taken(name) from None
    return row


async def delete_group(connection: AsyncConnection, group_id: str) -> None:
    """Delete an access group of everything, and take it from teams and keys."""
    for table, identifier in ((teams, "team_id"), (keys, "token")):
        for row in await _having(connection, table, group_id):
            left = [other for other in row["access_group_ids"] if other != group_id]
            await change(connection, table, {"access_group_ids": left}, table.c[identifier] == row[identifier])
    await remove(connection, access_groups, access_groups.c.access_group_id == group_id)


async def _having(connection: AsyncConnection, table: Table, group_id: str) -> list[Row]:
    column = table.c.access_group_ids
    if connection.dialect.name == "postgresql":
        return await find_all(connection, table, cast(column, JSONB).contains([group_id]))
    each = func.json_each(column).table_valued("value")
    return await find_all(connection, table, select(each.c.value).where(each.c.value == group_id).exists())


async def _check_name(connection: AsyncConnection, name: str) -> None:
    if await find(connection, access_groups, access_group_name=name) is not None:
        raise _taken(name)


def _taken(name: str) -> DetailError:
    return DetailError(409, f"Access group '{name}' already exists")


def _groups(row: Row) -> list[str]:
    groups = (row["model_info"] or {}).get(_FIELD)
    return [str(group) for group in groups] if isinstance(groups, list) else []


async def _set_groups(connection: AsyncConnection, row: Row, groups: list[str]) -> None:
    info = {**(row["model_info"] or {}), _FIELD: groups}
    await change(connection, models, {"model_info": info}, models.c.model_id == row["model_id"])
