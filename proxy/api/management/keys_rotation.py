"""``/key/regenerate``: a key, or the master key, gets another text."""

from datetime import datetime
from typing import Any

from proxy.api.management.keys import found_key
from proxy.api.management.keys_errors import INTERNAL, refusals
from proxy.api.management.keys_models import RegenerateKey
from proxy.api.management.keys_routes import check_routes
from proxy.api.management.operation import Asked
from proxy.api.management.validation import Query
from proxy.auth.keys import same_key
from proxy.errors import DetailError
from proxy.management import keys_shown
from proxy.management.audit import record, token_of
from proxy.management.keys import moments_of
from proxy.management.keys_access import (
    administers_team,
    check_change,
    check_not_wider,
    check_permission,
    check_user,
    membership,
    team_of,
)
from proxy.management.keys_changing import changed_columns, keep_deleted
from proxy.management.keys_making import check_alias, check_amounts, check_budget, check_unused
from proxy.management.keys_rotation import grace_of, replace_key, reseal
from proxy.store.rows import Row
from proxy.store.sealing import SALT_KEYS, Sealer, WrongSaltKeyError, salt_key
from proxy.store.types import now

_NOT_COLUMNS = frozenset({"key", "new_key", "new_master_key", "grace_period"})


class OfKey(Query):
    """``/key/regenerate``, for those who name the key there."""

    key: str | None = None


async def regenerate_key(asked: Asked, query: OfKey, body: RegenerateKey | None = None) -> Any:
    """Give a key a new text; the old one works no more, or until its grace period is over."""
    given = {} if body is None else body.given()
    key = given.get("key") or (asked.path.get("key") or "").removeprefix("/") or query.key
    with refusals(INTERNAL):
        if not key:
            raise DetailError(400, {"error": "No key passed in."})
        if _is_master(asked, key):
            return await _new_master_key(asked, given.get("new_master_key"))
        check_amounts(given)
        check_routes(asked.caller, given)
        plain, row = await _regenerated(asked, key, given)
    shown = keys_shown.new_key(plain, row, None)
    return {**shown, "token": None}


async def _regenerated(asked: Asked, key: str, given: dict[str, Any]) -> tuple[str, Row]:
    moment = now()
    async with asked.store.writing("access") as connection:
        row = await found_key(connection, key)
        team = await team_of(connection, row["team_id"])
        member = None if team is None else membership(asked.caller, team)
        if (
            team is not None
            and member is not None
            and not asked.caller.is_admin
            and not administers_team(asked.caller, team)
        ):
            check_permission(member, team, "/key/regenerate")
        await check_change(connection, asked.caller, row, "regenerate")
        await check_user(connection, asked.caller, row["user_id"])
        changes = {name: value for name, value in given.items() if name not in _NOT_COLUMNS}
        if not asked.caller.is_admin:
            check_not_wider(row, changes)
        values = await changed_columns(connection, asked.caller, row, changes)
        await check_alias(connection, values.get("key_alias"), but=row["token"])
        await check_budget(connection, values.get("budget_id"))
        if given.get("new_key") is not None:
            await check_unused(connection, given["new_key"])
        await keep_deleted(
            connection,
            row,
            deleted_by=asked.user,
            deleted_by_api_key=token_of(asked),
            changed_by=asked.changed_by,
        )
        until = grace_of(given.get("grace_period"), moment)
        plain, replaced = await replace_key(
            connection,
            row,
            {**values, **_rotation(row, moment)},
            new_key=given.get("new_key"),
            until=until,
            now=moment,
        )
        await record(connection, asked, "rotated", "keys", row["token"], row, replaced)
    return plain, replaced


def _rotation(row: Row, moment: datetime) -> dict[str, Any]:
    """A key that is rotated by itself is due an interval later."""
    return moments_of({name: row[name] for name in ("auto_rotate", "rotation_interval")}, moment)


def _is_master(asked: Asked, key: str) -> bool:
    master_key = asked.gateway.snapshot.config.general_settings.master_key
    return asked.caller.is_admin and master_key is not None and same_key(key, master_key)


async def _new_master_key(asked: Asked, new_master_key: str | None) -> Any:
    """Encrypt with the new key what is stored encrypted with the master key. The process goes on with the old one."""
    if not new_master_key:
        raise DetailError(400, {"error": "New master key is required."})
    master_key = asked.gateway.snapshot.config.general_settings.master_key
    if master_key is not None and salt_key(master_key) == master_key:
        try:
            # nobody is told: what is stored can be read again when the gateways were started with the new key
            async with asked.store.writing() as connection:
                await reseal(connection, Sealer(master_key), Sealer(new_master_key))
        except WrongSaltKeyError as error:
            raise DetailError(400, {"error": f"{error}; set {SALT_KEYS[1]}"}) from None
    return keys_shown.new_master_key(new_master_key)
