"""The page on budgets: its calls, on its config with less money."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from tests.docs.pages import run
from tests.docs.test_examples import ROOT, blocks
from tests.gateways import Gateway, running

PAGE = (ROOT / "docs" / "budgets.md").read_text()
CHAT, PROVIDERS, GENERATE = blocks("sh", PAGE)
TAGS = ', "metadata": {"tags": ["nightly"]}'
DOLLARS = 0.03
"""Of a mocked call: 30 tokens."""


@pytest.fixture
def config(tmp_path: Path) -> dict[str, Any]:
    """Answers cost something and name who served."""
    config: dict[str, Any] = yaml.safe_load(blocks("yaml", PAGE)[0])
    for entry in config["model_list"]:
        prices = {"input_cost_per_token": 0.001, "output_cost_per_token": 0.001}
        entry["litellm_params"] |= {"mock_response": entry["model_info"]["id"], **prices}
    config["general_settings"] = {"master_key": "sk-1234", "database_url": f"sqlite:///{tmp_path}/budgets.db"}
    return config


@pytest.fixture
def gateway(tmp_path: Path, config: dict[str, Any]) -> Iterator[Gateway]:
    with running(tmp_path, config) as served:
        yield served


def served(answer: str) -> str:
    return str(msgspec.json.decode(answer)["choices"][0]["message"]["content"])


def error(answer: str) -> str:
    return str(msgspec.json.decode(answer)["error"]["message"])


def test_a_deployment_that_has_spent_its_budget_falls_back(tmp_path: Path, config: dict[str, Any]) -> None:
    config["model_list"][0]["litellm_params"]["max_budget"] = DOLLARS
    with running(tmp_path, config) as gateway:
        assert [served(run(CHAT, gateway)) for _ in range(3)] == ["dear", "cheap", "cheap"]


def test_a_provider_and_a_tag(tmp_path: Path, config: dict[str, Any]) -> None:
    config["router_settings"]["provider_budget_config"]["openai"]["budget_limit"] = 2 * DOLLARS
    config["litellm_settings"]["tag_budget_config"]["nightly"]["max_budget"] = DOLLARS
    with running(tmp_path, config) as gateway:
        assert served(run(CHAT, gateway)) == "dear"
        assert "No deployments available - crossed budget: Exceeded budget for tag='nightly'" in error(
            run(CHAT, gateway)
        )
        assert TAGS in CHAT
        assert served(run(CHAT.replace(TAGS, ""), gateway)) == "dear"
        assert "Exceeded budget for provider openai" in error(run(CHAT.replace(TAGS, ""), gateway))


def test_what_providers_have_spent(gateway: Gateway) -> None:
    run(CHAT, gateway)
    [shown] = map(msgspec.json.decode, blocks("json", PAGE))
    told = msgspec.json.decode(run(PROVIDERS, gateway))
    assert told["providers"].keys() == shown["providers"].keys()
    openai, example = told["providers"]["openai"], shown["providers"]["openai"]
    assert openai["spend"] == pytest.approx(DOLLARS)
    assert openai | {"spend": 0, "budget_reset_at": ""} == example | {"spend": 0, "budget_reset_at": ""}
    assert datetime.fromisoformat(openai["budget_reset_at"]).utcoffset() is not None


def test_a_key_with_a_budget_for_a_model(gateway: Gateway) -> None:
    key = msgspec.json.decode(run(GENERATE.replace('"budget_limit": 5', '"budget_limit": 0.01'), gateway))["key"]
    mine = CHAT.replace("sk-1234", key).replace(TAGS, "")
    assert served(run(mine, gateway)) == "dear"
    assert error(run(mine, gateway)).endswith("exceeded budget for model=chat")
    assert served(run(mine.replace('"chat"', '"backup"'), gateway)) == "cheap"
