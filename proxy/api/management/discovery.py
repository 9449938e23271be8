"""What can be found out without a key, or about what is there: ``/public/*``, the dashboard's first question, routes."""

import asyncio
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

from litestar import Litestar
from litestar.routes import HTTPRoute

from proxy.accounting.table import load_table, published_table
from proxy.api.headers import CONTRACT_VERSION
from proxy.api.management.operation import Asked
from proxy.api.management.validation import Query
from proxy.api.model_info import shown_groups
from proxy.api.plain import OF_A_TEMPLATE, REFUSES
from proxy.api.root_path import root_path
from proxy.deployment import OPENAI_PREFIX
from proxy.errors import DetailError
from proxy.providers.base import provider_names
from proxy.providers.discovery import provider_fields, taken_params
from proxy.providers.openai.params import WITHOUT_FORMATS

SSO_CLIENTS = ("GOOGLE_CLIENT_ID", "MICROSOFT_CLIENT_ID", "GENERIC_CLIENT_ID")
_HIDDEN = frozenset((REFUSES, OF_A_TEMPLATE))
_TRUE = ("true", "1", "yes", "on")
_A2A: dict[str, Any] = {
    "agent_type": "a2a",
    "agent_type_display_name": "A2A Standard",
    "description": "Any agent that speaks the A2A protocol",
    "logo_url": "/ui/assets/logos/a2a_agent.png",
    "credential_fields": [],
    "litellm_params_template": {},
    "model_template": None,
}


async def ui_config(_: Asked) -> dict[str, Any]:
    """Where the dashboard is, and how people sign in to it."""
    configured = any(os.environ.get(name) for name in SSO_CLIENTS)
    return {
        "server_root_path": root_path(),
        "proxy_base_url": os.environ.get("PROXY_BASE_URL"),
        "auto_redirect_to_sso": configured and _is_set("AUTO_REDIRECT_UI_LOGIN_TO_SSO"),
        "admin_ui_disabled": _is_set("DISABLE_ADMIN_UI"),
        "sso_configured": configured,
    }


async def providers(_: Asked) -> list[str]:
    """The providers that models may be of: prefixes of ``litellm_params.model``."""
    return await asyncio.to_thread(provider_names)


async def fields_of_providers(_: Asked) -> Any:
    """The settings that a model of each provider needs, for forms."""
    return await asyncio.to_thread(provider_fields)


async def fields_of_agents(_: Asked) -> list[dict[str, Any]]:
    """The kinds of agents, and the settings that each needs."""
    return [_A2A]


async def model_hub(asked: Asked) -> list[dict[str, Any]]:
    """The model groups of ``litellm_settings.public_model_groups``."""
    snapshot = asked.gateway.snapshot
    return await asyncio.to_thread(shown_groups, snapshot, _public(asked, "public_model_groups"))


async def model_hub_info(asked: Asked) -> dict[str, Any]:
    """What stands around the model hub."""
    return {
        "docs_title": os.environ.get("DOCS_TITLE", "LiteLLM API"),
        "custom_docs_description": os.environ.get("DOCS_DESCRIPTION"),
        "litellm_version": CONTRACT_VERSION.decode(),
        "useful_links": _links(asked),
    }


async def empty_hub(_: Asked) -> list[Any]:
    """Agents and MCP servers that are public: none before there are any."""
    return []


async def cost_map(_: Asked) -> Any:
    """The packaged table of public models: prices, sizes, abilities."""
    return await asyncio.to_thread(published_table)


async def routes(asked: Asked) -> dict[str, Any]:
    """Every path, with its methods."""
    app: Litestar = asked.request.app
    listed = []
    for route in sorted(
        (item for item in app.routes if isinstance(item, HTTPRoute)), key=lambda item: item.path_format
    ):
        handlers = [handler for handler in route.route_handlers if not _HIDDEN.intersection(handler.opt)]
        if handlers:
            methods = sorted({str(method) for handler in handlers for method in handler.http_methods})
            name = handlers[0].opt.get("name") or handlers[0].handler_name
            listed.append({"path": route.path_format, "methods": methods, "name": name, "endpoint": name})
    return {"routes": listed}


class OfModel(Query):
    model: str


async def supported_openai_params(_: Asked, query: OfModel) -> dict[str, list[str]]:
    """The parameters of OpenAI that a public model takes. 400 for a model that nothing is known of."""
    params = await asyncio.to_thread(_taken, query.model)
    if params is None:
        raise DetailError(400, {"error": f"Could not map model={query.model}"})
    return {"supported_openai_params": params}


def _taken(model: str) -> list[str] | None:
    prefix, slash, name = model.partition("/")
    if slash and prefix in provider_names():
        entry = load_table().find(name, prefix)
        params = taken_params(prefix, name, {} if entry is None else entry.fields)
        return _with_user(params) if prefix == OPENAI_PREFIX and entry is not None else params
    entry = load_table().find(model)
    if entry is None:
        return None
    owner = str(entry.fields.get("litellm_provider"))
    provider = owner if owner in provider_names() else re.split("[-_]", owner)[0]
    if provider not in provider_names():
        return None
    params = taken_params(provider, model, entry.fields)
    if provider != OPENAI_PREFIX:
        return params
    return _with_user([name for name in params if name != "response_format" or model not in WITHOUT_FORMATS])


def _with_user(params: list[str]) -> list[str]:
    """``user`` is listed of OpenAI's public models alone, as in the reference."""
    at = params.index("reasoning_effort") if "reasoning_effort" in params else len(params)
    return [*params[:at], "user", *params[at:]]


def _public(asked: Asked, setting: str) -> Iterable[str]:
    settings: Mapping[str, Any] = asked.gateway.snapshot.config.settings.other
    return settings.get(setting) or ()


def _links(asked: Asked) -> dict[str, Any]:
    return asked.gateway.snapshot.config.settings.other.get("public_model_groups_links") or {}


def _is_set(variable: str) -> bool:
    return os.environ.get(variable, "").lower() in _TRUE
