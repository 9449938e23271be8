"""Chat completions as Anthropic's messages, whole and streamed, laid out as LiteLLM 1.81.14 lays them out.

Recorded in contracts/core/test_messages_translated.py.
"""

import uuid
from collections.abc import Mapping
from typing import Any

import msgspec

from proxy.providers.base import Stream
from proxy.providers.failures import StreamFailure
from proxy.providers.openai.chunks import DONE
from proxy.providers.openai.format import encode
from proxy.providers.translated import TranslatedStream

Block = dict[str, Any]

_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}
_UNTOLD = {"input_tokens": 0, "output_tokens": 0, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _Call(msgspec.Struct):
    id: str | None = None
    function: _Function = msgspec.field(default_factory=_Function)


class _Said(msgspec.Struct):
    content: str | None = None
    tool_calls: list[_Call] | None = None
    thinking_blocks: list[Block] | None = None
    reasoning_content: str | None = None


class _Details(msgspec.Struct):
    cached_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _Details | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None

    def told(self) -> dict[str, int]:
        """In Anthropic's words, where tokens read from a cache are no input."""
        details = self.prompt_tokens_details
        cached = details.cached_tokens or 0 if details else 0
        usage = {
            "input_tokens": max(0, (self.prompt_tokens or 0) - cached),
            "output_tokens": self.completion_tokens or 0,
        }
        for name in ("cache_creation_input_tokens", "cache_read_input_tokens"):
            if getattr(self, name):
                usage[name] = getattr(self, name)
        return usage


class _Choice(msgspec.Struct):
    message: _Said = msgspec.field(default_factory=_Said)
    delta: _Said | None = None
    finish_reason: str | None = None


class _Completion(msgspec.Struct):
    choices: list[_Choice]
    id: str = ""
    usage: _Usage | None = None


_decode = msgspec.json.Decoder(_Completion).decode


def to_message(body: bytes, model: str, names: Mapping[str, str]) -> bytes:
    """The message that says what a chat completion says.

    Args:
        names: of tools, as the client calls them, by those that the vendor was told.

    Raises:
        msgspec.DecodeError: it is none, or calls a tool with arguments that are no JSON.
    """
    completion = _decode(body)
    reason = completion.choices[0].finish_reason if completion.choices else None
    usage: dict[str, int] = (completion.usage or _Usage()).told()
    usage["total_tokens"] = usage["input_tokens"] + usage["output_tokens"]
    return encode(
        {
            "id": completion.id,
            "type": "message",
            "role": "assistant",
            "model": model,
            "stop_sequence": None,
            "usage": usage,
            "content": [block for choice in completion.choices for block in _content(choice.message, names)],
            "stop_reason": _REASONS.get(reason or "", "end_turn"),
        }
    )


def _content(said: _Said, names: Mapping[str, str]) -> list[Block]:
    # Anthropic's clients want a signature, if an empty one.
    blocks = [
        {"signature": ""} | block if block.get("type") == "thinking" else block for block in said.thinking_blocks or ()
    ]
    if not blocks and said.reasoning_content:
        blocks.append({"type": "thinking", "thinking": said.reasoning_content, "signature": None})
    if said.content is not None:
        blocks.append({"type": "text", "text": said.content})
    return blocks + [_use(call, names) for call in said.tool_calls or ()]


def _use(call: _Call, names: Mapping[str, str]) -> Block:
    name = call.function.name or ""
    given = msgspec.json.decode(call.function.arguments or "{}")
    used = {"type": "tool_use", "id": call.id, "name": names.get(name, name), "input": given}
    return used | {"provider_specific_fields": None}


class MessageStream(TranslatedStream):
    """A stream of chat completion chunks as framed events of Anthropic's.

    Args:
        model: shown in the message.
        names: as for :func:`to_message`.
    """

    def __init__(self, chunks: Stream, model: str, names: Mapping[str, str]) -> None:
        super().__init__(chunks)
        self._names = names
        self._block = ""
        self._index = -1
        self._reason = "end_turn"
        self._usage: dict[str, int] = {"input_tokens": 0, "output_tokens": 0}
        message: Block = {
            "id": f"msg_{uuid.uuid4()}",
            "type": "message",
            "role": "assistant",
            "content": [],
            "model": model,
        }
        message |= {"stop_reason": None, "stop_sequence": None, "usage": _UNTOLD}
        self._opening = [_event("message_start", message=message), *self._open("text", {"type": "text", "text": ""})]

    def _events_of(self, batch: list[bytes]) -> list[bytes]:
        events, self._opening = self._opening, []
        for data in batch:
            events += self._finish() if data == DONE else self._translated(data)
        return events

    def _translated(self, data: bytes) -> list[bytes]:
        try:
            chunk = _decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise StreamFailure("Gateway", "A chunk could not be translated.", continuable=False) from None
        if chunk.usage is not None:
            self._usage = chunk.usage.told()
        events: list[bytes] = []
        for choice in chunk.choices[:1]:
            if choice.finish_reason is not None:
                self._reason = _REASONS.get(choice.finish_reason, "end_turn")
            if choice.delta is not None:
                events += self._said(choice.delta)
        return events

    def _said(self, delta: _Said) -> list[bytes]:
        events: list[bytes] = []
        thoughts = [block for block in delta.thinking_blocks or () if block.get("type") == "thinking"]
        thought = "".join(str(block.get("thinking") or "") for block in thoughts) or delta.reasoning_content
        if thought:
            events += self._switched("thinking", {"type": "thinking", "thinking": "", "signature": ""})
            events.append(self._delta({"type": "thinking_delta", "thinking": thought}))
        for block in thoughts:
            if block.get("signature"):
                events += self._switched("thinking", {"type": "thinking", "thinking": "", "signature": ""})
                events.append(self._delta({"type": "signature_delta", "signature": block["signature"]}))
        if delta.content:
            events += self._switched("text", {"type": "text", "text": ""})
            events.append(self._delta({"type": "text_delta", "text": delta.content}))
        for call in delta.tool_calls or ():
            events += self._called(call)
        return events

    def _called(self, call: _Call) -> list[bytes]:
        events: list[bytes] = []
        if call.function.name:
            name = self._names.get(call.function.name, call.function.name)
            opening = {"type": "tool_use", "id": call.id or f"toolu_{uuid.uuid4()}", "name": name, "input": {}}
            events += [self._stop(), *self._open("tool_use", opening)]
        if call.function.arguments is not None:
            events.append(self._delta({"type": "input_json_delta", "partial_json": call.function.arguments}))
        return events

    def _switched(self, block: str, opening: Block) -> list[bytes]:
        return [] if block == self._block else [self._stop(), *self._open(block, opening)]

    def _open(self, block: str, opening: Block) -> list[bytes]:
        self._block = block
        self._index += 1
        return [_event("content_block_start", index=self._index, content_block=opening)]

    def _stop(self) -> bytes:
        return _event("content_block_stop", index=self._index)

    def _delta(self, delta: Block) -> bytes:
        return _event("content_block_delta", index=self._index, delta=delta)

    def _finish(self) -> list[bytes]:
        ended = _event("message_delta", delta={"stop_reason": self._reason}, usage=self._usage)
        return [self._stop(), ended, _event("message_stop")]


def _event(kind: str, **fields: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), encode({"type": kind, **fields}))
