"""``/team/*``: teams are made, looked up, changed, blocked and deleted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.api.management.keys_errors import AUTH, INTERNAL, refusals
from proxy.api.management.operation import Asked
from proxy.api.management.teams_models import NewTeam, OneTeam, TeamModels, TeamQuery, Teams, UpdateTeam
from proxy.auth.model_access import ModelAccess
from proxy.errors import DetailError
from proxy.management import teams_limits
from proxy.management.audit import Action, record, token_of
from proxy.management.keys_making import PASSED, check_passed
from proxy.management.keys_shown import whole_row
from proxy.management.members import defaults_of_members, memberships
from proxy.management.object_permissions import object_permission
from proxy.management.teams import MEMBER_BUDGET, locked_team
from proxy.management.teams_access import check_manager, check_models, check_seen
from proxy.management.teams_changing import Deleter, create_team, delete_teams
from proxy.management.teams_changing import update_team as update_row
from proxy.management.teams_limits import ALL_MODELS
from proxy.management.teams_shown import shown_budget, shown_membership, shown_team, team_record
from proxy.store.rows import Row, change, find, find_all
from proxy.store.tables import budgets, keys, team_memberships, teams


async def new_team(asked: Asked, body: NewTeam) -> Any:
    """Make a team. Who makes it becomes one of its admins."""
    fields = body.model_dump() | {"team_id": body.team_id or str(uuid4())}
    with refusals(INTERNAL):
        teams_limits.check_amounts(fields)
        teams_limits.check_soft_budget(fields)
        async with asked.store.writing("access") as connection:
            await _check_new(asked, connection, fields)
            if fields["max_budget"] is None:
                fields["max_budget"] = _default_budget(asked)
            new_user = defaults_of_members(asked.gateway.snapshot.config)
            row = await create_team(connection, fields, author=asked.user, new_user=new_user)
            await record(connection, asked, "created", "teams", row["team_id"], None, row)
    return shown_team(row, aliases=True)


async def update_team(asked: Asked, body: UpdateTeam) -> Any:
    """Change what is given of a team; the rest stays. Members are changed with ``/team/member_*``."""
    fields = body.given()
    with refusals(INTERNAL):
        teams_limits.check_amounts(fields)
        async with asked.store.writing("access") as connection:
            team = await _known(connection, body.team_id)
            check_manager(asked.caller, team)
            teams_limits.check_soft_budget(fields, team)
            await _check_change(asked, connection, team, fields)
            row = await update_row(connection, team, fields, author=asked.user)
            await record(connection, asked, "updated", "teams", body.team_id, team, fields)
    return {"team_id": body.team_id, "data": team_record(row, aliases=True)}


async def delete_team(asked: Asked, body: Teams) -> Any:
    """Delete teams with their keys and memberships: all of them, or none when one is unknown."""
    async with asked.store.writing("access") as connection:
        rows = [await _known(connection, team_id) for team_id in dict.fromkeys(body.team_ids)]
        for row in rows:
            check_manager(asked.caller, row)
        await delete_teams(connection, rows, Deleter(asked.user, token_of(asked), asked.changed_by))
        for row in rows:
            await record(connection, asked, "deleted", "teams", row["team_id"], row, None)
    return {"deleted_teams": body.team_ids}


async def team_info(asked: Asked, query: TeamQuery) -> Any:
    """A team with its members, their budgets and its keys."""
    with refusals(AUTH):
        if query.team_id is None:
            raise DetailError(422, {"message": "Malformed request. No team id passed in."})
        async with asked.store.reading() as connection:
            team = await find(connection, teams, team_id=query.team_id)
            if team is None:
                raise DetailError(404, {"message": f"Team not found, passed team id: {query.team_id}."})
            check_seen(asked.caller, team)
            return await _info(connection, team)


async def block_team(asked: Asked, body: OneTeam) -> Any:
    """Refuse all calls with keys of a team."""
    return await _set_blocked(asked, body.team_id, blocked=True)


async def unblock_team(asked: Asked, body: OneTeam) -> Any:
    """Let calls with keys of a team through again."""
    return await _set_blocked(asked, body.team_id, blocked=False)


async def add_models(asked: Asked, body: TeamModels) -> Any:
    """Let a team use further models. One that has no list may use all, and goes on to."""

    def with_more(known: list[str]) -> list[str]:
        return list(dict.fromkeys([*(known or [ALL_MODELS]), *body.models]))

    return await _set_models(asked, body, with_more)


async def delete_models(asked: Asked, body: TeamModels) -> Any:
    """Take models from the list of a team."""
    return await _set_models(asked, body, lambda known: [model for model in known if model not in body.models])


async def _set_models(asked: Asked, body: TeamModels, changed: Callable[[list[str]], list[str]]) -> dict[str, Any]:
    async with asked.store.writing("access") as connection:
        team = await _known(connection, body.team_id)
        check_models(asked.caller, team)
        models = changed(team["models"])
        if not asked.caller.is_admin:
            if team["models"] and not models:
                why = "An empty list would allow all models. Ask your proxy admin, or leave the team one model"
                raise DetailError(400, {"error": why})
            await _check_organization(connection, team["organization_id"], {"models": models}, team["team_id"])
        [row] = await change(connection, teams, {"models": models}, teams.c.team_id == body.team_id)
        await record(connection, asked, "updated", "teams", body.team_id, team, {"models": models})
    return team_record(row)


async def _set_blocked(asked: Asked, team_id: str, *, blocked: bool) -> dict[str, Any]:
    async with asked.store.writing("access") as connection:
        team = await _known(connection, team_id)
        check_manager(asked.caller, team)
        [row] = await change(connection, teams, {"blocked": blocked}, teams.c.team_id == team_id)
        action: Action = "blocked" if blocked else "unblocked"
        await record(connection, asked, action, "teams", team_id, team, {"blocked": blocked})
    return team_record(row)


async def _known(connection: AsyncConnection, team_id: str) -> Row:
    """A team's row, locked. Raises DetailError, 404."""
    team = await locked_team(connection, team_id)
    if team is None:
        raise DetailError(404, {"error": f"Team not found, passed team_id={team_id}"})
    return team


async def _check_new(asked: Asked, connection: AsyncConnection, fields: Mapping[str, Any]) -> None:
    organization_id = fields["organization_id"]
    _check_named(asked, organization_id)
    if organization_id is not None:
        _check_organizes(asked, organization_id)
    if not asked.caller.acts_for_admin:
        check_passed(fields, ())
    if organization_id is None:
        if not asked.caller.is_admin:
            await teams_limits.check_maker(connection, asked.caller, fields)
        return
    if not await _check_organization(connection, organization_id, fields, fields["team_id"]):
        raise DetailError(400, f"Organization not found for organization_id={organization_id}")


def _check_named(asked: Asked, organization_id: str | None) -> None:
    """Whether the organization in the query, by which the route was granted, is the one that the team gets.

    Raises:
        DetailError: 403.
    """
    named = asked.request.query_params.get("organization_id")
    if asked.caller.acts_for_admin:
        return
    if named is not None and named != organization_id:
        why = (
            f"organization_id={named} in the query is not the team's, organization_id={organization_id}. Send that one"
        )
        raise DetailError(403, {"error": why})


def _check_organizes(asked: Asked, organization_id: str | None) -> None:
    """Whether the caller may put a team into an organization, or take it out of all. Raises DetailError, 403."""
    caller = asked.caller
    if not (caller.acts_for_admin or organization_id in caller.administers):
        raise DetailError(403, {"error": f"User is not org_admin for Organization= {organization_id or None}."})


async def _check_change(asked: Asked, connection: AsyncConnection, team: Row, fields: dict[str, Any]) -> None:
    """Whether a team may be changed so; an empty ``organization_id`` becomes none."""
    known = team["organization_id"]
    wanted = (fields["organization_id"] or None) if "organization_id" in fields else known
    _check_named(asked, wanted)
    if wanted != known:
        _check_organizes(asked, wanted)
        if known is not None:
            _check_organizes(asked, known)
    if not asked.caller.acts_for_admin:
        check_passed(fields, (team["metadata"] or {}).get(PASSED) or ())
    if organization_id := fields.get("organization_id"):
        limits = await teams_limits.organization_limits(connection, organization_id)
        if limits is None:
            why = f"Organization not found, passed organization_id={organization_id}"
            raise DetailError(404, {"error": why})
        snapshot = asked.gateway.snapshot
        access = ModelAccess(snapshot.router.groups, snapshot.catalog.models_of)
        await teams_limits.check_move(connection, team, limits, access.covers)
    elif "organization_id" in fields:
        fields["organization_id"] = None
    now_in = organization_id or team["organization_id"]
    if now_in is not None:
        await _check_organization(connection, now_in, fields, team["team_id"])
    elif not asked.caller.is_admin:
        await teams_limits.check_maker(connection, asked.caller, fields)


async def _check_organization(
    connection: AsyncConnection, organization_id: str | None, fields: Mapping[str, Any], team_id: str
) -> bool:
    """Whether there is such an organization; a team that is beyond it is refused."""
    if organization_id is None:
        return False
    limits = await teams_limits.organization_limits(connection, organization_id)
    if limits is None:
        return False
    limits.check(fields)
    await limits.check_guaranteed(connection, fields, but=team_id)
    return True


def _default_budget(asked: Asked) -> float | None:
    """Of new teams: that of the first item of ``litellm_settings.default_team_settings``."""
    settings = asked.gateway.snapshot.config.settings.other.get("default_team_settings")
    first = settings[0] if isinstance(settings, list | tuple) and settings else None
    budget = first.get("max_budget") if isinstance(first, Mapping) else None
    return None if budget is None else float(budget)


async def _info(connection: AsyncConnection, team: Row) -> dict[str, Any]:
    team_id = team["team_id"]
    shared = (team["metadata"] or {}).get(MEMBER_BUDGET)
    budget = await find(connection, budgets, budget_id=shared) if isinstance(shared, str) else None
    rows, their_budgets = await memberships(connection, team_memberships.c.team_id == team_id)
    of_team = await find_all(connection, keys, keys.c.team_id == team_id, order=(keys.c.created_at, keys.c.token))
    return {
        "team_id": team_id,
        "team_info": {
            **shown_team(team, permission=await object_permission(connection, team)),
            "team_member_budget_table": shown_budget(budget),
        },
        "keys": [whole_row(key) for key in of_team],
        "team_memberships": [shown_membership(row, their_budgets) for row in rows],
    }
