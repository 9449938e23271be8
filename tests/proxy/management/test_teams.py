"""Teams and their members, as the database has them."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from proxy.errors import DetailError
from proxy.management.members import remove_member
from proxy.management.teams import add_member, locked_team, member_of
from proxy.management.teams_changing import Deleter, create_team, delete_teams, update_team
from proxy.management.teams_listing import Page, Search, page_of, teams_of
from proxy.store.rows import count, find, find_all
from proxy.store.store import Store
from proxy.store.tables import deleted_keys, deleted_teams, keys, team_memberships, teams, users
from tests.proxy.management.test_keys import using

BY = Deleter("somebody", "hash", None)


async def _team(store: Store, team_id: str, **fields: Any) -> None:
    async with store.writing("access") as connection:
        await create_team(connection, {"team_id": team_id, **fields}, author="maker", new_user={})


async def _add(store: Store, team_id: str, user_id: str) -> None:
    async with store.writing("access") as connection:
        team = await locked_team(connection, team_id)
        assert team is not None
        await add_member(connection, team, user_id=user_id, user_email=None, role="user")


async def _consistent(store: Store) -> None:
    """Teams and users say the same of each other."""
    async with store.reading() as connection:
        of_teams = {
            (team["team_id"], member["user_id"])
            for team in await find_all(connection, teams)
            for member in team["members_with_roles"]
        }
        of_users = [
            (team_id, user["user_id"]) for user in await find_all(connection, users) for team_id in user["teams"]
        ]
    assert sorted(of_users) == sorted(of_teams)


def test_members_who_come_at_once_are_all_there(database_url: str) -> None:
    async def scenario(store: Store) -> None:
        await _team(store, "one")
        await _team(store, "two")
        names = [f"member-{number}" for number in range(8)]
        await asyncio.gather(*(_add(store, team_id, name) for name in names for team_id in ("one", "two", "one")))
        await _consistent(store)
        async with store.reading() as connection:
            team = await find(connection, teams, team_id="one")
        assert team is not None
        assert {member["user_id"] for member in team["members_with_roles"]} == {"maker", *names}

    using(database_url, scenario)


def test_who_comes_and_goes_leaves_nothing_half_done(database_url: str) -> None:
    async def leave(store: Store) -> None:
        async with store.writing("access") as connection:
            team = await locked_team(connection, "busy")
            assert team is not None
            if member_of(team["members_with_roles"], "guest") is not None:
                await remove_member(connection, team, "guest", None)

    async def scenario(store: Store) -> None:
        await _team(store, "busy")
        await asyncio.gather(*(_add(store, "busy", "guest") if turn % 2 else leave(store) for turn in range(10)))
        await _consistent(store)

    using(database_url, scenario)


def test_a_deleted_team_leaves_a_record_alone(database_url: str) -> None:
    async def scenario(store: Store) -> None:
        members = [{"user_id": "ada", "user_email": None, "role": "user"}]
        await _team(store, "gone", members_with_roles=members, team_member_budget=3.0)
        await _team(store, "kept", members_with_roles=members)
        async with store.writing("access") as connection:
            await connection.execute(keys.insert().values(token="of-gone", team_id="gone"))
            await delete_teams(connection, await find_all(connection, teams, teams.c.team_id == "gone"), BY)
        async with store.reading() as connection:
            assert await count(connection, teams) == await count(connection, deleted_teams) == 1
            assert await count(connection, keys) == await count(connection, team_memberships) == 0
            assert await count(connection, deleted_keys) == 1
            deleted, total = await page_of(connection, Search(user_id="ada"), Page(1, 10), deleted=True)
            assert ([row["team_id"] for row in deleted], total) == (["gone"], 1)
            assert [row["team_id"] for row in await teams_of(connection, "ada", None)] == ["kept"]
        await _consistent(store)

    using(database_url, scenario)


def test_a_change_that_fails_changes_nothing(tmp_path: Path) -> None:
    async def scenario(store: Store) -> None:
        with pytest.raises(DetailError):
            async with store.writing("access") as connection:
                await create_team(connection, {"team_id": "half"}, author="maker", new_user={})
                await create_team(connection, {"team_id": "half"}, author="maker", new_user={})
        async with store.reading() as connection:
            assert await count(connection, teams) == await count(connection, users) == 0

    using(f"sqlite:///{tmp_path}/gateway.db", scenario)


def test_nulls_unset_limits_and_spare_what_is_always_there(tmp_path: Path) -> None:
    async def scenario(store: Store) -> None:
        await _team(store, "team", models=["a"], max_budget=3.0, blocked=True, budget_duration="1d")
        nulls = dict.fromkeys(("models", "max_budget", "blocked", "budget_duration", "metadata", "access_group_ids"))
        async with store.writing("access") as connection:
            team = await locked_team(connection, "team")
            assert team is not None
            row = await update_team(connection, team, nulls, author="maker")
        assert (row["models"], row["blocked"], row["metadata"]) == (["a"], True, {})
        assert (row["max_budget"], row["budget_duration"], row["budget_reset_at"]) == (None, None, None)

    using(f"sqlite:///{tmp_path}/gateway.db", scenario)


@pytest.mark.parametrize("period", ["daily", "1h", "0d", "99999999999mo", "", "30days", "-1d"])
def test_no_period_breaks_a_team(tmp_path: Path, period: str) -> None:
    async def scenario(store: Store) -> None:
        await _team(store, "team", budget_duration=period, team_member_budget=1.0)
        async with store.writing("access") as connection:
            team = await locked_team(connection, "team")
            assert team is not None
            row = await update_team(connection, team, {"team_member_budget_duration": period}, author="maker")
        assert row["budget_duration"] == period

    using(f"sqlite:///{tmp_path}/gateway.db", scenario)
