"""Keys of a database: what is read of them, and who is let in."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from proxy.auth.authenticator import ADMIN, Caller
from proxy.auth.directory import Directory
from proxy.auth.lookups import StoreAway
from proxy.auth.virtual_keys import LET_IN, VirtualKeys
from proxy.call import Identity
from proxy.config.model import GeneralSettings
from proxy.errors import GatewayError
from proxy.store import rows, tables
from proxy.store.store import Store
from proxy.store.types import now
from tests.proxy.auth.keeping import add, hashed, with_directory


def keys(directory: Directory, **other: Any) -> VirtualKeys:
    return VirtualKeys(GeneralSettings(master_key="sk-master", other=other), directory)


async def called_with(found: VirtualKeys, key: str) -> Identity:
    async def body() -> bytes:
        return b""

    return await found.authenticate(Caller({b"authorization": b"Bearer " + key.encode()}, {}, body))


async def refusal(found: VirtualKeys, key: str) -> GatewayError:
    with pytest.raises(GatewayError) as refused:
        await called_with(found, key)
    return refused.value


def test_the_master_key_is_first(tmp_path: Path) -> None:
    async def scenario(store: Store, directory: Directory) -> None:
        assert await called_with(keys(directory), "sk-master") is ADMIN
        assert (await refusal(keys(directory), "sk-maste")).status == 401

    with_directory(tmp_path, scenario)


def test_everything_that_a_key_belongs_to(tmp_path: Path) -> None:
    async def scenario(store: Store, directory: Directory) -> None:
        await add(store, tables.budgets, budget_id="b", max_budget=3.0, rpm_limit=7, soft_budget=2.0)
        await add(store, tables.teams, team_id="t", organization_id="o", max_budget=5.0, model_aliases={"x": "y"})
        await add(store, tables.users, user_id="u", user_role="proxy_admin_viewer", password="secret")
        await add(store, tables.team_memberships, team_id="t", user_id="u", budget_id="b", spend=1.5)
        await add(store, tables.organizations, organization_id="o", organization_alias="O", budget_id="b")
        for organization, role in (("o", "org_admin"), ("p", "internal_user")):
            await add(store, tables.organization_memberships, user_id="u", organization_id=organization, user_role=role)
        await add(store, tables.projects, project_id="p", budget_id="b")
        await add(
            store,
            tables.keys,
            token=hashed("sk-all"),
            user_id="u",
            team_id="t",
            project_id="p",
            budget_id="b",
            spend=0.5,
            rpm_limit=9,
            models=["m"],
            metadata={"a": 1},
        )
        found = await called_with(keys(directory), "sk-all")
        assert (found.user_id, found.team_id, found.organization_id) == ("u", "t", "o")
        assert (found.role, found.is_admin, found.administers) == ("proxy_admin_viewer", False, frozenset({"o"}))
        access = found.access
        assert access is not None
        assert [holder.kind for holder in access.holders] == [
            "key",
            "project",
            "team",
            "organization",
            "user",
            "team_member",
        ]
        key, _, team, organization_holder, _, member = access.holders
        assert (key.max_budget, key.rpm_limit, key.soft_budget, key.account.spend) == (3.0, 9, 2.0, 0.5)
        assert (team.max_budget, organization_holder.max_budget) == (5.0, 3.0)
        assert (member.id, member.max_budget, member.account.spend) == ("t/u", 3.0, 1.5)
        assert access.user is not None
        assert "password" not in access.user

    with_directory(tmp_path, scenario)


def test_a_change_counts_at_once(tmp_path: Path) -> None:
    async def scenario(store: Store, directory: Directory) -> None:
        found = keys(directory)
        assert (await refusal(found, "sk-later")).type == "token_not_found_in_db"
        await add(store, tables.keys, token=hashed("sk-later"))
        assert (await called_with(found, "sk-later")).token == hashed("sk-later")
        async with store.writing("access") as connection:
            await rows.change(connection, tables.keys, {"blocked": True}, tables.keys.c.token == hashed("sk-later"))
        assert "Key is blocked" in (await refusal(found, "sk-later")).message
        async with store.writing("access") as connection:
            await rows.remove(connection, tables.keys)
        assert (await refusal(found, "sk-later")).type == "token_not_found_in_db"

    with_directory(tmp_path, scenario)


def test_a_replaced_key_works_during_its_grace_period(tmp_path: Path) -> None:
    async def scenario(store: Store, directory: Directory) -> None:
        await add(store, tables.keys, token=hashed("sk-new"))
        for old, minutes in (("sk-old", 5), ("sk-older", -5)):
            await add(
                store,
                tables.deprecated_keys,
                token=hashed(old),
                active_token_id=hashed("sk-new"),
                revoke_at=now() + timedelta(minutes=minutes),
                created_at=now(),
            )
        assert (await called_with(keys(directory), "sk-old")).token == hashed("sk-new")
        assert (await refusal(keys(directory), "sk-older")).type == "token_not_found_in_db"

    with_directory(tmp_path, scenario)


def test_a_grace_period_ends_on_time(tmp_path: Path) -> None:
    async def scenario(store: Store, directory: Directory) -> None:
        await add(store, tables.keys, token=hashed("sk-new"))
        await add(
            store,
            tables.deprecated_keys,
            token=hashed("sk-old"),
            active_token_id=hashed("sk-new"),
            revoke_at=now() + timedelta(milliseconds=300),
            created_at=now(),
        )
        assert (await called_with(keys(directory), "sk-old")).token == hashed("sk-new")
        entry, lasting = directory.keys.known(hashed("sk-old")), directory.keys.known(hashed("sk-new"))
        assert entry is not None
        assert lasting is None
        assert entry.end - entry.fresh_until == 0

    with_directory(tmp_path, scenario)


@pytest.mark.parametrize("role", [None, "something else"])
def test_users_without_a_known_role_are_internal_users(tmp_path: Path, role: str | None) -> None:
    async def scenario(store: Store, directory: Directory) -> None:
        await add(store, tables.users, user_id="u", user_role=role)
        await add(store, tables.keys, token=hashed("sk-u"), user_id="u")
        await add(store, tables.keys, token=hashed("sk-nobody"), user_id="missing")
        assert (await called_with(keys(directory), "sk-u")).role == "internal_user"
        assert (await called_with(keys(directory), "sk-nobody")).role is None

    with_directory(tmp_path, scenario)


def test_while_the_database_is_away(tmp_path: Path) -> None:
    async def scenario(store: Store, directory: Directory) -> None:
        await add(store, tables.keys, token=hashed("sk-known"))
        strict, lenient = keys(directory), keys(directory, allow_requests_on_db_unavailable=True)
        await called_with(strict, "sk-known")
        store.reachable = False
        assert (await called_with(strict, "sk-known")).token == hashed("sk-known")
        error = await refusal(strict, "sk-unknown")
        assert isinstance(error, StoreAway)
        assert (error.status, error.type) == (503, "no_db_connection")
        assert await called_with(lenient, "sk-unknown") is LET_IN
        assert (await refusal(lenient, "no-key")).status == 401

    with_directory(tmp_path, scenario)


@pytest.mark.parametrize("key", ["sk-\0", "sk-'; DROP TABLE keys; --", "sk-\u00e9\u00ff", "sk-" + "x" * 1_000_000])
def test_odd_keys_are_unknown_ones(tmp_path: Path, key: str) -> None:
    async def scenario(store: Store, directory: Directory) -> None:
        error = await refusal(keys(directory), key)
        assert (error.status, error.type) == (401, "token_not_found_in_db")
        assert len(error.body()) < 500

    with_directory(tmp_path, scenario)
