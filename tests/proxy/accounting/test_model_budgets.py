"""Budgets of keys for single models: charged once, begun anew, kept when a key is rotated."""

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from fixtures.running import UpstreamControl
from proxy.accounting.journal import Journal
from proxy.accounting.ledger import Ledger
from proxy.accounting.record import encode
from proxy.auth.access import ModelBudget
from proxy.store import rows, tables
from proxy.store.accounts import Accounts
from proxy.store.store import Store
from proxy.store.types import now
from tests.gateways import KEY, Gateway, deployment, running
from tests.proxy.accounting.test_ledger import record, with_ledger

OF_CHAT = ("chat", "1d")


async def spent(store: Store) -> list[tuple[str, float]]:
    async with store.reading() as connection:
        found = await rows.find_all(connection, tables.key_models, order=[tables.key_models.c.model])
    return [(row["model"], row["spend"]) for row in found]


def test_each_charge_counts_once(database_url: str, tmp_path: Path) -> None:
    async def scenario(ledger: Ledger, journal: Journal, store: Store, accounts: Accounts) -> None:
        for number in range(1, 5):
            journal.append(encode(record(number, model_budget=OF_CHAT if number < 4 else ("other", None))))
        offset = journal.offset
        assert await ledger.drain(journal, own=False) == 4
        assert await spent(store) == [("chat", 0.75), ("other", 0.25)]
        journal.offset = offset  # as after a crash before the journal was told
        await ledger.drain(journal, own=False)
        assert await spent(store) == [("chat", 0.75), ("other", 0.25)]

    with_ledger(database_url, tmp_path, scenario)


def test_a_period_that_is_over_begins_anew(database_url: str, tmp_path: Path) -> None:
    async def scenario(ledger: Ledger, journal: Journal, store: Store, accounts: Accounts) -> None:
        past = {"token": "hash", "spend": 9.0, "ends_at": now() - timedelta(seconds=1)}
        async with store.writing() as connection:
            await rows.add(connection, tables.key_models, {**past, "model": "chat"})
            await rows.add(connection, tables.key_models, {**past, "model": "lasting", "ends_at": None})
        journal.append(encode(record(1, model_budget=OF_CHAT)))
        journal.append(encode(record(2, model_budget=("lasting", None))))
        await ledger.drain(journal, own=False)
        assert await spent(store) == [("chat", 0.25), ("lasting", 9.25)]
        async with store.reading() as connection:
            row = await rows.find(connection, tables.key_models, model="chat")
        assert row is not None
        assert timedelta(hours=23) < row["ends_at"] - now() < timedelta(hours=25)

    with_ledger(database_url, tmp_path, scenario)


def test_what_is_known_of_a_period_that_is_over_counts_no_more() -> None:
    accounts = Accounts()
    account = accounts.learn("key_model", "hash/chat", 9.0, time.time() - 1)
    budget = ModelBudget("chat", 1.0, "1d", account)
    accounts.charge("key_model", "hash/chat", 0.75)
    assert not budget.is_spent
    accounts.written("key_model", "hash/chat", 0.75)
    accounts.charge("key_model", "hash/chat", 0.5)
    assert account.spend == 1.25
    assert budget.is_spent
    account = accounts.learn("key_model", "hash/chat", 9.0, time.time() - 1)
    accounts.written("key_model", "hash/chat", 0.5)
    assert account.spend == 0.5


def test_a_key_that_was_deleted_has_no_budgets(database_url: str, tmp_path: Path) -> None:
    async def scenario(ledger: Ledger, journal: Journal, store: Store, accounts: Accounts) -> None:
        journal.append(encode(record(1, key="gone", model_budget=OF_CHAT)))
        assert await ledger.drain(journal, own=False) == 1
        assert await spent(store) == []

    with_ledger(database_url, tmp_path, scenario)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, upstream: UpstreamControl) -> Iterator[Gateway]:
    tmp_path = tmp_path_factory.mktemp("budgets")
    paid = {"input_cost_per_token": 0.01, "output_cost_per_token": 0.02}
    config = {
        "model_list": [
            deployment("one", upstream.url, **paid),
            deployment("two", upstream.url, **paid),
            deployment("three", upstream.url, **paid),
            {
                "model_name": "alias",
                "litellm_params": {
                    **deployment("one", upstream.url, **paid)["litellm_params"],
                    "model": "openai/underlying",
                },
            },
        ],
        "router_settings": {"num_retries": 0, "model_group_alias": {"short": "three"}},
        "general_settings": {
            "master_key": KEY,
            "database_url": f"sqlite:///{tmp_path}/gateway.db",
            "proxy_batch_write_at": 0.1,
        },
    }
    upstream.script("model-budgets", {"one": [], "two": [], "three": [], "underlying": []})
    with running(tmp_path, config) as started:
        yield started


def key_with(gateway: Gateway, budgets: dict[str, Any]) -> dict[str, str]:
    answer = gateway.http.post("/key/generate", json={"model_max_budget": budgets})
    assert answer.status_code == 200, answer.text
    return {"authorization": f"Bearer {answer.json()['key']}"}


def chat(gateway: Gateway, key: dict[str, str], model: str) -> httpx.Response:
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
    return gateway.http.post("/v1/chat/completions", json=body, headers=key)


def test_a_model_whose_budget_is_spent(gateway: Gateway) -> None:
    key = key_with(gateway, {"one": {"budget_limit": 0.05, "time_period": "1d"}})
    assert chat(gateway, key, "one").status_code == 200
    refused = chat(gateway, key, "one")
    assert refused.status_code == 400
    error = refused.json()["error"]
    assert error["type"] == "budget_exceeded"
    assert error["message"].startswith("LiteLLM Virtual Key: ")
    assert error["message"].endswith("exceeded budget for model=one")
    assert chat(gateway, key, "two").status_code == 200


@pytest.mark.parametrize("name", ["short", "id-three", "openai/three"])
def test_another_name_of_the_model_has_the_same_budget(gateway: Gateway, name: str) -> None:
    key = key_with(gateway, {"three": {"budget_limit": 0.05, "time_period": "1d"}})
    assert chat(gateway, key, name).status_code == 200
    assert [chat(gateway, key, other).status_code for other in (name, "three")] == [400, 400]


def test_a_fallback_that_the_client_names_is_budgeted_too(gateway: Gateway) -> None:
    key = key_with(gateway, {"one": {"budget_limit": 0.05, "time_period": "1d"}})
    assert chat(gateway, key, "one").status_code == 200
    body = {"model": "two", "messages": [{"role": "user", "content": "hi"}], "fallbacks": ["one"]}
    refused = gateway.http.post("/v1/chat/completions", json=body, headers=key)
    assert refused.status_code == 400
    assert refused.json()["error"]["message"].endswith("exceeded budget for model=one")


def test_the_model_behind_a_group_is_budgeted_too(gateway: Gateway) -> None:
    key = key_with(gateway, {"underlying": {"max_budget": 0.05, "budget_duration": "1d"}})
    assert [chat(gateway, key, "alias").status_code for _ in range(2)] == [200, 400]


def test_a_budget_begins_anew(gateway: Gateway) -> None:
    key = key_with(gateway, {"one": {"budget_limit": 0.05, "time_period": "1s"}})
    assert [chat(gateway, key, "one").status_code for _ in range(2)] == [200, 400]
    deadline = time.monotonic() + 12
    while chat(gateway, key, "one").status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_a_rotated_key_keeps_what_it_spent(gateway: Gateway) -> None:
    key = key_with(gateway, {"one": {"budget_limit": 0.05, "time_period": "1d"}})
    assert chat(gateway, key, "one").status_code == 200
    time.sleep(0.5)
    old = key["authorization"].removeprefix("Bearer ")
    new = gateway.http.post(f"/key/{old}/regenerate").json()["key"]
    assert chat(gateway, {"authorization": f"Bearer {new}"}, "one").status_code == 400


def test_no_limit_is_none(gateway: Gateway) -> None:
    for entry in ({"budget_limit": None, "time_period": "1d"}, {"rpm_limit": 1000}):
        key = key_with(gateway, {"one": entry})
        assert [chat(gateway, key, "one").status_code for _ in range(3)] == [200] * 3


@pytest.mark.parametrize(
    "entry",
    [
        7,
        {"budget_limit": -1},
        {"budget_limit": "much"},
        {"max_budget": True},
        {"budget_limit": 1, "time_period": "soon"},
        {"budget_limit": 1, "budget_duration": 30},
        {"tpm_limit": -1},
    ],
    ids=str,
)
def test_what_is_no_budget_is_refused(gateway: Gateway, entry: Any) -> None:
    for path, fields in (("/key/generate", {}), ("/user/new", {})):
        answer = gateway.http.post(path, json={**fields, "model_max_budget": {"one": entry}})
        assert answer.status_code == 400, answer.text
        assert "Invalid model_max_budget: one: " in answer.text
