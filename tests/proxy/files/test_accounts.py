"""Whose account files and batches are in."""

from typing import Any

import pytest

from proxy.config.errors import ConfigError
from proxy.config.model import DeploymentParams, ModelEntry
from proxy.deployment import make_deployment
from proxy.errors import GatewayError
from proxy.files.accounts import AZURE_VERSION, Settings, account_of, files_settings

VARIABLES = [
    f"{vendor}_{name}" for vendor in ("OPENAI", "AZURE") for name in ("BASE_URL", "API_BASE", "API_KEY", "API_VERSION")
]
VARIABLES += ["OPENAI_ORGANIZATION", "AZURE_OPENAI_API_KEY"]


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def settings(*items: Any) -> Settings:
    return files_settings(list(items))


def test_what_settings_say_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-environment")
    monkeypatch.setenv("OPENAI_API_BASE", "http://environment/v1")
    item = {"custom_llm_provider": "openai", "api_key": "sk-own", "api_base": "http://own/v1/", "organization": "org"}
    account = settings(item, {**item, "api_key": "sk-second"}).account("openai")
    assert account.url("/files", [("purpose", "a b")]) == "http://own/v1/files?purpose=a+b"
    assert account.headers == {"authorization": "Bearer sk-own", "openai-organization": "org"}
    assert account.shown == "http://own/v1/"


def test_the_environment_says_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-environment")
    account = settings().account("hosted_vllm")
    assert account.url("/files") == "https://api.openai.com/v1/files"
    assert account.shown is None


def test_a_server_of_ones_own_gets_no_key_of_openais(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-environment")
    monkeypatch.setenv("OPENAI_ORGANIZATION", "org")
    keyless = settings({"custom_llm_provider": "hosted_vllm", "api_base": "http://own/v1"}).account("hosted_vllm")
    assert (keyless.url("/files"), keyless.headers) == ("http://own/v1/files", {})
    keyed = settings({"custom_llm_provider": "hosted_vllm", "api_key": "sk-own"})
    with pytest.raises(GatewayError, match="HOSTED_VLLM_API_BASE"):
        keyed.account("hosted_vllm")
    monkeypatch.setenv("HOSTED_VLLM_API_BASE", "http://env/v1")
    account = keyed.account("hosted_vllm")
    assert (account.url("/files"), account.headers) == ("http://env/v1/files", {"authorization": "Bearer sk-own"})


def test_azure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_API_BASE", "https://blue.example/openai/deployments/x")
    monkeypatch.setenv("AZURE_API_KEY", "az")
    account = settings().account("azure")
    assert account.url("/files") == f"https://blue.example/openai/files?api-version={AZURE_VERSION}"
    assert account.headers == {"api-key": "az"}
    monkeypatch.setenv("AZURE_API_VERSION", "v1")
    assert settings().account("azure").url("/batches") == "https://blue.example/openai/v1/batches"


@pytest.mark.parametrize("provider", ["openai", "azure"])
def test_an_account_that_is_not_set_up(provider: str) -> None:
    with pytest.raises(GatewayError, match="is missing") as refused:
        settings().account(provider)
    assert refused.value.status == 401


def test_other_vendors_have_no_files_here() -> None:
    entry = ModelEntry(model_name="claude", params=DeploymentParams(model="anthropic/claude", api_key="k"))
    with pytest.raises(GatewayError, match="'anthropic' are not supported") as refused:
        account_of(make_deployment(entry))
    assert refused.value.status == 400


def test_the_account_of_a_deployment() -> None:
    params = DeploymentParams(model="openai/gpt-4o", api_key="sk-model", api_base="http://model/v1")
    account = account_of(make_deployment(ModelEntry(model_name="chat", params=params)))
    assert (account.base, account.headers) == ("http://model/v1", {"authorization": "Bearer sk-model"})


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ({"openai": {}}, "must be a list"),
        (["openai"], r"files_settings\[0\].*custom_llm_provider is missing"),
        ([{"api_key": "k"}], "custom_llm_provider is missing"),
        ([{"custom_llm_provider": "openai", "api_key": 7}], "api_key must be a text"),
    ],
)
def test_a_section_that_cannot_be(section: Any, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        files_settings(section)
