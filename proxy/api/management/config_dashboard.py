"""Settings of the dashboard and of who may call: ``/get/ui_settings``, ``/update/...``, ``/add/allowed_ip``, ..."""

from ipaddress import ip_address, ip_network
from typing import Any, Final

from pydantic import BaseModel, Field

from proxy.api.management.operation import Asked
from proxy.api.management.settings import change_settings
from proxy.api.management.validation import Body
from proxy.auth.guarded import address_of, covers
from proxy.errors import DetailError
from proxy.management.config import stored_section

NOT_ENABLED: Final = "Set `'STORE_MODEL_IN_DB='True'` in your env to enable this feature."
UI: Final = "ui_settings"
THEME: Final = "ui_theme_config"
ADDRESSES: Final = "allowed_ips"
_TYPES: Final = {"boolean": "boolean", "array": "array", "object": "object"}


class Theme(Body):
    """How the dashboard looks"""

    logo_url: str | None = Field(None, description="Address or path of the logo")


class Interface(Body):
    """What the dashboard offers"""

    disable_model_add_for_internal_users: bool = Field(False, description="Internal users are offered no new models")
    disable_team_admin_delete_team_user: bool = Field(False, description="Admins of teams remove no members")
    enabled_ui_pages_internal_users: list[str] | None = Field(None, description="Pages that internal users see")
    require_auth_for_public_ai_hub: bool = Field(False, description="The public hub wants a key")
    forward_client_headers_to_llm_api: bool = Field(False, description="Headers of clients go along to vendors")


class Address(Body):
    """An address, or a network, that may call."""

    ip: str


async def get_theme(asked: Asked) -> dict[str, Any]:
    """How the dashboard looks."""
    return _with_schema(Theme, asked.gateway.snapshot.config.settings.other.get(THEME) or {})


async def update_theme(asked: Asked, body: Theme) -> dict[str, Any]:
    """Change how the dashboard looks."""
    _check_enabled(asked)
    values = body.model_dump(exclude_none=True)
    await change_settings(asked, "litellm_settings", {THEME: values})
    return {"message": "Logo settings updated successfully.", "status": "success", "theme_config": values}


async def get_ui(asked: Asked) -> dict[str, Any]:
    """What the dashboard offers."""
    async with asked.store.reading() as connection:
        return _with_schema(Interface, await stored_section(connection, UI))


async def update_ui(asked: Asked, body: Interface) -> dict[str, Any]:
    """Change what the dashboard offers."""
    _check_enabled(asked)
    stored = await change_settings(asked, UI, body.given())
    settings = Interface.model_validate(stored).model_dump(exclude_none=True)
    return {"message": "UI settings updated successfully", "status": "success", "settings": settings}


async def get_addresses(asked: Asked) -> dict[str, Any]:
    """The addresses that may call; null: all."""
    return {"data": asked.gateway.snapshot.config.general_settings.other.get(ADDRESSES)}


async def add_address(asked: Asked, body: Address) -> dict[str, str]:
    """Let an address, or a network, call; as soon as there is one, no other may."""
    _check_enabled(asked)
    try:
        ip_network(body.ip) if "/" in body.ip else ip_address(body.ip)
    except ValueError as error:
        raise DetailError(400, f"{body.ip} is no address; write it as 10.1.2.3, or a network as 10.1.2.0/24") from error
    addresses = _addresses(asked)
    if body.ip in addresses:
        raise DetailError(400, "IP address already exists")
    await _change(asked, [*addresses, body.ip])
    return {"message": f"IP {body.ip} address added successfully", "status": "success"}


async def delete_address(asked: Asked, body: Address) -> dict[str, str]:
    """Let an address call no more."""
    addresses = _addresses(asked)
    if body.ip not in addresses:
        raise DetailError(404, "IP address not found")
    _check_enabled(asked)
    rest = [address for address in addresses if address != body.ip]
    await _change(asked, rest)
    return {"message": f"IP {body.ip} deleted successfully", "status": "success"}


async def _change(asked: Asked, addresses: list[str]) -> None:
    """Raises DetailError, 400: the caller itself could not call any more, not even to take it back."""
    scope = asked.request.scope
    caller = address_of(asked.gateway.snapshot.config.general_settings, dict(scope["headers"]), scope["client"])
    if addresses and not covers(addresses, caller):
        raise DetailError(400, f"this would shut out the address {caller or 'you call from'}; add that one first")
    await change_settings(asked, "general_settings", {ADDRESSES: addresses})


def _addresses(asked: Asked) -> list[str]:
    return list(asked.gateway.snapshot.config.general_settings.other.get(ADDRESSES) or [])


def _check_enabled(asked: Asked) -> None:
    if asked.gateway.store is None or not asked.gateway.config.general_settings.store_model_in_db:
        raise DetailError(500, {"error": NOT_ENABLED})


def _with_schema(model: type[BaseModel], values: dict[str, Any]) -> dict[str, Any]:
    """Settings with their defaults, and what a form needs to know of them."""
    known = {name: value for name, value in values.items() if name in model.model_fields}
    fields = model.model_json_schema()["properties"]
    properties = {
        name: {"description": field.get("description", ""), "type": _TYPES.get(field.get("type", ""), "string")}
        for name, field in fields.items()
    }
    return {
        "values": {**model().model_dump(), **known},
        "field_schema": {"description": model.__doc__, "properties": properties},
    }
