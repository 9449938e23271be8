"""Secrets at rest: encrypted with keys that are derived, one for each purpose, from the salt key."""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal

from nacl.encoding import RawEncoder
from nacl.exceptions import CryptoError
from nacl.hash import blake2b
from nacl.secret import SecretBox

Purpose = Literal["models", "credentials", "settings", "rotation"]

SALT_KEYS = ("TIANJI_SALT_KEY", "LITELLM_SALT_KEY")
MARK = "sealed:1:"
"""What sealed texts begin with."""


class WrongSaltKeyError(ValueError):
    """A secret was sealed with another salt key, or was changed."""


class Sealer:
    """XSalsa20-Poly1305 (libsodium's secretbox).

    Args:
        salt_key: kept as long as there is something sealed with it.
    """

    def __init__(self, salt_key: str) -> None:
        self._salt = salt_key.encode()
        self._box = lru_cache(maxsize=8)(self._new_box)

    def seal(self, purpose: Purpose, secret: str) -> str:
        """A text that can be stored anywhere."""
        return MARK + urlsafe_b64encode(self._box(purpose).encrypt(secret.encode())).decode()

    def unseal(self, purpose: Purpose, sealed: str) -> str:
        """The secret; a text that was never sealed is returned as it is.

        Raises:
            WrongSaltKeyError: it was sealed otherwise.
        """
        if not sealed.startswith(MARK):
            return sealed
        try:
            return self._box(purpose).decrypt(urlsafe_b64decode(sealed[len(MARK) :])).decode()
        except (CryptoError, ValueError) as error:
            raise WrongSaltKeyError(
                f"what is stored of {purpose} was encrypted with another key; set LITELLM_SALT_KEY to the one in use then"
            ) from error

    def seal_all(self, purpose: Purpose, values: Mapping[str, Any]) -> dict[str, Any]:
        """An object, all its texts sealed."""
        return {name: self._each(self.seal, purpose, value) for name, value in values.items()}

    def unseal_all(self, purpose: Purpose, values: Mapping[str, Any]) -> dict[str, Any]:
        """The reverse. Raises WrongSaltKeyError."""
        return {name: self._each(self.unseal, purpose, value) for name, value in values.items()}

    def _each(self, function: Any, purpose: Purpose, value: Any) -> Any:
        if isinstance(value, str):
            return function(purpose, value)
        if isinstance(value, dict):
            return {name: self._each(function, purpose, inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._each(function, purpose, inner) for inner in value]
        return value

    def _new_box(self, purpose: Purpose) -> SecretBox:
        return SecretBox(blake2b(self._salt, digest_size=32, person=purpose.encode(), encoder=RawEncoder))


def salt_key(master_key: str | None) -> str | None:
    """``LITELLM_SALT_KEY``, else the master key, as with the reference."""
    return next((value for name in SALT_KEYS if (value := os.environ.get(name))), master_key)
