"""Secrets that a user's own function returns."""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from proxy.compat.loading import load_object
from proxy.secrets.base import SecretError, checked

KEY: Final = "rotation.name"


class Function:
    """See :class:`proxy.secrets.base.SecretManager`; the name is a dotted path, ``file.function``.

    The function, sync or async, is called with ``read`` or ``rotate`` and returns the secret.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def read(self, name: str) -> str:
        """What the function returns."""
        return await self._call(name, "read")

    async def rotate(self, name: str) -> str:
        """What the function returns when it is asked for a new one."""
        return await self._call(name, "rotate")

    async def _call(self, name: str, purpose: str) -> str:
        function = load_object(name, self._folder, key=KEY)
        try:
            found = function(purpose)
            secret = await found if inspect.isawaitable(found) else found
        except Exception as error:
            raise SecretError(f"the function {name} failed with {type(error).__name__}") from error
        if not isinstance(secret, str):
            raise SecretError(f"the function {name} returned no text")
        return checked(secret, name)


def make(_: Mapping[str, Any], folder: Path) -> Function:
    """Needs no settings."""
    return Function(folder)
