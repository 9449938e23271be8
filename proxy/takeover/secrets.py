"""Secrets in the reference's database: libsodium's secretbox, the key being the SHA-256 of its salt key, the text in base64."""

import base64
import hashlib
from typing import Any

from nacl.exceptions import CryptoError
from nacl.secret import SecretBox


class CannotOpenError(ValueError):
    """A value was encrypted with another salt key."""


class ReferenceSecrets:
    """Opens what the reference encrypted.

    Args:
        salt_key: its ``LITELLM_SALT_KEY``, else its master key.
    """

    def __init__(self, salt_key: str) -> None:
        self._box = SecretBox(hashlib.sha256(salt_key.encode()).digest())

    def open(self, value: Any) -> Any:
        """A value whose texts are encrypted; other values stay.

        Raises:
            CannotOpenError: one of them cannot be opened with this salt key.
        """
        if isinstance(value, str):
            return self._open_text(value)
        if isinstance(value, dict):
            return {name: self.open(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self.open(inner) for inner in value]
        return value

    def _open_text(self, text: str) -> str:
        if not text:
            return text
        try:
            # either alphabet: the reference once wrote the other
            encrypted = base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
            return self._box.decrypt(encrypted).decode()
        except (ValueError, CryptoError):
            raise CannotOpenError("encrypted with another salt key") from None
