"""Costs as the reference was seen to compute them (headers of LiteLLM 1.81.14 for the same usage)."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.accounting.cost import UNKNOWN, Cost
from proxy.call import Usage
from proxy.config.errors import ConfigError
from proxy.deployment import Deployment
from tests.proxy.accounting.making import deployment, price_book

USAGE = Usage(1000, 500, 1500, cached_tokens=200, reasoning_tokens=100)
OWN = {"input_cost_per_token": 0.001, "output_cost_per_token": 0.002}


def cost(item: Deployment, usage: Usage = USAGE, **settings: Any) -> Cost:
    return price_book(item, **settings).cost_of(item, usage)


@pytest.mark.parametrize(
    ("item", "dollars"),
    [
        pytest.param(deployment("openai/gpt-4o-mini"), 0.00043499999999999995, id="table"),
        pytest.param(deployment("gpt-4o-mini"), 0.00043499999999999995, id="no prefix"),
        pytest.param(deployment("openai/GPT-4o"), 0.00725, id="upper case"),
        pytest.param(deployment("openai/o3"), 0.0057, id="reasoning at the price of output"),
        pytest.param(deployment("openai/unheard-of", **OWN), 1.8, id="own, cached tokens without a price"),
        pytest.param(deployment("openai/gpt-4o-mini", input_cost_per_token=0.001), 0.8, id="own input alone"),
        pytest.param(
            deployment(
                "openai/unheard-of",
                **OWN,
                prices={"cache_read_input_token_cost": 0.0001, "output_cost_per_reasoning_token": 0.01},
            ),
            2.62,
            id="own prices of cached and reasoning tokens",
        ),
        pytest.param(
            deployment(info={"input_cost_per_token": 0.003, "output_cost_per_token": 0.004}), 4.4, id="model_info"
        ),
        pytest.param(
            deployment(
                info={"input_cost_per_token": 0.5, "output_cost_per_token": 0.0002}, input_cost_per_token=0.0001
            ),
            0.18,
            id="litellm_params over model_info",
        ),
        pytest.param(deployment("openai/mine", info={"base_model": "gpt-4o"}), 0.00725, id="base model"),
        pytest.param(deployment("openai/gpt-4o-mini", info={"base_model": "gpt-4.1"}), 0.0057, id="base before table"),
        pytest.param(deployment("openai/mine", other={"base_model": "openai/gpt-4.1"}), 0.0057, id="base in params"),
    ],
)
def test_prices_come_from_the_first_source_that_has_one(item: Deployment, dollars: float) -> None:
    found = cost(item)
    assert found == Cost(dollars, final=dollars, read=found.read, written=found.written)
    assert found.read + found.written == dollars


def test_the_small_call_of_the_fact_sheet() -> None:
    assert cost(deployment(), Usage(10, 5, 15, cached_tokens=2)).final == 4.35e-06


def test_a_base_model_of_another_provider_counts() -> None:
    azure = deployment("openai/mine", info={"base_model": "azure/gpt-4o"})
    assert cost(azure).final == 0.00725


def test_tokens_written_to_the_cache_have_a_price_of_their_own() -> None:
    usage = Usage(1100, 50, 1150, cached_tokens=300, cache_creation_tokens=700)
    assert cost(deployment("anthropic/claude-3-7-sonnet-20250219"), usage).final == pytest.approx(0.003765)


def test_own_price_of_cached_tokens_changes_the_table() -> None:
    item = deployment("openai/gpt-4o-mini", prices={"cache_read_input_token_cost": 0.0001})
    assert cost(item).final == pytest.approx(0.00042 + 200 * 0.0001)


@pytest.mark.parametrize(
    "item",
    [
        deployment("openai/unheard-of"),
        deployment("offline/echo"),
        deployment("openai/unheard-of", prices={"input_cost_per_second": 0.5}),
        deployment("groq/gpt-4o"),
    ],
)
def test_an_unknown_price_is_not_zero(item: Deployment) -> None:
    assert cost(item) == UNKNOWN
    assert cost(item).final is None


def test_free_is_a_price() -> None:
    assert cost(deployment(input_cost_per_token=0.0, output_cost_per_token=0.0)).final == 0.0


def test_text_prices_are_read_as_numbers() -> None:
    item = deployment(info={"input_cost_per_token": "3e-7", "output_cost_per_token": "1e-6"})
    assert cost(item, Usage(10, 10, 20)).final == pytest.approx(1.3e-05)


def test_wildcard_matches_have_the_price_of_their_model() -> None:
    wildcard = deployment("openai/*")
    book = price_book(wildcard)
    assert book.cost_of(wildcard.serving("gpt-4o"), USAGE).final == 0.00725
    assert book.cost_of(wildcard.serving("gpt-4o-mini"), USAGE).final == 0.00043499999999999995
    assert book.cost_of(wildcard.serving("unheard-of"), USAGE) == UNKNOWN


def test_own_prices_of_one_deployment_are_no_other_ones() -> None:
    dear, usual = deployment("openai/gpt-4o", **OWN), deployment("openai/gpt-4o")
    book = price_book(dear, usual)
    assert (book.cost_of(dear, USAGE).final, book.cost_of(usual, USAGE).final) == (1.8, 0.00725)


@pytest.mark.parametrize(("prompt", "dollars"), [(128_000, 128.0), (128_001, 12800.1), (300_000, 600_000.0)])
def test_long_prompts_have_prices_of_their_own(prompt: int, dollars: float) -> None:
    tiers = {"input_cost_per_token_above_128k_tokens": 0.1, "input_cost_per_token_above_200k_tokens": 2.0}
    item = deployment("openai/mine", input_cost_per_token=0.001, prices=tiers)
    assert cost(item, Usage(prompt, 0, prompt)).final == pytest.approx(dollars)


def test_discount_and_margin_as_the_reference_computes_them() -> None:
    settings = {"cost_discount_config": {"openai": 0.05}, "cost_margin_config": {"openai": 0.10}}
    found = cost(deployment(), **settings)
    assert found == Cost(
        0.00043499999999999995,
        2.175e-05,
        4.1324999999999995e-05,
        0.1,
        0.0004545749999999999,
        read=found.read,
        written=found.written,
        discount_percent=0.05,
    )


@pytest.mark.parametrize(
    ("margins", "percent", "margin"),
    [
        ({"global": 0.2}, 0.2, 0.36),
        ({"global": 0.2, "openai": 0.1}, 0.1, 0.18),
        ({"global": 0.2, "openai": 0}, 0.0, 0.0),
        ({"openai": {"percentage": 0.08, "fixed_amount": 0.0005}}, 0.08, 0.1445),
        ({"openai": {"fixed_amount": 0.5}}, 0.0, 0.5),
        ({"groq": 0.1}, 0.0, 0.0),
    ],
)
def test_margins(margins: dict[str, Any], percent: float, margin: float) -> None:
    found = cost(deployment("openai/mine", **OWN), cost_margin_config=margins)
    assert (found.original, found.margin_percent) == (1.8, percent)
    assert found.margin == pytest.approx(margin)
    assert found.final == pytest.approx(1.8 + margin)


def test_a_discount_for_all_is_none() -> None:
    assert cost(deployment(), cost_discount_config={"global": 0.5}).discount == 0.0


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"cost_discount_config": {"openai": "5%"}}, "cost_discount_config.openai"),
        ({"cost_discount_config": 0.05}, "cost_discount_config"),
        ({"cost_margin_config": {"openai": {"percentage": "x"}}}, "cost_margin_config.openai.percentage"),
        ({"cost_margin_config": {"global": True}}, "cost_margin_config.global"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError, match=rf"litellm_settings\.{key}: expected"):
        price_book(deployment(), **settings)


counts = st.integers(0, 10**9)


@given(counts, counts, counts, counts)
def test_no_usage_costs_less_than_nothing(prompt: int, completion: int, cached: int, reasoning: int) -> None:
    found = cost(deployment("openai/o3"), Usage(prompt, completion, prompt + completion, cached, reasoning)).final
    assert found is not None
    assert math.isfinite(found)
    assert found >= 0
