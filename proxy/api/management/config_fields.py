"""``/config/*``: settings of the config file's sections, changed at run time."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from proxy.api.management.config_router import router_values
from proxy.api.management.operation import Asked
from proxy.api.management.settings import change_settings
from proxy.api.management.validation import Body, Query
from proxy.config import known
from proxy.config.convert import Warnings
from proxy.config.errors import ConfigError
from proxy.config.loader import general_section
from proxy.config.redact import masked
from proxy.config.sections import GENERAL_FIELDS
from proxy.config.stored import GUARDED, PLACE
from proxy.config.yaml_tree import Origin, planted
from proxy.errors import DetailError, GatewayError
from proxy.management.config import ENVIRONMENT, may_be_variable, sealer_of, stored_section
from proxy.passthrough.endpoints import endpoint_routes

SECTION: Final = "general_settings"
NOT_ENABLED: Final = "Set `'STORE_MODEL_IN_DB='True'` in your env to enable this feature."
#: What a form shows of ``general_settings``, in the reference's order: type and meaning.
LISTED: Final[dict[str, tuple[str, str]]] = {
    "max_parallel_requests": ("Integer", "How many calls each key may have in progress"),
    "global_max_parallel_requests": ("Integer", "How many calls an instance may have in progress"),
    "max_request_size_mb": ("Integer", "Larger requests are refused; megabytes"),
    "max_response_size_mb": ("Integer", "Larger answers are refused; megabytes"),
    "pass_through_endpoints": ("PydanticModel", "Routes that lead to other servers"),
    "store_prompts_in_spend_logs": ("Boolean", "Whether spend logs keep prompts and answers"),
    "maximum_spend_logs_retention_period": ("String", "How long spend logs are kept, such as 30d"),
    "mcp_internal_ip_ranges": ("List", "Networks that count as internal for MCP"),
    "mcp_trusted_proxy_ranges": ("List", "Networks of proxies whose X-Forwarded-For is believed"),
    "store_model_in_db": ("Boolean", "Whether models and settings may be changed at run time"),
    "forward_client_headers_to_llm_api": (
        "Boolean",
        "Whether headers of clients that begin with x- go along to vendors",
    ),
}
_ENDPOINT: Final = (
    *(("id", "Optional"), ("path", "str"), ("target", "str"), ("headers", "dict"), ("default_query_params", "dict")),
    *(("include_subpath", "bool"), ("cost_per_request", "float"), ("auth", "bool"), ("guardrails", "Optional")),
    *(("is_from_config", "bool"), ("methods", "Optional")),
)
_EMAIL: Final = (
    *("SMTP_HOST", "SMTP_PORT", "SMTP_USERNAME", "SMTP_PASSWORD", "SMTP_SENDER_EMAIL", "TEST_EMAIL_ADDRESS"),
    *("EMAIL_LOGO_URL", "EMAIL_SUPPORT_CONTACT"),
)
_CALLBACKS: Final = (
    ("success_callback", "success"),
    ("failure_callback", "failure"),
    ("callbacks", "success_and_failure"),
)


class Section(BaseModel):
    """Settings of a section, by name."""

    model_config = ConfigDict(extra="allow", protected_namespaces=())


class ChangedConfig(Body):
    """Settings to lay over those of the config file."""

    environment_variables: dict[str, Any] | None = None
    litellm_settings: dict[str, Any] | None = None
    general_settings: Section | None = None
    router_settings: Section | None = None


class FieldName(Body):
    """One setting."""

    field_name: str
    config_type: Literal["general_settings"]


class FieldValue(FieldName):
    """One setting, and what it is to be."""

    field_value: Any


class FieldQuery(Query):
    """Which setting."""

    field_name: str


class ListQuery(Query):
    """Of which section."""

    config_type: Literal["general_settings"]


class CallbackName(Body):
    """Which callback."""

    callback_name: str


async def update_config(asked: Asked, body: ChangedConfig) -> dict[str, str]:
    """Lay settings over those of the config file; they count at once, in every replica."""
    if not asked.gateway.config.general_settings.store_model_in_db:
        raise GatewayError(500, str({"error": NOT_ENABLED}), type="auth_error")
    if body.router_settings is not None:
        await change_settings(asked, "router_settings", _set(body.router_settings))
    if body.general_settings is not None:
        given = _set(body.general_settings)
        for name in given:
            _check_field(name)
        await change_settings(asked, SECTION, given)
    if body.litellm_settings:
        await change_settings(asked, "litellm_settings", _with_callbacks(asked, body.litellm_settings))
    if body.environment_variables:
        await change_settings(asked, ENVIRONMENT, _sealed_variables(asked, body.environment_variables))
    return {"message": "Config updated successfully"}


async def update_field(asked: Asked, body: FieldValue) -> dict[str, Any]:
    """Change one of ``general_settings``."""
    _check_field(body.field_name)
    _check_value(body.field_name, body.field_value)
    after = await change_settings(asked, SECTION, {body.field_name: body.field_value})
    return {"param_name": SECTION, "param_value": masked(after)}


async def field_info(asked: Asked, query: FieldQuery) -> dict[str, Any]:
    """One of the stored ``general_settings``."""
    _check_known(query.field_name)
    stored = await _stored(asked)
    if query.field_name not in stored:
        raise DetailError(400, {"error": f"Field name={query.field_name} not in DB"})
    return {"field_name": query.field_name, "field_value": masked(stored[query.field_name], query.field_name)}


async def delete_field(asked: Asked, body: FieldName) -> dict[str, Any]:
    """Forget a stored setting; the config file's counts again."""
    _check_known(body.field_name)

    def without(stored: dict[str, Any]) -> Mapping[str, Any]:
        return {name: value for name, value in stored.items() if name != body.field_name}

    after = await change_settings(asked, SECTION, without)
    return {"param_name": SECTION, "param_value": masked(after)}


async def list_fields(asked: Asked, query: ListQuery) -> list[dict[str, Any]]:
    """The settings that a form may change: their types, what they are, and whether the database says so."""
    stored = await _stored(asked)
    written = asked.gateway.config.written.get(query.config_type, {})
    current = {**written, **stored}
    return [
        {
            "field_name": name,
            "field_type": kind,
            "field_description": meaning,
            "field_value": masked(current.get(name), name),
            "stored_in_db": True if name in stored else False if name in written else None,
            "field_default_value": None,
            "premium_field": False,
            "nested_fields": _nested() if kind == "PydanticModel" else None,
        }
        for name, (kind, meaning) in LISTED.items()
    ]


async def list_callbacks(asked: Asked) -> dict[str, Any]:
    """The callbacks of the config, whom alerts go to, and the router's settings; no secret among them."""
    settings = asked.gateway.snapshot.config.settings
    callbacks = [
        {"name": name, "variables": {}, "type": kind} for field, kind in _CALLBACKS for name in getattr(settings, field)
    ]
    return {
        "status": "success",
        "callbacks": callbacks,
        "alerts": [{"name": "email", "variables": dict.fromkeys(_EMAIL)}],
        "router_settings": router_values(asked.gateway.snapshot.config),
        "available_callbacks": {},
    }


async def delete_callback(asked: Asked, body: CallbackName) -> dict[str, Any]:
    """Call a callback no more."""
    if not asked.gateway.config.general_settings.store_model_in_db:
        raise DetailError(500, {"error": NOT_ENABLED})
    name = body.callback_name.lower()
    rest = list(asked.gateway.snapshot.config.settings.success_callback)
    if name not in rest:
        raise DetailError(404, {"error": f"Callback '{name}' not found in active configuration"})
    rest.remove(name)
    await change_settings(asked, "litellm_settings", {"success_callback": rest})
    return {
        "message": f"Successfully deleted callback: {name}",
        "removed_callback": name,
        "remaining_callbacks": rest,
        "deleted_at": datetime.now().isoformat(),  # of no zone, as in the reference
    }


def _set(section: Section) -> dict[str, Any]:
    return section.model_dump(exclude_none=True)


def _with_callbacks(asked: Asked, settings: dict[str, Any]) -> dict[str, Any]:
    """Callbacks are added to those there are, as in the reference."""
    new = settings.get("success_callback")
    if not isinstance(new, list):
        return settings
    names = [str(name).lower() for name in new]
    return {
        **settings,
        "success_callback": list(dict.fromkeys([*asked.gateway.snapshot.config.settings.success_callback, *names])),
    }


def _sealed_variables(asked: Asked, variables: Mapping[str, Any]) -> dict[str, Any]:
    named = {name.upper(): value for name, value in variables.items() if value is not None}
    for name in named:
        if not may_be_variable(name):
            raise DetailError(
                400, {"error": f"The environment variable {name} can be set where the gateway is started only"}
            )
    return sealer_of(asked.gateway.config).seal_all("settings", {name: str(value) for name, value in named.items()})


def _check_known(name: str) -> None:
    if name not in GENERAL_FIELDS | known.GENERAL:
        raise DetailError(400, {"error": f"Invalid field={name} passed in."})


def _check_field(name: str) -> None:
    _check_known(name)
    if name in GUARDED:
        raise DetailError(400, {"error": f"{name} is changed in the config file only, and the gateway started anew"})


def _check_value(name: str, value: Any) -> None:
    try:
        general_section(planted({name: value}, PLACE), Origin(PLACE), Warnings())
        if name == "pass_through_endpoints":
            endpoint_routes(value or ())
    except ConfigError as error:
        raise DetailError(400, {"error": f"Invalid type of field value={type(value)} passed in."}) from error


async def _stored(asked: Asked) -> dict[str, Any]:
    async with asked.store.reading() as connection:
        return await stored_section(connection, SECTION)


def _nested() -> list[dict[str, Any]]:
    described = {"field_description": "", "field_default_value": None, "stored_in_db": None}
    return [{"field_name": name, "field_type": kind, **described} for name, kind in _ENDPOINT]
