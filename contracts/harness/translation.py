"""Between the names that cases use and those that the running gateway sees.

Cases and recordings know two origins, `gateway.test` and `upstream.test`; a run has real ports, and with `--reseed`
other model names and texts as well. Everything is translated on the way out and back on the way in. A config's
environment may name two things more: `tunnel.test`, the proxy to vendors whose host cannot be configured, and
`authority.tunnel.test`, the file with the certificate to trust there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Self

GATEWAY = "gateway.test"
UPSTREAM = "upstream.test"
TUNNEL = "tunnel.test"
AUTHORITY = "authority.tunnel.test"


class Translation:
    """A one-to-one renaming of words, where a word ends at anything but a letter, a digit, `_`, `.` or `-`.

    `untold` are words that the run is never told, with a replacement: they come back replaced, so that an answer with
    them is not taken for a right one. Raises ValueError when two words would get the same new name, since that could not
    be undone.
    """

    def __init__(self, words: Mapping[str, str], untold: Mapping[str, str] | None = None) -> None:
        if len(set(words.values())) != len(words):
            raise ValueError("two words were given the same new name")
        self.words = dict(words)
        self.untold = dict(untold or {})
        self._out = _Replacement(self.words)
        self._back = _Replacement({**self.untold, **{new: old for old, new in self.words.items()}})

    @classmethod
    def of_origins(cls, gateway: str, upstream: str) -> Self:
        """The real `host:port` of both sides; an empty one is left alone."""
        return cls({name: real for name, real in ((GATEWAY, gateway), (UPSTREAM, upstream)) if real})

    def and_also(self, other: Translation) -> Translation:
        """Both translations in one."""
        return Translation({**self.words, **other.words}, {**self.untold, **other.untold})

    def out(self, text: str) -> str:
        """From the names of cases to those of the run."""
        return self._out(text)

    def back(self, text: str) -> str:
        """From the names of the run to those of cases."""
        return self._back(text)

    def out_bytes(self, data: bytes) -> bytes:
        """`out` for a body; one that is not UTF-8 passes unharmed."""
        return self.out(data.decode(errors="surrogateescape")).encode(errors="surrogateescape")

    def back_bytes(self, data: bytes) -> bytes:
        """`back` for a body; one that is not UTF-8 passes unharmed."""
        return self.back(data.decode(errors="surrogateescape")).encode(errors="surrogateescape")


class _Replacement:
    def __init__(self, words: Mapping[str, str]) -> None:
        self._words = words
        longest_first = sorted(words, key=len, reverse=True)
        alternatives = "|".join(re.escape(word) for word in longest_first)
        # A word may follow an escape of JSON text: its letter (`\n`) belongs to no word.
        start = r"(?:(?<![\w.-])|(?<=\\[bfnrt]))"
        self._pattern = re.compile(rf"{start}(?:{alternatives})(?![\w-]|\.\w)") if words else None

    def __call__(self, text: str) -> str:
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda found: self._words[found[0]], text)
