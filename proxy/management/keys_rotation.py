"""Keys that take the place of others: regenerated when somebody asks, or rotated when they are due; and the master key's."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Table, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.config.errors import ConfigError
from proxy.config.references import variable
from proxy.durations import expires_at
from proxy.errors import DetailError
from proxy.jobs.jobs import Jobs
from proxy.management.audit import ROBOT, Actor, record
from proxy.management.keys import PREFIX, hash_of, name_of, random_key
from proxy.management.keys_changing import keep_deleted
from proxy.store import tables
from proxy.store.rows import Row, change, find_all, remove
from proxy.store.sealing import MARK, Purpose, Sealer
from proxy.store.store import Store
from proxy.store.tables import deprecated_keys, key_models, keys
from proxy.store.types import now as moment_now
from proxy.store.upsert import upsert

log = logging.getLogger(__name__)

JOB: Final = "key_rotation"
ENABLED: Final = "LITELLM_KEY_ROTATION_ENABLED"
INTERVAL: Final = "LITELLM_KEY_ROTATION_CHECK_INTERVAL_SECONDS"
GRACE: Final = "LITELLM_KEY_ROTATION_GRACE_PERIOD"
DAY: Final = 86_400
CHARGED_AFTER: Final = timedelta(days=1)
"""How long after its end the calls of a replaced key are still charged to the one in its place."""
_SEALED: Final[tuple[tuple[Table, str, str, Purpose], ...]] = (
    (tables.models, "model_id", "litellm_params", "models"),
    (tables.credentials, "credential_id", "credential_values", "credentials"),
    (tables.settings, "param_name", "param_value", "settings"),
)
"""Tables with secrets: primary key, column, purpose."""


def add_rotation(jobs: Jobs, store: Store, actor: Actor) -> None:
    """Have due keys rotated where ``LITELLM_KEY_ROTATION_ENABLED`` is ``true``.

    Raises:
        ConfigError: ``LITELLM_KEY_ROTATION_CHECK_INTERVAL_SECONDS`` is no number of seconds.
    """
    if (variable(ENABLED) or "").lower() != "true":
        return
    period = variable(INTERVAL) or str(DAY)
    if not period.isdigit() or int(period) == 0:
        raise ConfigError(
            f"{period} is no number of seconds; write one such as {DAY}",
            key=INTERVAL,
        )

    async def rotate() -> None:
        rotated = await rotate_due_keys(store, moment_now(), actor=actor)
        if rotated:
            log.info("%d keys were rotated", len(rotated))

    jobs.add(JOB, int(period), rotate)


def grace_of(asked: str | None, now: datetime) -> datetime | None:
    """Until when a replaced key works.

    Args:
        asked: a duration; without one ``LITELLM_KEY_ROTATION_GRACE_PERIOD`` counts. What is none is logged and ignored.

    Returns:
        ``None``: not a moment longer.
    """
    period = asked or variable(GRACE)
    if not period:
        return None
    try:
        until = expires_at(period, now)
    except ValueError:
        log.warning("the grace period of a rotated key is no duration such as 24h; the old key does not work any more")
        return None
    return until if until > now else None


async def replace_key(
    connection: AsyncConnection,
    row: Row,
    values: Mapping[str, Any],
    *,
    new_key: str | None,
    until: datetime | None,
    now: datetime,
) -> tuple[str, Row]:
    """Give a key a new text; its alias, limits and spend stay.

    Args:
        row: of the key.
        values: further columns to change.
        new_key: chosen by somebody; else it is random.
        until: when the old text stops working; ``None``: at once.

    Returns:
        the new key, and its row.

    Raises:
        DetailError: 400, the chosen one lacks its prefix.
        sqlalchemy.exc.IntegrityError: there is such a key.
    """
    if new_key is not None and not new_key.startswith(PREFIX):
        raise DetailError(
            400,
            {
                "error": "New key must start with 'sk-'. This is to distinguish a key hash (used by litellm for logging / "
                "internal logic) from the actual key."
            },
        )
    key = new_key or random_key()
    token, old = hash_of(key), row["token"]
    [replaced] = await change(
        connection, keys, {**values, "token": token, "key_name": name_of(key)}, keys.c.token == old
    )
    # keys that this one had replaced before go on until their time is over, in the name of the newest
    renamed = {"active_token_id": token}
    await change(connection, deprecated_keys, renamed, deprecated_keys.c.active_token_id == old)
    await change(connection, key_models, {"token": token}, key_models.c.token == old)
    await remove(connection, deprecated_keys, deprecated_keys.c.token == token)
    # without a grace period too: what its last calls cost is written under its old name a little later
    fields = {"active_token_id": token, "revoke_at": until or now}
    statement = upsert(connection, deprecated_keys).values(token=old, created_at=now, **fields)
    await connection.execute(statement.on_conflict_do_update(index_elements=[deprecated_keys.c.token], set_=fields))
    return key, replaced


async def rotate_due_keys(
    store: Store, now: datetime, grace: str | None = None, actor: Actor | None = None
) -> list[Row]:
    """Rotate every key with ``auto_rotate`` whose time has come, and forget replaced ones whose grace is over.

    One that fails stops no other. Each is a transaction of its own.

    Args:
        grace: a duration; ``None``: as the environment says.
        actor: in whose name the audit log has it.

    Returns:
        the rows, as they are now.
    """
    async with store.writing() as connection:
        await remove(connection, deprecated_keys, deprecated_keys.c.revoke_at <= now - CHARGED_AFTER)
    due = (keys.c.auto_rotate.is_(True), or_(keys.c.key_rotation_at.is_(None), keys.c.key_rotation_at <= now))
    async with store.reading() as connection:
        tokens = (await connection.execute(select(keys.c.token).where(*due))).scalars().all()
    rotated: list[Row] = []
    for token in tokens:
        try:
            async with store.writing("access") as connection:
                found = await find_all(connection, keys, keys.c.token == token, *due)
                rotated += [await _rotate(connection, row, now, grace, actor) for row in found]
        except Exception:
            log.exception("a key was not rotated; it is tried again in the next run")
    return rotated


async def _rotate(connection: AsyncConnection, row: Row, now: datetime, grace: str | None, actor: Actor | None) -> Row:
    await keep_deleted(connection, row, deleted_by=ROBOT, deleted_by_api_key=ROBOT, changed_by=None)
    _, rotated = await replace_key(
        connection, row, rotation_columns(row, now), new_key=None, until=grace_of(grace, now), now=now
    )
    if actor is not None:
        await record(connection, actor, "rotated", "keys", row["token"], row, rotated)
    return rotated


def rotation_columns(row: Row, now: datetime) -> dict[str, Any]:
    """What a rotation leaves in the row: how often there was one, when, and when the next one is due."""
    columns: dict[str, Any] = {"rotation_count": (row["rotation_count"] or 0) + 1, "last_rotation_at": now}
    if row["rotation_interval"]:
        try:
            columns["key_rotation_at"] = expires_at(row["rotation_interval"], now)
        except ValueError:
            columns["auto_rotate"] = False
            log.warning("rotation_interval of a key is no duration such as 30d; it is not rotated any more")
    return columns


async def reseal(connection: AsyncConnection, old: Sealer, new: Sealer) -> int:
    """Encrypt all that is stored encrypted with another key.

    Returns:
        how many rows.

    Raises:
        WrongSaltKeyError: something was not encrypted with ``old``.
    """
    changed = 0
    for table, primary, column, purpose in _SEALED:
        for row in await find_all(connection, table):
            value = _resealed(row[column], purpose, old, new)
            if value != row[column]:
                await change(connection, table, {column: value}, table.c[primary] == row[primary])
                changed += 1
    return changed


def _resealed(value: Any, purpose: Purpose, old: Sealer, new: Sealer) -> Any:
    if isinstance(value, str) and value.startswith(MARK):
        return new.seal(purpose, old.unseal(purpose, value))
    if isinstance(value, dict):
        return {name: _resealed(inner, purpose, old, new) for name, inner in value.items()}
    if isinstance(value, list):
        return [_resealed(inner, purpose, old, new) for inner in value]
    return value
