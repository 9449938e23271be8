"""``/config/pass_through_endpoint``: the operator's routes, those of the config and those of the database.

Values of headers are secrets: they are stored encrypted, and no answer shows them.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import uuid4

from pydantic import Field

from proxy.api.management.operation import Asked
from proxy.api.management.settings import change_settings
from proxy.api.management.validation import Body, Query
from proxy.config.errors import ConfigError
from proxy.errors import DetailError
from proxy.management.config import sealer_of, stored_section
from proxy.passthrough.endpoints import endpoint_routes
from proxy.store import tables
from proxy.store.rows import find

SECTION: Final = "general_settings"
KEY: Final = "pass_through_endpoints"
NO_DATABASE: Final = (
    "DB not connected. Endpoints of the config are changed in its file: general_settings.pass_through_endpoints"
)
MASK: Final = "***"

Entry = dict[str, Any]


class Endpoint(Body):
    """A route, and where it leads."""

    id: str | None = None
    path: str
    target: str
    headers: dict[str, Any] = Field(default_factory=dict)
    default_query_params: dict[str, Any] = Field(default_factory=dict)
    include_subpath: bool = False
    cost_per_request: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    auth: bool | None = None
    methods: list[str] | None = None


class EndpointQuery(Query):
    """Which one; none: all, or those of a team."""

    endpoint_id: str | None = None
    team_id: str | None = None


class OneEndpoint(Query):
    """Which one."""

    endpoint_id: str


async def list_endpoints(asked: Asked, query: EndpointQuery) -> dict[str, Any]:
    """The endpoints of the config and of the database; a team's are those that it may call."""
    stored = await _stored(asked)
    taken = {_path(entry) for entry in stored}
    routes = asked.gateway.snapshot.passthrough.endpoints
    shown = [route.described() for route in routes if not route.is_stored and route.name not in taken]
    shown += map(_shown, stored)
    allowed = await _allowed_paths(asked, asked.path.get("team_id", query.team_id))
    return {
        "endpoints": [
            entry
            for entry in shown
            if query.endpoint_id in (None, entry["id"]) and (allowed is None or entry["path"] in allowed)
        ]
    }


async def create_endpoint(asked: Asked, body: Endpoint) -> dict[str, Any]:
    """Add an endpoint, which serves calls at once. It needs a key unless ``auth`` is false; the gateway's own paths, and those
    of vendors, stay what they are."""
    if asked.gateway.store is None:
        raise DetailError(400, {"error": NO_DATABASE})
    entry: Entry = {**body.model_dump(), "id": body.id or str(uuid4()), "auth": body.auth is not False}

    def add(entries: list[Entry]) -> list[Entry]:
        if any(other["id"] == entry["id"] for other in entries):
            raise DetailError(400, {"error": f"Endpoint with ID '{entry['id']}' is there already; choose another ID"})
        return [*entries, _sealed(asked, entry)]

    await _change(asked, entry, add)
    return {"endpoints": [_shown(entry)]}


async def update_endpoint(asked: Asked, body: Endpoint) -> dict[str, Any]:
    """Change an endpoint of the database; what is left out stays as it is."""
    endpoint_id = asked.path["endpoint_id"]
    if not await _stored(asked):
        raise DetailError(404, {"error": "No pass-through endpoints found"})
    changed: list[Entry] = []
    given = {name: value for name, value in body.given().items() if value is not None and name != "id"}

    def change(entries: list[Entry]) -> list[Entry]:
        for index, entry in enumerate(entries):
            if entry["id"] == endpoint_id:
                changed.append({**entry, **_sealed(asked, given)})
                return [*entries[:index], changed[0], *entries[index + 1 :]]
        raise DetailError(404, {"error": f"Endpoint with ID '{endpoint_id}' not found"})

    await _change(asked, given, change)
    return {"endpoints": [_shown(changed[0])]}


async def delete_endpoint(asked: Asked, query: OneEndpoint) -> dict[str, Any]:
    """Delete an endpoint of the database; calls in progress go on."""
    if not await _stored(asked):
        raise DetailError(400, {"error": "There are no pass-through endpoints setup."})
    deleted: list[Entry] = []

    def remove(entries: list[Entry]) -> list[Entry]:
        deleted.extend(entry for entry in entries if entry["id"] == query.endpoint_id)
        if not deleted:
            told = f"Endpoint with ID '{query.endpoint_id}' was not found in pass-through endpoint list."
            raise DetailError(400, {"error": told})
        return [entry for entry in entries if entry["id"] != query.endpoint_id]

    await _change(asked, {}, remove)
    return {"endpoints": [_shown(deleted[0])]}


async def _change(asked: Asked, given: Mapping[str, Any], change: Callable[[list[Entry]], list[Entry]]) -> None:
    if {"path", "target"} <= given.keys():
        try:
            endpoint_routes([dict(given)])
        except ConfigError as error:
            raise DetailError(400, {"error": str(error)}) from error

    def changed(stored: dict[str, Any]) -> Mapping[str, Any]:
        return {**stored, KEY: change(list(stored.get(KEY) or []))}

    await change_settings(asked, SECTION, changed)


async def _stored(asked: Asked) -> list[Entry]:
    if asked.gateway.store is None:
        return []
    async with asked.store.reading() as connection:
        return list((await stored_section(connection, SECTION)).get(KEY) or [])


async def _allowed_paths(asked: Asked, team_id: str | None) -> list[str] | None:
    """The paths of a team; ``None``: there is no team, or it may call all."""
    if team_id is None or asked.gateway.store is None:
        return None
    async with asked.store.reading() as connection:
        team = await find(connection, tables.teams, team_id=team_id)
    if team is None:
        raise DetailError(404, {"error": f"Team not found, passed team_id={team_id}"})
    allowed: list[str] | None = team["metadata"].get("allowed_passthrough_routes")
    return allowed


def _sealed(asked: Asked, entry: Mapping[str, Any]) -> Entry:
    if not entry.get("headers"):
        return dict(entry)
    return {**entry, "headers": sealer_of(asked.gateway.config).seal_all("settings", entry["headers"])}


def _path(entry: Mapping[str, Any]) -> str:
    return "/" + str(entry["path"]).strip("/")


def _shown(entry: Mapping[str, Any]) -> Entry:
    fields = Endpoint.model_fields
    shown = {name: entry.get(name) for name in fields}
    headers = dict.fromkeys(entry.get("headers") or {}, MASK)
    return {**shown, "headers": headers, "guardrails": None, "is_from_config": False}
