"""What is said to an identity provider: OpenID Connect's authorization code flow, with PKCE.

https://openid.net/specs/openid-connect-core-1_0.html, RFC 7636. Over httpx: this is no call of a model.
"""

import base64
import hashlib
import logging
import secrets
import time
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import httpx
import msgspec

from proxy.errors import DetailError
from proxy.sso.settings import Provider

log = logging.getLogger(__name__)

SECONDS: Final = 10.0
"""How long a provider may take for an answer."""
KEPT_SECONDS: Final = 3600.0
"""How long its documents are kept."""
REFRESH_SECONDS: Final = 30.0
"""How often its keys are asked for again, at most, when a token names one that is not among them."""

Claims = dict[str, Any]


class Endpoints(msgspec.Struct, frozen=True):
    """Of a provider."""

    authorization: str
    token: str
    userinfo: str | None
    keys: str | None = None
    """Of the keys that ID tokens are signed with; ``None``: not known, they cannot be verified."""
    issuer: str | None = None
    secret_in_body: bool = False
    """Whether the client's secret goes into the body of token requests, the provider knowing no other way."""


class Grant(msgspec.Struct, frozen=True):
    """What a code was exchanged for."""

    access_token: str
    id_token: str | None = None


class Secrets(msgspec.Struct, frozen=True):
    """What one sign-in is known by, to the browser, the provider and the gateway."""

    state: str
    nonce: str
    verifier: str

    @classmethod
    def new(cls, state: str | None = None) -> "Secrets":
        """Nobody can guess them, apart from a fixed ``state``."""
        return cls(state or secrets.token_hex(16), secrets.token_urlsafe(24), secrets.token_urlsafe(32))

    @property
    def challenge(self) -> str:
        """S256 of the verifier."""
        return base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).decode().rstrip("=")


def new_client() -> httpx.AsyncClient:
    """For one sign-in. Reads the authorities to trust: make it in a thread."""
    return httpx.AsyncClient(timeout=SECONDS, headers={"accept": "application/json"})


def authorization_url(provider: Provider, endpoints: Endpoints, *, redirect_uri: str, own: Secrets) -> str:
    """Where the browser is sent to sign in."""
    query = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": redirect_uri,
        "scope": provider.scope,
        "state": own.state,
    }
    if "openid" in provider.scope.split():
        query["nonce"] = own.nonce
    if provider.pkce:
        query |= {"code_challenge": own.challenge, "code_challenge_method": "S256"}
    parts = urlsplit(endpoints.authorization)
    present = parse_qsl(parts.query, keep_blank_values=True)
    return urlunsplit(parts._replace(query=urlencode([*present, *query.items()]), fragment=""))


class Documents:
    """What providers publish (their endpoints, their keys), each asked for once in a while."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[float, Claims]] = {}

    async def get(self, client: httpx.AsyncClient, url: str, *, younger_than: float = KEPT_SECONDS) -> Claims:
        """A JSON document; ``younger_than``: seconds.

        Raises:
            DetailError: 502, the provider does not give it.
        """
        asked, document = self._kept.get(url, (0.0, None))
        if document is None or time.monotonic() - asked > younger_than:
            document = _object(await _answered(client.get(url), url), url)
            self._kept[url] = time.monotonic(), document
        return document


async def endpoints_of(client: httpx.AsyncClient, provider: Provider, documents: Documents) -> Endpoints:
    """The provider's endpoints, asked for if they are not all configured.

    Raises:
        DetailError: 502, the provider's document cannot be had or is none.
    """
    document: Claims = {}
    if provider.discovery_url is not None:
        document = await documents.get(client, provider.discovery_url)
    methods = document.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    try:
        return msgspec.convert(
            {
                "authorization": provider.authorization_endpoint or document.get("authorization_endpoint"),
                "token": provider.token_endpoint or document.get("token_endpoint"),
                "userinfo": provider.userinfo_endpoint or document.get("userinfo_endpoint"),
                "keys": document.get("jwks_uri"),
                "issuer": document.get("issuer"),
                "secret_in_body": "client_secret_basic" not in methods and "client_secret_post" in methods,
            },
            Endpoints,
        )
    except msgspec.ValidationError as error:
        raise DetailError(502, f"{provider.discovery_url} names no usable endpoints: {error}") from None


async def exchange(
    client: httpx.AsyncClient, provider: Provider, endpoints: Endpoints, *, code: str, redirect_uri: str, own: Secrets
) -> Grant:
    """Exchange the code that the browser brought for tokens.

    Raises:
        DetailError: 401, the provider does not know the code (any more); 502, it does not answer as it should.
    """
    form = {"grant_type": "authorization_code"}
    if provider.include_client_id or endpoints.secret_in_body:
        form["client_id"] = provider.client_id
    if provider.pkce:
        form["code_verifier"] = own.verifier
    form |= {"code": code, "redirect_uri": redirect_uri}
    auth = httpx.Auth()
    if endpoints.secret_in_body:
        form["client_secret"] = provider.client_secret
    else:
        auth = httpx.BasicAuth(provider.client_id, provider.client_secret)
    request = client.post(endpoints.token, data=form, headers=provider.headers, auth=auth)
    answer = await _answered(request, endpoints.token, refusable=True)
    given = _object(answer, endpoints.token)
    if answer.is_client_error or not isinstance(given.get("access_token"), str):
        why = given.get("error")
        log.warning("the identity provider gave no token: %d %s", answer.status_code, why)
        raise DetailError(
            401,
            f"Result not returned by SSO provider. It refused the code: {why if isinstance(why, str) else 'no reason'}. "
            "Sign in again",
        )
    id_token = given.get("id_token")
    return Grant(given["access_token"], id_token if isinstance(id_token, str) else None)


async def userinfo(client: httpx.AsyncClient, provider: Provider, endpoints: Endpoints, access_token: str) -> Claims:
    """What the provider says of the person; nothing if it has no such endpoint.

    Raises:
        DetailError: 401, it refuses the token; 502, it does not answer as it should.
    """
    if endpoints.userinfo is None:
        return {}
    bearer = {**provider.headers, "authorization": f"Bearer {access_token}"}
    answer = await _answered(client.get(endpoints.userinfo, headers=bearer), endpoints.userinfo, refusable=True)
    if answer.is_client_error:
        log.warning("the identity provider gave no userinfo: %d", answer.status_code)
        raise DetailError(401, "Result not returned by SSO provider. It refused its own access token; sign in again")
    return _object(answer, endpoints.userinfo)


async def _answered(asking: Any, url: str, *, refusable: bool = False) -> httpx.Response:
    """An answer that is a success, or with ``refusable`` a refusal."""
    try:
        answer: httpx.Response = await asking
    except httpx.HTTPError as error:
        log.warning("%s does not answer: %r", url, error)
        raise DetailError(
            502, f"The identity provider does not answer at {_plain(url)} ({type(error).__name__}); check its address"
        ) from None
    if answer.is_success or (refusable and answer.is_client_error):
        return answer
    raise DetailError(502, f"The identity provider answers {answer.status_code} at {_plain(url)}; check its address")


def _object(answer: httpx.Response, url: str) -> Claims:
    try:
        return msgspec.json.decode(answer.content, type=Claims)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError):
        if answer.is_client_error:
            return {}
        raise DetailError(
            502, f"The identity provider answers no JSON object at {_plain(url)}; check its address"
        ) from None


def _plain(url: str) -> str:
    """Without a query or a password, which may be secret."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.hostname or "", parts.path, "", ""))
