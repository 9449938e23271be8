"""``/team/*member*``: users become members of teams, change there, and leave."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.api.management.operation import Asked
from proxy.api.management.teams_models import AddMembers, BulkAddMembers, DeleteMember, UpdateMember
from proxy.call import Identity
from proxy.errors import DetailError, GatewayError
from proxy.management.audit import record, token_of
from proxy.management.members import (
    LIMITS,
    add_members,
    check_new,
    completed,
    defaults_of_members,
    memberships,
    remove_member,
)
from proxy.management.members import update_member as update_row
from proxy.management.teams import Added, Member, locked_team, member_of
from proxy.management.teams_access import available_teams, check_members
from proxy.management.teams_shown import shown_member, shown_membership, shown_team
from proxy.store.rows import Row, find_all
from proxy.store.tables import team_memberships, users

MOST_AT_ONCE: Final = 500


async def add_member(asked: Asked, body: AddMembers) -> Any:
    """Make users members of a team, by their ids or addresses; who is no user yet becomes one."""
    one = not isinstance(body.member, list)
    wanted = body.member if isinstance(body.member, list) else [body.member]
    added = await _add(
        asked, body.team_id, [member.model_dump() for member in wanted], body.max_budget_in_team, one=one
    )
    return await _shown(asked, added)


async def add_members_in_bulk(asked: Asked, body: BulkAddMembers) -> Any:
    """Make many users members of a team: all of them, or none."""
    members = [member.model_dump() for member in body.members or ()]
    if body.all_users:
        if not asked.caller.is_admin:
            raise DetailError(403, {"error": "Only proxy admins can add all users"})
        async with asked.store.reading() as connection:
            rows = await find_all(connection, users, order=(users.c.created_at.desc(),), limit=MOST_AT_ONCE + 1)
        members = [{"user_id": row["user_id"], "user_email": row["user_email"], "role": "user"} for row in rows]
    if not members:
        raise DetailError(400, {"error": "At least one member is required"})
    if len(members) > MOST_AT_ONCE:
        raise DetailError(400, {"error": f"Maximum {MOST_AT_ONCE} members can be added at once"})
    try:
        added = await _add(asked, body.team_id, members, body.max_budget_in_team, one=False)
    except GatewayError as error:
        return _bulk(body.team_id, [_result(member, error=error) for member in members], None)
    shown = await _shown(asked, added)
    return _bulk(body.team_id, [_result(member, shown=shown) for member in members], shown)


async def delete_member(asked: Asked, body: DeleteMember) -> Any:
    """Let a member leave. His keys of the team are deleted."""
    async with asked.store.writing("access") as connection:
        team = await _team(connection, body.team_id)
        check_members(asked.caller, team, "/team/member_delete")
        row = await remove_member(
            connection,
            team,
            body.user_id,
            body.user_email,
            deleted_by=asked.user,
            deleted_by_api_key=token_of(asked),
            changed_by=asked.changed_by,
        )
        await record(connection, asked, "updated", "teams", body.team_id, team, row)
    return shown_team(row)


async def update_member(asked: Asked, body: UpdateMember) -> Any:
    """Give a member of a team other limits there, or another role. Limits that are left out go."""
    _check_budget(body.max_budget_in_team)
    async with asked.store.writing("access") as connection:
        team = await _team(connection, body.team_id)
        check_members(asked.caller, team, "/team/member_delete")
        member = member_of(team["members_with_roles"], body.user_id, None if body.user_id else body.user_email)
        if member is None:
            raise DetailError(400, {"error": f"User id doesn't exist in team table. Data={body}"})
        limits = dict(zip(LIMITS, (body.max_budget_in_team, body.tpm_limit, body.rpm_limit), strict=True))
        await update_row(
            connection, team, member, limits, role=body.role, user_email=body.user_email, author=asked.user
        )
        await record(connection, asked, "updated", "teams", body.team_id, team, body.given())
    return {
        "team_id": body.team_id,
        "user_id": member["user_id"],
        "user_email": body.user_email,
        "max_budget_in_team": body.max_budget_in_team,
        "tpm_limit": body.tpm_limit,
        "rpm_limit": body.rpm_limit,
    }


async def _add(
    asked: Asked, team_id: str, members: Sequence[Member], max_budget: float | None, *, one: bool
) -> list[Added]:
    _check_budget(max_budget)
    async with asked.store.writing("access") as connection:
        team = await locked_team(connection, team_id)
        if team is None:
            why = f"Team doesn't exist in db. Team={team_id}. Create team via `/team/new` call."
            raise DetailError(404, {"error": why})
        _check_adder(asked, team, members, max_budget)
        people = [await completed(connection, member) for member in members]
        check_new(team, people, one=one)
        new_user = defaults_of_members(asked.gateway.snapshot.config)
        added = await add_members(connection, team, people, max_budget=max_budget, author=asked.user, new_user=new_user)
        await record(connection, asked, "updated", "teams", team_id, team, added[-1].team)
    return added


def _check_adder(asked: Asked, team: Row, members: Sequence[Member], max_budget: float | None) -> None:
    """Whether the caller may add these members: who manages the team, and everybody himself to one that is open to all."""
    is_open = team["team_id"] in (available_teams(asked.gateway.snapshot.config) or ())
    if not (is_open and max_budget is None and all(_is_himself(asked.caller, member) for member in members)):
        check_members(asked.caller, team, "/team/member_add")


def _is_himself(caller: Identity, member: Member) -> bool:
    return caller.user_id is not None and member["user_id"] == caller.user_id and member["role"] == "user"


async def _team(connection: AsyncConnection, team_id: str) -> Row:
    team = await locked_team(connection, team_id)
    if team is None:
        raise DetailError(400, {"error": f"Team id={team_id} does not exist in db"})
    return team


async def _shown(asked: Asked, added: Sequence[Added]) -> dict[str, Any]:
    team = added[-1].team
    mine = [done.user["user_id"] for done in added if done.membership is not None]
    async with asked.store.reading() as connection:
        rows, budgets = await memberships(
            connection, team_memberships.c.team_id == team["team_id"], team_memberships.c.user_id.in_(mine)
        )
    order = {user_id: number for number, user_id in enumerate(mine)}
    rows.sort(key=lambda row: order[row["user_id"]])
    return {
        **shown_team(team),
        "updated_users": [shown_member(done.user) for done in added],
        "updated_team_memberships": [shown_membership(row, budgets) for row in rows],
    }


def _bulk(team_id: str, results: Sequence[dict[str, Any]], team: dict[str, Any] | None) -> dict[str, Any]:
    done = sum(result["success"] for result in results)
    return {
        "team_id": team_id,
        "results": results,
        "total_requested": len(results),
        "successful_additions": done,
        "failed_additions": len(results) - done,
        "updated_team": team,
    }


def _result(
    member: Member, *, shown: dict[str, Any] | None = None, error: GatewayError | None = None
) -> dict[str, Any]:
    user = membership = None
    if shown is not None:
        user = member_of(shown["updated_users"], member["user_id"], member["user_email"])
        user_id = member["user_id"] if user is None else user["user_id"]
        membership = member_of(shown["updated_team_memberships"], user_id)
        member = {**member, "user_id": user_id}
    return {
        "user_id": member["user_id"],
        "user_email": member["user_email"],
        "success": error is None,
        "error": None if error is None else error.message,
        "updated_user": user,
        "updated_team_membership": membership,
    }


def _check_budget(max_budget: float | None) -> None:
    if max_budget is not None and max_budget < 0:
        raise DetailError(400, {"error": f"max_budget_in_team cannot be negative. Received: {max_budget}"})
