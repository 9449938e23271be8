"""ID tokens that are none of the provider's, none of ours, or none of this sign-in."""

import asyncio
import base64
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from fixtures.oidc_replies import CLIENT_ID, CLIENT_SECRET, KEY, STRANGERS_KEY, id_token, public
from proxy.errors import DetailError
from proxy.sso import id_token as id_tokens
from proxy.sso.id_token import unverified, verified
from proxy.sso.provider import Documents, Endpoints
from proxy.sso.settings import Provider, provider_of

ISSUER = "https://idp.example"
ENDPOINTS = Endpoints("https://idp/a", "https://idp/t", "https://idp/u", keys="https://idp/keys", issuer=ISSUER)
PROVIDER: Provider = provider_of(
    {"GENERIC_CLIENT_ID": CLIENT_ID, "GENERIC_CLIENT_SECRET": CLIENT_SECRET, "GENERIC_DISCOVERY_URL": ISSUER}, "generic"
)


class Keys:
    """What the provider publishes, and how often it was asked."""

    def __init__(self, *keys: Mapping[str, Any]) -> None:
        self.keys = [dict(key) for key in keys]
        self.asked = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        return httpx.Response(200, json={"keys": self.keys})


def _claims(token: str, keys: Keys | None = None, *, documents: Documents | None = None, nonce: str = "n-1") -> Any:
    async def run() -> Any:
        transport = httpx.MockTransport(keys or Keys(public(KEY)))
        async with httpx.AsyncClient(transport=transport) as client:
            return await verified(client, PROVIDER, ENDPOINTS, documents or Documents(), token=token, nonce=nonce)

    return asyncio.run(run())


def _token(claims: Mapping[str, Any] | None = None, **options: Any) -> str:
    return id_token(claims or {}, **{"issuer": ISSUER, "nonce": "n-1", **options})


def _refused(token: str, **options: Any) -> str:
    with pytest.raises(DetailError) as caught:
        _claims(token, **options)
    assert caught.value.status == 401
    return str(caught.value.detail)


def test_a_good_one() -> None:
    assert _claims(_token({"sub": "alice"}))["sub"] == "alice"


def test_another_signature() -> None:
    assert "signature" in _refused(_token(key=STRANGERS_KEY))


def test_changed_claims() -> None:
    head, _, signature = _token({"sub": "alice"}).split(".")
    other = _token({"sub": "bob"}).split(".")[1]
    assert "signature" in _refused(f"{head}.{other}.{signature}")


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE"])
def test_no_signature(algorithm: str) -> None:
    header = base64.urlsafe_b64encode(json.dumps({"alg": algorithm}).encode()).decode().rstrip("=")
    claims = _token().split(".")[1]
    assert "signature" in _refused(f"{header}.{claims}.")


@pytest.mark.parametrize("secret", ["the public key", "the client's secret"])
def test_a_signature_that_everybody_could_make(secret: str) -> None:
    """HS256 with the provider's public key for a secret: a library that trusts the header would take it."""
    rsa = RSAKey.generate_key(2048, {"kid": "rsa-1"})
    signing = rsa.as_pem(private=False) if secret == "the public key" else CLIENT_SECRET.encode()
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": CLIENT_ID, "sub": "eve", "iat": now, "exp": now + 60, "nonce": "n-1"}
    signed = f"{_encoded({'alg': 'HS256', 'kid': 'rsa-1'})}.{_encoded(claims)}"
    digest = hmac.digest(signing, signed.encode(), "sha256")
    forged = f"{signed}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"
    assert "signature" in _refused(forged, keys=Keys(rsa.as_dict(private=False)))


def _encoded(value: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def test_a_shared_secret_among_the_providers_keys_signs_nothing() -> None:
    secret = OctKey.import_key(b"x" * 32, {"kid": "oct-1"})
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": CLIENT_ID, "sub": "eve", "iat": now, "exp": now + 60, "nonce": "n-1"}
    forged = jwt.encode({"alg": "HS256", "kid": "oct-1"}, claims, secret)
    assert "signature" in _refused(forged, keys=Keys(public(KEY), secret.as_dict(private=True)))


@pytest.mark.parametrize("header", [{"jwk": public(STRANGERS_KEY)}, {"jku": "https://evil.example/keys"}])
def test_a_key_that_the_token_brings_along(header: dict[str, Any]) -> None:
    assert "signature" in _refused(_token(key=STRANGERS_KEY, header=header))


@pytest.mark.parametrize(
    ("claims", "named"),
    [
        ({"aud": "another-client"}, "aud"),
        ({"aud": ["another-client"]}, "aud"),
        ({"aud": None}, "aud"),
        ({"iss": "https://evil.example"}, "iss"),
        ({"iss": f"{ISSUER}/"}, "iss"),
        ({"iss": None}, "iss"),
        ({"nonce": "n-2"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"exp": 1_700_000_000}, "exp"),
        ({"exp": None}, "exp"),
        ({"sub": None}, "sub"),
        ({"aud": [CLIENT_ID, "another-client"]}, "azp"),
        ({"aud": [CLIENT_ID, "another-client"], "azp": "another-client"}, "azp"),
        ({"azp": "another-client"}, "azp"),
    ],
)
def test_claims_that_are_wrong(claims: dict[str, Any], named: str) -> None:
    text = _refused(_token(claims))
    assert named in text or "Expired" in text


def test_several_audiences_with_ours_as_the_party() -> None:
    assert _claims(_token({"aud": ["another-client", CLIENT_ID], "azp": CLIENT_ID}))["azp"] == CLIENT_ID


@pytest.mark.parametrize("token", ["", "a", "a.b", "a.b.c", "é.é.é", "." * 50, "e30.e30.e30"])
def test_what_is_no_token(token: str) -> None:
    _refused(token)


def test_new_keys_are_asked_for_when_one_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    keys, documents = Keys(public(STRANGERS_KEY)), Documents()
    _refused(_token(), keys=keys, documents=documents)
    keys.keys = [public(KEY)]
    _refused(_token(), keys=keys, documents=documents)
    assert keys.asked == 1
    monkeypatch.setattr(id_tokens, "REFRESH_SECONDS", 0.0)
    assert _claims(_token(), keys, documents=documents)["sub"] == "someone"
    assert keys.asked == 2


def test_keys_of_unknown_kinds_are_passed_over() -> None:
    odd: list[dict[str, Any]] = [
        {"kty": "future"},
        {"kty": "RSA", "n": "!"},
        {"kty": "EC"},
        {"use": "enc", **public(KEY)},
    ]
    assert _claims(_token(), Keys(*odd, public(KEY)))["sub"] == "someone"


def test_microsofts_issuer_is_of_the_persons_tenant() -> None:
    endpoints = Endpoints("a", "t", "u", keys="https://idp/keys", issuer="https://login.example/{tenantid}/v2.0")

    async def run(token: str) -> Any:
        async with httpx.AsyncClient(transport=httpx.MockTransport(Keys(public(KEY)))) as client:
            return await verified(client, PROVIDER, endpoints, Documents(), token=token, nonce="n-1")

    good = _token({"tid": "acme", "iss": "https://login.example/acme/v2.0"})
    assert asyncio.run(run(good))["tid"] == "acme"
    with pytest.raises(DetailError):
        asyncio.run(run(_token({"tid": "acme", "iss": "https://login.example/evil/v2.0"})))


def test_what_a_provider_says_without_a_signature() -> None:
    assert unverified(_token({"role": "x"}))["role"] == "x"
    assert unverified("opaque") == unverified(None) == unverified("a.b.c") == {}
