"""Tokens that an identity provider has signed: its public keys are fetched and kept, signatures and times checked."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import KeySet

from proxy.auth.virtual_keys import refused
from proxy.errors import GatewayError

if TYPE_CHECKING:
    from collections.abc import Sequence

log = logging.getLogger(__name__)

URLS = "JWT_PUBLIC_KEY_URL"
AUDIENCE = "JWT_AUDIENCE"
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
"""Of a public and a private key: nobody can sign with what anybody may read."""
FETCH_SECONDS = 5.0
RETRY_SECONDS = 10.0
"""How soon the keys are fetched again for a token whose key is not among them."""
MAX_TOKEN = 16_000
KEPT_TOKENS = 4096

Claims = dict[str, Any]


class _Kept(msgspec.Struct):
    keys: KeySet
    fetched: float
    """Of the monotonic clock."""


class SignedTokens:
    """Checks tokens against the keys of ``JWT_PUBLIC_KEY_URL``, several separated by commas.

    Args:
        ttl: how long keys are kept, in seconds.
    """

    def __init__(self, ttl: float) -> None:
        self._ttl = ttl
        self._kept: dict[str, _Kept] = {}
        self._checked: dict[bytes, tuple[Claims, float]] = {}
        self._failed: dict[str, float] = {}
        """When providers did not answer."""
        self._fetching = asyncio.Lock()

    async def claims(self, token: str) -> Claims:
        """What a token says.

        Raises:
            GatewayError: 401: it is none, expired, for somebody else, or signed by somebody else.
        """
        name = sha256(token.encode()).digest()
        known = self._checked.get(name)
        if known is not None and time.time() < known[1]:
            return known[0]
        if len(token) > MAX_TOKEN:
            raise refused("Validation fails: the token is too long")
        claims = await self._verified(token)
        if len(self._checked) >= KEPT_TOKENS:
            self._checked.clear()
        expires = claims.get("exp")
        end = time.time() + min(self._ttl, 60.0)
        self._checked[name] = claims, min(end, float(expires)) if expires is not None else end
        return claims

    async def _verified(self, token: str) -> Claims:
        urls = [url.strip() for url in os.environ.get(URLS, "").split(",") if url.strip()]
        if not urls:
            raise refused("Missing JWT Public Key URL from environment.")
        kid = _kid(token)
        key = await self._key(urls, kid)
        audience = os.environ.get(AUDIENCE)
        registry = jwt.JWTClaimsRegistry()
        if audience is not None:
            registry = jwt.JWTClaimsRegistry(aud={"essential": True, "value": audience})
        try:
            decoded = jwt.decode(token, key, algorithms=list(ALGORITHMS))
            registry.validate(decoded.claims)
        except ExpiredTokenError:
            raise refused("Token Expired") from None
        except (JoseError, ValueError, TypeError) as error:
            raise refused(f"Validation fails: {error}") from None
        return dict(decoded.claims)

    async def _key(self, urls: Sequence[str], kid: str | None) -> Any:
        for oldest in (self._ttl, RETRY_SECONDS):
            for url in urls:
                found = _among(await self._keys(url, oldest), kid)
                if found is not None:
                    return found
        raise refused(f"No matching public key found. keys={list(urls)}, kid={kid}")

    async def _keys(self, url: str, oldest: float) -> KeySet:
        """Of a provider; those that were fetched before, while it does not answer."""
        async with self._fetching:
            kept = self._kept.get(url)
            if kept is not None and time.monotonic() - kept.fetched < min(oldest, self._ttl):
                return kept.keys
            if kept is None and time.monotonic() - self._failed.get(url, -RETRY_SECONDS) < RETRY_SECONDS:
                raise _unfetched(url)
            try:
                keys = await _fetched(url)
            except (httpx.HTTPError, JoseError, ValueError, TypeError, KeyError) as error:
                log.warning("the keys of %s could not be fetched: %s", url, error.__class__.__name__)
                self._failed[url] = time.monotonic()
                if kept is None:
                    raise _unfetched(url) from None
                kept.fetched = time.monotonic() - self._ttl + RETRY_SECONDS
                return kept.keys
            self._kept[url] = _Kept(keys, time.monotonic())
            return keys


def _unfetched(url: str) -> GatewayError:
    return refused(f"The public keys of {url} ({URLS}) could not be fetched")


async def _fetched(url: str) -> KeySet:
    async with httpx.AsyncClient(timeout=FETCH_SECONDS) as client:
        answer = await client.get(url)
    answer.raise_for_status()
    found = answer.json()
    keys = found["keys"] if isinstance(found, dict) and "keys" in found else found
    asymmetric = [key for key in ([keys] if isinstance(keys, dict) else keys) if key.get("kty") in ("RSA", "EC", "OKP")]
    return KeySet.import_key_set({"keys": asymmetric})


def _among(keys: KeySet, kid: str | None) -> Any:
    """The key of a name; the only one, for a token that names none."""
    members = keys.keys
    if kid is None:
        return members[0] if len(members) == 1 else None
    return next((key for key in members if key.kid == kid), None)


def _kid(token: str) -> str | None:
    from joserfc.util import urlsafe_b64decode

    try:
        header = msgspec.json.decode(urlsafe_b64decode(token.partition(".")[0].encode()))
        kid = header.get("kid")
    except (ValueError, AttributeError, msgspec.DecodeError):
        raise refused("Validation fails: the header of the token cannot be read") from None
    return kid if isinstance(kid, str) else None


def is_jwt(token: str) -> bool:
    """Whether it looks like one."""
    return token.count(".") == 2
