"""Settings of single sign-on, shown and changed at run time."""

import os
from typing import Any, Literal

from pydantic import BaseModel, Field, TypeAdapter
from sqlalchemy import func, select

from proxy.api.management.operation import Asked
from proxy.api.management.validation import Body
from proxy.errors import DetailError
from proxy.management.audit import record
from proxy.sso import stored
from proxy.sso.settings import configured, is_true
from proxy.sso.stored import known
from proxy.store.tables import spend_logs

MANY_LOGS = 1_000_000
"""Rows of ``spend_logs`` beyond which the dashboard asks for no totals over them; they are not counted further."""

Assignable = Literal[
    "proxy_admin",
    "proxy_admin_viewer",
    "org_admin",
    "internal_user",
    "internal_user_viewer",
    "team",
    "customer",
]


class AccessMode(BaseModel):
    """Only people of one group of the identity provider may sign in."""

    type: Literal["restricted_sso_group"]
    restricted_sso_group: str
    sso_group_jwt_field: str


class RoleMappings(BaseModel):
    """Which groups of the identity provider have which role."""

    provider: str
    group_claim: str
    default_role: Assignable | None = None
    roles: dict[Assignable, list[str]] = {}


class TeamMappings(BaseModel):
    """Which claim holds ids of teams."""

    team_ids_jwt_field: str | None = None


class SSOSettings(Body):
    """Settings of single sign-on; what is left out is unset."""

    google_client_id: str | None = Field(None, description="Client id at Google")
    google_client_secret: str | None = Field(None, description="Client secret at Google")
    microsoft_client_id: str | None = Field(None, description="Client id at Microsoft")
    microsoft_client_secret: str | None = Field(None, description="Client secret at Microsoft")
    microsoft_tenant: str | None = Field(None, description="Tenant at Microsoft")
    generic_client_id: str | None = Field(None, description="Client id at any other provider of OpenID Connect")
    generic_client_secret: str | None = Field(None, description="Client secret there")
    generic_authorization_endpoint: str | None = Field(None, description="Where browsers are sent to sign in")
    generic_token_endpoint: str | None = Field(None, description="Where codes are exchanged")
    generic_userinfo_endpoint: str | None = Field(None, description="Where claims about a person are asked for")
    proxy_base_url: str | None = Field(None, description="Where clients see the gateway")
    user_email: str | None = Field(None, description="Address of the gateway's administrator")
    ui_access_mode: AccessMode | str | None = Field(None, description="Who may sign in")
    role_mappings: RoleMappings | None = Field(None, description="Which groups have which role")
    team_mappings: TeamMappings | None = Field(None, description="Which claim holds ids of teams")


async def show(asked: Asked) -> dict[str, Any]:
    """The stored settings, secrets hidden, and what each is for."""
    async with asked.store.reading() as connection:
        values = await stored.read(connection, asked.gateway.snapshot.config) or {}
    schema = TypeAdapter(SSOSettings).json_schema()
    properties = {
        name: {"description": field.get("description", ""), "type": field.get("type", "string")}
        for name, field in schema["properties"].items()
    }
    shown = stored.shown(SSOSettings(**values).model_dump())
    return {"values": shown, "field_schema": {"description": schema["description"], "properties": properties}}


async def update(asked: Asked, body: SSOSettings) -> dict[str, Any]:
    """Store settings in the place of those that there are. They count at once, in every replica."""
    config = asked.gateway.snapshot.config
    if not (config.general_settings.store_model_in_db or is_true(os.environ.get("STORE_MODEL_IN_DB"))):
        raise DetailError(500, {"error": "Set `'STORE_MODEL_IN_DB='True'` in your env to enable this feature."})
    values = body.model_dump()
    async with asked.store.writing() as connection:
        before = await stored.read(connection, config)
        await stored.write(connection, config, values)
        was = None if before is None else stored.shown(before)
        await record(connection, asked, "updated", "settings", stored.NAME, was, stored.shown(values))
    return {"message": "SSO settings updated successfully", "status": "success", "settings": stored.shown(values)}


async def ui_settings(asked: Asked) -> dict[str, Any]:
    """What the dashboard needs to know before it shows anything."""
    config, store = asked.gateway.snapshot.config, asked.gateway.store
    environment = (await known(config, store)).environment
    logs = 0
    if store is not None:
        async with store.reading() as connection:
            rows = select(spend_logs.c.request_id).limit(MANY_LOGS + 1).subquery()
            logs = (await connection.execute(select(func.count()).select_from(rows))).scalar_one()
    disabled = config.general_settings.other.get("default_team_disabled", False)
    return {
        "PROXY_BASE_URL": environment.get("PROXY_BASE_URL"),
        "PROXY_LOGOUT_URL": environment.get("PROXY_LOGOUT_URL"),
        "LITELLM_UI_API_DOC_BASE_URL": environment.get("LITELLM_UI_API_DOC_BASE_URL"),
        "DEFAULT_TEAM_DISABLED": is_true(environment.get("PROXY_DEFAULT_TEAM_DISABLED")) or disabled,
        "SSO_ENABLED": configured(environment) is not None,
        "NUM_SPEND_LOGS_ROWS": logs,
        "DISABLE_EXPENSIVE_DB_QUERIES": logs > MANY_LOGS,
    }
