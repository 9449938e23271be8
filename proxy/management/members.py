"""Members of teams: who they are, what they may spend there, and how they leave."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.config.model import ProxyConfig
from proxy.errors import DetailError, GatewayError
from proxy.management.budgets import create_budget
from proxy.management.keys_changing import delete_keys
from proxy.management.teams import Added, Member, add_member, member_of, users_called
from proxy.store.rows import Row, change, find, find_all, remove
from proxy.store.tables import budgets, keys, team_memberships, teams, users
from proxy.store.upsert import upsert

LIMITS: Final = ("max_budget", "tpm_limit", "rpm_limit")
"""Of a member, kept in a budget."""


def defaults_of_members(config: ProxyConfig) -> dict[str, Any]:
    """Columns of users who are made because they are to be members of something."""
    other = config.settings.other
    given = other.get("default_internal_user_params")
    defaults = given if isinstance(given, Mapping) else {}
    values = {
        "models": defaults.get("models") or [],
        "max_budget": defaults.get("max_budget", other.get("max_internal_user_budget")),
        "budget_duration": defaults.get("budget_duration", other.get("internal_user_budget_duration")),
    }
    return {name: value for name, value in values.items() if value is not None}


def check_new(team: Row, members: Iterable[Member], *, one: bool) -> None:
    """Refuse members who all are members already.

    Args:
        one: whether a single member was sent, not a list.

    Raises:
        GatewayError: 400.
    """
    known = team["members_with_roles"]
    wanted = list(members)
    if any(member_of(known, member["user_id"], member["user_email"]) is None for member in wanted):
        return
    shown = ", ".join(
        f"Member(user_id={member['user_id']!r}, user_email={member['user_email']!r}, role={member['role']!r})"
        for member in known
    )
    who = "All users are already in team."
    if one:
        who = f"User already in team. Member: user_id={wanted[0]['user_id']}, user_email={wanted[0]['user_email']}."
    raise GatewayError(400, f"{who} Existing members=[{shown}]", type="team_member_already_in_team", param="member")


async def completed(connection: AsyncConnection, member: Member) -> dict[str, Any]:
    """A member with the id or the address that the known user has.

    Raises:
        DetailError: 400, id and address are of two users, or several have the address.
    """
    user_id, user_email = member["user_id"], member["user_email"]
    if user_email is None:
        user = await find(connection, users, user_id=user_id)
        return {**member, "user_email": None if user is None else user["user_email"]}
    same = await users_called(connection, user_email)
    if len(same) > 1:
        raise DetailError(
            400, {"error": f"Multiple users found with email '{user_email}'. Please use 'user_id' instead."}
        )
    if same and user_id not in (None, same[0]["user_id"]):
        raise DetailError(
            400,
            {"error": f"user_email '{user_email}' and user_id '{user_id}' do not belong to the same user."},
        )
    return {**member, "user_id": same[0]["user_id"] if same else user_id}


async def add_members(
    connection: AsyncConnection,
    team: Row,
    members: Iterable[Member],
    *,
    max_budget: float | None,
    author: str,
    new_user: Mapping[str, Any],
) -> list[Added]:
    """Make users members, each with a budget of his own if there is one; those who are members already are left out.

    Args:
        members: :func:`completed`.
    """
    added: list[Added] = []
    for member in members:
        if member_of(team["members_with_roles"], member["user_id"], member["user_email"]) is not None:
            continue
        budget_id = None
        if max_budget is not None:
            budget_id = (await create_budget(connection, {"max_budget": max_budget}, author=author))["budget_id"]
        done = await add_member(connection, team, **member, budget_id=budget_id, new_user=new_user)
        team = done.team
        added.append(done)
    return added


async def remove_member(
    connection: AsyncConnection, team: Row, user_id: str | None, user_email: str | None, **deletion: str | None
) -> Row:
    """Let a member leave: his keys of the team go, and what he has spent there is forgotten.

    Args:
        team: the row, locked.
        deletion: ``deleted_by``, ``deleted_by_api_key`` and ``changed_by`` of :func:`delete_keys`.

    Returns:
        the team's row as it is then.

    Raises:
        DetailError: 400, there is no such member.
    """
    members: list[Member] = team["members_with_roles"]
    leaving = [member for member in members if member_of([member], user_id, user_email) is not None]
    if not leaving:
        raise DetailError(400, {"error": "User not found in team"})
    left = {member["user_id"] for member in leaving if member["user_id"] is not None}
    if user_id is not None:
        left.add(user_id)
    await _leave(connection, team["team_id"], left)
    mine = (keys.c.team_id == team["team_id"], keys.c.user_id.in_(left))
    await delete_keys(
        connection,
        await find_all(connection, keys, *mine),
        deleted_by=deletion.get("deleted_by"),
        deleted_by_api_key=deletion.get("deleted_by_api_key"),
        changed_by=deletion.get("changed_by"),
    )
    staying = [member for member in members if member not in leaving]
    [row] = await change(connection, teams, {"members_with_roles": staying}, teams.c.team_id == team["team_id"])
    return row


async def forget_members(connection: AsyncConnection, team: Row) -> None:
    """Take a team that is about to go from its users."""
    ids = [member["user_id"] for member in team["members_with_roles"] if member["user_id"] is not None]
    await _leave(connection, team["team_id"], ids)


async def update_member(
    connection: AsyncConnection,
    team: Row,
    member: Member,
    limits: Mapping[str, Any],
    *,
    role: str | None,
    user_email: str | None,
    author: str,
) -> None:
    """Give a member other limits and another role.

    Args:
        team: the row, locked.
        limits: all of ``LIMITS``; when each is ``None`` the member has none any more.
        user_email: an address to note with the role.
    """
    team_id, user_id = team["team_id"], member["user_id"]
    values = {name: value for name, value in limits.items() if value is not None}
    budget_id = (await create_budget(connection, values, author=author))["budget_id"] if values else None
    where = (team_memberships.c.user_id == user_id, team_memberships.c.team_id == team_id)
    if not await change(connection, team_memberships, {"budget_id": budget_id}, *where) and budget_id is not None:
        row = {"user_id": user_id, "team_id": team_id, "budget_id": budget_id}
        await connection.execute(upsert(connection, team_memberships).values(**row))
    if role is None:
        return
    new = {"user_id": user_id, "user_email": user_email or member["user_email"], "role": role}
    members = [new if other["user_id"] == user_id else other for other in team["members_with_roles"]]
    await change(connection, teams, {"members_with_roles": members}, teams.c.team_id == team_id)


async def memberships(connection: AsyncConnection, *where: ColumnElement[bool]) -> tuple[list[Row], dict[str, Row]]:
    """Rows of ``team_memberships`` that fulfil conditions, and their budgets by id."""
    rows = await find_all(connection, team_memberships, *where)
    theirs = select(team_memberships.c.budget_id).where(*where)
    found = await find_all(connection, budgets, budgets.c.budget_id.in_(theirs)) if rows else []
    return rows, {row["budget_id"]: row for row in found}


async def _leave(connection: AsyncConnection, team_id: str, user_ids: Collection[str]) -> None:
    wanted = users.c.user_id.in_(user_ids)
    found = await connection.execute(select(users.c.user_id, users.c.teams).where(wanted).with_for_update())
    for user_id, known in found.all():
        if team_id in known:
            teams_left = [other for other in known if other != team_id]
            await change(connection, users, {"teams": teams_left}, users.c.user_id == user_id)
    await remove(
        connection,
        team_memberships,
        team_memberships.c.team_id == team_id,
        team_memberships.c.user_id.in_(user_ids),
    )
