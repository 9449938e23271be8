"""Budgets begin anew, ended sessions and old rows are removed."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from proxy.config.errors import ConfigError
from proxy.config.model import GeneralSettings, ProxyConfig
from proxy.jobs.budgets import reset_budgets
from proxy.jobs.cleaning import DASHBOARD_TEAM, remove_expired_sessions, remove_old_logs
from proxy.jobs.jobs import Jobs
from proxy.jobs.standing import add_standing_jobs
from proxy.store import rows, tables
from proxy.store.store import Store
from proxy.store.types import now
from tests.stores import using


async def found(store: Store, table: Any, **equal: Any) -> dict[str, Any]:
    async with store.reading() as connection:
        row = await rows.find(connection, table, **equal)
    assert row is not None
    return row


def test_budgets_that_ended_begin_anew(database_url: str) -> None:
    past, future = now() - timedelta(minutes=1), now() + timedelta(days=3)

    async def scenario(store: Store) -> None:
        async with store.writing() as connection:
            for name, end in (("over", past), ("running", future), ("without", None)):
                values = {"token": name, "spend": 5.0, "budget_duration": "1d", "budget_reset_at": end}
                await rows.add(connection, tables.keys, values)
            await rows.add(
                connection,
                tables.users,
                {"user_id": "u", "spend": 2.0, "budget_duration": "30d", "budget_reset_at": past},
            )
            await rows.add(
                connection,
                tables.teams,
                {"team_id": "t", "spend": 3.0, "budget_duration": None, "budget_reset_at": past},
            )
        assert await reset_budgets(store) == 3
        assert await reset_budgets(store) == 0
        over = await found(store, tables.keys, token="over")
        assert over["spend"] == 0.0
        assert now() < over["budget_reset_at"] <= now() + timedelta(days=1)
        assert (await found(store, tables.keys, token="running"))["spend"] == 5.0
        assert (await found(store, tables.keys, token="without"))["spend"] == 5.0
        assert (await found(store, tables.users, user_id="u"))["spend"] == 0.0
        team = await found(store, tables.teams, team_id="t")
        assert (team["spend"], team["budget_reset_at"]) == (0.0, None)

    using(database_url, scenario)


def test_who_shares_a_budget_begins_anew(database_url: str) -> None:
    past = now() - timedelta(minutes=1)

    async def scenario(store: Store) -> None:
        async with store.writing() as connection:
            budget = {"budget_id": "shared", "budget_duration": "1h", "budget_reset_at": past}
            await rows.add(connection, tables.budgets, budget)
            await rows.add(connection, tables.customers, {"user_id": "c", "spend": 1.0, "budget_id": "shared"})
            await rows.add(connection, tables.customers, {"user_id": "other", "spend": 1.0})
            member = {"user_id": "u", "team_id": "t", "spend": 1.0, "budget_id": "shared"}
            await rows.add(connection, tables.team_memberships, member)
        assert await reset_budgets(store) == 1
        assert (await found(store, tables.customers, user_id="c"))["spend"] == 0.0
        assert (await found(store, tables.customers, user_id="other"))["spend"] == 1.0
        assert (await found(store, tables.team_memberships, user_id="u"))["spend"] == 0.0
        assert (await found(store, tables.budgets, budget_id="shared"))["budget_reset_at"] > now()

    using(database_url, scenario)


def test_nobody_is_told_when_no_budget_ended(database_url: str) -> None:
    told: list[str] = []

    async def scenario(store: Store) -> None:
        async def listener() -> None:
            told.append("changed")

        store.on_change("access", listener)
        assert await reset_budgets(store) == 0
        async with store.writing() as connection:
            ended = {"token": "over", "budget_duration": "1d", "budget_reset_at": now() - timedelta(seconds=1)}
            await rows.add(connection, tables.keys, ended)
        assert told == []
        assert await reset_budgets(store) == 1
        assert told == ["changed"]

    using(database_url, scenario)


def test_sessions_that_ended_are_removed(database_url: str) -> None:
    past, future = now() - timedelta(hours=1), now() + timedelta(hours=1)

    async def scenario(store: Store) -> None:
        async with store.writing() as connection:
            for name, team, end in (
                ("ended", DASHBOARD_TEAM, past),
                ("lasting", DASHBOARD_TEAM, future),
                ("a person's", "team", past),
            ):
                await rows.add(connection, tables.keys, {"token": name, "team_id": team, "expires": end})
        assert await remove_expired_sessions(store) == 1
        async with store.reading() as connection:
            kept = {row["token"] for row in await rows.find_all(connection, tables.keys)}
        assert kept == {"lasting", "a person's"}

    using(database_url, scenario)


def test_windows_of_budgets_that_ended_long_ago_are_removed(database_url: str) -> None:
    async def scenario(store: Store) -> None:
        async with store.writing() as connection:
            for name, days in (("old", -31), ("ended", -1), ("running", 1)):
                values = {"name": name, "spend": 1.0, "ends_at": now() + timedelta(days=days)}
                await rows.add(connection, tables.budget_windows, values)
        await remove_expired_sessions(store)
        async with store.reading() as connection:
            kept = {row["name"] for row in await rows.find_all(connection, tables.budget_windows)}
        assert kept == {"ended", "running"}

    using(database_url, scenario)


def test_old_logs_are_removed(database_url: str) -> None:
    async def scenario(store: Store) -> None:
        async with store.writing() as connection:
            for name, age in (("old", 40), ("young", 20)):
                moment = now() - timedelta(days=age)
                await rows.add(
                    connection, tables.spend_logs, {"request_id": name, "startTime": moment, "endTime": moment}
                )
        assert await remove_old_logs(store, "30d") == 1
        async with store.reading() as connection:
            [row] = await rows.find_all(connection, tables.spend_logs)
        assert row["request_id"] == "young"

    using(database_url, scenario)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("maximum_spend_logs_retention_period", "long"),
        ("maximum_spend_logs_retention_period", 0),
        ("proxy_budget_rescheduler_min_time", "often"),
    ],
)
def test_settings_that_cannot_be(tmp_path: Path, name: str, value: Any) -> None:
    config = ProxyConfig(folder=tmp_path, general_settings=GeneralSettings(other={name: value}))
    store = Store(f"sqlite:///{tmp_path}/gateway.db")
    with pytest.raises(ConfigError, match=name):
        add_standing_jobs(Jobs(store), store, config)
