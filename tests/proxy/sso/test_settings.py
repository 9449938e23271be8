"""Which provider is configured, what it needs, and what it is told."""

from typing import Any

import pytest

from proxy.errors import GatewayError
from proxy.sso.settings import allowed_domains, configured, missing, provider_of

GENERIC = {
    "GENERIC_CLIENT_ID": "cid",
    "GENERIC_CLIENT_SECRET": "hush",
    "GENERIC_AUTHORIZATION_ENDPOINT": "https://idp/authorize",
    "GENERIC_TOKEN_ENDPOINT": "https://idp/token",
    "GENERIC_USERINFO_ENDPOINT": "https://idp/userinfo",
}
MICROSOFT = {"MICROSOFT_CLIENT_ID": "cid", "MICROSOFT_CLIENT_SECRET": "hush", "MICROSOFT_TENANT": "acme"}
GOOGLE = {"GOOGLE_CLIENT_ID": "cid", "GOOGLE_CLIENT_SECRET": "hush"}


def test_the_first_wins() -> None:
    assert configured({**GENERIC, **MICROSOFT, **GOOGLE}) == "google"
    assert configured({**GENERIC, **MICROSOFT}) == "microsoft"
    assert configured(GENERIC) == "generic"
    assert configured({"GENERIC_CLIENT_ID": ""}) is None


@pytest.mark.parametrize(("environment", "name"), [(GENERIC, "generic"), (MICROSOFT, "microsoft"), (GOOGLE, "google")])
def test_each_setting_is_needed(environment: dict[str, str], name: Any) -> None:
    assert missing(environment, name) == []
    for variable in list(environment)[1:]:
        less = {key: value for key, value in environment.items() if key != variable}
        assert missing(less, name) == [variable]
        with pytest.raises(GatewayError, match=f"{variable} not set. Set it in .env file"):
            provider_of(less, name)


def test_discovery_takes_the_place_of_endpoints() -> None:
    environment = {"GENERIC_CLIENT_ID": "cid", "GENERIC_CLIENT_SECRET": "hush", "GENERIC_DISCOVERY_URL": "https://idp/"}
    assert missing(environment, "generic") == []
    assert provider_of(environment, "generic").discovery_url == "https://idp/.well-known/openid-configuration"


def test_microsofts_endpoints_are_of_the_tenant() -> None:
    provider = provider_of(MICROSOFT, "microsoft")
    assert provider.token_endpoint == "https://login.microsoftonline.com/acme/oauth2/v2.0/token"
    assert provider.discovery_url == "https://login.microsoftonline.com/acme/v2.0/.well-known/openid-configuration"


def test_a_national_cloud_is_not_verified_by_the_public_ones_keys() -> None:
    national = {**MICROSOFT, "MICROSOFT_TOKEN_ENDPOINT": "https://login.microsoftonline.us/acme/oauth2/v2.0/token"}
    assert provider_of(national, "microsoft").discovery_url is None
    told = {**national, "MICROSOFT_DISCOVERY_URL": "https://login.microsoftonline.us/acme/v2.0/x"}
    assert provider_of(told, "microsoft").discovery_url == "https://login.microsoftonline.us/acme/v2.0/x"


def test_what_a_generic_provider_is_told() -> None:
    provider = provider_of(
        {
            **GENERIC,
            "GENERIC_SSO_HEADERS": "x-a=1, x-b=k=v,,broken",
            "GENERIC_INCLUDE_CLIENT_ID": "True",
            "GENERIC_USER_EXTRA_ATTRIBUTES": "a, b.c",
        },
        "generic",
    )
    assert provider.headers == {"x-a": "1", "x-b": "k=v"}
    assert provider.include_client_id is True
    assert provider.attributes.extra == ("a", "b.c")
    assert provider.pkce is True
    assert provider_of({**GENERIC, "GENERIC_CLIENT_USE_PKCE": "false"}, "generic").pkce is False


def test_secrets_are_not_shown() -> None:
    assert "hush" not in repr(provider_of(GENERIC, "generic"))


def test_domains() -> None:
    assert allowed_domains({}) is None
    assert allowed_domains({"ALLOWED_EMAIL_DOMAINS": "Example.com, example.org"}) == ["example.com", "example.org"]
