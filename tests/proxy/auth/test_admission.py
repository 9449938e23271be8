"""Which calls may be made: models, budgets, customers, requirements; and what that costs."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from proxy.auth.admission import Admission, Admitted, Asked
from proxy.auth.directory import Directory
from proxy.auth.model_access import ModelAccess
from proxy.auth.virtual_keys import VirtualKeys
from proxy.config.model import DeploymentParams, GeneralSettings, ProxyConfig, Settings
from proxy.deployment import Deployment
from proxy.errors import GatewayError
from proxy.routing.groups import Groups
from proxy.store import rows, tables
from proxy.store.accounts import Accounts
from proxy.store.store import Store
from tests.proxy.auth.keeping import add, hashed


def deployment(group: str, **info: Any) -> Deployment:
    return Deployment(group, group, "openai", group, DeploymentParams(model=f"openai/{group}"), info)


GROUPS = Groups([deployment("one"), deployment("two", access_groups=["beta"]), deployment("free")], {})


class Door:
    """Asks the admission of a gateway with a database."""

    def __init__(self, store: Store, accounts: Accounts, general: dict[str, Any], other: dict[str, Any]) -> None:
        self.store, self.accounts = store, accounts
        self.directory = Directory(store, accounts)
        settings = GeneralSettings(master_key="sk-master", other=general)
        config = ProxyConfig(folder=Path(), general_settings=settings, settings=Settings(other=other))
        self.keys = VirtualKeys(settings, self.directory)
        models = ModelAccess(GROUPS, {"openai": ("gpt-known",)}.get)  # type: ignore[arg-type]
        self.admission = Admission(config, models, lambda model: model == "free", self.directory)

    async def __call__(self, key: str = "sk-key", model: str | None = "one", **fields: Any) -> Admitted:
        body = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in fields.items()}
        identity = await self.keys.identity(key)
        return await self.admission.admit(Asked(identity, {}, "/v1/chat/completions", body, model))

    async def refused(self, **asked: Any) -> GatewayError:
        with pytest.raises(GatewayError) as refused:
            await self(**asked)
        return refused.value

    async def key(self, **values: Any) -> None:
        await add(self.store, tables.keys, token=hashed("sk-key"), **values)

    async def store_change(self, table: Any, **values: Any) -> None:
        async with self.store.writing("access") as connection:
            await rows.change(connection, table, values)


Scenario = Callable[[Door], Awaitable[None]]


def run(folder: Path, scenario: Scenario, general: dict[str, Any] | None = None, **other: Any) -> None:
    async def started() -> None:
        store = Store(f"sqlite:///{folder}/keys.db")
        await store.start()
        try:
            await scenario(Door(store, Accounts(), general or {}, other))
        finally:
            await store.aclose()

    asyncio.run(started())


@pytest.mark.parametrize(
    ("allowed", "model", "granted"),
    [
        ([], "anything", True),
        (["one"], "one", True),
        (["one"], "two", False),
        (["beta"], "two", True),
        (["beta"], "one", False),
        (["t*o"], "two", True),
        (["t.o"], "two", False),
        (["openai/*"], "openai/any", True),
        (["openai/*"], "gpt-known", True),
        (["openai/*"], "gpt-unknown", False),
        (["*"], "two", True),
        (["all-proxy-models"], "two", True),
        (["all-team-models"], "two", True),
    ],
)
def test_models_of_a_key(tmp_path: Path, allowed: list[str], model: str, granted: bool) -> None:
    async def scenario(door: Door) -> None:
        await door.key(models=allowed)
        if granted:
            assert (await door(model=model)).model == model
        else:
            assert (await door.refused(model=model)).type == "key_model_access_denied"

    run(tmp_path, scenario)


def test_access_groups_of_the_database(tmp_path: Path) -> None:
    async def scenario(door: Door) -> None:
        await add(
            door.store, tables.access_groups, access_group_id="g", access_group_name="G", access_model_names=["two"]
        )
        await door.key(models=["one"], access_group_ids=["g"])
        assert (await door(model="two")).model == "two"
        assert (await door.refused(model="free")).status == 401

    run(tmp_path, scenario)


def test_models_of_a_project(tmp_path: Path) -> None:
    async def scenario(door: Door) -> None:
        await add(door.store, tables.projects, project_id="p", models=["one"])
        await door.key(project_id="p")
        assert (await door()).model == "one"
        assert (await door.refused(model="two")).type == "project_model_access_denied"

    run(tmp_path, scenario)


@pytest.mark.parametrize(
    ("of_key", "of_organization", "listed"),
    [
        ([], ["one", "beta"], ["one", "two"]),
        (["one", "free"], ["one", "two"], ["one"]),
        (["*"], ["one"], ["one"]),
        (["one"], [], ["one"]),
        ([], [], None),
        (["o*"], ["one", "two"], ["one"]),
        (["one"], ["two"], []),
    ],
)
def test_models_that_a_key_is_told_of(
    tmp_path: Path, of_key: list[str], of_organization: list[str], listed: list[str] | None
) -> None:
    async def scenario(door: Door) -> None:
        await add(
            door.store,
            tables.organizations,
            organization_id="o",
            organization_alias="o",
            budget_id="b",
            models=of_organization,
        )
        await door.key(organization_id="o", models=of_key)
        access = (await door.keys.identity("sk-key")).access
        assert access is not None
        assert door.admission.listed(access) == listed

    run(tmp_path, scenario)


def test_a_blocked_project(tmp_path: Path) -> None:
    async def scenario(door: Door) -> None:
        await add(door.store, tables.projects, project_id="p", blocked=True)
        await door.key(project_id="p")
        assert "Project=p is blocked" in (await door.refused()).message

    run(tmp_path, scenario)


def test_fallbacks_by_model(tmp_path: Path) -> None:
    async def scenario(door: Door) -> None:
        await door.key(models=["one"])
        for fallbacks in (["two"], [{"model": "two"}], [{"one": ["two"]}]):
            assert (await door.refused(fallbacks=fallbacks)).type == "key_model_access_denied"
        await door(fallbacks=["one"])
        await door(fallbacks="nonsense")

    run(tmp_path, scenario)


def test_what_calls_of_this_process_cost_counts_at_once(tmp_path: Path) -> None:
    async def scenario(door: Door) -> None:
        await add(door.store, tables.teams, team_id="t", max_budget=1.0)
        await door.key(team_id="t")
        await door()
        door.accounts.charge("team", "t", 1.5)
        assert (await door.refused()).message == ("Budget has been exceeded! Team=t Current cost: 1.5, Max budget: 1.0")
        assert (await door(model="free")).model == "free"

    run(tmp_path, scenario)


@pytest.mark.parametrize(
    ("spend", "budget", "refused"), [(1.0, 1.0, True), (0.99, 1.0, False), (0.0, 0.0, True), (9e9, None, False)]
)
def test_a_keys_budget(tmp_path: Path, spend: float, budget: float | None, refused: bool) -> None:
    async def scenario(door: Door) -> None:
        await door.key(spend=spend, max_budget=budget)
        if refused:
            assert (await door.refused()).type == "budget_exceeded"
        else:
            await door()

    run(tmp_path, scenario)


def test_the_budget_of_a_tag(tmp_path: Path) -> None:
    async def scenario(door: Door) -> None:
        await add(door.store, tables.budgets, budget_id="b", max_budget=1.0)
        await add(door.store, tables.tags, tag_name="dear", spend=2.0, budget_id="b")
        await door.key()
        for fields in (
            {"metadata": {"tags": ["dear"]}},
            {"tags": ["x", "dear"]},
            {"litellm_metadata": {"tags": ["dear"]}},
        ):
            assert "Tag=dear" in (await door.refused(**fields)).message
        assert (await door(metadata={"tags": ["cheap", 5]})).tags == ("cheap",)

    run(tmp_path, scenario)


def test_the_budget_of_everybody(tmp_path: Path) -> None:
    async def scenario(door: Door) -> None:
        await door.key()
        assert (await door()).model == "one"
        day = time.strftime("%Y-%m-%d", time.gmtime())
        names = dict.fromkeys(("api_key", "model", "custom_llm_provider", "mcp_namespaced_tool_name", "endpoint"), "")
        await add(door.store, tables.daily_spend, entity_type="user", entity_id="u", date=day, spend=7.5, **names)
        await add(door.store, tables.daily_spend, entity_type="team", entity_id="t", date=day, spend=90.0, **names)
        assert (await door.refused()).message == "Budget has been exceeded! Current cost: 7.5, Max budget: 5.0"

    run(tmp_path, scenario, max_budget=5.0)


def test_the_default_budget_of_customers(tmp_path: Path) -> None:
    async def scenario(door: Door) -> None:
        await add(door.store, tables.budgets, budget_id="default", max_budget=1.0)
        await add(door.store, tables.budgets, budget_id="own", max_budget=9.0)
        await add(door.store, tables.customers, user_id="small", spend=2.0)
        await add(door.store, tables.customers, user_id="large", spend=2.0, budget_id="own")
        await door.key()
        assert (await door.refused(user="small")).type == "budget_exceeded"
        assert (await door(user="large")).customer == "large"
        assert (await door(user="new")).customer == "new"

    run(tmp_path, scenario, max_end_user_budget_id="default")


@pytest.mark.parametrize(
    "user", ["a\0b", "'; DROP TABLE customers; --", "\u00fc", 5, ["list"], {"o": 1}, "x" * 100_000]
)
def test_odd_customers(tmp_path: Path, user: Any) -> None:
    async def scenario(door: Door) -> None:
        await door.key()
        assert (await door(user=user)).customer == str(user)

    run(tmp_path, scenario)


def test_parameters_that_calls_need(tmp_path: Path) -> None:
    async def scenario(door: Door) -> None:
        await door.key(metadata={"enforced_params": ["metadata.trace"], "service_account_id": "s"})
        for fields, param in (
            ({}, "user"),
            ({"user": "u"}, "metadata"),
            ({"user": "u", "metadata": {}}, "metadata.trace"),
            ({"user": "u", "metadata": {"trace": 1}}, "seed"),
        ):
            error = await door.refused(**fields)
            assert (error.status, error.param) == (400, param)
        await door(user="u", metadata={"trace": 1}, seed=1)

    run(
        tmp_path,
        scenario,
        {"enforced_params": ["user"], "service_account_settings": {"enforced_params": ["seed"]}},
    )


def test_a_soft_budget_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(door: Door) -> None:
        await add(door.store, tables.budgets, budget_id="b", soft_budget=1.0)
        await door.key(spend=2.0, budget_id="b")
        for _ in range(3):
            await door()
        assert sum("soft budget of key" in record.message for record in caplog.records) == 1

    run(tmp_path, scenario)


def test_aliases_lead_to_other_models(tmp_path: Path) -> None:
    async def scenario(door: Door) -> None:
        await add(door.store, tables.teams, team_id="t", models=["two"], model_aliases={"nick": "short"})
        await door.key(team_id="t", aliases={"short": "two"})
        assert (await door(model="nick")).model == "two"

    run(tmp_path, scenario)


def test_customers_and_tags_do_not_wait_for_a_database_that_is_away(tmp_path: Path) -> None:
    async def scenario(door: Door) -> None:
        await door.key()
        await door()
        door.store.reachable = False
        assert (await door(user="somebody", tags=["t"])).customer == "somebody"

    run(tmp_path, scenario)


def test_aliases_of_a_key_grant_nothing_to_its_holders(tmp_path: Path) -> None:
    async def scenario(door: Door) -> None:
        await add(door.store, tables.users, user_id="u", models=["one"], spend=2.0, max_budget=1.0)
        await door.key(user_id="u", aliases={"one": "two", "free": "one"})
        assert (await door.refused(model="one")).type == "user_model_access_denied"
        await door.store_change(tables.users, models=[])
        assert (await door.refused(model="free")).type == "budget_exceeded"

    run(tmp_path, scenario)


def test_aliases_of_a_key_in_a_team(tmp_path: Path) -> None:
    async def scenario(door: Door) -> None:
        await add(door.store, tables.teams, team_id="t", models=["one"])
        await door.key(team_id="t", aliases={"one": "two"})
        assert (await door.refused(model="one")).type == "team_model_access_denied"

    run(tmp_path, scenario)


@pytest.mark.parametrize("name", ["fallbacks", "context_window_fallbacks", "content_policy_fallbacks"])
@pytest.mark.parametrize("holder", ["user", "team", "project"])
def test_fallbacks_need_the_lists_of_all_holders(tmp_path: Path, name: str, holder: str) -> None:
    async def scenario(door: Door) -> None:
        table = {"user": tables.users, "team": tables.teams, "project": tables.projects}[holder]
        await add(door.store, table, **{f"{holder}_id": "h", "models": ["one"]})
        await door.key(**{f"{holder}_id": "h"})
        values: list[Any] = [[{"one": ["two"]}], [{"one": [{"model": "two"}]}]]
        for value in values:
            assert (await door.refused(**{name: value})).type == f"{holder}_model_access_denied"
        own: dict[str, Any] = {name: [{"one": ["one"]}]}
        await door(**own)

    run(tmp_path, scenario)


def test_fallbacks_that_cost_money_need_a_budget(tmp_path: Path) -> None:
    async def scenario(door: Door) -> None:
        await door.key(spend=2.0, max_budget=1.0)
        assert (await door(model="free", fallbacks=["free"])).model == "free"
        assert (await door.refused(model="free", fallbacks=["one"])).type == "budget_exceeded"

    run(tmp_path, scenario)


def test_models_of_an_organization(tmp_path: Path) -> None:
    async def scenario(door: Door) -> None:
        await add(
            door.store, tables.organizations, organization_id="o", organization_alias="o", budget_id="b", models=["one"]
        )
        await add(door.store, tables.teams, team_id="t", organization_id="o", model_aliases={"nick": "two"})
        await door.key(team_id="t")
        assert (await door()).model == "one"
        for asked in ({"model": "two"}, {"model": "nick"}, {"fallbacks": ["two"]}):
            assert (await door.refused(**asked)).type == "org_model_access_denied"

    run(tmp_path, scenario)


def test_so_many_tags_are_looked_up(tmp_path: Path) -> None:
    async def scenario(door: Door) -> None:
        await door.key()
        tags = [f"t{number}" for number in range(1000)]
        assert (await door(metadata={"tags": tags})).tags == tuple(tags[:100])
        assert len((await door(tags=["x" * 5000])).tags[0]) == 1000

    run(tmp_path, scenario)
