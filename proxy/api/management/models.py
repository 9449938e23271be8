"""``/model/new``, ``/model/update``, ``/model/delete``, ``/v2/model/info``, ...: models at run time."""

import asyncio
import math
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from proxy.api.management.operation import Asked
from proxy.api.management.settings import change_settings
from proxy.api.management.validation import Body, Query
from proxy.api.model_info import shown_deployment
from proxy.api.model_names import seen_deployments
from proxy.api.shown import ALWAYS_SHOWN
from proxy.config.errors import ConfigError
from proxy.config.model import ModelEntry, ProxyConfig
from proxy.config.redact import masked
from proxy.config.stored import stored_entries, with_stored
from proxy.deployment import make_deployment
from proxy.errors import DetailError, GatewayError
from proxy.management import audit, models
from proxy.management.config import sealer_of, unusable
from proxy.providers.base import provider_names
from proxy.store import tables
from proxy.store.rows import Row, find

NOT_ENABLED: Final = "Set `'STORE_MODEL_IN_DB='True'` in your env to enable this feature."
_SORTS: Final = ("model_name", "created_at", "updated_at", "costs", "status")


class Params(BaseModel):
    """``litellm_params`` of a change; every other setting of a deployment may be there as well."""

    model_config = ConfigDict(extra="allow", protected_namespaces=())

    model: str | None = None
    api_key: str | None = None
    api_base: str | None = None
    api_version: str | None = None
    custom_llm_provider: str | None = None
    organization: str | None = None
    region_name: str | None = None
    litellm_credential_name: str | None = None
    rpm: int | None = None
    tpm: int | None = None
    timeout: float | str | None = None
    stream_timeout: float | str | None = None
    max_retries: int | None = None
    max_budget: float | None = None
    budget_duration: str | None = None
    input_cost_per_token: float | None = None
    output_cost_per_token: float | None = None


class NewParams(Params):
    """``litellm_params`` of a new model."""

    model: str


class Info(BaseModel):
    """``model_info``; any further field may be there as well."""

    model_config = ConfigDict(extra="allow", protected_namespaces=())

    id: Annotated[str | None, Field(coerce_numbers_to_str=True)] = None
    base_model: str | None = None
    tier: Literal["free", "paid"] | None = None
    team_id: str | None = None
    team_public_model_name: str | None = None


class NewModel(Body):
    """A new deployment."""

    model_name: str
    litellm_params: NewParams
    model_info: Info = Info()


class ChangedModel(Body):
    """What is to be changed of a deployment."""

    model_name: str | None = None
    litellm_params: Params | None = None
    model_info: Info | None = None


class ModelId(Body):
    """Which deployment."""

    id: str


class PublicGroups(Body):
    """All model groups that are to be public."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    model_groups: list[str]


class UsefulLinks(Body):
    """Addresses by their texts."""

    useful_links: dict[str, str | dict[str, Any]]


class ModelQuery(Query):
    """Which deployments, in which order."""

    model: str | None = None
    user_models_only: bool | None = False
    include_team_models: bool | None = False
    page: Annotated[int, Field(ge=1)] = 1
    size: Annotated[int, Field(ge=1)] = 50
    search: str | None = None
    model_id: Annotated[str | None, Field(alias="modelId")] = None
    team_id: Annotated[str | None, Field(alias="teamId")] = None
    sort_by: Annotated[str | None, Field(alias="sortBy")] = None
    sort_order: Annotated[str | None, Field(alias="sortOrder")] = "asc"


async def new_model(asked: Asked, body: NewModel) -> Row:
    """Add a deployment, which serves calls at once, in every replica.

    Its parameters are stored encrypted. A team's (``model_info.team_id``) serves that team alone, under its ``model_name``.
    """
    params, info = _given(body.litellm_params), _given(body.model_info)
    team = await _team(asked, info.get("team_id"))
    models.check_author(asked.caller, team, info.get("team_id"))
    _check_enabled(asked)
    if not asked.caller.is_admin:
        info.pop("id", None)  # an id is a name that calls are routed by
    values = models.new_values(body.model_name, params, info)
    await _check_usable(asked, values)
    async with asked.store.writing("config", "access") as connection:
        if await find(connection, tables.models, model_id=values["model_id"]) is not None:
            raise unusable(f"Model with id={values['model_id']} is there already; choose another id, or none")
        row = await models.store_model(connection, sealer_of(asked.gateway.config), values, author=asked.user)
        await models.give_to_team(connection, row)
        await audit.record(connection, asked, "created", "models", row["model_id"], None, row)
    return _shown(row, params)


async def update_model(asked: Asked, body: ChangedModel) -> Row:
    """Change parameters of a deployment of the database; what is null stays as it is."""
    if body.model_info is None:
        raise _authentication("model_info not provided")
    row = await _readable(asked, body.model_info.id or "")
    if row is None:
        if _is_configured(asked, body.model_info.id):
            raise models.Refused(400, "Can't edit model. Model in config. Store model in db via `/model/new`. to edit.")
        raise _authentication("model not found")
    await _check_author_of(asked, row)
    _check_enabled(asked)
    if body.litellm_params is None:
        raise _authentication("litellm_params not provided")
    return await _change(asked, row, models.changed_values(row, None, _given(body.litellm_params), {}))


async def patch_model(asked: Asked, body: ChangedModel) -> Row:
    """Change the name, parameters and information of a deployment of the database; what is left out stays as it is."""
    model_id = asked.path["model_id"]
    row = await _readable(asked, model_id)
    if row is None:
        if _is_configured(asked, model_id):
            raise unusable("Cannot edit config-based model. Store model in DB via /model/new first.")
        raise GatewayError(404, f"Model {model_id} not found on proxy.", type="not_found_error", param=None)
    try:
        await _check_author_of(asked, row)
        info = _given(body.model_info)
        if info.get("team_id") not in (None, (row["model_info"] or {}).get("team_id")):
            models.check_author(asked.caller, await _team(asked, info["team_id"]), info["team_id"])
    except models.Refused as error:
        raise DetailError(error.status, {"error": error.why}) from error
    return await _change(asked, row, models.changed_values(row, body.model_name, _given(body.litellm_params), info))


async def delete_model(asked: Asked, body: ModelId) -> dict[str, str]:
    """Delete a deployment of the database; calls in progress go on."""
    row = await _readable(asked, body.id)
    if row is None:
        raise models.Refused(400, f"Model with id={body.id} not found in db")
    await _check_author_of(asked, row)
    _check_enabled(asked)
    async with asked.store.writing("config", "access") as connection:
        await models.delete_model(connection, body.id)
        await audit.record(connection, asked, "deleted", "models", body.id, row, None)
    return {"message": f"Model: {body.id} deleted successfully"}


async def list_models(asked: Asked, query: ModelQuery) -> dict[str, Any]:
    """The deployments that the caller may use: searched, sorted, a page of them."""
    if query.sort_by and str(query.sort_order).lower() not in ("asc", "desc"):
        raise DetailError(400, f"Invalid sortOrder: {query.sort_order}. Must be 'asc' or 'desc'")
    return await asyncio.to_thread(_page, asked, query)


async def make_public(asked: Asked, body: PublicGroups) -> dict[str, Any]:
    """Choose the model groups that everybody may read about, without a key."""
    _check_kept(asked)
    await change_settings(asked, "litellm_settings", {"public_model_groups": body.model_groups})
    return {
        "message": "Successfully updated public model groups",
        "public_model_groups": body.model_groups,
        "updated_by": asked.user,
    }


async def set_useful_links(asked: Asked, body: UsefulLinks) -> dict[str, Any]:
    """Choose the links that the model hub shows, by their texts."""
    _check_kept(asked)
    await change_settings(asked, "litellm_settings", {"public_model_groups_links": body.useful_links})
    return {
        "message": "Successfully updated useful links",
        "useful_links": body.useful_links,
        "updated_by": asked.user,
    }


async def provider_settings(_: Asked) -> list[dict[str, Any]]:
    """Every provider by its name."""
    return [{"name": name, "fields": []} for name in await asyncio.to_thread(provider_names)]


def _page(asked: Asked, query: ModelQuery) -> dict[str, Any]:
    snapshot, search = asked.gateway.snapshot, (query.search or "").lower()
    found = [
        shown_deployment(deployment.group, deployment, snapshot.catalog)
        for deployment in seen_deployments(snapshot, asked.caller)
        if search in str(deployment.info.get(models.PUBLIC_NAME) or deployment.group).lower()
        and query.model in (None, deployment.group)
        and query.model_id in (None, deployment.id)
        and query.team_id in (None, "", deployment.info.get("team_id"))
        and (not query.user_models_only or deployment.info.get("created_by") == asked.user)
    ]
    if query.sort_by in _SORTS:
        by, descending = query.sort_by or "", str(query.sort_order).lower() == "desc"
        found.sort(key=lambda entry: _sort_key(entry, by), reverse=descending)
    begin = (query.page - 1) * query.size
    return {
        "data": found[begin : begin + query.size],
        "total_count": len(found),
        "current_page": query.page,
        "total_pages": math.ceil(len(found) / query.size),
        "size": query.size,
    }


def _sort_key(entry: Mapping[str, Any], by: str) -> tuple[bool, Any]:
    """What has no such value comes last when ascending, first when descending, as in the reference."""
    info = entry["model_info"]
    if by == "model_name":
        return False, entry["model_name"].lower()
    if by == "status":
        return False, bool(info.get("db_model"))
    if by == "costs":
        value = (info.get("input_cost_per_token") or 0) + (info.get("output_cost_per_token") or 0)
    else:
        value = str(info.get(by) or "")
    return not value, value


async def _change(asked: Asked, before: Row, values: Row) -> Row:
    await _check_usable(asked, values)
    async with asked.store.writing("config", "access") as connection:
        if await find(connection, tables.models, model_id=values["model_id"]) is None:
            raise GatewayError(
                404, f"Model {values['model_id']} not found on proxy.", type="not_found_error", param=None
            )
        await models.take_from_team(connection, before)
        row = await models.store_model(connection, sealer_of(asked.gateway.config), values, author=asked.user)
        await models.give_to_team(connection, row)
        await audit.record(connection, asked, "updated", "models", row["model_id"], before, row)
    return _shown(row, values["litellm_params"])


async def _check_usable(asked: Asked, values: Row) -> None:
    """Raises GatewayError, 400: no call could be served by it."""
    if _is_configured(asked, values["model_id"]):
        raise unusable(f"The config has a deployment with the id {values['model_id']}; choose another, or none")
    models.check_params(asked.caller, values["litellm_params"], values["model_info"])
    await asyncio.to_thread(_check_served, asked, values)


def _check_served(asked: Asked, values: Row) -> None:
    bare: ProxyConfig = msgspec.structs.replace(asked.gateway.config, model_list=())
    try:
        entries = stored_entries(values["model_name"], values["litellm_params"], values["model_info"])
        asked.gateway.check(with_stored(bare, entries))
    except ConfigError as error:
        raise unusable(str(error)) from error


def _is_configured(asked: Asked, model_id: str | None) -> bool:
    """Whether the config file has a deployment with this id."""
    entries: tuple[ModelEntry, ...] = asked.gateway.config.model_list
    return any(make_deployment(entry).id == model_id for entry in entries)


async def _readable(asked: Asked, model_id: str) -> Row | None:
    """A row of ``models``, its parameters readable."""
    async with asked.store.reading() as connection:
        row = await find(connection, tables.models, model_id=model_id)
    if row is None:
        return None
    return {**row, "litellm_params": sealer_of(asked.gateway.config).unseal_all("models", row["litellm_params"])}


async def _team(asked: Asked, team_id: str | None) -> Row | None:
    if team_id is None:
        return None
    async with asked.store.reading() as connection:
        return await find(connection, tables.teams, team_id=team_id)


async def _check_author_of(asked: Asked, row: Row) -> None:
    team_id = (row["model_info"] or {}).get("team_id")
    models.check_author(asked.caller, await _team(asked, team_id), team_id)


def _check_enabled(asked: Asked) -> None:
    if not asked.gateway.config.general_settings.store_model_in_db:
        raise models.Refused(500, NOT_ENABLED)


def _check_kept(asked: Asked) -> None:
    if asked.gateway.store is None or not asked.gateway.config.general_settings.store_model_in_db:
        raise DetailError(500, {"error": NOT_ENABLED})


def _given(part: BaseModel | None) -> dict[str, Any]:
    """What was sent, nulls left out."""
    return {} if part is None else part.model_dump(exclude_unset=True, exclude_none=True)


def _authentication(why: str) -> GatewayError:
    return GatewayError(400, f"Authentication Error, {why}", type="auth_error")


def _shown(row: Row, params: Mapping[str, Any]) -> Row:
    """A row as clients see it: secrets masked, where the reference shows them encrypted."""
    info = {"db_model": False, **(row["model_info"] or {})}
    shown = {name: masked(value, name) for name, value in params.items()}
    return {**row, "litellm_params": {**ALWAYS_SHOWN, **shown}, "model_info": info}
