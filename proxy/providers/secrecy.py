"""Keeping what the gateway tells a vendor about itself out of the errors that the vendor sends back."""

from collections.abc import Sequence

from proxy.config.redact import MASK, is_secret_name
from proxy.errors import Headers

SHORTEST = 4
"""Characters; shorter values are no secrets, and would be found everywhere."""


def secrets_of(headers: Headers) -> list[bytes]:
    """The secrets in the headers of a call, the longest first; of ``authorization`` what follows the scheme."""
    found = []
    for name, value in headers:
        if name == "authorization":
            found.append(value.rpartition(" ")[2])
        elif is_secret_name(name.replace("-", "_")):
            found.append(value)
    return sorted((secret.encode() for secret in found if len(secret) >= SHORTEST), key=len, reverse=True)


def without(secrets: Sequence[bytes], text: bytes) -> bytes:
    """``text`` with a mask in place of each secret, also of one whose slashes JSON has escaped."""
    for secret in secrets:
        text = text.replace(secret, MASK.encode()).replace(secret.replace(b"/", rb"\/"), MASK.encode())
    return text
