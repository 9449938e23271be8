"""``/credentials``: named credentials that deployments refer to."""

from typing import Any

from pydantic import model_validator

from proxy.api.management.operation import Asked
from proxy.api.management.validation import Body
from proxy.config.model import ModelEntry
from proxy.config.stored import written_credentials
from proxy.deployment import make_deployment
from proxy.errors import GatewayError
from proxy.management import audit, credentials
from proxy.management.config import sealer_of
from proxy.store.rows import Row, find, remove


class NewCredential(Body):
    """A credential: its values, or the deployment to take them from."""

    credential_name: str
    credential_info: dict[str, Any]
    credential_values: dict[str, Any] | None = None
    model_id: str | None = None

    @model_validator(mode="after")
    def _has_values(self) -> "NewCredential":
        if not self.credential_values and not self.model_id:
            raise ValueError("Either credential_values or model_id must be set")
        return self


class Credential(Body):
    """A credential, or what is to be changed of one."""

    credential_name: str
    credential_info: dict[str, Any]
    credential_values: dict[str, Any]


async def create_credential(asked: Asked, body: NewCredential) -> dict[str, Any]:
    """Store a credential, encrypted; deployments that name it use it from the next call on."""
    values = body.credential_values or {}
    if body.model_id:
        values = credentials.values_of(_entry(asked, body.model_id).params)
    credentials.check_values(values)
    row = {
        "credential_name": body.credential_name,
        "credential_values": values,
        "credential_info": body.credential_info,
    }
    async with asked.store.writing("config") as connection:
        await credentials.add_credential(connection, sealer_of(asked.gateway.config), row, author=asked.user)
        await audit.record(connection, asked, "created", "credentials", body.credential_name, None, row)
    return {"success": True, "message": "Credential created successfully"}


async def list_credentials(asked: Asked) -> dict[str, Any]:
    """All credentials, secrets masked."""
    return {
        "success": True,
        "credentials": [_shown(item) for item in written_credentials(asked.gateway.snapshot.config)],
    }


async def credential_by_name(asked: Asked) -> dict[str, Any]:
    """One credential, secrets masked."""
    name = _name(asked)
    for item in written_credentials(asked.gateway.snapshot.config):
        if item["credential_name"] == name:
            return _shown(item)
    raise _not_found(f"Credential not found. Got credential name: {name}")


async def credential_of_model(asked: Asked) -> dict[str, Any]:
    """What a deployment's own settings say of its account, secrets masked."""
    model_id = asked.path["model_id"]
    entry = _entry(asked, model_id)
    return {
        "credential_name": f"{entry.model_name}-credential-{model_id}",
        "credential_values": credentials.shown_values(credentials.values_of(entry.params)),
        "credential_info": {},
    }


async def update_credential(asked: Asked, body: Credential) -> dict[str, Any]:
    """Lay values over those of a stored credential, from the next call on; calls in progress keep the old ones."""
    credentials.check_values(body.credential_values)
    async with asked.store.writing("config") as connection:
        row = await find(connection, credentials.TABLE, credential_name=_name(asked))
        if row is None:
            raise _not_stored(asked)
        sealer = sealer_of(asked.gateway.config)
        after = await credentials.change_credential(connection, sealer, row, body.given(), author=asked.user)
        await audit.record(connection, asked, "updated", "credentials", row["credential_name"], row, after)
    return {"success": True, "message": "Credential updated successfully"}


async def delete_credential(asked: Asked) -> dict[str, Any]:
    """Delete a stored credential; deployments that name it have the config's of this name, if it has one."""
    async with asked.store.writing("config") as connection:
        removed = await remove(connection, credentials.TABLE, credentials.TABLE.c.credential_name == _name(asked))
        if not removed:
            raise _not_stored(asked)
        await audit.record(connection, asked, "deleted", "credentials", _name(asked), removed[0], None)
    return {"success": True, "message": "Credential deleted successfully"}


def _name(asked: Asked) -> str:
    return asked.path["credential_name"].removeprefix("/")


def _entry(asked: Asked, model_id: str) -> ModelEntry:
    """The deployment as it is written, without the values of a credential that it names."""
    for entry in asked.gateway.snapshot.config.model_list:
        if make_deployment(entry).id == model_id:
            return entry
    raise _not_found("Model not found")


def _shown(item: dict[str, Any]) -> dict[str, Any]:
    return {
        "credential_name": item["credential_name"],
        "credential_values": credentials.shown_values(item.get("credential_values") or {}),
        "credential_info": item.get("credential_info") or {},
    }


def _not_stored(asked: Asked) -> GatewayError:
    known: list[Row] = written_credentials(asked.gateway.config)
    if any(item["credential_name"] == _name(asked) for item in known):
        return GatewayError(
            400, "Credential not found in DB: it is of the config, and changed in its file", type="validation_error"
        )
    return _not_found("Credential not found in DB.")


def _not_found(why: str) -> GatewayError:
    return GatewayError(404, why, type="internal_server_error")
