"""What a database says of the config: rows of ``models``, ``credentials`` and ``settings``, their secrets readable."""

import os
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.config.model import ProxyConfig
from proxy.config.references import PREFIX
from proxy.errors import GatewayError
from proxy.store import tables
from proxy.store.rows import Row, find, find_all
from proxy.store.sealing import Sealer, salt_key
from proxy.store.store import Store
from proxy.store.upsert import upsert

SETTINGS: Final = tables.settings
ENVIRONMENT: Final = "environment_variables"
"""The settings whose values are sealed."""

#: Variables of the gateway itself, which nothing that is stored may lead elsewhere.
OWN_VARIABLES: Final = ("MASTER_KEY", "SALT_KEY", "DATABASE_URL", "REDIS_", "UI_PASSWORD", "CLIENT_SECRET")
_VARIABLE: Final = re.compile(r"[A-Z][A-Z0-9_]*")
_OF_PROCESS: Final = re.compile(
    r"PATH$|HOME$|LD_|DYLD_|PYTHON|SSL|LITELLM_|TIANJI_|STORE_MODEL|.*_PROXY$|.*_BASE(_URL)?$"
    r"|OPENSSL|GCONV|BASH|ENV$|IFS$|SHELL|MALLOC|GLIBC|HOSTALIASES|LOCALDOMAIN|RES_OPTIONS|TMP|TEMP|XDG_|REQUESTS_|CURL_"
    r"|JWT_|PROXY_|GENERIC_|GOOGLE_CLIENT|MICROSOFT_|UI_|ALLOWED_|SERVER_|DOCS_|NO_|DISABLE_|AUTO_|CONFIG_"
)


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


async def change_section(
    connection: AsyncConnection, name: str, change: Callable[[dict[str, Any]], Mapping[str, Any]]
) -> dict[str, Any]:
    """Store what ``change`` makes of the stored settings of a section; nobody else changes them meanwhile.

    Returns:
        the settings as they are then.
    """
    new = upsert(connection, SETTINGS).values(param_name=name, param_value={}).on_conflict_do_nothing()
    await connection.execute(new)
    one = SETTINGS.c.param_name == name
    found = await connection.execute(select(SETTINGS.c.param_value).where(one).with_for_update())
    after = dict(change(dict(found.scalar_one() or {})))
    await connection.execute(update(SETTINGS).where(one).values(param_value=after))
    return after


async def stored_section(connection: AsyncConnection, name: str) -> dict[str, Any]:
    """The stored settings of a section, empty when there are none."""
    row = await find(connection, SETTINGS, param_name=name)
    return dict((row or {}).get("param_value") or {})


def unusable(why: str) -> GatewayError:
    """400: what is to be stored can never work."""
    return GatewayError(400, why, type="validation_error", param=None)


def check_references(value: Any) -> None:
    """Whether only variables are named that may be sent to vendors. Raises GatewayError, 400."""
    for name in references_in(value):
        if any(own in name.upper() for own in OWN_VARIABLES):
            raise unusable(f"{PREFIX}{name} is a secret of the gateway itself; write what is meant for this alone")


def references_in(value: Any) -> list[str]:
    """Environment variables that are named at any depth."""
    if isinstance(value, str):
        return [value.partition(PREFIX)[2]] if PREFIX in value else []
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return [name for item in items for name in references_in(item)]


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


def unsealed_settings(config: ProxyConfig, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Stored settings of a section, what is secret in them readable. Raises WrongSaltKeyError."""
    key = salt_key(config.general_settings.master_key)
    return Sealer(key).unseal_all("settings", settings) if key else dict(settings)


def export_variables(variables: Mapping[str, Any]) -> None:
    """Let the process have environment variables that are stored, as far as :func:`may_be_variable` allows them."""
    for name, value in variables.items():
        if may_be_variable(name) and isinstance(value, str):
            os.environ[name] = value


def may_be_variable(name: str) -> bool:
    """Whether a variable may be stored: not what the gateway itself, its Python or its connections go by."""
    return (
        bool(_VARIABLE.fullmatch(name))
        and not _OF_PROCESS.match(name)
        and not any(own in name for own in OWN_VARIABLES)
    )
