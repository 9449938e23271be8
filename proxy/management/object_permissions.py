"""What keys, teams and users may reach of MCP servers, vector stores and agents: rows that they refer to."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.store.rows import Row, add, change, find
from proxy.store.tables import object_permissions


async def set_object_permission(connection: AsyncConnection, given: Mapping[str, Any], known: str | None) -> str:
    """Store what was given over what is known already.

    Args:
        given: columns; ``None`` leaves one as it is.
        known: id of the row that its holder refers to.

    Returns:
        the id to refer to from now on.
    """
    values = {name: value for name, value in given.items() if value is not None and name in object_permissions.c}
    values.pop("object_permission_id", None)
    column = object_permissions.c.object_permission_id
    if known is not None:
        if values and await change(connection, object_permissions, values, column == known):
            return known
        if await find(connection, object_permissions, object_permission_id=known):
            return known
    row = await add(connection, object_permissions, {**values, "object_permission_id": str(uuid4())})
    identifier: str = row["object_permission_id"]
    return identifier


async def object_permission(connection: AsyncConnection, holder: Mapping[str, Any]) -> Row | None:
    """The row that a key, team or user refers to."""
    known = holder.get("object_permission_id")
    return None if known is None else await find(connection, object_permissions, object_permission_id=known)
