"""Takes members out of a JSON object while its text goes by, without changing its length or reading it twice."""

import asyncio
import re
from collections.abc import AsyncIterator
from enum import Enum, auto
from functools import lru_cache
from itertools import islice

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
_SLICE = 8192
"""Bytes that are looked at in one go: few milliseconds, whatever they are."""
_NESTED = 4
"""How deep values may go that one expression can eat."""
# What a part of the text is eaten by depends on its next byte alone, so nothing is gained by going back and no text takes
# long. Only repetitions of single bytes are possessive: before Python 3.11.5 those of groups may match too little.
_STRING = rb'"(?:[^"\\]++|\\.)*"'
_PLAIN = rb'[^"{}\[\]]++'


def _whole(depth: int) -> bytes:
    """An array or object that holds others up to ``depth`` deep."""
    inner = rb"|" + _whole(depth - 1) if depth else b""
    return rb"[\[{](?:%b|%b%b)*[\]}]" % (_PLAIN, _STRING, inner)


_WHOLE = _whole(_NESTED)
_VALUE = rb'(?:[^"{}\[\],]++|%b|%b)*' % (_STRING, _WHOLE)
_KEY = re.compile(rb"\s*+,?+\s*+(%b)" % _STRING, re.DOTALL)
_KEY_BEGUN = re.compile(rb'\s*+,?+\s*+(?:"(?:[^"\\]++|\\.)*\\?+)?', re.DOTALL)
_OUTER = re.compile(_VALUE, re.DOTALL)
_INNER = re.compile(rb"(?:%b|%b|%b)*" % (_PLAIN, _STRING, _WHOLE), re.DOTALL)
_DOWN = re.compile(rb'(?:[^"\]}]++|%b)*' % _STRING, re.DOTALL)
"""Up to where something ends."""
_UP = re.compile(rb'(?:[^"\[{]++|%b)*' % _STRING, re.DOTALL)
"""Up to where something begins."""
_END = re.compile(rb'(?:[^"\]}]++|%b)*[\]}]' % _STRING, re.DOTALL)
_STRINGS = re.compile(_STRING, re.DOTALL)
_IN_STRING = re.compile(rb'(?:[^"\\]++|\\.)*', re.DOTALL)
_WHITE = b" \t\r\n"
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises for a text that is no JSON, or none that anybody means."""
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
        self._others, self._ours = _members(names)
        self._at = _At.START
        self._held = b""
        self._kept_any = False
        self._dropping = False
        self._depth = 1
        self._in_string = False
        self._escaped = False

    async def pass_on(self, part: bytes) -> AsyncIterator[bytes]:
        """:meth:`feed` in pieces, between which the loop sees to other calls."""
        for begin in range(0, len(part), _SLICE):
            yield self.feed(part[begin : begin + _SLICE])
            await asyncio.sleep(0)

    def feed(self, part: bytes) -> bytes:
        """The text that is certain by now: ``part``, but for a name that it may have cut short."""
        text, self._held = self._held + part, b""
        out: list[bytes] = []
        at = 0
        while at < len(text):
            if self._at is _At.VALUE:
                at = self._value(text, at, out)
            elif self._at is _At.KEY:
                at = self._key(text, at, out)
            elif self._at is _At.START:
                at = self._start(text, out)
            else:
                out.append(text[at:])
                break
        return b"".join(out)

    def finish(self) -> bytes:
        """What was held back when the text ended in the middle of a name."""
        held, self._held = self._held, b""
        return held

    def _start(self, text: bytes, out: list[bytes]) -> int:
        begun = len(text) - len(text.lstrip(_WHITE))
        if begun < len(text):
            self._at = _At.KEY if text[begun : begun + 1] == b"{" else _At.REST
            begun += 1
        out.append(text[:begun])
        return begun

    def _key(self, text: bytes, at: int, out: list[bytes]) -> int:
        run = self._ours.match(text, at)
        if run is not None:
            out.append(b" " * (run.end() - at))
            return run.end()
        run = self._others.match(text, at) if self._kept_any else None
        if run is not None:
            out.append(run[0])
            return run.end()
        found = _KEY.match(text, at)
        if found is not None:
            self._begin(_named(found[1]), found[0], out)
            return found.end()
        if _KEY_BEGUN.fullmatch(text, at):
            self._hold(text[at:], out)
        else:
            self._at = _At.REST
            out.append(text[at:])
        return len(text)

    def _hold(self, text: bytes, out: list[bytes]) -> None:
        """A name has not ended yet, or not begun."""
        if len(text) > _LONGEST:  # perhaps blanks, for which it does not matter where the comma stands
            held = text.lstrip(_WHITE + b",")
            if len(held) >= _LONGEST:
                self._begin(None, text, out)
                self._in_string, self._escaped = True, _ends_escaped(held)
                return
            held = b"," + held if _comma_first(text) else held
            out.append(b" " * (len(text) - len(held)))
            text = held
        self._held = text

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

    def _value(self, text: bytes, begin: int, out: list[bytes]) -> int:
        """Everything up to the next member's comma, or the brace that ends the object."""
        at = begin
        while at < len(text) and self._at is _At.VALUE:
            if self._in_string:
                at = self._string(text, at)
            elif self._depth == 1:
                at = self._outer(text, at)
            else:
                at = self._inner(text, at)
        out.append(b" " * (at - begin) if self._dropping else text[begin:at])
        return at

    def _outer(self, text: bytes, begin: int) -> int:
        at = _end_of(_OUTER, text, begin)
        mark = text[at : at + 1]
        if mark in (b"[", b"{"):
            self._depth = 2
        elif mark == b'"':
            self._in_string = True
        elif mark:
            self._at = _At.KEY if mark == b"," else _At.REST
            return at
        return at + len(mark)

    def _inner(self, text: bytes, begin: int) -> int:
        at = _end_of(_INNER, text, begin)
        mark = text[at : at + 1]
        if mark in (b"[", b"{"):
            end = _end_of(_DOWN, text, at)
            self._depth += _count(text[at:end], b"[", b"{")
            return end
        if mark in (b"]", b"}"):
            return self._ends(text, at)
        self._in_string = bool(mark)
        return at + len(mark)

    def _ends(self, text: bytes, begin: int) -> int:
        end = _end_of(_UP, text, begin)
        ended = _count(text[begin:end], b"]", b"}")
        left = self._depth - 1
        if ended < left:
            self._depth -= ended
            return end
        self._depth = 1
        return next(islice(_END.finditer(text, begin), left - 1, None)).end()

    def _string(self, text: bytes, begin: int) -> int:
        at = _end_of(_IN_STRING, text, begin + self._escaped)
        self._in_string = text[at : at + 1] != b'"'
        self._escaped = at < len(text) and self._in_string
        return min(at + 1, len(text))


@lru_cache(maxsize=64)
def _members(names: frozenset[str]) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """Runs of members that have other names, and of those that have ours, each with its comma and whole."""
    ours = rb"(?:%b)" % b"|".join(re.escape(name.encode()) for name in sorted(names))
    others = rb'(?!%b")(?:[^"\\]++|\\[^u]|\\u(?!00[2-7]))*' % ours
    run = rb'(?:\s*+,\s*+"%b"\s*+:%b(?=[,}]))+'
    return re.compile(run % (others, _VALUE), re.DOTALL), re.compile(run % (ours, _VALUE), re.DOTALL)


def _end_of(pattern: re.Pattern[bytes], text: bytes, at: int) -> int:
    """Where what the pattern eats, nothing perhaps, ends."""
    found = pattern.match(text, at)
    return at if found is None else found.end()


def _count(text: bytes, *marks: bytes) -> int:
    """Marks outside of strings."""
    bare = _STRINGS.sub(b"", text) if b'"' in text else text
    return sum(map(bare.count, marks))


def _ends_escaped(text: bytes) -> bool:
    """Whether a string that has begun, but not ended, goes on with an escaped byte."""
    return _end_of(_IN_STRING, text, 1) < len(text)


def _comma_first(text: bytes) -> bool:
    return text.lstrip().startswith(b",")


def _named(key: bytes) -> str | None:
    """A member's name, escapes undone; ``None`` for what is no JSON."""
    try:
        return _decode(key)
    except UNREADABLE:
        return None
