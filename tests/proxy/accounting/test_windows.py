"""Budgets of deployments, providers and tags outlive processes in the database."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from proxy import sharing
from proxy.accounting.windows import StoredTotals
from proxy.routing.budgets import Spending
from proxy.routing.router import Router
from proxy.sharing import SharedSpending
from proxy.store import rows, tables
from proxy.store.store import Store
from proxy.store.types import now
from tests.gateways import KEY, Gateway, running
from tests.proxy.routing.making import entry
from tests.proxy.routing.test_budgets import budgeted, budgets_of
from tests.stores import using

DAILY = {"max_budget": 1.0, "budget_duration": "1d"}


class Process:
    """One with a budget of a deployment and one of its provider; ``shared`` is to be started."""

    def __init__(self, store: Store, every: float = 60.0, period: str = "1d") -> None:
        self.router: Router = budgeted(
            entry("g", "capped", other={**DAILY, "budget_duration": period}),
            provider_budget_config={"openai": {"budget_limit": 10, "time_period": "1mo"}},
            spending=Spending(),
        )
        self.shared = SharedSpending(StoredTotals(store), lambda: self.router.budgets, every)

    def spend(self, dollars: float) -> None:
        budgets_of(self.router).charge(self.router.groups.by_name["g"][0], dollars)

    @property
    def spent(self) -> list[float]:
        """Of the provider's, and of the deployment's budget."""
        budgets = budgets_of(self.router)
        return [budgets.spending.of(budget) for budget in budgets.all]

    @property
    def ends(self) -> list[float | None]:
        budgets = budgets_of(self.router)
        return [budgets.spending.end(budget) for budget in budgets.all]


@asynccontextmanager
async def started(*processes: Process) -> AsyncIterator[None]:
    for process in processes:
        await process.shared.start()
    yield
    for process in processes:
        await process.shared.stop()


async def stored(store: Store) -> dict[str, float]:
    async with store.reading() as connection:
        return {row["name"]: row["spend"] for row in await rows.find_all(connection, tables.budget_windows)}


def test_a_process_that_starts_goes_on_with_what_is_spent(database_url: str) -> None:
    async def scenario(store: Store) -> None:
        before, after = Process(store), Process(store)
        async with started(before):
            before.spend(0.25)
            before.spend(0.5)
        assert await stored(store) == {"deployment_spend:capped:1d": 0.75, "provider_spend:openai:1mo": 0.75}
        async with started(after):
            assert after.spent == [0.75, 0.75], "before the first call"
            assert after.ends == pytest.approx(before.ends, abs=0.5), "the window is the same"
            after.spend(0.25)
            assert after.spent == [1.0, 1.0]
        assert set((await stored(store)).values()) == {1.0}

    using(database_url, scenario)


def test_processes_add_up_and_count_nothing_twice(database_url: str) -> None:
    async def scenario(store: Store) -> None:
        one, two = Process(store, every=0.02), Process(store, every=0.02)
        async with started(one, two):
            for _ in range(20):
                one.spend(0.01)
                two.spend(0.02)
                await asyncio.sleep(0.005)
            await asyncio.sleep(0.3)
            assert one.spent == two.spent == [pytest.approx(0.6)] * 2

    using(database_url, scenario)


def test_a_window_that_is_over_begins_anew(database_url: str) -> None:
    async def scenario(store: Store) -> None:
        async with started(before := Process(store)):
            before.spend(0.75)
        async with store.writing() as connection:
            await connection.execute(update(tables.budget_windows).values(ends_at=now() - timedelta(seconds=1)))
        async with started(after := Process(store)):
            assert after.spent == [0.0, 0.0]
            after.spend(0.1)
        assert set((await stored(store)).values()) == {0.1}
        [_, end] = after.ends
        assert end == pytest.approx(time.time() + 86_400, abs=5)

    using(database_url, scenario)


def test_a_database_that_is_away_loses_nothing(
    database_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(store: Store) -> None:
        async with started(other := Process(store)):
            other.spend(0.25)

        @asynccontextmanager
        async def away() -> AsyncIterator[None]:
            raise OSError("nobody there")
            yield

        process = Process(store, every=0.01)
        with monkeypatch.context() as patched:
            patched.setattr(store, "reading", away)
            patched.setattr(store, "writing", away)
            await process.shared.start()
            process.spend(0.5)
            await asyncio.sleep(0.1)
            assert process.spent == [0.5, 0.5]
        await asyncio.sleep(0.2)
        assert process.spent == [0.75, 0.75]
        await process.shared.stop()
        assert set((await stored(store)).values()) == {0.75}

    using(database_url, scenario)
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
        "what budgets of deployments, providers and tags have spent is written when the database is back: OSError"
    ]


def test_what_nobody_heard_of_a_window_that_ended_is_forgotten(tmp_path: Path) -> None:
    async def scenario(store: Store) -> None:
        process = Process(store, period="1s")
        budgets = budgets_of(process.router)
        process.spend(0.5)
        told = [budgets.spending.tell(budget) for budget in budgets.all]
        await asyncio.sleep(1.05)
        process.spend(0.25)
        for each in told:
            budgets.spending.untell(each)
        assert [budgets.spending.tell(budget).dollars for budget in budgets.all] == [0.75, 0.25]

    using(f"sqlite:///{tmp_path}/gateway.db", scenario)


def test_a_database_that_is_silent_holds_up_neither_start_nor_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "START_SECONDS", 0.05)
    monkeypatch.setattr(sharing, "STOP_SECONDS", 0.05)

    async def scenario(store: Store) -> None:
        @asynccontextmanager
        async def silent() -> AsyncIterator[None]:
            await asyncio.sleep(60)
            yield

        process = Process(store)
        monkeypatch.setattr(store, "reading", silent)
        began = time.monotonic()
        async with started(process):
            process.spend(0.5)
            assert process.spent == [0.5, 0.5]
        assert time.monotonic() - began < 1.0

    using(f"sqlite:///{tmp_path}/gateway.db", scenario)


def gateway_config(folder: Path) -> dict[str, Any]:
    return {
        "model_list": [
            {
                "model_name": group,
                "litellm_params": {
                    "model": f"{provider}/mocked",
                    "api_key": "sk-none",
                    "mock_response": "of a test",
                    "input_cost_per_token": 0.001,
                    "output_cost_per_token": 0.002,
                    **budget,
                },
                "model_info": {"id": group},
            }
            for group, provider, budget in (
                ("capped", "openai", {"max_budget": 0.04, "budget_duration": "1d"}),
                ("provided", "deepseek", {}),
                ("tagged", "mistral", {}),
            )
        ],
        "router_settings": {
            "num_retries": 0,
            "provider_budget_config": {"deepseek": {"budget_limit": 0.04, "time_period": "1d"}},
        },
        "litellm_settings": {"tag_budget_config": {"nightly": {"max_budget": 0.04, "budget_duration": "1d"}}},
        "general_settings": {"master_key": KEY, "database_url": f"sqlite:///{folder}/gateway.db"},
    }


@pytest.mark.parametrize("ending", ["stopped", "killed"])
def test_a_gateway_that_starts_again_refuses_what_was_spent(ending: str, tmp_path: Path) -> None:
    def statuses(gateway: Gateway) -> list[int]:
        tags = {"metadata": {"tags": ["nightly"]}}
        calls = [gateway.chat("capped"), gateway.chat("provided"), gateway.chat("tagged", **tags)]
        return [call.status_code for call in calls]

    config, quick = gateway_config(tmp_path), {"proxy.gateway.STORE_SECONDS": 0.1}
    with running(tmp_path, config, quick) as gateway:
        assert statuses(gateway) == [200] * 3
        assert statuses(gateway) == [429] * 3
        if ending == "killed":
            time.sleep(0.5)
            gateway.process.kill()
    with running(tmp_path, config, quick) as gateway:
        assert statuses(gateway) == [429] * 3
        assert gateway.chat("tagged").status_code == 200
