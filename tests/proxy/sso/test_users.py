"""Who signs in is a user, found or made, with the role and the teams that the provider gives; on both databases."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from proxy.call import NOBODY
from proxy.config.model import GeneralSettings, ProxyConfig, Settings
from proxy.errors import DetailError, GatewayError
from proxy.sso.person import Person
from proxy.sso.users import enrol, make_teams, open_session
from proxy.store.rows import add, find, find_all
from proxy.store.store import Store
from proxy.store.tables import audit_log, teams, users
from tests.stores import using as with_store

Scenario = Callable[[Store, Any], Awaitable[None]]


def using(url: str, scenario: Scenario, **settings: Any) -> None:
    config = ProxyConfig(
        folder=Path("/nowhere"), general_settings=GeneralSettings(master_key="sk-1"), settings=Settings(other=settings)
    )
    gateway = SimpleNamespace(snapshot=SimpleNamespace(config=config))
    actor = SimpleNamespace(gateway=gateway, caller=NOBODY, user="alice", changed_by=None)

    with_store(url, lambda store: scenario(store, actor))


async def _enrolled(store: Store, actor: Any, person: Person, environment: Any = None, chosen: Any = None) -> Any:
    async with store.writing("access") as connection:
        return await enrol(connection, actor, environment or {}, person, chosen)


def test_the_first_time(database_url: str) -> None:
    async def scenario(store: Store, actor: Any) -> None:
        user = await _enrolled(store, actor, Person(id="alice", email="a@b.c", provider="acme"))
        assert (user["user_id"], user["sso_user_id"], user["user_email"]) == ("alice", "alice", "a@b.c")
        assert user["user_role"] == "internal_user_viewer"
        assert user["metadata"] == {"auth_provider": "acme"}
        async with store.reading() as connection:
            [entry] = await find_all(connection, audit_log)
        assert (entry["action"], entry["object_id"], entry["changed_by"]) == ("created", "alice", "alice")

    using(database_url, scenario, store_audit_logs=True)


def test_what_new_users_have_is_configured(database_url: str) -> None:
    async def scenario(store: Store, actor: Any) -> None:
        async with store.writing("access") as connection:
            await add(connection, teams, {"team_id": "starters"})
        user = await _enrolled(store, actor, Person(id="alice", email="a@b.c"))
        assert (user["user_role"], user["max_budget"], user["models"]) == ("internal_user", 5.0, ["m"])
        assert user["budget_reset_at"] is not None
        assert user["teams"] == ["starters"]
        kept = await _enrolled(store, actor, Person(id="bob", user_role="proxy_admin_viewer"))
        assert (kept["user_role"], kept["max_budget"]) == ("proxy_admin_viewer", 5.0)

    params = {
        "user_role": "internal_user",
        "max_budget": 5.0,
        "models": ["m"],
        "teams": [{"team_id": "starters"}, "no-team"],
    }
    using(database_url, scenario, default_internal_user_params=params | {"budget_duration": "1d", "unknown": 1})


def test_internal_users_have_a_budget(tmp_path: Path) -> None:
    async def scenario(store: Store, actor: Any) -> None:
        internal = await _enrolled(store, actor, Person(id="a", user_role="internal_user"))
        viewer = await _enrolled(store, actor, Person(id="b"))
        assert (internal["max_budget"], internal["budget_duration"]) == (2.0, "7d")
        assert (viewer["max_budget"], viewer["budget_duration"]) == (None, None)

    url = f"sqlite:///{tmp_path}/gateway.db"
    using(url, scenario, max_internal_user_budget=2.0, internal_user_budget_duration="7d")


def test_a_role_is_brought_up_to_date_and_never_by_nothing(database_url: str) -> None:
    async def scenario(store: Store, actor: Any) -> None:
        await _enrolled(store, actor, Person(id="alice", user_role="internal_user"))
        same = await _enrolled(store, actor, Person(id="alice"))
        less = await _enrolled(store, actor, Person(id="alice", user_role="internal_user_viewer"))
        assert (same["user_role"], less["user_role"]) == ("internal_user", "internal_user_viewer")

    using(database_url, scenario)


def test_who_is_found_by_what(database_url: str) -> None:
    async def scenario(store: Store, actor: Any) -> None:
        async with store.writing("access") as connection:
            await add(connection, users, {"user_id": "u1", "user_email": "One@b.c"})
            await add(connection, users, {"user_id": "u2", "sso_user_id": "idp-2", "user_email": "two@b.c"})
        by_address = await _enrolled(store, actor, Person(id="idp-1", email="one@b.c"))
        by_provider = await _enrolled(store, actor, Person(id="idp-2", email="new-two@b.c"))
        again = await _enrolled(store, actor, Person(id="idp-1", email="changed@b.c"))
        assert by_address["user_id"] == again["user_id"] == "u1"
        assert by_address["sso_user_id"] == "idp-1"
        assert (by_provider["user_id"], by_provider["user_email"]) == ("u2", "new-two@b.c")
        assert again["user_email"] == "changed@b.c"

    using(database_url, scenario)


def test_ids_that_begin_alike_are_different_people(database_url: str) -> None:
    async def scenario(store: Store, actor: Any) -> None:
        one = await _enrolled(store, actor, Person(id="alice", email="a@b.c"))
        two = await _enrolled(store, actor, Person(id="alice2", email="a@b.co"))
        three = await _enrolled(store, actor, Person(id="ALICE", email="aa@b.c"))
        assert len({one["user_id"], two["user_id"], three["user_id"]}) == 3

    using(database_url, scenario)


def test_the_first_times_of_one_person_at_once(database_url: str) -> None:
    async def scenario(store: Store, actor: Any) -> None:
        person = Person(id="alice", email="a@b.c")
        rows = await asyncio.gather(*(_enrolled(store, actor, person) for _ in range(5)))
        assert {row["user_id"] for row in rows} == {"alice"}

    using(database_url, scenario)


def test_teams_are_joined_and_those_that_do_not_exist_passed_over(database_url: str) -> None:
    async def scenario(store: Store, actor: Any) -> None:
        async with store.writing("access") as connection:
            await make_teams(connection, actor.gateway.snapshot.config, [("t1", "One"), ("t2", None)])
            await make_teams(connection, actor.gateway.snapshot.config, [("t1", "Renamed")])
        first = await _enrolled(store, actor, Person(id="alice", team_ids=["t1", "gone"]))
        second = await _enrolled(store, actor, Person(id="alice", team_ids=["t2"]))
        assert first["teams"] == ["t1"]
        assert sorted(second["teams"]) == ["t1", "t2"]
        async with store.reading() as connection:
            team = await find(connection, teams, team_id="t1")
        assert team is not None
        assert (team["team_alias"], team["models"], team["max_budget"]) == ("One", ["m"], 9.0)
        assert [member["user_id"] for member in team["members_with_roles"]] == ["alice"]

    using(database_url, scenario, default_team_params={"models": ["m"], "max_budget": 9.0, "team_id": "no"})


def test_what_an_operators_function_says_counts(tmp_path: Path) -> None:
    async def scenario(store: Store, actor: Any) -> None:
        chosen = {"user_id": "mine", "user_email": "X@b.c", "user_role": "boss", "max_budget": 1.5, "models": ["m"]}
        user = await _enrolled(store, actor, Person(id="idp", user_role="proxy_admin"), chosen=chosen)
        assert (user["user_id"], user["user_email"], user["max_budget"]) == ("mine", "x@b.c", 1.5)
        assert user["user_role"] == "internal_user_viewer"

    using(f"sqlite:///{tmp_path}/gateway.db", scenario)


def test_the_chosen_administrator(tmp_path: Path) -> None:
    async def scenario(store: Store, actor: Any) -> None:
        boss = {"PROXY_ADMIN_ID": "boss"}
        assert (await _enrolled(store, actor, Person(id="boss"), boss))["user_role"] == "proxy_admin"
        assert (await _enrolled(store, actor, Person(id="boss2"), boss))["user_role"] == "internal_user_viewer"

    using(f"sqlite:///{tmp_path}/gateway.db", scenario)


def test_who_cannot_be_told_is_refused_and_nothing_is_stored(tmp_path: Path) -> None:
    async def scenario(store: Store, actor: Any) -> None:
        with pytest.raises(DetailError, match="GENERIC_USER_ID_ATTRIBUTE"):
            await _enrolled(store, actor, Person())
        with pytest.raises(GatewayError, match="default_user_id"):
            await _enrolled(store, actor, Person(id="default_user_id"))
        async with store.reading() as connection:
            assert await find_all(connection, users) == []

    using(f"sqlite:///{tmp_path}/gateway.db", scenario)


def test_a_session_has_a_key_of_a_day(tmp_path: Path) -> None:
    async def scenario(store: Store, actor: Any) -> None:
        user = await _enrolled(store, actor, Person(id="alice", email="a@b.c"))
        async with store.writing("access") as connection:
            session = await open_session(connection, actor.gateway.snapshot.config, user, "sso")
        async with store.reading() as connection:
            from proxy.management.keys import hash_of
            from proxy.store.tables import keys

            key = await find(connection, keys, token=hash_of(session.key))
        assert key is not None
        assert (key["user_id"], key["team_id"], key["max_budget"]) == ("alice", "litellm-dashboard", 0.25)
        assert 86_000 < (key["expires"] - key["created_at"]).total_seconds() < 87_000

    using(f"sqlite:///{tmp_path}/gateway.db", scenario)
