"""Takes members out of a JSON object while its text goes by, without changing its length or reading it twice."""

import re
from enum import Enum, auto

import msgspec

#: Fields of a body that are the gateway's and mean nothing to a vendor (A.md, A1).
GATEWAYS = frozenset(
    (
        "allowed_model_region",
        "allowed_openai_params",
        "api_base",
        "api_key",
        "api_version",
        "cache",
        "caching",
        "configurable_clientside_auth_params",
        "custom_llm_provider",
        "fallbacks",
        "guardrails",
        "litellm_call_id",
        "litellm_credential_name",
        "litellm_metadata",
        "litellm_session_id",
        "litellm_trace_id",
        "max_fallbacks",
        "max_retries",
        "mock_response",
        "mock_timeout",
        "model_list",
        "no-log",
        "num_retries",
        "proxy_server_request",
        "request_timeout",
        "secret_fields",
        "stream_timeout",
        "tags",
    )
)

_LONGEST = 1024
"""Bytes of a name that is looked at; longer ones are none of ours, however they are escaped."""
_KEY = re.compile(rb'\s*,?\s*("(?:[^"\\]|\\.)*")', re.DOTALL)
_KEY_BEGUN = re.compile(rb'\s*,?\s*(?:"(?:[^"\\]|\\.)*\\?)?', re.DOTALL)
_MARK = re.compile(rb'["{}\[\],]')
_INNER_MARK = re.compile(rb'["{}\[\]]')
_END_OF_STRING = re.compile(rb'["\\]')
_decode = msgspec.json.Decoder(str).decode


class _At(Enum):
    START = auto()
    KEY = auto()
    VALUE = auto()
    REST = auto()
    """Nothing is looked for any more: the object has ended, or it is none."""


class MemberFilter:
    """Blanks the members of the outermost object that are called ``names``; anything that is no object passes unchanged.

    What it gives is as long as what it got, so that the announced length stays right.
    """

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names
        self._at = _At.START
        self._held = b""
        self._kept_any = False
        self._dropping = False
        self._depth = 1
        self._in_string = False
        self._escaped = False

    def feed(self, chunk: bytes) -> bytes:
        """The text that is certain by now: ``chunk``, but for a name that it may have cut short."""
        out: list[bytes] = []
        at = 0
        while at < len(chunk):
            if self._at is _At.VALUE:
                at = self._value(chunk, at, out)
            elif self._at is _At.KEY:
                at = self._key(chunk, at, out)
            elif self._at is _At.START:
                at = self._start(chunk, out)
            else:
                out.append(chunk[at:])
                break
        return b"".join(out)

    def finish(self) -> bytes:
        """What was held back when the text ended in the middle of a name."""
        held, self._held = self._held, b""
        return held

    def _start(self, chunk: bytes, out: list[bytes]) -> int:
        begun = len(chunk) - len(chunk.lstrip(b" \t\r\n"))
        if begun < len(chunk):
            self._at = _At.KEY if chunk[begun : begun + 1] == b"{" else _At.REST
            begun += 1
        out.append(chunk[:begun])
        return begun

    def _key(self, chunk: bytes, at: int, out: list[bytes]) -> int:
        held, self._held = self._held, b""
        text = held + chunk[at:]
        found = _KEY.match(text)
        if found is not None:
            self._begin(_named(found[1]), text[: found.end()], out)
            return at + found.end() - len(held)
        if not _KEY_BEGUN.fullmatch(text):
            self._at = _At.REST
            out.append(text)
        elif len(text) <= _LONGEST:
            self._held = text
        else:
            self._begin(None, text, out)
            self._in_string, self._escaped = True, text.endswith(b"\\")
        return len(chunk)

    def _begin(self, name: str | None, text: bytes, out: list[bytes]) -> None:
        """A member begins with ``text``: the comma before it, and its name."""
        self._at, self._depth, self._in_string = _At.VALUE, 1, False
        self._dropping = name in self._names
        if self._dropping:
            out.append(b" " * len(text))
            return
        # its comma parted it from members that are gone
        out.append(text if self._kept_any else text.replace(b",", b" ", 1) if _comma_first(text) else text)
        self._kept_any = True

    def _value(self, chunk: bytes, begin: int, out: list[bytes]) -> int:
        """Everything up to the next member's comma, or the brace that ends the object."""
        at = begin
        while at < len(chunk) and self._at is _At.VALUE:
            if self._in_string:
                at = self._string(chunk, at)
                continue
            found = (_MARK if self._depth == 1 else _INNER_MARK).search(chunk, at)
            if found is None:
                at = len(chunk)
                break
            at = self._mark(found[0], found.end())
        piece = chunk[begin:at]
        out.append(b" " * len(piece) if self._dropping else piece)
        return at

    def _mark(self, mark: bytes, after: int) -> int:
        if mark == b'"':
            self._in_string = True
        elif mark in b"{[":
            self._depth += 1
        elif mark == b",":
            self._at = _At.KEY
            return after - 1
        else:
            self._depth -= 1
            if not self._depth:
                self._at = _At.REST
                return after - 1
        return after

    def _string(self, chunk: bytes, at: int) -> int:
        if self._escaped:
            self._escaped = False
            return at + 1
        found = _END_OF_STRING.search(chunk, at)
        if found is None:
            return len(chunk)
        self._in_string = found[0] != b'"'
        self._escaped = self._in_string
        return found.end()


def _comma_first(text: bytes) -> bool:
    return text.lstrip().startswith(b",")


def _named(key: bytes) -> str | None:
    """A member's name, escapes undone; ``None`` for what is no JSON."""
    try:
        return _decode(key)
    except msgspec.DecodeError:
        return None
