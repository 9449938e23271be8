"""Teams and their members, as rows.

Who is in a team is said three times, as the reference's schema has it: ``members_with_roles`` of the team (with roles),
``teams`` of the user, and ``team_memberships`` for members who have a budget or have spent something. The functions here keep
the three together.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from uuid import uuid4

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.errors import DetailError
from proxy.store.rows import Row, change, find_all
from proxy.store.tables import team_memberships, teams, users
from proxy.store.upsert import upsert

Member = Mapping[str, Any]
"""``{"user_id", "user_email", "role"}``; roles are ``admin`` and ``user``."""
MEMBER_BUDGET = "team_member_budget_id"
"""In the metadata of a team: the budget that members get who are not given one of their own."""


class Added(NamedTuple):
    """What :func:`add_member` did."""

    team: Row
    user: Row
    membership: Row | None


async def locked_team(connection: AsyncConnection, team_id: str) -> Row | None:
    """A team's row, which nobody else changes until the transaction ends."""
    found = await connection.execute(select(teams).where(teams.c.team_id == team_id).with_for_update())
    row = found.mappings().first()
    return None if row is None else dict(row)


async def add_member(
    connection: AsyncConnection,
    team_row: Row,
    *,
    user_id: str | None,
    user_email: str | None,
    role: str,
    budget_id: str | None = None,
    new_user: Mapping[str, Any] | None = None,
) -> Added:
    """Make a user a member; one who is already stays as it is, apart from a budget that is given.

    Args:
        connection: of a transaction that writes.
        team_row: of the team; only ``team_id`` and ``metadata`` are read from it.
        user_id: of the user, who is made when there is none of that id.
        user_email: instead of the id, or beside it.
        role: ``admin`` or ``user``.
        budget_id: the member's own; else the one that the team has for its members, if it has one.
        new_user: columns of a user who is made, beside id, address and role.

    Raises:
        DetailError: 400, several users have the address.
    """
    team_id = team_row["team_id"]
    team = await locked_team(
        connection, team_id
    )  # before the user, as everybody does: else two could wait for each other
    assert team is not None
    user = await _joined(connection, team_id, user_id, user_email, new_user or {})
    budget_id = budget_id or (team_row.get("metadata") or {}).get(MEMBER_BUDGET)
    membership = None
    if budget_id is not None:
        statement = upsert(connection, team_memberships).values(
            user_id=user["user_id"], team_id=team_id, budget_id=budget_id
        )
        statement = statement.on_conflict_do_update(
            index_elements=[team_memberships.c.user_id, team_memberships.c.team_id], set_={"budget_id": budget_id}
        )
        found = await connection.execute(statement.returning(team_memberships))
        membership = dict(found.mappings().one())
    if member_of(team["members_with_roles"], user["user_id"], user_email) is None:
        member = {"user_id": user["user_id"], "user_email": user_email, "role": role}
        [team] = await change(
            connection,
            teams,
            {"members_with_roles": [*team["members_with_roles"], member]},
            teams.c.team_id == team_id,
        )
    return Added(team, user, membership)


def member_of(members: Iterable[Member], user_id: str | None, user_email: str | None = None) -> Member | None:
    """The member with that id or that address."""
    for member in members:
        if user_id is not None and member.get("user_id") == user_id:
            return member
        if user_email is not None and member.get("user_email") == user_email:
            return member
    return None


async def users_called(connection: AsyncConnection, user_email: str) -> list[Row]:
    """The users with an address, however it is capitalised."""
    return await find_all(connection, users, func.lower(users.c.user_email) == user_email.lower())


async def _joined(
    connection: AsyncConnection, team_id: str, user_id: str | None, user_email: str | None, new_user: Mapping[str, Any]
) -> Row:
    """The user, found or made, with the team among its teams."""
    if user_id is None:
        assert user_email is not None
        same = await users_called(connection, user_email)
        if len(same) > 1:
            raise DetailError(
                400, {"error": f"Multiple users found with email '{user_email}'. Please use 'user_id' instead."}
            )
        user_id = same[0]["user_id"] if same else str(uuid4())
    values = {
        "user_role": "internal_user",
        "user_email": user_email,
        **new_user,
        "user_id": user_id,
        "teams": [team_id],
    }
    made = await connection.execute(
        upsert(connection, users).values(**values).on_conflict_do_nothing().returning(users)
    )
    if (row := made.mappings().first()) is not None:
        return dict(row)
    found = await connection.execute(select(users).where(users.c.user_id == user_id).with_for_update())
    user = dict(found.mappings().one())
    if team_id not in user["teams"]:
        [user] = await change(connection, users, {"teams": [*user["teams"], team_id]}, users.c.user_id == user_id)
    return user
