"""Secrets in files, as container platforms mount them: read anew each time."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from proxy.secrets.base import SecretError, checked


class Files:
    """See :class:`proxy.secrets.base.SecretManager`; the name is the path, from the config file's folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def read(self, name: str) -> str:
        """The file's text."""
        try:
            text = await asyncio.to_thread((self._folder / name).read_text, "utf-8")
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "not a UTF-8 text file"
            raise SecretError(f"the file {name} cannot be read: {why}") from error
        return checked(text, name)


def make(_: Mapping[str, Any], folder: Path) -> Files:
    """Needs no settings."""
    return Files(folder)
