"""Secrets that a program prints: whatever has no manager of its own here."""

import asyncio
import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from proxy.secrets.base import SecretError, checked

SECONDS: Final = 60.0


class Command:
    """See :class:`proxy.secrets.base.SecretManager`; the name is the command line, run without a shell in the config's folder.

    ``TIANJI_SECRET`` is ``read`` or ``rotate``: what the program is to do. What it prints is the secret; an exit status
    other than 0 means that there is none.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def read(self, name: str) -> str:
        """What the program prints."""
        return await self._run(name, "read")

    async def rotate(self, name: str) -> str:
        """What the program prints when it is asked for a new one."""
        return await self._run(name, "rotate")

    async def _run(self, name: str, purpose: str) -> str:
        program, *arguments = shlex.split(name) or [""]
        try:
            process = await asyncio.create_subprocess_exec(
                program,
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                cwd=self._folder,
                env={**os.environ, "TIANJI_SECRET": purpose},
            )
        except OSError as error:
            raise SecretError(f"the command {program} cannot be run: {error.strerror}") from error
        try:
            async with asyncio.timeout(SECONDS):
                printed, _ = await process.communicate()
        except TimeoutError as error:
            raise SecretError(f"the command {program} took more than {SECONDS:.0f} s") from error
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            raise SecretError(f"the command {program} ended with exit status {process.returncode}")
        return checked(printed.decode("utf-8", "replace"), program)


def make(_: Mapping[str, Any], folder: Path) -> Command:
    """Needs no settings."""
    return Command(folder)
