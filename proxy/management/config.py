"""What a database says of the config: rows of ``models``, ``credentials`` and ``settings``, their secrets readable."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from proxy.config.model import ProxyConfig
from proxy.errors import GatewayError
from proxy.store import tables
from proxy.store.rows import Row, find_all
from proxy.store.sealing import Sealer, salt_key
from proxy.store.store import Store

ENVIRONMENT: Final = "environment_variables"
"""The settings whose values are sealed."""


class Stored(msgspec.Struct, frozen=True):
    """Rows as they are stored, the oldest first."""

    models: list[Row]
    credentials: list[Row]
    settings: list[Row]


async def read_stored(store: Store) -> Stored:
    """All that a database says of the config."""
    async with store.reading() as connection:
        models = await find_all(connection, tables.models, order=(tables.models.c.created_at, tables.models.c.model_id))
        names = tables.credentials.c.credential_name
        credentials = await find_all(connection, tables.credentials, order=(tables.credentials.c.created_at, names))
        settings = await find_all(connection, tables.settings)
    return Stored(models, credentials, settings)


def sealer_of(config: ProxyConfig) -> Sealer:
    """What secrets are stored with.

    Raises:
        GatewayError: 400, there is neither a salt key nor a master key.
    """
    key = salt_key(config.general_settings.master_key)
    if not key:
        raise GatewayError(
            400,
            "Secrets cannot be stored: set LITELLM_SALT_KEY, or general_settings.master_key, which they are encrypted with",
            type="validation_error",
        )
    return Sealer(key)


def unsealed_model(sealer: Sealer, row: Row) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """The group, the parameters and the ``model_info`` of a row of ``models``. Raises WrongSaltKeyError."""
    info = {**(row["model_info"] or {}), "id": row["model_id"], "db_model": True}
    return row["model_name"], sealer.unseal_all("models", row["litellm_params"]), info


def unsealed_credential(sealer: Sealer, row: Row) -> dict[str, Any]:
    """A row of ``credentials`` as an item of ``credential_list``. Raises WrongSaltKeyError."""
    return {
        "credential_name": row["credential_name"],
        "credential_values": sealer.unseal_all("credentials", row["credential_values"]),
        "credential_info": row["credential_info"] or {},
    }


def section_settings(rows: list[Row]) -> dict[str, Mapping[str, Any]]:
    """The settings of the config's sections, by section."""
    return {row["param_name"]: row["param_value"] for row in rows if isinstance(row["param_value"], Mapping)}
