"""Where a caller's key is read from, and how it is compared."""

import hmac
from collections.abc import Mapping

from proxy.errors import GatewayError

#: In order of precedence (A.md, CORE - authentication). ``Bearer`` is optional everywhere but in ``authorization``.
HEADERS = (
    b"x-litellm-api-key",
    b"authorization",
    b"api-key",
    b"x-api-key",
    b"x-goog-api-key",
    b"ocp-apim-subscription-key",
)
SCHEMES = (b"bearer ", b"basic ")


def presented_key(headers: Mapping[bytes, bytes]) -> str:
    """The key of a request.

    Raises:
        GatewayError: 401, there is none or it lacks its ``Bearer``.
    """
    for name in HEADERS:
        value = headers.get(name)
        if value is None:
            continue
        scheme, key = value[:7].lower(), value[7:].strip()
        if scheme == SCHEMES[0]:
            if not key:
                raise _malformed()
            return key.decode("latin-1")
        if name != b"authorization":
            return value.decode("latin-1")
        if value[:6].lower() == SCHEMES[1]:
            return value[6:].strip().decode("latin-1")
        raise _malformed()
    raise GatewayError(401, "Authentication Error, No api key passed in.", type="auth_error")


def key_headers(presented: Mapping[bytes, bytes], given: Mapping[bytes, bytes]) -> frozenset[bytes]:
    """The headers of a request that hold its key, which no vendor may see.

    Args:
        presented: where the key was looked for.
        given: all of them.
    """
    try:
        key = presented_key(presented).encode("latin-1")
    except GatewayError:
        key = b""
    holding = {name for name in HEADERS if key and key in given.get(name, b"")}
    return frozenset(holding | {HEADERS[0]})


def same_key(presented: str, expected: str) -> bool:
    """Compare in a time that does not depend on where the two differ."""
    return hmac.compare_digest(presented.encode(), expected.encode())


def _malformed() -> GatewayError:
    return GatewayError(
        401,
        "Authentication Error, Malformed API Key passed in. Ensure Key has `Bearer ` prefix.",
        type="auth_error",
    )
