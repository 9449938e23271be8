"""The encodings of OpenAI's models, made by tiktoken of the packaged vocabularies: no network, ever.

Patterns and hashes are those of tiktoken 0.14 (``tiktoken_ext/openai_public.py``, MIT), which would fetch the vocabularies
themselves. An encoding takes 0.2 s and 30 MB, so it is made when something is first counted.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from threading import Lock
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from tiktoken import Encoding

CL100K: Final = "cl100k_base"
"""Of GPT-4 and GPT-3.5; also stands in for what nobody knows."""
O200K: Final = "o200k_base"
"""Of GPT-4o and everything since."""
RUN = 50_000
"""Characters that tiktoken is given at once, where a text can be cut. A million of white space end it in a panic."""
_BETWEEN_WORDS = re.compile(r"(?<=[^\W\d_]) (?=[^\W\d_])")


class _Made(NamedTuple):
    sha256: str
    """Of the unpacked vocabulary."""
    pattern: str
    """Cuts a text into the pieces that are encoded."""


_MADE: Final = {
    CL100K: _Made(
        "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
    ),
    O200K: _Made(
        "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
        "|".join(
            (
                r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
                r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
                r"\p{N}{1,3}",
                r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
                r"\s*[\r\n]+",
                r"\s+(?!\S)",
                r"\s+",
            )
        ),
    ),
}
_lock = Lock()
_loaded: dict[str, Encoding] = {}


@lru_cache(maxsize=4096)
def encoding_of(model: str) -> str:
    """The encoding of a model's tokens: OpenAI's table of its own models, else cl100k_base."""
    if "gpt-4o" in model:
        return O200K
    from tiktoken.model import encoding_name_for_model

    try:
        known = encoding_name_for_model(model)
    except KeyError:
        return CL100K
    return O200K if known.startswith("o200k") else CL100K


def is_loaded(name: str) -> bool:
    """Whether counting in this encoding can begin at once."""
    return name in _loaded


def load(name: str) -> Encoding:
    """The encoding. Blocks for 0.2 s the first time, so not on the event loop; safe from any thread.

    Raises:
        RuntimeError: the packaged vocabulary is damaged.
    """
    with _lock:
        if name not in _loaded:
            _loaded[name] = _make(name)
        return _loaded[name]


def _make(name: str) -> Encoding:
    from tiktoken import Encoding

    made = _MADE[name]
    packed = files(__package__).joinpath("vocabularies", f"{name}.tiktoken.gz").read_bytes()
    content = gzip.decompress(packed)
    if hashlib.sha256(content).hexdigest() != made.sha256:
        raise RuntimeError(f"The packaged vocabulary {name}.tiktoken.gz is damaged; install the gateway again")
    pairs = (line.split() for line in content.splitlines())
    ranks = {base64.b64decode(token): int(rank) for token, rank in pairs}
    # special tokens that stand in a client's text are text
    return Encoding(name, pat_str=made.pattern, mergeable_ranks=ranks, special_tokens={})


def count(text: str, name: str) -> int:
    """The tokens of a text in an encoding, special tokens taken for text; time grows with its length alone."""
    encoding = _loaded.get(name) or load(name)
    if len(text) <= RUN:
        return len(encoding.encode_ordinary(text))
    return sum(len(encoding.encode_ordinary(piece)) for piece in _pieces(text))


def _pieces(text: str) -> Iterator[str]:
    """The text, cut between words, where every encoding begins a new piece, and within white space that does not end.

    Short pieces keep the interpreter free: tokens are handed over while it is held.
    """
    begin = 0
    for at in range(0, len(text) - RUN, RUN):
        found = _BETWEEN_WORDS.search(text, at, at + RUN)
        if found is not None and found.start() > begin:
            yield text[begin : found.start()]
            begin = found.start()
        elif text[at : at + RUN].isspace():
            yield text[begin:at]
            yield text[at : at + RUN]
            begin = at + RUN
    yield text[begin:]
