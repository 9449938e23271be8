"""Rotations of a gateway with a database: one replica does the work, all go on with what it stored."""

from typing import Final
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.config.stored import ROTATED
from proxy.management import audit
from proxy.management.config import sealer_of
from proxy.management.rotation import Rotation, current_value, rotate
from proxy.store import tables
from proxy.store.rows import add, change, find
from proxy.store.store import Store

TABLE: Final = tables.credentials


async def run(store: Store, actor: audit.Actor, rotation: Rotation) -> None:
    """One run of the job of a rotation.

    The interval of a secret that is generated begins when the gateway first sees it: that run only writes down the value in use.

    Raises:
        SecretError, ConfigError: the next value cannot be had; the old one stays in use.
    """

    async def apply(_: Rotation, value: str) -> None:
        async with store.writing("config") as connection:
            await store_value(connection, actor, rotation, value)

    current = current_value(actor.gateway.snapshot.config, rotation)
    if rotation.generate and isinstance(current, str) and not await _is_stored(store, rotation):
        await apply(rotation, current)
        return
    await rotate(actor.gateway, rotation, apply, generate=rotation.generate)


async def _is_stored(store: Store, rotation: Rotation) -> bool:
    async with store.reading() as connection:
        row = await find(connection, TABLE, credential_name=rotation.credential)
    return row is not None and rotation.field in row["credential_values"]


async def store_value(connection: AsyncConnection, actor: audit.Actor, rotation: Rotation, value: str) -> None:
    """Store a credential's next value, so that every replica goes on with it; the audit log is told without it."""
    sealed = sealer_of(actor.gateway.config).seal_all("credentials", {rotation.field: value})
    row = await find(connection, TABLE, credential_name=rotation.credential)
    if row is None:
        values = {
            "credential_id": str(uuid4()),
            "credential_name": rotation.credential,
            "credential_values": sealed,
            "credential_info": {ROTATED: True},
            "created_by": actor.user,
            "updated_by": actor.user,
        }
        await add(connection, TABLE, values)
    else:
        merged = {"credential_values": {**row["credential_values"], **sealed}, "updated_by": actor.user}
        await change(connection, TABLE, merged, TABLE.c.credential_id == row["credential_id"])
    told = {"credential_name": rotation.credential, "field": rotation.field}
    await audit.record(connection, actor, "rotated", "credentials", rotation.credential, told, told)
