"""Named credentials: what is stored of them, and what of them is shown."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.config.convert import field_types
from proxy.config.errors import ConfigError
from proxy.config.model import DeploymentParams
from proxy.config.redact import is_secret_name
from proxy.config.stored import stored_entries
from proxy.management.config import check_references, unusable
from proxy.store import tables
from proxy.store.rows import Row, add, change, find
from proxy.store.sealing import Sealer

TABLE: Final = tables.credentials
MASK: Final = "****"
#: Settings of a deployment that say whose account it calls, where.
OF_MODELS: Final = (
    *("api_key", "api_base", "api_version", "vertex_project", "vertex_location", "vertex_credentials", "region_name"),
    *("aws_access_key_id", "aws_secret_access_key", "aws_region_name", "aws_bedrock_runtime_endpoint"),
    "watsonx_region_name",
)
_SHOWN_ENDS: Final = 2
_SECRET_WORDS: Final = ("authorization", "token", "key", "secret", "vertex_credentials")


def shown_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """A credential's values as an admin may see them: of secrets the first and the last two characters."""
    return {name: _shown(name, value) for name, value in values.items()}


def _shown(name: str, value: Any) -> Any:
    secret = is_secret_name(name) or any(word in name.lower() for word in _SECRET_WORDS)
    if not secret or value is None:
        return value
    if not isinstance(value, str) or len(value) <= 2 * _SHOWN_ENDS:
        return "*" + MASK
    return f"{value[:_SHOWN_ENDS]}{MASK}{value[-_SHOWN_ENDS:]}"


def values_of(params: DeploymentParams) -> dict[str, Any]:
    """What a deployment's own settings say of its account."""
    fields = field_types(DeploymentParams)
    found = {name: getattr(params, name) if name in fields else params.other.get(name) for name in OF_MODELS}
    return {name: value for name, value in found.items() if value is not None}


def check_values(values: Mapping[str, Any]) -> None:
    """Whether deployments could be called with these values.

    Raises:
        GatewayError: 400.
    """
    check_references(values)
    try:
        stored_entries("credential", {"model": "openai/any", **values}, {})
    except ConfigError as error:
        raise unusable(str(error)) from error


async def add_credential(connection: AsyncConnection, sealer: Sealer, values: Row, *, author: str) -> Row:
    """Store a new credential.

    Args:
        values: ``credential_name``, ``credential_values`` in clear, ``credential_info``.

    Raises:
        GatewayError: 400, there is one of this name.
    """
    name = values["credential_name"]
    if await find(connection, TABLE, credential_name=name) is not None:
        raise unusable(f"A credential named {name} is there already; change it with PATCH /credentials/{name}")
    sealed = {**values, "credential_values": sealer.seal_all("credentials", values["credential_values"])}
    return await add(
        connection, TABLE, {**sealed, "credential_id": str(uuid4()), "created_by": author, "updated_by": author}
    )


async def change_credential(connection: AsyncConnection, sealer: Sealer, row: Row, values: Row, *, author: str) -> Row:
    """Lay values over those of a stored credential, and give it another name and other information.

    Raises:
        GatewayError: 400, another credential has the new name.
    """
    name = values["credential_name"]
    if name != row["credential_name"] and await find(connection, TABLE, credential_name=name) is not None:
        raise unusable(f"A credential named {name} is there already; choose another name")
    sealed = sealer.seal_all("credentials", values["credential_values"])
    changed = {
        "credential_name": name,
        "credential_values": {**row["credential_values"], **sealed},
        "credential_info": values["credential_info"] or row["credential_info"],
        "updated_by": author,
    }
    [after] = await change(connection, TABLE, changed, TABLE.c.credential_id == row["credential_id"])
    return after
