"""Virtual keys: made, stored by their hash alone, shown."""

import hashlib
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.durations import expires_at, reset_at
from proxy.store import tables
from proxy.store.rows import Row, add
from proxy.store.types import now

PREFIX: Final = "sk-"
RANDOM_BYTES: Final = 16
NEVER: Final = "-1"
"""The ``duration`` of a key that never expires."""
COLUMNS: Final = frozenset(tables.keys.c.keys())


def random_key() -> str:
    """A key that nobody can guess."""
    return PREFIX + secrets.token_urlsafe(RANDOM_BYTES)


def hash_of(key: str) -> str:
    """What is stored of a key: its SHA-256 in hex; a text without the prefix is taken for a hash already."""
    return hashlib.sha256(key.encode()).hexdigest() if key.startswith(PREFIX) else key


def name_of(key: str) -> str:
    """What people tell keys apart by, after the key itself is gone."""
    return f"sk-...{key[-4:]}"


async def create_key(connection: AsyncConnection, values: Mapping[str, Any], *, author: str | None) -> tuple[str, Row]:
    """Store a new key.

    Args:
        values: columns of the table ``keys``; ``key`` when it was chosen, ``duration`` from which ``expires`` follows.
            ``budget_reset_at`` follows from ``budget_duration``, ``key_rotation_at`` from ``rotation_interval``.
        author: user id; ``None``: it is not written down.

    Returns:
        the key itself, which is nowhere to be found afterwards, and its row.

    Raises:
        InvalidDuration: a duration is none.
        sqlalchemy.exc.IntegrityError: there is such a key.
    """
    key = values.get("key") or random_key()
    row = {name: value for name, value in values.items() if name in COLUMNS and value is not None}
    if not (row.get("auto_rotate") and row.get("rotation_interval")):
        row = {name: value for name, value in row.items() if name not in {"auto_rotate", "rotation_interval"}}
    row |= moments_of(values, now())
    row |= {"token": hash_of(key), "key_name": name_of(key), "created_by": author, "updated_by": author}
    row.setdefault("router_settings", {})
    return key, await add(connection, tables.keys, row)


def moments_of(values: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """The columns that follow from durations.

    Raises:
        InvalidDuration: one is none.
    """
    moments: dict[str, Any] = {}
    if (duration := values.get("duration")) is not None:
        moments["expires"] = None if duration == NEVER else _expiry("duration", duration, at)
    if period := values.get("budget_duration"):
        moments["budget_reset_at"] = reset_at(period, at)
    if values.get("auto_rotate") and (interval := values.get("rotation_interval")):
        moments["key_rotation_at"] = _expiry("rotation_interval", interval, at)
    return moments


class InvalidDuration(ValueError):
    """A duration that is none, in the reference's words; ``field`` says which."""

    def __init__(self, field: str, duration: str) -> None:
        super().__init__("Invalid duration format")
        self.field = field
        self.duration = duration


def _expiry(field: str, duration: str, at: datetime) -> datetime:
    try:
        return expires_at(duration, at)
    except ValueError:
        raise InvalidDuration(field, duration) from None
