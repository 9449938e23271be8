"""``/key/*``: keys are made, changed, blocked and deleted."""

from __future__ import annotations

import re
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.api.management.keys_errors import AUTH, INTERNAL, durations, refusals
from proxy.api.management.keys_hook import ask_hook
from proxy.api.management.keys_models import BulkItem, BulkUpdate, GenerateKey, Keys, OneKey, ResetSpend, UpdateKey
from proxy.api.management.keys_routes import check_routes
from proxy.api.management.operation import Asked
from proxy.errors import DetailError, GatewayError
from proxy.management import keys_shown
from proxy.management.audit import is_kept, record, token_of
from proxy.management.keys import hash_of
from proxy.management.keys_access import administers_team, check_change, check_update, manages, may_change, team_of
from proxy.management.keys_changing import delete_keys as delete_rows
from proxy.management.keys_changing import reset_spend as reset_row
from proxy.management.keys_changing import update_key as update_row
from proxy.management.keys_making import TEAM_REQUIRED, Made, check_amounts, check_permissions, make_key
from proxy.store.rows import Row, change, find, find_all
from proxy.store.tables import keys

MOST_AT_ONCE: Final = 500
_KEY: Final = re.compile(r"sk-[A-Za-z0-9_-]{1,97}|[a-fA-F0-9]{64}")


async def generate_key(asked: Asked, body: GenerateKey) -> Any:
    """Make a virtual key. This answer is the only one that ever has it."""
    with refusals(INTERNAL):
        check_amounts(body.given())
        await ask_hook(asked, body)
        made = await _made(asked, body.given(), "/key/generate")
    return keys_shown.new_key(*made)


async def generate_service_account(asked: Asked, body: GenerateKey) -> Any:
    """Make a key of a team that belongs to none of its members."""
    async with asked.store.reading() as connection:
        if body.team_id is None:
            raise DetailError(400, TEAM_REQUIRED)
        if await team_of(connection, body.team_id) is None:
            missing = "team_id does not exist in the database. Please specify a valid `team_id` in the request body."
            raise DetailError(400, missing)
    await ask_hook(asked, body)
    given = {name: value for name, value in body.given().items() if name != "user_id"}
    with durations(INTERNAL):
        made = await _made(asked, given, "/key/service-account/generate")
    return keys_shown.new_key(*made)


async def update_key(asked: Asked, body: UpdateKey) -> Any:
    """Change what is given of a key; the rest stays."""
    with refusals(AUTH):
        row = await _updated(asked, body.given())
    return {"key": body.key, **keys_shown.isoformatted(keys_shown.whole_row(row))}


async def bulk_update_keys(asked: Asked, body: BulkUpdate) -> Any:
    """Change several keys; one that cannot be changed stops no other."""
    if not asked.caller.is_admin:
        raise DetailError(403, {"error": "Only proxy admins can perform bulk key updates"})
    if not body.keys:
        raise DetailError(400, {"error": "No keys provided for update"})
    if len(body.keys) > MOST_AT_ONCE:
        most = f"Maximum {MOST_AT_ONCE} keys can be updated at once. Found {len(body.keys)} keys."
        raise DetailError(400, {"error": most})
    done: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    for item in body.keys:
        try:
            done.append({"key": item.key, "key_info": _without_token(await _updated(asked, item.given()))})
        except GatewayError as error:
            failed.append({"key": item.key, "key_info": await _info(asked, item), "failed_reason": _reason(error)})
    return {"total_requested": len(body.keys), "successful_updates": done, "failed_updates": failed}


async def delete_keys(asked: Asked, body: Keys) -> Any:
    """Delete keys, by themselves or by their aliases."""
    wanted = body.keys or body.key_aliases or []
    where = keys.c.token.in_(map(hash_of, wanted)) if body.keys else keys.c.key_alias.in_(wanted)
    with refusals(INTERNAL):
        async with asked.store.writing("access") as connection:
            rows = await find_all(connection, keys, where)
            if not rows:
                raise DetailError(404, {"error": "No keys found"})
            for row in rows:
                await check_change(connection, asked.caller, row, "delete")
                await record(connection, asked, "deleted", "keys", row["token"], row, {})
            await delete_rows(
                connection,
                rows,
                deleted_by=asked.user,
                deleted_by_api_key=token_of(asked),
                changed_by=asked.changed_by,
            )
    return {"deleted_keys": wanted}


async def block_key(asked: Asked, body: OneKey) -> Any:
    """Refuse a key from now on, until it is unblocked."""
    return keys_shown.record(await _blocked(asked, body.key, blocked=True))


async def unblock_key(asked: Asked, body: OneKey) -> Any:
    """Let a blocked key in again; its owner, whom it may have been blocked for, cannot."""
    return keys_shown.whole_row(await _blocked(asked, body.key, blocked=False))


async def reset_spend(asked: Asked, body: ResetSpend) -> Any:
    """Set what a key has spent to less."""
    key = asked.path["key"]
    async with asked.store.writing("access") as connection:
        row = await found_key(connection, key)
        team = await team_of(connection, row["team_id"])
        organizes = row["organization_id"] in asked.caller.administers
        if not (asked.caller.is_admin or organizes or (team is not None and administers_team(asked.caller, team))):
            raise DetailError(403, {"error": "You must be a proxy admin or team admin to reset key spend"})
        reset = await reset_row(connection, row, body.reset_to)
        await record(connection, asked, "updated", "keys", row["token"], row, {"spend": body.reset_to})
    return {
        "key_hash": row["token"],
        "spend": body.reset_to,
        "previous_spend": row["spend"],
        "max_budget": reset["max_budget"],
        "budget_reset_at": reset["budget_reset_at"],
    }


async def found_key(connection: AsyncConnection, key: str) -> Row:
    """The row of a key or hash. Raises DetailError, 404."""
    row = await find(connection, keys, token=hash_of(key))
    if row is None:
        raise DetailError(404, {"error": f"Key {key} not found."})
    return row


async def _made(asked: Asked, given: dict[str, Any], route: str) -> Made:
    check_routes(asked.caller, given)
    config = asked.gateway.snapshot.config
    async with asked.store.writing("access") as connection:
        made = await make_key(connection, config, asked.caller, given, author=asked.user, route=route)
        await record(connection, asked, "created", "keys", made.row["token"], None, made.row)
    return made


async def _updated(asked: Asked, given: dict[str, Any]) -> Row:
    check_amounts(given)
    check_routes(asked.caller, given)
    check_permissions(asked.caller, given)
    async with asked.store.writing("access") as connection:
        row = await find(connection, keys, token=hash_of(given["key"]))
        if row is None:
            raise GatewayError(
                401,
                f"Authentication Error: invalid user key - user key does not exist in db. User Key={given['key']}",
                type=AUTH,
            )
        await check_update(connection, asked.caller, row, given)
        updated = await update_row(connection, asked.caller, row, given)
        await record(connection, asked, "updated", "keys", row["token"], row, given)
    return updated


async def _blocked(asked: Asked, key: str, *, blocked: bool) -> Row:
    if not _KEY.fullmatch(key):
        raise GatewayError(400, "Invalid key format.", type="bad_request_error", param="key")
    token = hash_of(key)
    async with asked.store.writing("access") as connection:
        row = await find(connection, keys, token=token)
        if row is None and is_kept(asked.gateway.snapshot.config):
            raise GatewayError(404, f"Key {key} not found", type="bad_request_error", param="key")
        if row is None:
            raise GatewayError(
                401,
                f"Authentication Error, Invalid proxy server token passed. key={token}, not found in db. Create key via "
                "`/key/generate` call.",
                type="token_not_found_in_db",
                param="key",
            )
        may = may_change if blocked else manages
        if not await may(connection, asked.caller, row):
            verb = "block" if blocked else "unblock"
            raise GatewayError(403, f"You are not authorized to {verb} this key", type=AUTH)
        [changed] = await change(connection, keys, {"blocked": blocked}, keys.c.token == token)
        await record(connection, asked, "blocked" if blocked else "unblocked", "keys", token, row, {})
    return changed


async def _info(asked: Asked, item: BulkItem) -> dict[str, Any] | None:
    async with asked.store.reading() as connection:
        row = await find(connection, keys, token=hash_of(item.key))
    return None if row is None else _without_token(row)


def _without_token(row: Row) -> dict[str, Any]:
    return {name: value for name, value in keys_shown.whole_row(row).items() if name != "token"}


def _reason(error: GatewayError) -> str:
    if isinstance(error, DetailError) and isinstance(error.detail, dict):
        return str(error.detail.get("error", error.message))
    return error.message
