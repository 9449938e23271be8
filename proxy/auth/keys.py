"""Where a caller's key is read from, and how it is compared."""

import hmac
from collections import Counter
from collections.abc import Iterable, Mapping

from proxy.config.model import GeneralSettings
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


def own_header(settings: GeneralSettings) -> bytes | None:
    """The header, in lower case, that keys are read from in place of ``HEADERS``."""
    name = settings.litellm_key_header_name
    return None if name is None else name.lower().encode()


def presented_key(headers: Mapping[bytes, bytes], own: bytes | None = None) -> str:
    """The key of a request.

    Args:
        own: of :func:`own_header`; the key needs its ``Bearer`` there, as in the reference.

    Raises:
        GatewayError: 401, there is none or it lacks its ``Bearer``.
    """
    for name in HEADERS if own is None else (own,):
        value = headers.get(name)
        if value is None:
            continue
        scheme, key = value[:7].lower(), value[7:].strip()
        if scheme == SCHEMES[0]:
            if not key:
                raise _malformed()
            return key.decode("latin-1")
        if name not in (b"authorization", own):
            return value.decode("latin-1")
        if value[:6].lower() == SCHEMES[1]:
            return value[6:].strip().decode("latin-1")
        raise _malformed()
    if own is not None:
        raise _malformed()
    raise GatewayError(401, "Authentication Error, No api key passed in.", type="auth_error")


def key_headers(
    presented: Mapping[bytes, bytes], given: Mapping[bytes, bytes], own: bytes | None = None
) -> frozenset[bytes]:
    """The headers of a request that hold its key, which no vendor may see.

    Where none is seen to, a user's own function may have found it in any of them.

    Args:
        presented: where the key was looked for.
        given: all of them.
        own: of :func:`own_header`.
    """
    try:
        key = presented_key(presented, own).encode("latin-1")
    except GatewayError:
        key = b""
    names = key_names(own)
    holding = {name for name in names if key and key in given.get(name, b"")}
    return frozenset((holding or names) | {HEADERS[0], own or HEADERS[0]})


def key_names(own: bytes | None = None) -> frozenset[bytes]:
    """Headers that may hold a key."""
    return frozenset((*HEADERS, own or HEADERS[0]))


def check_single(headers: Iterable[tuple[bytes, bytes]], own: bytes | None = None) -> None:
    """Refuse a request with two keys in one header: who reads the first lets in another than who reads the last.

    Raises:
        GatewayError: 400.
    """
    times = Counter(name for name, _ in headers)
    repeated = sorted(name.decode() for name in key_names(own) if times[name] > 1)
    if repeated:
        raise GatewayError(
            400,
            f"The header {repeated[0]} came more than once; send it once",
            type="invalid_request_error",
            param=repeated[0],
        )


def same_key(presented: str, expected: str) -> bool:
    """Compare in a time that does not depend on where the two differ."""
    return hmac.compare_digest(presented.encode(), expected.encode())


def _malformed() -> GatewayError:
    return GatewayError(
        401,
        "Authentication Error, Malformed API Key passed in. Ensure Key has `Bearer ` prefix.",
        type="auth_error",
    )
