"""Secrets in environment variables. They change only with the process: useful for the first value, and for tests."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from proxy.secrets.base import SecretError, checked


class Environment:
    """See :class:`proxy.secrets.base.SecretManager`; the name is the variable's."""

    async def read(self, name: str) -> str:
        """The variable's value."""
        value = os.environ.get(name)
        if value is None:
            raise SecretError(f"the environment variable {name} is not set; set it")
        return checked(value, name)


def make(_: Mapping[str, Any], __: Path) -> Environment:
    """Needs no settings."""
    return Environment()
