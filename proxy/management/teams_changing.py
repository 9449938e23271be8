"""Teams are made, changed and deleted."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple
from uuid import uuid4

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.auth.permissions import UI_TEAM
from proxy.durations import reset_at
from proxy.errors import DetailError
from proxy.management.budgets import create_budget
from proxy.management.keys_changing import delete_keys
from proxy.management.members import forget_members
from proxy.management.object_permissions import set_object_permission
from proxy.management.teams import MEMBER_BUDGET, add_member, member_of
from proxy.store.rows import Row, add, change, find, find_all, remove
from proxy.store.tables import budgets, deleted_teams, keys, team_memberships, teams
from proxy.store.types import now

FOLDED: Final = (
    "model_rpm_limit",
    "model_tpm_limit",
    "rpm_limit_type",
    "tpm_limit_type",
    "allowed_vector_store_indexes",
    "guardrails",
    "policies",
    "tags",
    "team_member_key_duration",
    "prompts",
    "secret_manager_settings",
    "allowed_passthrough_routes",
)
"""Fields of a request that are kept in the metadata."""
_COLUMNS: Final = frozenset(
    (
        "team_alias",
        "organization_id",
        "admins",
        "members",
        "team_member_permissions",
        "metadata",
        "tpm_limit",
        "rpm_limit",
        "max_budget",
        "soft_budget",
        "budget_duration",
        "models",
        "blocked",
        "router_settings",
        "access_group_ids",
        "model_aliases",
    )
)
_REQUIRED: Final = frozenset(column.name for column in teams.c if not column.nullable)
_OF_MEMBERS: Final = {
    "team_member_budget": "max_budget",
    "team_member_rpm_limit": "rpm_limit",
    "team_member_tpm_limit": "tpm_limit",
    "team_member_budget_duration": "budget_duration",
}
"""Fields of a request, and of the budget that members share."""


class Deleter(NamedTuple):
    """Who deletes."""

    user: str | None
    token: str | None
    changed_by: str | None


async def create_team(
    connection: AsyncConnection, fields: Mapping[str, Any], *, author: str, new_user: Mapping[str, Any]
) -> Row:
    """Store a team and make its members such.

    Args:
        fields: as they were sent, with an id; whether they may be so was checked before.
        author: user id; becomes an admin of the team unless the members name him.
        new_user: columns of members who are made.

    Raises:
        DetailError: 400, the id is taken, or is that of sessions.
    """
    team_id = fields["team_id"]
    if team_id == UI_TEAM:
        why = f"team_id {UI_TEAM} is reserved for the keys of sessions. Please use a different team id."
        raise DetailError(400, {"error": why})
    if await find(connection, teams, team_id=team_id) is not None:
        raise DetailError(400, {"error": f"Team id = {team_id} already exists. Please use a different team id."})
    values = {name: value for name, value in fields.items() if name in _COLUMNS and value is not None}
    values.setdefault("router_settings", {})
    values["metadata"] = _folded(fields.get("metadata"), fields)
    values |= await _referred(connection, fields, None)
    shared = _shared_budget(fields)
    if shared:
        shared = {"budget_duration": fields.get("budget_duration"), **shared}
        values["metadata"][MEMBER_BUDGET] = await _new_shared(connection, fields.get("team_alias"), shared, author)
    row = await add(connection, teams, {**values, "team_id": team_id})
    members = list(fields.get("members_with_roles") or ())
    if all(member["user_id"] != author for member in members):
        members.append({"user_id": author, "user_email": None, "role": "admin"})
    for member in members:
        if member_of(row["members_with_roles"], member["user_id"], member["user_email"]) is None:
            row = (await add_member(connection, row, **member, new_user=new_user)).team
    return row


async def update_team(connection: AsyncConnection, team: Row, fields: Mapping[str, Any], *, author: str) -> Row:
    """Change what was sent of a team; the rest stays, members are changed elsewhere.

    Args:
        team: the row, locked.
        fields: as they were sent; whether they may be so was checked before.
    """
    values = {
        name: value
        for name, value in fields.items()
        if name in _COLUMNS and (value is not None or name not in _REQUIRED)
    }
    metadata = _changed_metadata(team["metadata"], fields)
    values |= await _referred(connection, fields, team["object_permission_id"])
    if shared := _shared_budget(fields):
        known = metadata.get(MEMBER_BUDGET)
        if isinstance(known, str) and await _change_shared(connection, known, shared, author):
            pass
        else:
            shared = {"budget_duration": team["budget_duration"], **shared}
            metadata[MEMBER_BUDGET] = await _new_shared(connection, team["team_alias"], shared, author)
    if metadata != team["metadata"]:
        values["metadata"] = metadata
    [row] = await change(connection, teams, values, teams.c.team_id == team["team_id"])
    return row


async def delete_teams(connection: AsyncConnection, rows: Iterable[Row], deleter: Deleter) -> None:
    """Delete teams with their keys and memberships; rows of teams and keys are kept in ``deleted_*``."""
    for team in rows:
        team_id = team["team_id"]
        await connection.execute(
            insert(deleted_teams).values(
                **team,
                id=str(uuid4()),
                deleted_at=now(),
                deleted_by=deleter.user,
                deleted_by_api_key=deleter.token,
                litellm_changed_by=deleter.changed_by,
            )
        )
        await delete_keys(
            connection,
            await find_all(connection, keys, keys.c.team_id == team_id),
            deleted_by=deleter.user,
            deleted_by_api_key=deleter.token,
            changed_by=deleter.changed_by,
        )
        await forget_members(connection, team)
        await remove(connection, team_memberships, team_memberships.c.team_id == team_id)
        await remove(connection, teams, teams.c.team_id == team_id)


def _folded(metadata: Mapping[str, Any] | None, fields: Mapping[str, Any]) -> dict[str, Any]:
    return {**(metadata or {}), **{name: fields[name] for name in FOLDED if fields.get(name) is not None}}


def _changed_metadata(known: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """New metadata replace the old ones, except the reference to the budget that members share."""
    if fields.get("metadata") is None:
        return _folded(known, fields)
    kept = {name: known[name] for name in (MEMBER_BUDGET,) if name in known}
    return _folded({**kept, **fields["metadata"]}, fields)


async def _referred(connection: AsyncConnection, fields: Mapping[str, Any], known: str | None) -> dict[str, Any]:
    """Columns that follow from others."""
    values: dict[str, Any] = {}
    if "budget_duration" in fields:
        period = fields["budget_duration"]
        values["budget_reset_at"] = None if period is None else reset_at(period, now())
    if fields.get("object_permission") is not None:
        values["object_permission_id"] = await set_object_permission(connection, fields["object_permission"], known)
    return values


def _shared_budget(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: fields[field] for field, name in _OF_MEMBERS.items() if fields.get(field) is not None}


async def _new_shared(connection: AsyncConnection, alias: str | None, values: Mapping[str, Any], author: str) -> str:
    name = "" if alias is None else f"{alias.replace(' ', '-')}-"
    # as for teams, any text that is no span means days: the budget's own rules would refuse it
    period = values.get("budget_duration")
    moments = {} if period is None else {"budget_reset_at": reset_at(period, now())}
    row = {**values, **moments, "budget_id": f"team-{name}budget-{uuid4().hex}"}
    budget = await create_budget(connection, row, author=author)
    identifier: str = budget["budget_id"]
    return identifier


async def _change_shared(connection: AsyncConnection, known: str, values: Mapping[str, Any], author: str) -> bool:
    period = values.get("budget_duration")
    moments = {} if period is None else {"budget_reset_at": reset_at(period, now())}
    changed = await change(
        connection, budgets, {**values, **moments, "updated_by": author}, budgets.c.budget_id == known
    )
    return bool(changed)
