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
        super().__init__(one_line(": ".join(part for part in (str(place or ""), key, problem) if part)))


def one_line(text: str) -> str:
    """The text without line breaks, and with every character escaped that a terminal might obey."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in " ".join(text.split()))
