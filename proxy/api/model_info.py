"""``/model/info`` and ``/model_group/info``: what deployments and groups can do and what they cost."""

import asyncio
from collections.abc import Iterable
from typing import Any

from litestar import Request, Response, get
from litestar.params import FromQuery

from proxy.accounting.catalog import Catalog
from proxy.api.model_facts import facts_of, is_stored, own_info
from proxy.api.model_names import listed_names
from proxy.api.plain import guarded, identity, json_response
from proxy.api.shown import shown_params
from proxy.auth.permissions import Group
from proxy.call import Identity
from proxy.deployment import Deployment
from proxy.errors import DetailError
from proxy.gateway import Gateway
from proxy.snapshot import Snapshot

ABILITIES = ("parallel_function_calling", "vision", "web_search", "url_context", "reasoning", "function_calling")


@get(["/v1/model/info", "/model/info"], guards=[guarded(Group.INFO)])
async def model_info(
    request: Request[Any, Any, Any], litellm_model_id: FromQuery[str | None] = None
) -> Response[bytes]:
    """All deployments that the caller may use, those behind aliases and wildcards once for each name; or one by its id."""
    gateway: Gateway = request.app.state.gateway
    snapshot = gateway.snapshot
    if litellm_model_id is None:
        return await asyncio.to_thread(_all_deployments, snapshot, identity(request))
    deployment = snapshot.router.groups.by_id.get(litellm_model_id)
    if deployment is None:
        raise DetailError(400, {"error": f"Model id = {litellm_model_id} not found on litellm proxy"})
    return json_response({"data": [shown_deployment(deployment.group, deployment, snapshot.catalog)]})


@get("/model_group/info", guards=[guarded(Group.INFO)])
async def model_group_info(
    request: Request[Any, Any, Any], model_group: FromQuery[str | None] = None
) -> Response[bytes]:
    """All names that the caller may use, or one of them, with what their deployments offer together."""
    gateway: Gateway = request.app.state.gateway
    return await asyncio.to_thread(_groups, gateway.snapshot, identity(request), model_group)


def _all_deployments(snapshot: Snapshot, caller: Identity) -> Response[bytes]:
    members = snapshot.router.groups.listed_members
    shown = [
        shown_deployment(name, deployment, snapshot.catalog)
        for name in listed_names(snapshot, caller)
        for deployment in members(name)
    ]
    return json_response({"data": shown})


def _groups(snapshot: Snapshot, caller: Identity, wanted: str | None) -> Response[bytes]:
    names = [name for name in listed_names(snapshot, caller) if wanted is None or name == wanted]
    return json_response({"data": shown_groups(snapshot, names)})


def shown_groups(snapshot: Snapshot, names: Iterable[str]) -> list[dict[str, Any]]:
    """What the deployments of each name offer together, and whether everybody may see that."""
    public = snapshot.config.settings.other.get("public_model_groups") or ()
    members = snapshot.router.groups.listed_members
    return [_group(name, members(name), snapshot.catalog) | {"is_public_model_group": name in public} for name in names]


def shown_deployment(name: str, deployment: Deployment, catalog: Catalog) -> dict[str, Any]:
    """A deployment as callers may see it, behind ``name``; nothing is made up for those of a database, as in the reference."""
    known = not is_stored(deployment) or catalog.entry(deployment) is not None
    return {
        "model_name": name,
        "litellm_params": shown_params(deployment),
        "model_info": facts_of(deployment, catalog) if known else own_info(deployment),
    }


def _group(name: str, deployments: Iterable[Deployment], catalog: Catalog) -> dict[str, Any]:
    members = list(deployments)
    facts = [facts_of(deployment, catalog) for deployment in members]

    def largest(field: str) -> float | None:
        return max((float(fact[field]) for fact in facts if fact.get(field) is not None), default=None)

    def total(limits: Iterable[int | None]) -> int | None:
        given = [limit for limit in limits if limit is not None]
        return sum(given) if given else None

    configured = any(not is_stored(member) for member in members)
    settable = [item for member in members for item in member.params.configurable_clientside_auth_params]
    return {
        "model_group": name,
        "providers": list(dict.fromkeys(member.provider for member in members)),
        "max_input_tokens": largest("max_input_tokens"),
        "max_output_tokens": largest("max_output_tokens"),
        "input_cost_per_token": largest("input_cost_per_token"),
        "output_cost_per_token": largest("output_cost_per_token"),
        "input_cost_per_pixel": None,
        "mode": next((fact["mode"] for fact in facts if fact["mode"]), None if configured else "chat"),
        "tpm": total(member.params.tpm for member in members),
        "rpm": total(member.params.rpm for member in members),
        **{f"supports_{it}": any(fact.get(f"supports_{it}") for fact in facts) for it in ABILITIES},
        "supported_openai_params": list(
            dict.fromkeys(param for fact in facts for param in fact.get("supported_openai_params", ()))
        ),
        "configurable_clientside_auth_params": settable or None,
        "health_status": None,
        "health_response_time": None,
        "health_checked_at": None,
    }
