"""Changing and deleting keys."""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.call import Identity
from proxy.errors import DetailError, GatewayError
from proxy.management.keys import COLUMNS, moments_of
from proxy.management.keys_access import administers_team, check_permission, team_of, within
from proxy.management.keys_limits import check_project_limits, check_team_limits
from proxy.management.keys_making import FOLDED, TEAM_REQUIRED, check_alias, check_budget, folded
from proxy.management.object_permissions import set_object_permission
from proxy.management.teams import member_of
from proxy.store.rows import Row, change, find, remove
from proxy.store.tables import budgets, deleted_keys, deprecated_keys, key_models, keys
from proxy.store.types import now

_EMPTY: Final[dict[str, Any]] = {
    **{name: [] for name in ("models", "allowed_cache_controls", "allowed_routes", "access_group_ids")},
    **{name: {} for name in ("aliases", "config", "permissions", "metadata", "model_max_budget")},
    "spend": 0.0,
}
"""What ``null`` means for columns that are always there."""
_KEPT_WHEN_NULL: Final = frozenset({"budget_duration", "auto_rotate"})
ALL_MODELS: Final = frozenset({"all-proxy-models", "*"})


async def update_key(connection: AsyncConnection, caller: Identity, key: Row, given: Mapping[str, Any]) -> Row:
    """Change a key as far as its holders let it.

    Args:
        key: its row.
        given: what was sent; who may send it was checked before.

    Raises:
        DetailError, GatewayError: 400 to 404.
        InvalidDuration: a duration is none.
    """
    team_id = given.get("team_id")
    if team_id is not None:
        team = await team_of(connection, team_id)
        if team is None:
            raise DetailError(
                404, {"error": f"Team doesn't exist in db. Team={team_id}. Create team via `/team/new` call."}
            )
        await check_team_limits(connection, team, given)
        if team_id != key["team_id"]:
            _check_move(caller, key, team)
    if key["project_id"] is not None and (given.get("models") is not None or given.get("max_budget") is not None):
        await check_project_limits(connection, key["project_id"], given)
    values = await changed_columns(connection, caller, key, given)
    await check_alias(connection, values.get("key_alias"), but=key["token"])
    await check_budget(connection, values.get("budget_id"))
    # `updated_by` says who made a key, as in the reference; who changed it is in the audit log
    [row] = await change(connection, keys, values, keys.c.token == key["token"])
    return row


async def changed_columns(
    connection: AsyncConnection, caller: Identity, key: Row, given: Mapping[str, Any]
) -> dict[str, Any]:
    """The columns that follow from what was sent.

    Raises:
        DetailError: 400, a service account without a team.
        InvalidDuration: a duration is none.
    """
    if (given.get("metadata") or {}).get("service_account_id") is not None and not (
        given.get("team_id") or key["team_id"]
    ):
        raise DetailError(400, TEAM_REQUIRED)
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in COLUMNS or name in FOLDED or (value is None and name in _KEPT_WHEN_NULL):
            continue
        values[name] = _EMPTY.get(name) if value is None else value
    if "metadata" in given or any(name in given for name in FOLDED):
        base = given["metadata"] if "metadata" in given else key["metadata"]
        values["metadata"] = folded(base, given)
    if (routes := given.get("allowed_routes")) is not None:
        # a list that an admin chose stays his when its owner makes it shorter
        values["routes_granted"] = caller.is_admin or (key["routes_granted"] and within(routes, key["allowed_routes"]))
    spans = {name: given.get(name) for name in ("budget_duration", "auto_rotate", "rotation_interval")}
    values |= moments_of({**spans, "duration": given.get("duration") or None}, now())
    if given.get("object_permission") is not None:
        known = key["object_permission_id"]
        values["object_permission_id"] = await set_object_permission(connection, given["object_permission"], known)
    return values


async def delete_keys(
    connection: AsyncConnection,
    rows: Iterable[Row],
    *,
    deleted_by: str | None,
    deleted_by_api_key: str | None,
    changed_by: str | None,
) -> None:
    """Delete keys, and what was replaced by them; their rows are kept in ``deleted_keys``."""
    for row in rows:
        await keep_deleted(
            connection, row, deleted_by=deleted_by, deleted_by_api_key=deleted_by_api_key, changed_by=changed_by
        )
        await remove(connection, deprecated_keys, deprecated_keys.c.active_token_id == row["token"])
        await remove(connection, key_models, key_models.c.token == row["token"])
        await remove(connection, keys, keys.c.token == row["token"])


async def keep_deleted(
    connection: AsyncConnection,
    row: Row,
    *,
    deleted_by: str | None,
    deleted_by_api_key: str | None,
    changed_by: str | None,
) -> None:
    """Keep a row of ``keys`` that is about to go."""
    await connection.execute(
        insert(deleted_keys).values(
            **row,
            id=str(uuid4()),
            deleted_at=now(),
            deleted_by=deleted_by,
            deleted_by_api_key=deleted_by_api_key,
            litellm_changed_by=changed_by,
        )
    )


async def reset_spend(connection: AsyncConnection, key: Row, reset_to: float) -> Row:
    """Set what a key has spent, downwards.

    Raises:
        DetailError: 400.
    """
    budget = await find(connection, budgets, budget_id=key["budget_id"]) or {}
    limits = [most for most in (key["max_budget"], budget.get("max_budget")) if most is not None]
    if reset_to < 0:
        raise DetailError(400, {"error": "reset_to must be >= 0"})
    if reset_to > key["spend"]:
        raise DetailError(400, {"error": f"reset_to ({reset_to}) must be <= current spend ({key['spend']})"})
    if limits and reset_to > min(limits):
        raise DetailError(400, {"error": f"reset_to ({reset_to}) must be <= budget ({min(limits)})"})
    [row] = await change(connection, keys, {"spend": reset_to}, keys.c.token == key["token"])
    return row


def _check_move(caller: Identity, key: Row, team: Row) -> None:
    """Whether a key may move to a team. Raises DetailError or GatewayError, 401 and 403."""
    team_id, allowed = team["team_id"], team["models"]
    for model in key["models"]:
        if allowed and model not in allowed and not ALL_MODELS & set(allowed):
            raise GatewayError(
                401,
                f"team not allowed to access model. This team can only access models={allowed}. Tried to access {model}",
                type="team_model_access_denied",
                param="model",
            )
    user_id = key["user_id"]
    member = None if user_id is None else member_of(team["members_with_roles"], user_id)
    if user_id is not None and member is None:
        raise DetailError(
            403, f"User={user_id} is not a member of the team={team_id}. Check team members via `/team/info`."
        )
    for unit in ("tpm", "rpm"):
        own, most = key[f"{unit}_limit"], team[f"{unit}_limit"]
        if own is not None and most and own > most:
            raise DetailError(
                403,
                f"Key={key['token']} has a {unit}_limit={own} which is greater than the team's {unit}_limit={most}.",
            )
    if caller.is_admin or administers_team(caller, team):
        return
    if member is None:
        raise DetailError(
            403,
            f"User={caller.user_id} is not a Proxy Admin or Team Admin for team={team_id}. Please ask your Proxy Admin to "
            "allow this action under 'Member Permissions' for this team.",
        )
    check_permission(member, team, "/key/update")
