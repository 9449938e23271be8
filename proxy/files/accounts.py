"""Where a vendor keeps files and batches, and whose key opens it: accounts of deployments, the config, the environment."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import msgspec

from proxy.config.errors import ConfigError
from proxy.deployment import Deployment
from proxy.errors import GatewayError

AZURE: Final = "azure"
PROVIDERS: Final = ("openai", "hosted_vllm", AZURE)
DEFAULT: Final = "openai"
AZURE_VERSION: Final = "2024-07-01-preview"
"""Of accounts that name none, as for calls of models."""
GENERAL: Final = frozenset(("v1", "latest", "preview"))
"""Versions of Azure's that stand for its API without versions."""
SECTION: Final = "files_settings"


class Account(msgspec.Struct, frozen=True):
    """One account of a vendor."""

    provider: str
    base: str
    """The address, up to ``/files`` and ``/batches``."""
    headers: Mapping[str, str]
    query: Mapping[str, str] = {}
    shown: str | None = None
    """The address as the config says it; ``None``: it does not."""

    def url(self, path: str, query: Sequence[tuple[str, str]] = ()) -> str:
        """An address within it; ``path`` begins with a slash and is percent-encoded."""
        asked = urlencode([*self.query.items(), *query])
        return f"{self.base}{path}" + (f"?{asked}" if asked else "")


class _Given(msgspec.Struct, frozen=True):
    """What a setting or a deployment says of an account."""

    place: str
    """Named in errors."""
    api_base: str | None = None
    api_key: str | None = None
    api_version: str | None = None
    organization: str | None = None
    azure_ad_token: str | None = None


class Settings(msgspec.Struct, frozen=True):
    """``files_settings``: accounts by provider, for what names no model."""

    given: Mapping[str, _Given] = {}

    def account(self, provider: str) -> Account:
        """The account of a provider: what the settings say of it, else the environment.

        Raises:
            GatewayError: 400, it is none of those that are known; 401, it is not set up.
        """
        return _account(provider, self.given.get(provider, _Given(f"{SECTION} of {provider}")))


def files_settings(section: Any) -> Settings:
    """Read the section; the first entry of a provider counts.

    Raises:
        ConfigError: it is no list of what it should be.
    """
    if section is None:
        return Settings()
    if not isinstance(section, list):
        raise ConfigError(
            "must be a list, each item with custom_llm_provider and its api_base, api_key, ...", key=SECTION
        )
    given: dict[str, _Given] = {}
    for number, item in enumerate(section):
        key = f"{SECTION}[{number}]"
        if not isinstance(item, dict) or not isinstance(item.get("custom_llm_provider"), str):
            raise ConfigError("custom_llm_provider is missing: say whose account it is", key=key)
        names = [name for name in _Given.__struct_fields__ if name != "place" and item.get(name) is not None]
        wrong = [name for name in names if not isinstance(item[name], str)]
        if wrong:
            raise ConfigError(f"{wrong[0]} must be a text", key=key)
        given.setdefault(item["custom_llm_provider"], _Given(key, **{name: item[name] for name in names}))
    return Settings(given)


def account_of(deployment: Deployment) -> Account:
    """The account that a deployment's calls are made with.

    Raises:
        GatewayError: 400, its vendor has no files here; 401, it is not set up.
    """
    params = deployment.params
    token = params.other.get("azure_ad_token")
    given = _Given(
        f"litellm_params of model {deployment.group!r}",
        params.api_base,
        params.api_key,
        params.api_version,
        params.organization,
        token if isinstance(token, str) else None,
    )
    return _account(deployment.provider, given)


def _account(provider: str, given: _Given) -> Account:
    if provider not in PROVIDERS:
        raise GatewayError(
            400,
            f"Files and batches of {provider[:100]!r} are not supported. Supported providers: {', '.join(PROVIDERS)}",
            type="invalid_request_error",
            param="custom_llm_provider",
        )
    return _azure(given) if provider == AZURE else _openai(provider, given)


def _openai(provider: str, given: _Given) -> Account:
    if provider != "openai" and (given.api_base or given.api_key or _first("HOSTED_VLLM_API_BASE")):
        return _own_server(provider, given)  # which gets no key of OpenAI's
    base = given.api_base or _first("OPENAI_BASE_URL", "OPENAI_API_BASE") or "https://api.openai.com/v1"
    key = given.api_key or _first("OPENAI_API_KEY")
    if not key:
        raise _unset(f"api_key is missing in {given.place}, and OPENAI_API_KEY is not set")
    headers = {"authorization": f"Bearer {key}"}
    organization = given.organization or _first("OPENAI_ORGANIZATION")
    if organization:
        headers["openai-organization"] = organization
    return Account(provider, base.rstrip("/"), headers, shown=given.api_base)


def _own_server(provider: str, given: _Given) -> Account:
    base = given.api_base or _first("HOSTED_VLLM_API_BASE")
    if not base:
        raise _unset(f"api_base is missing in {given.place}, and HOSTED_VLLM_API_BASE is not set")
    key = given.api_key or _first("HOSTED_VLLM_API_KEY")
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return Account(provider, base.rstrip("/"), headers, shown=given.api_base)


def _azure(given: _Given) -> Account:
    base = given.api_base or _first("AZURE_API_BASE")
    if not base:
        raise _unset(f"api_base is missing in {given.place}, and AZURE_API_BASE is not set")
    key, token = given.api_key or _first("AZURE_OPENAI_API_KEY", "AZURE_API_KEY"), given.azure_ad_token
    if not key and not token:
        raise _unset(f"api_key is missing in {given.place}, and AZURE_API_KEY is not set")
    version = given.api_version or _first("AZURE_API_VERSION") or AZURE_VERSION
    address = urlsplit(base)
    root = f"{address.scheme}://{address.netloc}{address.path.partition('/openai')[0].rstrip('/')}/openai"
    headers = {"api-key": key} if key else {"authorization": f"Bearer {token}"}
    if version in GENERAL:
        return Account(AZURE, f"{root}/v1", headers, shown=given.api_base)
    return Account(AZURE, root, headers, {"api-version": version}, given.api_base)


def _first(*variables: str) -> str | None:
    return next((value for name in variables if (value := os.environ.get(name))), None)


def _unset(what: str) -> GatewayError:
    """The gateway lacks a setting that the call needs; see :func:`proxy.passthrough.target.unset`."""
    return GatewayError(401, f"{what}. Set one of them", type="auth_error")
