"""Settings of single sign-on that were changed at run time, and what they and the environment say together."""

import os
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.config.model import ProxyConfig
from proxy.management.config import sealer_of
from proxy.sso.person import Mappings, role_mapping
from proxy.sso.settings import Environment
from proxy.store.rows import find
from proxy.store.store import Store
from proxy.store.tables import settings
from proxy.store.upsert import upsert

NAME: Final = "sso_settings"
"""The row of the table ``settings``."""
#: Which variable a setting stands for.
VARIABLES: Final = {
    "google_client_id": "GOOGLE_CLIENT_ID",
    "google_client_secret": "GOOGLE_CLIENT_SECRET",
    "microsoft_client_id": "MICROSOFT_CLIENT_ID",
    "microsoft_client_secret": "MICROSOFT_CLIENT_SECRET",
    "microsoft_tenant": "MICROSOFT_TENANT",
    "generic_client_id": "GENERIC_CLIENT_ID",
    "generic_client_secret": "GENERIC_CLIENT_SECRET",
    "generic_authorization_endpoint": "GENERIC_AUTHORIZATION_ENDPOINT",
    "generic_token_endpoint": "GENERIC_TOKEN_ENDPOINT",
    "generic_userinfo_endpoint": "GENERIC_USERINFO_ENDPOINT",
    "proxy_base_url": "PROXY_BASE_URL",
}
SECRETS: Final = frozenset({"google_client_secret", "microsoft_client_secret", "generic_client_secret"})
HIDDEN: Final = "********"
"""What is shown of a secret; sent back, it leaves the secret as it is."""


class Known(msgspec.Struct, frozen=True):
    """What is known of single sign-on now."""

    environment: Environment
    access_mode: Any
    """``ui_access_mode``: ``admin_only``, an object, or nothing."""
    mappings: Mappings


async def known(config: ProxyConfig, store: Store | None) -> Known:
    """What the environment, the config and the database say.

    Once there are settings in the database, those variables that they stand for count no more, as in the reference.

    Raises:
        GatewayError: 500, what they say cannot be used.
    """
    stored: dict[str, Any] = {}
    environment: dict[str, str] = dict(os.environ)
    if store is not None:
        async with store.reading() as connection:
            found = await read(connection, config)
        if found is not None:
            stored = found
            environment |= {variable: stored.get(name) or "" for name, variable in VARIABLES.items()}
    access_mode = stored.get("ui_access_mode") or config.general_settings.other.get("ui_access_mode")
    return Known(environment, access_mode, _mappings(config, environment, stored, access_mode))


async def read(connection: AsyncConnection, config: ProxyConfig) -> dict[str, Any] | None:
    """The stored settings, their secrets readable; ``None``: there are none."""
    row = await find(connection, settings, param_name=NAME)
    if row is None:
        return None
    sealer = sealer_of(config)
    values: dict[str, Any] = row["param_value"] or {}
    return {
        name: sealer.unseal("settings", value) if name in SECRETS and isinstance(value, str) else value
        for name, value in values.items()
    }


async def write(connection: AsyncConnection, config: ProxyConfig, values: Mapping[str, Any]) -> None:
    """Store settings in the place of those that there are; a hidden secret stays what it was."""
    before = await read(connection, config) or {}
    sealer = sealer_of(config)
    row = dict(values)
    for name in SECRETS:
        secret = before.get(name) if row.get(name) == HIDDEN else row.get(name)
        row[name] = sealer.seal("settings", secret) if secret else secret
    statement = upsert(connection, settings).values(param_name=NAME, param_value=row)
    await connection.execute(
        statement.on_conflict_do_update(index_elements=[settings.c.param_name], set_={"param_value": row})
    )


def shown(values: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as clients see them: without secrets."""
    return {name: HIDDEN if name in SECRETS and value else value for name, value in values.items()}


def _mappings(config: ProxyConfig, environment: Environment, stored: Mapping[str, Any], access_mode: Any) -> Mappings:
    fields = []
    if isinstance(access_mode, Mapping):
        fields.append(access_mode.get("sso_group_jwt_field"))
    if stored_teams := (stored.get("team_mappings") or {}).get("team_ids_jwt_field"):
        fields.append(stored_teams)
    else:
        fields.append((config.general_settings.other.get("litellm_jwtauth") or {}).get("team_ids_jwt_field"))
    return Mappings(
        roles=role_mapping(environment, stored.get("role_mappings")),
        team_fields=tuple(field for field in fields if isinstance(field, str) and field),
    )
