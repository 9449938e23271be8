"""Users as they are stored, and who may change whom."""

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from proxy.auth.authenticator import ADMIN
from proxy.auth.permissions import is_delegate
from proxy.call import Identity
from proxy.config.model import ProxyConfig, Settings
from proxy.errors import DetailError, GatewayError
from proxy.management import customers, invitations, tags_activity
from proxy.management.passwords import hash_password, verify_password
from proxy.management.users import change_user, changed_columns, delete_users, make_user, with_defaults
from proxy.management.users_access import organizations_to_join, visible
from proxy.management.users_listing import Page, Search, page_of
from proxy.store.rows import add, change, count, find, find_all
from proxy.store.store import Store
from proxy.store.tables import (
    budgets,
    daily_spend,
    deleted_keys,
    keys,
    organization_memberships,
    organizations,
    teams,
    users,
)
from proxy.store.tables import invitations as links
from proxy.store.types import now
from tests.stores import using

NEW = "/user/new"
BLANK: dict[str, Any] = dict.fromkeys(("user_id", "user_email", "sso_user_id", "user_role", "metadata"))


def config_with(**settings: Any) -> ProxyConfig:
    return ProxyConfig(folder=Path(), settings=Settings(other=settings))


def actor(caller: Identity = ADMIN, config: ProxyConfig | None = None) -> Any:
    """Who changes something."""
    gateway = SimpleNamespace(snapshot=SimpleNamespace(config=config or config_with()))
    return SimpleNamespace(gateway=gateway, caller=caller, user=caller.user_id or "default_user_id", changed_by=None)


async def made(store: Store, caller: Identity = ADMIN, **fields: Any) -> Any:
    async with store.writing("access") as connection:
        return await make_user(connection, actor(caller), {**BLANK, **fields}, with_key=True)


def test_a_user_is_stored_with_all_that_is_its(database_url: str) -> None:
    async def scenario(store: Store) -> None:
        async with store.writing() as connection:
            await add(connection, teams, {"team_id": "team"})
            await add(connection, budgets, {"budget_id": "budget"})
            organization = {"organization_id": "org", "organization_alias": "Org", "budget_id": "budget"}
            await add(connection, organizations, organization)
        wishes = [{"team_id": "team", "max_budget_in_team": 2.0, "user_role": "admin"}, {"team_id": "no-team"}]
        await made(store, user_id="ada", user_email="Ada@Users.test", teams=wishes, organizations=["org", "no-org"])
        async with store.reading() as connection:
            user = await find(connection, users, user_id="ada")
            team = await find(connection, teams, team_id="team")
            assert user is not None
            assert team is not None
            assert user["teams"] == ["team"]
            assert [member["role"] for member in team["members_with_roles"]] == ["admin"]
            assert await count(connection, organization_memberships) == 1
            [key] = await find_all(connection, keys)
            assert (key["user_id"], key["created_by"]) == ("ada", None)

    using(database_url, scenario)


def test_what_is_refused_leaves_nothing(database_url: str) -> None:
    async def scenario(store: Store) -> None:
        await made(store, user_id="ada", user_email="Ada@Users.test")
        for fields in (
            {"user_id": "ada"},
            {"user_email": "ada@users.TEST"},
            {"max_budget": -1.0},
            {"user_id": "late", "duration": "soon"},
        ):
            with pytest.raises((DetailError, GatewayError, ValueError)):
                await made(store, **fields)
        async with store.reading() as connection:
            assert await count(connection, users) == await count(connection, keys) == 1

    using(database_url, scenario)


def test_a_megabyte_of_metadata(database_url: str) -> None:
    async def scenario(store: Store) -> None:
        note = {"note": "ü" * 1_000_000, "nested": [{"deep": True}]}
        await made(store, user_id="ada", metadata=note)
        async with store.reading() as connection:
            user = await find(connection, users, user_id="ada")
        assert user is not None
        assert user["metadata"] == note

    using(database_url, scenario)


def test_deleted_users_leave_nothing_behind(database_url: str) -> None:
    async def scenario(store: Store) -> None:
        async with store.writing() as connection:
            await add(connection, teams, {"team_id": "team"})
        for name in ("ada", "grace"):
            await made(store, user_id=name, teams=["team"])
        async with store.writing() as connection:
            assert await delete_users(connection, actor(), ["ada"]) == 1
            with pytest.raises(DetailError):
                await delete_users(connection, actor(), ["grace", "nobody"])
        async with store.reading() as connection:
            team = await find(connection, teams, team_id="team")
            assert team is not None
            assert [member["user_id"] for member in team["members_with_roles"]] == ["grace"]
            assert [key["user_id"] for key in await find_all(connection, keys)] == ["grace"]
            assert await count(connection, deleted_keys) == 1

    using(database_url, scenario)


def test_members_of_a_team_are_found_in_both_databases(database_url: str) -> None:
    async def scenario(store: Store) -> None:
        async with store.writing() as connection:
            for name in ("a", "a'b\"%", "ab"):
                await add(connection, users, {"user_id": f"user of {name}", "teams": [name, "other"]})
        async with store.reading() as connection:
            allowed = await visible(connection, ADMIN, "/user/list")
            for name in ("a", "a'b\"%", "ab", "b"):
                found = await page_of(connection, Search(team=name), Page(1, 10), allowed)
                assert [user["user_id"] for user in found["users"]] == ([f"user of {name}"] if name != "b" else [])

    using(database_url, scenario)


def test_admins_of_an_organization_reach_no_further(database_url: str) -> None:
    host = Identity(user_id="host", role="internal_user", administers=frozenset({"ours"}))

    async def scenario(store: Store) -> None:
        async with store.writing() as connection:
            for user_id, organizations_of, role in (
                ("host", ["ours"], None),
                ("ours-alone", ["ours"], None),
                ("joined", ["ours"], None),
                ("shared", ["ours", "theirs"], None),
                ("theirs-alone", ["theirs"], None),
                ("nobodys", [], None),
                ("admin", ["ours"], "proxy_admin"),
            ):
                await add(connection, users, {"user_id": user_id, "user_role": role})
                for name in organizations_of:
                    membership = {"user_id": user_id, "organization_id": name, "made_user": user_id != "joined"}
                    await add(connection, organization_memberships, membership)
        for user_id in ("joined", "shared", "theirs-alone", "nobodys", "admin", "unheard-of"):
            async with store.writing() as connection:
                with pytest.raises(DetailError):
                    await change_user(connection, actor(host), {"user_id": user_id, "tpm_limit": 1})
        for fields in ({"user_role": "proxy_admin"}, {"password": "taken over"}):
            async with store.writing() as connection:
                with pytest.raises(DetailError):
                    await change_user(connection, actor(host), {"user_id": "ours-alone", **fields})
        async with store.writing() as connection:
            row = await change_user(connection, actor(host), {"user_id": "ours-alone", "tpm_limit": 1})
            assert row["tpm_limit"] == 1
            with pytest.raises(DetailError):
                await change_user(connection, actor(host), {"user_id": "host", "max_budget": 1000.0})
        async with store.reading() as connection:
            found = await page_of(connection, Search(), Page(1, 10), await visible(connection, host, "/user/list"))
        assert {user["user_id"] for user in found["users"]} == {"host", "ours-alone", "joined", "shared", "admin"}

    using(database_url, scenario)


def test_everybodys_teams_are_joined_whoever_makes_the_user(database_url: str) -> None:
    host = Identity(user_id="host", role="internal_user", administers=frozenset({"ours"}))
    config = config_with(default_internal_user_params={"teams": ["everybodys"]})

    async def scenario(store: Store) -> None:
        async with store.writing() as connection:
            await add(connection, teams, {"team_id": "everybodys"})
            await add(connection, teams, {"team_id": "theirs", "organization_id": "theirs"})
            given = {**BLANK, "user_id": "guest", "organizations": ["ours"]}
            await make_user(connection, actor(host, config), given, with_key=False)
            user = await find(connection, users, user_id="guest")
            assert user is not None
            assert user["teams"] == ["everybodys"]
            given |= {"user_id": "intruder", "teams": ["theirs"]}
            with pytest.raises(DetailError):
                await make_user(connection, actor(host, config), given, with_key=False)

    using(database_url, scenario)


def test_organizations_that_are_joined() -> None:
    host = Identity(user_id="host", administers=frozenset({"ours"}))
    assert organizations_to_join(ADMIN, ["any"]) == ["any"]
    assert organizations_to_join(host, []) == organizations_to_join(host, ["ours"]) == ["ours"]
    for caller, wanted in ((host, ["theirs"]), (host, ["ours", "theirs"]), (Identity(user_id="user"), [])):
        with pytest.raises(DetailError):
            organizations_to_join(caller, wanted)


def test_only_nobodys_key_acts_for_an_admin() -> None:
    routes = (NEW,)
    assert is_delegate(Identity(allowed_routes=routes), NEW)
    assert not is_delegate(Identity(allowed_routes=routes), "/user/delete")
    assert not is_delegate(Identity(), NEW)
    for holder in ("user_id", "team_id", "organization_id"):
        assert not is_delegate(Identity(allowed_routes=routes, **{holder: "somebody"}), NEW)
    assert not is_delegate(Identity(allowed_routes=("/user/*", "/user", "management_routes")), NEW)
    assert not is_delegate(Identity(allowed_routes=routes, routes_granted=False), NEW)


def test_defaults() -> None:
    config = config_with(
        default_internal_user_params={"max_budget": 5.0, "models": ["m"], "teams": ["t"], "user_role": "internal_user"},
        max_internal_user_budget=9.0,
        internal_user_budget_duration="1d",
    )
    plain = with_defaults(config, {"models": [], "user_role": None})
    assert (plain["max_budget"], plain["models"], plain["teams"]) == (5.0, ["m"], ["t"])
    assert "budget_duration" not in plain
    admin = with_defaults(config, {"models": [], "user_role": "proxy_admin"})
    assert (admin.get("max_budget"), admin["models"], admin["teams"]) == (None, [], ["t"])
    internal = with_defaults(config_with(max_internal_user_budget=9.0), {"user_role": "internal_user"})
    assert internal["max_budget"] == 9.0


def test_empty_values_change_nothing() -> None:
    given = {"user_id": "ada", "models": [], "metadata": {}, "tpm_limit": None, "rpm_limit": 0, "max_budget": None}
    columns = changed_columns(config_with(), given, {"kept": True})
    assert columns == {"rpm_limit": 0, "max_budget": None, "metadata": {"kept": True}}


def test_a_link_is_spent_by_a_claim(database_url: str) -> None:
    async def scenario(store: Store) -> None:
        await made(store, user_id="ada")
        async with store.writing() as connection:
            link = (await invitations.invite(connection, ADMIN, "ada", "default_user_id"))["id"]
            with pytest.raises(DetailError, match="never validated"):
                await invitations.claim(connection, link, "ada", hash_password("early"))
            await invitations.open_link(connection, link)
            user = await invitations.claim(connection, link, "ada", hash_password("open sesame"))
            assert verify_password("open sesame", user["password"])
            with pytest.raises(DetailError, match="expired"):
                await invitations.claim(connection, link, "ada", hash_password("again"))
            await change(connection, links, {"expires_at": now() - timedelta(seconds=1)}, links.c.id == link)
            with pytest.raises(DetailError, match="expired"):
                await invitations.open_link(connection, link)

    using(database_url, scenario)


def test_who_was_active_when(database_url: str) -> None:
    async def scenario(store: Store) -> None:
        today = tags_activity.tomorrow() - timedelta(days=1)
        async with store.writing() as connection:
            for user_id in ("ada", "grace"):
                await add(connection, keys, {"token": user_id, "user_id": user_id})
                for ago in (0, 8, 40):
                    day = (today - timedelta(days=ago)).isoformat()
                    texts = dict.fromkeys(("model", "custom_llm_provider", "mcp_namespaced_tool_name", "endpoint"), "")
                    row = {"entity_type": "tag", "entity_id": "tag", "date": day, "api_key": user_id, **texts}
                    await add(
                        connection, daily_spend, {**row, "api_requests": 1, "successful_requests": 1, "spend": 0.5}
                    )
        everything = tags_activity.Filter(None, None)
        async with store.reading() as connection:
            by_period = {
                period: [
                    row["active_users"] for row in await tags_activity.active_users(connection, period, everything)
                ]
                for period in tags_activity.PERIODS
            }
            [row] = await tags_activity.summary(connection, "2000-01-01", "2999-01-01", everything)
            one = await tags_activity.by_user(connection, tags_activity.Filter("TA", None), 2, 1)
        assert by_period == {"day": [2], "week": [2, 2, 2], "month": [2, 2]}
        assert (row["unique_users"], row["total_requests"], row["total_spend"]) == (2, 6, 3.0)
        assert (one["total_count"], one["total_pages"], one["results"][0]["successful_requests"]) == (2, 2, 2)

    using(database_url, scenario)


def test_a_blocked_customer_may_be_unblocked(database_url: str) -> None:
    async def scenario(store: Store) -> None:
        async with store.writing() as connection:
            await customers.block(connection, ["shop", "shop"])
            [row] = await customers.unblock(connection, ["shop"])
            assert row["blocked"] is False
            with pytest.raises(GatewayError):
                await customers.delete_customers(connection, ["shop", "nobody"])
            assert await customers.delete_customers(connection, ["shop"]) == 1

    using(database_url, scenario)
