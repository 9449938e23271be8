"""The one error of everything that a config file can get wrong."""

from pathlib import Path
from typing import NamedTuple


class Place(NamedTuple):
    """A line of a file; line 0 means the file as a whole."""

    file: Path
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else str(self.file)


class ConfigError(Exception):
    """The gateway cannot run with this config; its text is one line, ``FILE:LINE: KEY: what is wrong; how to fix``."""

    def __init__(self, problem: str, *, place: Place | None = None, key: str = "") -> None:
        parts = [str(place) if place else "", key, " ".join(problem.split())]
        super().__init__(": ".join(part for part in parts if part))
