"""What members of a team may do, where its calls are logged, and what teams begin with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import TypeAdapter

from proxy.api.management.keys_errors import INTERNAL, refusals
from proxy.api.management.operation import Asked
from proxy.api.management.settings import change_settings
from proxy.api.management.teams_models import Callback, DefaultTeam, Permissions, TeamQuery
from proxy.errors import DetailError, GatewayError
from proxy.management.audit import record
from proxy.management.teams import locked_team
from proxy.management.teams_access import available_teams, check_manager, check_members
from proxy.management.teams_shown import shown_team, team_record
from proxy.store.rows import Row, change, find
from proxy.store.tables import teams

NO_CALLBACKS: Final[dict[str, Any]] = {
    "success_callback": [],
    "failure_callback": [],
    "callbacks": [],
    "callback_vars": {},
}
#: What members who are no admins may be allowed.
PERMISSIONS: Final = (
    "/key/generate",
    "/key/update",
    "/key/delete",
    "/key/info",
    "/key/regenerate",
    "/key/service-account/generate",
    "/key/{key_id}/regenerate",
    "/key/list",
    "/key/block",
    "/key/unblock",
    "/key/bulk_update",
    "/team/daily/activity",
)


async def list_permissions(asked: Asked, query: TeamQuery) -> Any:
    """Which routes members of a team may call for its keys."""
    async with asked.store.reading() as connection:
        team = await find(connection, teams, team_id=query.team_id)
    if team is None:
        raise _no_team(query.team_id)
    if team["team_id"] not in (available_teams(asked.gateway.snapshot.config) or ()):
        check_members(asked.caller, team, "/team/member_add")
    return {
        "team_id": query.team_id,
        "team_member_permissions": team["team_member_permissions"],
        "all_available_permissions": PERMISSIONS,
    }


async def update_permissions(asked: Asked, body: Permissions) -> Any:
    """Say which routes members of a team may call for its keys."""
    async with asked.store.writing("access") as connection:
        team = await locked_team(connection, body.team_id)
        if team is None:
            raise _no_team(body.team_id)
        check_members(asked.caller, team, "/team/member_add")
        values = {"team_member_permissions": body.team_member_permissions}
        [row] = await change(connection, teams, values, teams.c.team_id == body.team_id)
        await record(connection, asked, "updated", "teams", body.team_id, team, values)
    return shown_team(row)


async def add_callback(asked: Asked, body: Callback) -> Any:
    """Log the calls of a team somewhere else too."""
    team_id = _team_id(asked)
    async with asked.store.writing("access") as connection:
        team = await locked_team(connection, team_id)
        if team is None:
            why = f"Team id = {team_id} does not exist. Please use a different team id."
            raise DetailError(400, {"error": why})
        check_manager(asked.caller, team)
        known = team["metadata"].get("logging")
        logging = list(known) if isinstance(known, list) else []
        if any(_is_same(callback, body) for callback in logging):
            raise GatewayError(
                400,
                f"callback_name = {body.callback_name} already exists in team_callback_settings, for team_id = {team_id} "
                f"and event = {body.callback_type}",
                type="bad_request_error",
                param="callback_name",
            )
        metadata = {**team["metadata"], "logging": [*logging, body.model_dump()]}
        [row] = await change(connection, teams, {"metadata": metadata}, teams.c.team_id == team_id)
        named = {"callback_name": body.callback_name, "callback_type": body.callback_type}
        await record(connection, asked, "updated", "teams", team_id, None, named)
    return {"status": "success", "data": team_record(row)}


async def get_callbacks(asked: Asked) -> Any:
    """Where the calls of a team are logged."""
    team_id = _team_id(asked)
    with refusals(INTERNAL):
        async with asked.store.reading() as connection:
            team = await find(connection, teams, team_id=team_id)
        if team is None:
            raise _unknown(team_id)
        check_manager(asked.caller, team)
    settings = _callbacks(team)
    return {
        "status": "success",
        "data": {
            "team_id": team_id,
            "success_callbacks": settings["success_callback"],
            "failure_callbacks": settings["failure_callback"],
            "callback_vars": settings["callback_vars"],
        },
    }


async def disable_logging(asked: Asked) -> Any:
    """Log the calls of a team nowhere."""
    team_id = _team_id(asked)
    with refusals(INTERNAL):
        async with asked.store.writing("access") as connection:
            team = await locked_team(connection, team_id)
            if team is None:
                raise _unknown(team_id)
            check_manager(asked.caller, team)
            settings = {**_callbacks(team), "success_callback": [], "failure_callback": []}
            metadata = {**team["metadata"], "callback_settings": settings}
            await change(connection, teams, {"metadata": metadata}, teams.c.team_id == team_id)
            await record(connection, asked, "updated", "teams", team_id, None, {"callback_settings": settings})
    return {
        "status": "success",
        "message": f"Logging disabled for team {team_id}",
        "data": {"team_id": team_id, "success_callbacks": [], "failure_callbacks": []},
    }


async def get_defaults(asked: Asked) -> Any:
    """What teams begin with that are made for the groups of who signs in, and what each setting is for."""
    given = asked.gateway.snapshot.config.settings.other.get("default_team_params")
    settings = given if isinstance(given, Mapping) else {}
    values = {name: settings[name] for name in DefaultTeam.model_fields if name in settings}
    schema = TypeAdapter(DefaultTeam).json_schema()
    properties = {
        name: {"description": field.get("description", ""), "type": field.get("type", "string")}
        for name, field in schema["properties"].items()
    }
    return {
        "values": DefaultTeam.model_construct(**values).model_dump(),
        "field_schema": {"description": schema["description"], "properties": properties},
    }


async def update_defaults(asked: Asked, body: DefaultTeam) -> Any:
    """Say what teams begin with that are made for the groups of who signs in."""
    if asked.gateway.store is None or not asked.gateway.config.general_settings.store_model_in_db:
        raise DetailError(500, {"error": "Set `'STORE_MODEL_IN_DB='True'` in your env to enable this feature."})
    settings = body.model_dump(exclude_none=True)
    await change_settings(asked, "litellm_settings", {"default_team_params": settings})
    return {"message": "Default team settings updated successfully", "status": "success", "settings": settings}


def _team_id(asked: Asked) -> str:
    return asked.path["team_id"].removeprefix("/")


def _is_same(callback: Any, other: Callback) -> bool:
    return isinstance(callback, dict) and (callback.get("callback_name"), callback.get("callback_type")) == (
        other.callback_name,
        other.callback_type,
    )


def _callbacks(team: Row) -> dict[str, Any]:
    stored = team["metadata"].get("callback_settings")
    given = stored if isinstance(stored, dict) else {}
    return {name: given.get(name) or default for name, default in NO_CALLBACKS.items()}


def _no_team(team_id: str | None) -> DetailError:
    return DetailError(404, {"error": f"Team doesn't exist in db. Team={team_id}. Create team via `/team/new` call."})


def _unknown(team_id: str) -> DetailError:
    return DetailError(404, {"error": f"Team id = {team_id} does not exist."})
