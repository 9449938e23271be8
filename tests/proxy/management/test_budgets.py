"""Budgets and the audit log as they are stored."""

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from proxy.auth.authenticator import ADMIN
from proxy.call import Identity
from proxy.config.model import GeneralSettings, ProxyConfig, Settings
from proxy.errors import DetailError
from proxy.management.audit import Robot, record, token_of
from proxy.management.budgets import create_budget, delete_budget
from proxy.management.keys import hash_of
from proxy.store.rows import add, find_all
from proxy.store.store import Store
from proxy.store.tables import audit_log, budgets, keys, organizations
from proxy.store.types import now
from tests.proxy.management.test_keys import using


def test_a_budget_begins_anew_after_its_period(database_url: str) -> None:
    async def scenario(store: Store) -> None:
        async with store.writing() as connection:
            row = await create_budget(connection, {"max_budget": 5, "budget_duration": "7d", "x": 1}, author="me")
            plain = await create_budget(connection, {"budget_id": "plain"}, author="me")
        assert row["budget_id"]
        assert row["max_budget"] == 5.0
        assert abs(row["budget_reset_at"] - now() - timedelta(days=7)) < timedelta(minutes=1)
        assert plain["budget_reset_at"] is None
        with pytest.raises(IntegrityError):
            async with store.writing() as connection:
                await create_budget(connection, {"budget_id": "plain"}, author="me")

    using(database_url, scenario)


def test_a_budget_that_is_deleted_is_referred_to_no_more(database_url: str) -> None:
    async def scenario(store: Store) -> None:
        async with store.writing() as connection:
            for name in ("of-key", "of-organization"):
                await create_budget(connection, {"budget_id": name}, author="me")
            await add(connection, keys, {"token": "t", "budget_id": "of-key"})
            fields = {"organization_id": "o", "organization_alias": "o", "budget_id": "of-organization"}
            await add(connection, organizations, fields)
            assert await delete_budget(connection, "of-key") is not None
            assert await delete_budget(connection, "no-such-budget") is None
            with pytest.raises(DetailError, match="of an organization"):
                await delete_budget(connection, "of-organization")
            [row] = await find_all(connection, keys)
            assert row["budget_id"] is None
            assert [left["budget_id"] for left in await find_all(connection, budgets)] == ["of-organization"]

    using(database_url, scenario)


def actor(*, kept: bool, caller: Identity = ADMIN) -> Any:
    config = ProxyConfig(
        folder=Path(),
        settings=Settings(other={"store_audit_logs": kept}),
        general_settings=GeneralSettings(master_key="sk-master"),
    )
    gateway = SimpleNamespace(snapshot=SimpleNamespace(config=config))
    return SimpleNamespace(gateway=gateway, caller=caller, user="me", changed_by=None)


@pytest.mark.parametrize("kept", [True, False])
def test_changes_are_recorded_without_secrets(database_url: str, kept: bool) -> None:
    async def scenario(store: Store) -> None:
        async with store.writing() as connection:
            after = {"key": "sk-secret", "max_budget": 1.5, "updated_at": now(), "password": "p"}
            await record(connection, actor(kept=kept), "updated", "keys", "hash", {"max_budget": None}, after)
        async with store.reading() as connection:
            rows = await find_all(connection, audit_log)
        assert len(rows) == kept
        for row in rows:
            assert row["table_name"] == "LiteLLM_VerificationToken"
            assert row["changed_by_api_key"] == hash_of("sk-master")
            assert row["before_value"] == {"max_budget": None}
            assert set(row["updated_values"]) == {"max_budget", "updated_at"}

    using(database_url, scenario)


def test_the_environment_switches_it_on_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITELLM_STORE_AUDIT_LOGS", "True")

    async def scenario(store: Store) -> None:
        async with store.writing() as connection:
            await record(connection, actor(kept=False), "created", "budgets", "b", None, {})
            assert len(await find_all(connection, audit_log)) == 1

    using(f"sqlite:///{tmp_path}/keys.db", scenario)


def test_whose_key_it_was() -> None:
    assert token_of(actor(kept=True, caller=Identity(token="hash"))) == "hash"
    assert token_of(actor(kept=True, caller=Identity())) == ""
    assert token_of(Robot(actor(kept=True).gateway)) == "litellm_internal_jobs"
