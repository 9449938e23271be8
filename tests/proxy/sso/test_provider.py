"""What is said to an identity provider, and what becomes of odd answers."""

import asyncio
import base64
import hashlib
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from proxy.errors import DetailError
from proxy.sso.provider import (
    Documents,
    Endpoints,
    Secrets,
    authorization_url,
    endpoints_of,
    exchange,
    userinfo,
)
from proxy.sso.settings import Provider, provider_of
from tests.proxy.sso.test_settings import GENERIC

PROVIDER = provider_of(GENERIC, "generic")
ENDPOINTS = Endpoints("https://idp/authorize", "https://idp/token", "https://idp/userinfo")
OWN = Secrets("the-state", "the-nonce", "the-verifier")

Answering = Callable[[httpx.Request], httpx.Response]


def _with(answering: Answering, use: Callable[[httpx.AsyncClient], Any]) -> Any:
    async def run() -> Any:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answering)) as client:
            return await use(client)

    return asyncio.run(run())


def _exchange(answering: Answering, endpoints: Endpoints = ENDPOINTS, provider: Provider = PROVIDER) -> Any:
    return _with(
        answering,
        lambda client: exchange(client, provider, endpoints, code="c", redirect_uri="https://g/sso/callback", own=OWN),
    )


def test_secrets_are_new_each_time_and_the_challenge_is_of_the_verifier() -> None:
    one, other = Secrets.new(), Secrets.new()
    assert len({one.state, other.state, one.nonce, other.nonce, one.verifier, other.verifier}) == 6
    assert 43 <= len(one.verifier) <= 128
    digest = hashlib.sha256(one.verifier.encode()).digest()
    assert one.challenge == base64.urlsafe_b64encode(digest).decode().rstrip("=")
    assert Secrets.new("fixed").state == "fixed"


def test_the_authorization_url_keeps_a_query_of_its_own() -> None:
    endpoints = Endpoints("https://idp/authorize?p=policy#frag", "t", None)
    url = authorization_url(PROVIDER, endpoints, redirect_uri="https://g/cb?x=1&y=2", own=OWN)
    query = parse_qs(urlsplit(url).query)
    assert query["p"] == ["policy"]
    assert query["redirect_uri"] == ["https://g/cb?x=1&y=2"]
    assert query["nonce"] == ["the-nonce"]
    assert query["code_challenge"] == [OWN.challenge]
    assert "#" not in url


def test_without_pkce_and_openid_neither_is_sent() -> None:
    provider = provider_of({**GENERIC, "GENERIC_CLIENT_USE_PKCE": "false", "GENERIC_SCOPE": "profile"}, "generic")
    query = parse_qs(urlsplit(authorization_url(provider, ENDPOINTS, redirect_uri="r", own=OWN)).query)
    assert not {"nonce", "code_challenge", "code_challenge_method"} & set(query)


def test_a_provider_that_wants_the_secret_in_the_body() -> None:
    sent: list[httpx.Request] = []

    def answering(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, json={"access_token": "at", "id_token": "it"})

    grant = _exchange(answering, Endpoints("a", "https://idp/token", None, secret_in_body=True))
    form = parse_qs(sent[0].content.decode())
    assert (grant.access_token, grant.id_token) == ("at", "it")
    assert form["client_secret"] == ["hush"]
    assert form["client_id"] == ["cid"]
    assert "authorization" not in sent[0].headers


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (httpx.Response(400, json={"error": "invalid_grant"}), 401),
        (httpx.Response(400, text="no JSON"), 401),
        (httpx.Response(200, json={"token_type": "Bearer"}), 401),
        (httpx.Response(200, json={"access_token": 7}), 401),
        (httpx.Response(200, json=["list"]), 502),
        (httpx.Response(200, text="<html>"), 502),
        (httpx.Response(200, text="[" * 100_000), 502),
        (httpx.Response(500, text="down"), 502),
        (httpx.Response(302, headers={"location": "https://evil/"}), 502),
    ],
)
def test_answers_that_are_no_tokens(answer: httpx.Response, status: int) -> None:
    with pytest.raises(DetailError) as caught:
        _exchange(lambda _: answer)
    assert caught.value.status == status


def test_a_provider_that_is_away() -> None:
    def answering(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(DetailError, match=r"does not answer at https://idp/token .*ConnectError") as caught:
        _exchange(answering)
    assert caught.value.status == 502


def test_errors_show_no_secret_of_an_address() -> None:
    endpoints = Endpoints("a", "https://user:pass@idp/token?key=hidden", None)
    with pytest.raises(DetailError) as caught:
        _exchange(lambda _: httpx.Response(503), endpoints)
    assert "pass" not in str(caught.value)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(("answer", "status"), [(httpx.Response(401), 401), (httpx.Response(200, text="jwt"), 502)])
def test_userinfo_that_is_none(answer: httpx.Response, status: int) -> None:
    with pytest.raises(DetailError) as caught:
        _with(lambda _: answer, lambda client: userinfo(client, PROVIDER, ENDPOINTS, "at"))
    assert caught.value.status == status


def test_no_userinfo_endpoint() -> None:
    asked = _with(
        lambda _: httpx.Response(500), lambda client: userinfo(client, PROVIDER, Endpoints("a", "t", None), "at")
    )
    assert asked == {}


def test_discovery_is_asked_once_and_what_is_configured_wins() -> None:
    asked = []

    def answering(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        return httpx.Response(
            200,
            json={
                "issuer": "https://idp",
                "authorization_endpoint": "https://idp/a",
                "token_endpoint": "https://idp/t",
                "jwks_uri": "https://idp/k",
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
            },
        )

    environment = {
        "GENERIC_CLIENT_ID": "c",
        "GENERIC_CLIENT_SECRET": "s",
        "GENERIC_DISCOVERY_URL": "https://idp",
        "GENERIC_TOKEN_ENDPOINT": "https://other/t",
    }
    provider, documents = provider_of(environment, "generic"), Documents()

    async def twice(client: httpx.AsyncClient) -> Endpoints:
        await endpoints_of(client, provider, documents)
        return await endpoints_of(client, provider, documents)

    found = _with(answering, twice)
    assert (found.authorization, found.token, found.userinfo) == ("https://idp/a", "https://other/t", None)
    assert (found.keys, found.issuer, found.secret_in_body) == ("https://idp/k", "https://idp", True)
    assert len(asked) == 1


def test_discovery_that_names_nothing() -> None:
    environment = {"GENERIC_CLIENT_ID": "c", "GENERIC_CLIENT_SECRET": "s", "GENERIC_DISCOVERY_URL": "https://idp"}
    with pytest.raises(DetailError, match="names no usable endpoints"):
        _with(
            lambda _: httpx.Response(200, json={"issuer": "https://idp"}),
            lambda client: endpoints_of(client, provider_of(environment, "generic"), Documents()),
        )
