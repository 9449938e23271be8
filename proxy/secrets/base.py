"""What a secret manager is, and how the one that a config names is found."""

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from proxy.config.errors import ConfigError

NAMES: Final = ("environment", "file", "command", "function", "hashicorp_vault", "aws_secret_manager")
MOST_CHARACTERS: Final = 100_000


class SecretError(Exception):
    """A secret could not be had. The text names the secret and what to do, never the value."""


class SecretManager(Protocol):
    """One per process and place that secrets are kept at."""

    async def read(self, name: str) -> str:
        """The secret as it is now.

        Raises:
            SecretError: there is none, or it cannot be had.
        """


class Rotating(Protocol):
    """A secret manager that can make the next secret."""

    async def rotate(self, name: str) -> str:
        """Have the next secret made; what :meth:`SecretManager.read` gives from then on.

        Raises:
            SecretError: it was not.
        """


def open_manager(kind: str, settings: Mapping[str, Any], folder: Path, *, key: str) -> SecretManager:
    """The secret manager of a name.

    Args:
        settings: ``general_settings.key_management_settings``.
        folder: of the config file: relative paths and users' functions are looked up there.
        key: the setting that names it, for errors.

    Raises:
        ConfigError: there is none of this name, or a setting of it is missing.
    """
    if kind not in NAMES:
        raise ConfigError(f"{kind!r} is not available in this version; use one of {', '.join(NAMES)}", key=key)
    make: Callable[[Mapping[str, Any], Path], SecretManager] = importlib.import_module(f"proxy.secrets.{kind}").make
    return make(settings, folder)


def checked(secret: str, name: str) -> str:
    """A secret without the line break at its end.

    Raises:
        SecretError: it is empty, or no header could hold it.
    """
    text = secret.strip("\r\n")
    if not text.strip():
        raise SecretError(f"the secret {name!r} is empty")
    if len(text) > MOST_CHARACTERS or not text.isprintable():
        raise SecretError(f"the secret {name!r} holds line breaks or characters that no key has; keep one key in it")
    return text
