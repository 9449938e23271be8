"""Passwords of users: kept as scrypt, which is slow on purpose."""

import base64
import binascii
import hashlib
import hmac
import re
import secrets

Costs = tuple[int, int, int]
"""scrypt's cost, block size and parallelism (RFC 7914)."""

COSTS: Costs = (2**14, 8, 1)
"""16 MiB and some 50 ms a password."""
MOST_MEMORY = 64 * 2**20
"""Bytes that reading a stored password may take."""
_SCRYPT = re.compile(r"scrypt\$n=(\d{1,8}),r=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+)")
_SHA256 = re.compile("[0-9a-f]{64}")


def hash_password(password: str) -> str:
    """What is stored in place of a password: ``scrypt$n=...,r=...,p=...$SALT$HASH``, the latter two in base64."""
    salt = secrets.token_bytes(16)
    digest = _scrypt(password, salt, COSTS, 32)
    cost, block, parallel = COSTS
    return f"scrypt$n={cost},r={block},p={parallel}${_text(salt)}${_text(digest)}"


def verify_password(password: str, stored: str | None) -> bool:
    """Whether this is the password.

    Args:
        stored: of :func:`hash_password`, or the hex SHA-256 that users imported from the reference have; anything else,
            and ``None``, is nobody's password. The stored text itself is none either.
    """
    if stored is None:
        return False
    if _SHA256.fullmatch(stored):
        return hmac.compare_digest(hashlib.sha256(password.encode("utf-8", "surrogatepass")).hexdigest(), stored)
    match = _SCRYPT.fullmatch(stored)
    if match is None:
        return False
    try:
        salt, digest = base64.b64decode(match[4], validate=True), base64.b64decode(match[5], validate=True)
        found = _scrypt(password, salt, (int(match[1]), int(match[2]), int(match[3])), len(digest))
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(found, digest)


def _scrypt(password: str, salt: bytes, costs: Costs, length: int) -> bytes:
    cost, block, parallel = costs
    secret = password.encode("utf-8", "surrogatepass")
    return hashlib.scrypt(secret, salt=salt, n=cost, r=block, p=parallel, maxmem=MOST_MEMORY, dklen=length)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
