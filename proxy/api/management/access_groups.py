"""``/access_group/*`` (of models) and ``/v1/access_group`` (of everything)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from litestar import Response

from proxy.api.management.operation import Asked
from proxy.api.management.validation import Body
from proxy.api.plain import json_response
from proxy.errors import DetailError
from proxy.management import access_groups as groups
from proxy.management.audit import record
from proxy.store.rows import Row, find, find_all
from proxy.store.tables import access_groups

REFUSED = {"error": "Admin-only endpoint. Not allowed to access this."}


class NewModelGroup(Body):
    """``/access_group/new``."""

    access_group: str
    model_names: list[str]


class UpdateModelGroup(Body):
    """``/access_group/{access_group}/update``."""

    model_names: list[str]


class GroupFields(Body):
    """What a group of everything gives, and to whom."""

    description: str | None = None
    access_model_names: list[str] | None = None
    access_mcp_server_ids: list[str] | None = None
    access_agent_ids: list[str] | None = None
    assigned_team_ids: list[str] | None = None
    assigned_key_ids: list[str] | None = None


class NewGroup(GroupFields):
    """``POST /v1/access_group``."""

    access_group_name: str


class UpdateGroup(GroupFields):
    """``PUT /v1/access_group/{access_group_id}``."""

    access_group_name: str | None = None


async def new_model_group(asked: Asked, body: NewModelGroup) -> Any:
    """Give models a name by which keys and teams may be allowed them together."""
    group, names = body.access_group, body.model_names
    if not group.strip():
        raise DetailError(400, {"error": "access_group is required and cannot be empty"})
    _check_names(asked, names)
    if asked.gateway.store is None:
        raise DetailError(500, {"error": "Database not connected. Cannot create access group."})
    async with asked.store.writing("config") as connection:
        if group in await groups.groups_of_models(connection):
            why = f"Access group '{group}' already exists. Use PUT /access_group/{group}/update to modify it."
            raise DetailError(409, {"error": why})
        changed = await groups.add_to_group(connection, group, names)
        await record(connection, asked, "created", "access_groups", group, None, {"model_names": names})
    return {"access_group": group, "model_names": names, "models_updated": changed}


async def list_model_groups(asked: Asked) -> Any:
    """All names that stand for several stored models."""
    async with asked.store.reading() as connection:
        return {"access_groups": list((await groups.groups_of_models(connection)).values())}


async def model_group_info(asked: Asked) -> Any:
    """The models that a name stands for."""
    async with asked.store.reading() as connection:
        return await _known(connection, _name(asked))


async def update_model_group(asked: Asked, body: UpdateModelGroup) -> Any:
    """Let a name stand for other models."""
    group, names = _name(asked), body.model_names
    if not names:
        raise DetailError(400, {"error": "model_names list is required and cannot be empty"})
    async with asked.store.writing("config") as connection:
        before = await _known(connection, group)
        _check_names(asked, names)
        await groups.remove_group(connection, group)
        changed = await groups.add_to_group(connection, group, names)
        await record(connection, asked, "updated", "access_groups", group, before, {"model_names": names})
    return {"access_group": group, "model_names": names, "models_updated": changed}


async def delete_model_group(asked: Asked) -> Any:
    """Let a name stand for nothing."""
    group = _name(asked)
    async with asked.store.writing("config") as connection:
        before = await _known(connection, group)
        changed = await groups.remove_group(connection, group)
        await record(connection, asked, "deleted", "access_groups", group, before, None)
    return {
        "access_group": group,
        "models_updated": changed,
        "message": f"Access group '{group}' deleted successfully",
    }


async def new_group(asked: Asked, body: NewGroup) -> Any:
    """Make a group of models, MCP servers and agents that teams and keys may be given."""
    _check_admin(asked)
    async with asked.store.writing("access") as connection:
        row = await groups.create_group(connection, body.model_dump(), author=asked.user)
        await record(connection, asked, "created", "access_groups", row["access_group_id"], None, row)
    return json_response(row, 201)


async def list_groups(asked: Asked) -> Any:
    """All groups, the newest first."""
    _check_admin(asked)
    order = (access_groups.c.created_at.desc(), access_groups.c.access_group_id)
    async with asked.store.reading() as connection:
        return await find_all(connection, access_groups, order=order)


async def get_group(asked: Asked) -> Any:
    """One group."""
    _check_admin(asked)
    async with asked.store.reading() as connection:
        return await _group(connection, asked)


async def update_group(asked: Asked, body: UpdateGroup) -> Any:
    """Change what is given of a group; the rest stays."""
    _check_admin(asked)
    async with asked.store.writing("access") as connection:
        before = await _group(connection, asked)
        row = await groups.update_group(connection, before, body.given(), author=asked.user)
        await record(connection, asked, "updated", "access_groups", row["access_group_id"], before, row)
    return row


async def delete_group(asked: Asked) -> Any:
    """Delete a group, and take it from teams and keys."""
    _check_admin(asked)
    async with asked.store.writing("access") as connection:
        row = await _group(connection, asked)
        await groups.delete_group(connection, row["access_group_id"])
        await record(connection, asked, "deleted", "access_groups", row["access_group_id"], row, None)
    return Response(b"", status_code=204, headers={"content-type": "application/json"})


def _check_admin(asked: Asked) -> None:
    if not asked.caller.is_admin:
        raise DetailError(403, REFUSED)


def _check_names(asked: Asked, names: list[str]) -> None:
    if not names:
        raise DetailError(400, {"error": "model_names list is required and cannot be empty"})
    known = {deployment.group for deployment in asked.gateway.snapshot.router.groups.deployments}
    missing = [name for name in names if name not in known]
    if missing:
        raise DetailError(400, {"error": f"Model(s) not found: {', '.join(missing)}"})


def _name(asked: Asked) -> str:
    return asked.path["access_group"].removeprefix("/")


async def _known(connection: Any, group: str) -> Mapping[str, Any]:
    found = (await groups.groups_of_models(connection)).get(group)
    if found is None:
        raise DetailError(404, {"error": f"Access group '{group}' not found"})
    return found


async def _group(connection: Any, asked: Asked) -> Row:
    group_id = asked.path["access_group_id"]
    row = await find(connection, access_groups, access_group_id=group_id)
    if row is None:
        raise DetailError(404, f"Access group '{group_id}' not found")
    return row
