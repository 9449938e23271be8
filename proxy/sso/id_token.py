"""ID tokens: whether the provider signed them, for us, for this sign-in, and not too long ago.

https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation
"""

from typing import TYPE_CHECKING, Any, Final

import httpx
import msgspec

from proxy.errors import DetailError, GatewayError
from proxy.sso.provider import REFRESH_SECONDS, Claims, Documents, Endpoints
from proxy.sso.settings import Provider

if TYPE_CHECKING:
    from joserfc.jwk import KeySet
    from joserfc.jwt import Token

#: Asymmetric ones alone: with others whoever knows the provider's public key could sign.
ALGORITHMS: Final = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA", "Ed25519"),
)
LEEWAY_SECONDS: Final = 60


async def verified(
    client: httpx.AsyncClient,
    provider: Provider,
    endpoints: Endpoints,
    documents: Documents,
    *,
    token: str,
    nonce: str,
) -> Claims:
    """The claims of a token.

    Raises:
        DetailError: 401, it is not what this sign-in must bring; 502, the provider's keys cannot be had.
        GatewayError: 500, the extra ``oidc`` is not installed.
    """
    assert endpoints.keys is not None
    document = await documents.get(client, endpoints.keys)
    try:
        decoded = _decoded(token, document)
    except DetailError:
        # The provider may have new keys.
        newer = await documents.get(client, endpoints.keys, younger_than=REFRESH_SECONDS)
        if newer is document:
            raise
        decoded = _decoded(token, newer)
    claims = dict(decoded.claims)
    _check(claims, provider, endpoints, nonce)
    return claims


def _decoded(token: str, document: Claims) -> "Token":
    try:
        from joserfc import jwt
        from joserfc.errors import JoseError
    except ImportError:
        raise GatewayError(
            500, "Signing in needs the extra `oidc`; pip install 'tianji[oidc]'", type="auth_error", param="oidc"
        ) from None
    try:
        return jwt.decode(token, _key_set(document), algorithms=list(ALGORITHMS))
    except (JoseError, ValueError, TypeError) as error:
        raise _refused(f"its signature cannot be verified ({type(error).__name__})") from None


def _key_set(document: Claims) -> "KeySet":
    """The keys of a JWKS that can verify; those of kinds that we do not know are left out."""
    from joserfc.errors import JoseError
    from joserfc.jwk import JWKRegistry, KeySet

    keys = []
    listed = document.get("keys")
    for item in listed if isinstance(listed, list) else ():
        if isinstance(item, dict) and item.get("use", "sig") == "sig" and item.get("kty") != "oct":
            try:
                keys.append(JWKRegistry.import_key(item))
            except (JoseError, ValueError, TypeError):
                continue
    return KeySet(keys)


def _check(claims: Claims, provider: Provider, endpoints: Endpoints, nonce: str) -> None:
    from joserfc.errors import JoseError
    from joserfc.jwt import JWTClaimsRegistry

    # Microsoft's issuer of several tenants names the person's own in its place.
    issuer = (endpoints.issuer or "").replace("{tenantid}", str(claims.get("tid", "")))
    registry = JWTClaimsRegistry(
        leeway=LEEWAY_SECONDS,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": provider.client_id},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True, "value": nonce},
    )
    try:
        registry.validate(claims)
    except (JoseError, ValueError, TypeError) as error:
        raise _refused(f"{getattr(error, 'claim', None) or type(error).__name__} is not what it must be") from None
    audience = claims["aud"]
    several = isinstance(audience, list) and len(audience) > 1
    if claims.get("azp", None if several else provider.client_id) != provider.client_id:
        raise _refused("azp is not what it must be")


def unverified(token: str | None) -> Claims:
    """What a JWT says that came straight from the provider, which vouches for it in place of a signature (OpenID Connect
    Core 3.1.3.7, 6); nothing when it is none."""
    if token is None:
        return {}
    from joserfc import jws
    from joserfc.errors import JoseError

    try:
        payload: Any = msgspec.json.decode(jws.extract_compact(token.encode()).payload)
    except (JoseError, ValueError, msgspec.DecodeError, RecursionError):
        return {}
    return payload if isinstance(payload, dict) else {}


def _refused(why: str) -> DetailError:
    return DetailError(401, f"The ID token of the identity provider is not valid: {why}. Sign in again")
