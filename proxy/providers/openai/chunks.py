"""Streamed chunks in OpenAI's format, laid out as the reference lays them out. Sans I/O.

Seen in the cassettes of contracts/core: ``created`` is the gateway's clock and ``id`` that of the first chunk; the role
comes with the first delta that says something; empty deltas are left out; the finish reason stands in a chunk of its own,
the usage in another.

The finish reason is held back until the vendor's stream is complete, so that a stream which is cut never looks finished.
"""

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import ClassVar, Literal

import msgspec

from proxy.call import Body, Usage
from proxy.providers.failures import StreamFailure, error_event
from proxy.providers.openai.format import (
    COUNTS,
    decode_body,
    decode_object,
    decode_objects,
    encode,
    present,
    raw,
    read_usage,
    usage_fields,
)
from proxy.providers.said_calls import said_calls
from proxy.providers.secrecy import without

DONE = b"[DONE]"
_ASSISTANT = msgspec.Raw(b'"assistant"')
_FUNCTION = msgspec.Raw(b'"function"')
_EMPTY = msgspec.Raw(b"{}")
_NO_ID = msgspec.Raw(b'""')
_ZERO = msgspec.Raw(b"0")
_EMPTY_VALUES = (b"null", b'""', b"[]", b"{}")
_TOP = frozenset(("id", "object", "created", "model", "system_fingerprint", "choices", "usage"))
_no_details = raw({"reasoning_tokens": 0})


class _PlainDelta(msgspec.Struct, forbid_unknown_fields=True):
    content: msgspec.Raw


class _PlainChoice(msgspec.Struct, forbid_unknown_fields=True):
    delta: _PlainDelta
    index: Literal[0] = 0
    finish_reason: None = None
    logprobs: None = None


class _PlainChunk(msgspec.Struct, forbid_unknown_fields=True):
    """A chunk that holds a piece of the first choice's text and nothing else: most are like this."""

    choices: tuple[_PlainChoice]
    id: msgspec.Raw = _NO_ID
    object: msgspec.Raw = _NO_ID
    created: msgspec.Raw = _ZERO
    model: msgspec.Raw = _NO_ID
    system_fingerprint: msgspec.Raw = _NO_ID
    usage: None = None


_plain_chunk = msgspec.json.Decoder(_PlainChunk).decode
_text = msgspec.json.Decoder(str).decode


def _readable(text: bytes | msgspec.Raw) -> str:
    """What a text says; nothing, if it is none: the client gets it all the same."""
    try:
        return _text(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


class Chunks:
    """Turns the data of a vendor's events into the chunks that the client gets: those of a chat completion."""

    kind = "chat.completion.chunk"
    silent: ClassVar[Body] = {"index": _ZERO, "delta": _EMPTY}
    """The choice of the chunk that tells the usage."""

    def __init__(self, model: str | None, exception: str, *, include_usage: bool) -> None:
        self._model = model
        self._exception = exception
        self._include_usage = include_usage
        self._base: Body = {}
        self._finish: dict[bytes, Body] = {}
        self._usage: Body | None = None
        self._started: set[bytes] = set()
        self._before_text: bytes | None = None
        """What stands before the text in the next chunks, while they are plain."""
        self.usage = Usage()
        self.secrets: Sequence[bytes] = ()
        """Kept out of failures."""
        self.done = False
        """The vendor said ``[DONE]``."""
        self.keeps_text = False
        """Set to have the text of the stream kept."""
        self._said: list[bytes | msgspec.Raw] = []
        self._calls: list[Body] = []

    @property
    def text(self) -> list[str] | None:
        """The text so far, if it is kept."""
        return [_readable(piece) for piece in self._said] if self.keeps_text else None

    def feed(self, data: bytes) -> bytes | None:
        """The chunk for one event's data, if it makes one.

        Raises:
            StreamFailure: it is the vendor's error, or no chunk at all.
        """
        if data == DONE:
            self.done = True
            return None
        if self._before_text is not None and (chunk := self._with_text(data)) is not None:
            return chunk
        try:
            return self._converted(decode_body(data))
        except (msgspec.DecodeError, UnicodeDecodeError, KeyError, RecursionError):
            raise self._failure(data) from None

    def _with_text(self, data: bytes) -> bytes | None:
        """The chunk for a plain one, in a fifth of the time; ``None``, for good, at the first that is not."""
        try:
            if not data.isascii():
                data.decode()
            text = bytes(_plain_chunk(data).choices[0].delta.content)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            text = b""
        if self._before_text is None or len(text) <= 2 or not text.startswith(b'"'):
            self._before_text = None
            return None
        if self.keeps_text:
            self._said.append(text)
        return self._before_text + text + b"}}]}"

    def _converted(self, fields: Body) -> bytes | None:
        choices = decode_objects(fields["choices"])
        if self._base.get("id", _NO_ID) == _NO_ID:  # Azure's first event only says what its filter found in the prompt
            self._base = self._first_fields(fields)
        if present(fields.get("usage")):
            self.usage = read_usage(fields)
            self._usage = usage_fields(fields["usage"])
        deltas = [delta for choice in choices if (delta := self._delta(choice)) is not None]
        if not deltas:
            return None
        extra = {name: value for name, value in fields.items() if name not in _TOP}
        return self._chunk(deltas, extra)

    def finish(self) -> list[bytes]:
        """The last chunks of a complete stream.

        Raises:
            StreamFailure: the vendor neither finished nor said that it was done.
        """
        finished = self._base and (self.done or (self._finish and self._started <= self._finish.keys()))
        if not finished:
            raise StreamFailure(self._exception, "The stream ended before it was complete.", continuable=False)
        if not self._finish:
            self._finish[b"0"] = self._finished(_ZERO, raw("stop"))
        ending = [self._chunk([choice], {}) for choice in self._finish.values()]
        return ending + self._usage_chunks()

    async def count(self, count: Callable[[str], Awaitable[Usage]]) -> list[bytes]:
        """The last chunks of a complete stream whose vendor told no usage; its text must have been kept."""
        self.usage = usage = await count("".join(self.text or ()) + said_calls(self._calls))
        self._usage = usage_fields(raw({name: getattr(usage, name) for name in COUNTS}))
        return self._usage_chunks()

    def _usage_chunks(self) -> list[bytes]:
        if not self._include_usage or self._usage is None:
            return []
        self._usage.setdefault("completion_tokens_details", _no_details)
        return [self._chunk([self.silent], {"usage": raw(self._usage)})]

    def _delta(self, choice: Body) -> Body | None:
        """The part of a choice that says something now; its finish reason is kept for later."""
        index = choice.get("index", _ZERO)
        if present(choice.get("finish_reason")):
            self._finish[bytes(index)] = self._finished(index, choice["finish_reason"])
        delta = decode_object(choice["delta"]) if present(choice.get("delta")) else {}
        delta.pop("role", None)
        delta = {name: value for name, value in delta.items() if bytes(value) not in _EMPTY_VALUES}
        if not delta:
            return None
        if self.keeps_text and "content" in delta:
            self._said.append(delta["content"])
        if "tool_calls" in delta:
            calls = [{"type": _FUNCTION} | call for call in decode_objects(delta["tool_calls"])]
            delta["tool_calls"] = raw(calls)
            if self.keeps_text:
                self._calls += calls
        if bytes(index) not in self._started:
            self._started.add(bytes(index))
            delta["role"] = _ASSISTANT
            if bytes(index) == b"0":
                self._before_text = encode(self._base)[:-1] + b',"choices":[{"index":0,"delta":{"content":'
        return self._saying(choice, {"index": index, "delta": raw(delta)}, ("index", "delta", "finish_reason"))

    def _finished(self, index: msgspec.Raw, reason: msgspec.Raw) -> Body:
        return {"finish_reason": reason, "index": index, "delta": _EMPTY}

    @staticmethod
    def _saying(choice: Body, laid_out: Body, known: Iterable[str]) -> Body:
        """With the choice's other fields, such as ``logprobs``, unless they are null."""
        for name, value in choice.items():
            if name not in known and present(value):
                laid_out[name] = value
        return laid_out

    def _first_fields(self, fields: Body) -> Body:
        model = fields.get("model", raw("")) if self._model is None else raw(self._model)
        base: Body = {"id": fields.get("id", raw("")), "created": raw(int(time.time())), "model": model}
        base["object"] = raw(self.kind)
        if present(fields.get("system_fingerprint")):
            base["system_fingerprint"] = fields["system_fingerprint"]
        return base

    def _chunk(self, choices: list[Body], extra: Body) -> bytes:
        return encode({**self._base, "choices": choices, **extra})

    def _failure(self, data: bytes) -> StreamFailure:
        reported = error_event(without(self.secrets, data))
        if reported is not None:
            return StreamFailure(self._exception, reported, continuable=True)
        return StreamFailure(self._exception, "The stream turned into something that is no chunk.", continuable=True)


class TextChunks(Chunks):
    """The chunks of a text completion. Unless usage was asked for, each carries one: zeros until the vendor tells it."""

    kind = "text_completion"
    silent: ClassVar[Body] = {"index": _ZERO}

    def _delta(self, choice: Body) -> Body | None:
        index = choice.get("index", _ZERO)
        if present(choice.get("finish_reason")):
            self._finish[bytes(index)] = self._finished(index, choice["finish_reason"])
        text = choice.get("text")
        if text is None or bytes(text) in _EMPTY_VALUES:
            return None
        if self.keeps_text:
            self._said.append(text)
        return self._saying(choice, {"index": index, "text": text}, ("index", "text", "finish_reason"))

    def _finished(self, index: msgspec.Raw, reason: msgspec.Raw) -> Body:
        return {"finish_reason": reason, "index": index}

    def _chunk(self, choices: list[Body], extra: Body) -> bytes:
        usage = {} if self._include_usage else {"usage": raw(self._usage or usage_fields(None))}
        return super()._chunk(choices, usage | extra)
