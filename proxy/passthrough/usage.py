"""What a vendor's answer says about tokens, read while it goes by unchanged.

One reader for all vendors, since each names its counts differently: Anthropic, OpenAI and those that speak its dialect
(chats, responses, embeddings), Gemini and Vertex, Cohere, Bedrock.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from proxy.call import Usage
from proxy.passthrough.members import UNREADABLE
from proxy.upstream.client import TooLarge
from proxy.upstream.sse import EventSplitter, data_of

MAX_READ = 1_000_000
"""Bytes of a complete answer, or of one event, that are looked into; longer ones count nothing."""
_WITH_COUNTS = re.compile(rb'"(?:usage|usageMetadata|meta)"')
_PLACES = ("message", "response", "delta")
"""Where events keep an answer so far, or the last of it."""
_IN_FRAMES = re.compile(rb'\{"(?:metrics|usage)":\{.{0,2000}?\}\s*\}', re.DOTALL)
Fields = Mapping[str, Any]


class Meter:
    """Counts the tokens of one answer.

    Args:
        content_type: of the answer.
        model: that the request names; the answer's own word counts more.
    """

    def __init__(self, content_type: str, model: str = "") -> None:
        self.model = model
        self._kind = content_type.partition(";")[0].strip().lower()
        self._splitter = EventSplitter(MAX_READ) if self._kind == "text/event-stream" else None
        self._read: list[bytes] = []
        self._size = 0
        self._counts: dict[str, Any] = {}
        self._lost = False
        """Something could not be followed."""

    @property
    def usage(self) -> Usage:
        """As told so far."""
        return counted(self._counts)

    def feed(self, part: bytes) -> None:
        """Look at the next part. Never fails: what is not understood counts nothing."""
        if self._lost:
            return
        if self._splitter is None:
            self._size += len(part)
            self._lost = self._size > MAX_READ
            if self._lost:
                self._read.clear()
            else:
                self._read.append(part)
            return
        try:
            events = self._splitter.feed(part)
        except TooLarge:
            self._lost = True
            return
        for event in events:
            if _WITH_COUNTS.search(event):
                self._note(data_of(event))

    def finish(self) -> None:
        """The answer is complete."""
        if self._splitter is not None:
            self._note(data_of(self._splitter.rest()))
        elif not self._lost:
            whole = b"".join(self._read)
            if self._kind == "application/vnd.amazon.eventstream":
                for frame in _IN_FRAMES.findall(whole):
                    self._note(frame)
            elif "json" in self._kind:
                self._note(whole)
        self._read.clear()

    def _note(self, text: bytes) -> None:
        try:
            value = msgspec.json.decode(text)
        except UNREADABLE:
            return
        for answer in value if isinstance(value, list) else [value]:
            if isinstance(answer, dict):
                for fields in _with_parts(answer):
                    self._take(fields)

    def _take(self, fields: Fields) -> None:
        model = fields.get("model") or fields.get("modelVersion")
        if isinstance(model, str):
            self.model = model
        for name in ("usage", "usageMetadata", "meta"):
            counts = fields.get(name)
            if isinstance(counts, dict):
                # the last number that is one counts: some servers repeat zeros
                self._counts |= {key: value for key, value in counts.items() if value}


def counted(counts: Fields) -> Usage:
    """A vendor's counts as a value."""
    inner = counts.get("tokens")
    if isinstance(inner, dict):  # Cohere
        counts = inner
    cached = _count(counts, "cache_read_input_tokens", "cacheReadInputTokens")
    written = _count(counts, "cache_creation_input_tokens", "cacheWriteInputTokens")
    prompt = _count(counts, "prompt_tokens", "input_tokens", "promptTokenCount", "inputTokens") + cached + written
    thought = _count(counts, "thoughtsTokenCount")
    completion = _count(counts, "completion_tokens", "output_tokens", "candidatesTokenCount", "outputTokens") + thought
    cached = cached or _count(counts, "cachedContentTokenCount")
    for details in (counts.get("prompt_tokens_details"), counts.get("input_tokens_details")):
        cached = cached or _count(details, "cached_tokens")
    for details in (counts.get("completion_tokens_details"), counts.get("output_tokens_details")):
        thought = thought or _count(details, "reasoning_tokens")
    total = _count(counts, "total_tokens", "totalTokenCount", "totalTokens") or prompt + completion
    return Usage(prompt, completion, total, cached, thought, written)


def _with_parts(answer: Fields) -> Iterator[Fields]:
    yield answer
    for name in _PLACES:
        part = answer.get(name)
        if isinstance(part, dict):
            yield part


def _count(counts: Any, *names: str) -> int:
    for name in names:
        value = counts.get(name) if isinstance(counts, dict) else None
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 2**53:
            return int(value)
    return 0
