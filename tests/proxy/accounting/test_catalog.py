"""What the packaged table knows, and how little of it is kept."""

from typing import Any

import pytest

from proxy.accounting import catalog as catalog_module
from proxy.accounting.catalog import build_catalog
from proxy.accounting.table import ModelTable, load_table
from tests.proxy.accounting.making import deployment


@pytest.fixture(scope="module")
def table() -> ModelTable:
    return load_table()


@pytest.mark.parametrize(
    ("model", "provider", "key"),
    [
        ("gpt-4o-mini", "openai", "gpt-4o-mini"),
        ("GPT-4o-Mini", "openai", "gpt-4o-mini"),
        ("llama-3.1-8b-instant", "groq", "groq/llama-3.1-8b-instant"),
        ("openai/gpt-4.1", None, "gpt-4.1"),
        ("azure/gpt-4o", None, "azure/gpt-4o"),
        ("ft:gpt-4o-mini-2024-07-18:acme::abc", "openai", "ft:gpt-4o-mini-2024-07-18"),
        ("gpt-3.5-turbo-instruct", "openai", "gpt-3.5-turbo-instruct"),
        ("converse/amazon.nova-pro-v1:0", "bedrock", "amazon.nova-pro-v1:0"),
        (
            "global.anthropic.claude-haiku-4-5-20251001-v1:0",
            "bedrock",
            "global.anthropic.claude-haiku-4-5-20251001-v1:0",
        ),
    ],
)
def test_names_are_found(table: ModelTable, model: str, provider: str | None, key: str) -> None:
    entry = table.find(model, provider)
    assert entry is not None
    assert entry.key == key


@pytest.mark.parametrize(
    ("model", "provider"), [("nope", "openai"), ("gpt-4o", "groq"), ("", "openai"), ("*", "openai")]
)
def test_others_are_not(table: ModelTable, model: str, provider: str) -> None:
    assert table.find(model, provider) is None


def test_every_entry_can_be_read(table: ModelTable) -> None:
    for provider in ("openai", "anthropic", "azure", "bedrock", "vertex_ai"):
        models = table.models_of(provider)
        assert models
        for model in models:
            entry = table.find(model)
            assert entry is not None
            assert "litellm_provider" in entry.fields


def test_models_of_a_provider(table: ModelTable) -> None:
    models = table.models_of("openai")
    assert {"gpt-4o", "gpt-3.5-turbo-instruct", "text-embedding-3-small"} <= set(models)
    assert not [name for name in models if name.startswith(("ft:", "azure/", "claude"))]
    assert table.models_of("nobody") == ()


def test_a_catalog_keeps_what_its_config_uses() -> None:
    catalog = build_catalog([deployment("openai/gpt-4o"), deployment("openai/mine", info={"base_model": "gpt-4.1"})])
    assert catalog.models_of("openai") == ("gpt-4.1", "gpt-4o")
    assert catalog.entry(deployment("openai/gpt-4o-mini")) is None


def test_a_wildcard_keeps_its_providers_models() -> None:
    catalog = build_catalog([deployment("groq/*")])
    assert catalog.models_of("openai") == ()
    assert catalog.entry(deployment("groq/*").serving("llama-3.1-8b-instant")) is not None


def test_the_table_is_not_read_for_the_offline_model(monkeypatch: pytest.MonkeyPatch) -> None:
    def unread() -> Any:
        raise AssertionError("the table was read")

    monkeypatch.setattr(catalog_module, "load_table", unread)
    assert build_catalog([deployment("offline/echo")]).entry(deployment("offline/echo")) is None
