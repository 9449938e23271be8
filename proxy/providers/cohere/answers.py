"""Cohere's messages as chat completions: whole ones, and the events of streams one by one. Sans I/O.

Whole ones are laid out as LiteLLM 1.81.14 lays them out (contracts/core/test_cohere.py); it cannot read the streams.
https://docs.cohere.com/reference/chat, https://docs.cohere.com/reference/chat-stream
"""

import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from proxy.call import Usage
from proxy.providers.chunking import ChunkWriter, incomplete
from proxy.providers.cohere.failures import EXCEPTION
from proxy.providers.failures import StreamFailure
from proxy.providers.openai.format import encode
from proxy.providers.secrecy import without

Fields = dict[str, Any]

_REASONS = {"COMPLETE": "stop", "STOP_SEQUENCE": "stop", "MAX_TOKENS": "length", "TOOL_CALL": "tool_calls"}
FAILED = ("ERROR", "TIMEOUT")
"""Reasons that say that there is no answer."""


class _Block(msgspec.Struct):
    text: str = ""
    thinking: str = ""


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str = ""


class _ToolCall(msgspec.Struct):
    function: _Function
    id: str | None = None


class _Message(msgspec.Struct):
    content: list[_Block] | None = None
    tool_calls: list[_ToolCall] | None = None
    citations: list[Fields] | None = None


class _Answer(msgspec.Struct):
    message: _Message
    finish_reason: str = "COMPLETE"
    usage: Fields = {}


_decode = msgspec.json.Decoder(_Answer).decode


class Failed(Exception):
    """The vendor says that it has no answer."""


def chat_completion(body: bytes, model: str) -> tuple[bytes, Usage]:
    """A chat completion that says what the answer says; ``model`` is shown in it.

    Raises:
        msgspec.DecodeError: it is none.
        Failed: the vendor has none.
    """
    answer = _decode(body)
    if answer.finish_reason in FAILED:
        raise Failed(f"The generation ended with {answer.finish_reason}.")
    blocks, calls = answer.message.content, answer.message.tool_calls
    said: Fields = {"role": "assistant", "content": None}
    if blocks and not calls:
        said["content"] = "".join(block.text for block in blocks)
    thoughts = "".join(block.thinking for block in blocks or ())
    if thoughts:
        said["reasoning_content"] = thoughts
    if calls:
        said["tool_calls"] = [_call(call, index) for index, call in enumerate(calls)]
    if answer.message.citations:
        said["annotations"] = _annotations(answer.message.citations)
    laid_out, usage = chat_usage(answer.usage)
    completion = {
        "id": f"chatcmpl-{uuid.uuid4()}",
        "created": int(time.time()),
        "model": model,
        "object": "chat.completion",
        "choices": [{"finish_reason": finish_reason(answer.finish_reason), "index": 0, "message": said}],
        "usage": laid_out,
    }
    return encode(completion), usage


def finish_reason(reason: str) -> str:
    """OpenAI's word for why the answer ended; reasons that OpenAI does not know keep their names."""
    return _REASONS.get(reason, reason)


def chat_usage(usage: Mapping[str, Any]) -> tuple[Fields, Usage]:
    """Cohere's ``usage`` as OpenAI's."""
    tokens = usage.get("tokens")
    counted = tokens if isinstance(tokens, dict) else {}
    prompt, completion = _count(counted.get("input_tokens")), _count(counted.get("output_tokens"))
    cached = _count(usage.get("cached_tokens"))
    laid_out: Fields = {
        "completion_tokens": completion,
        "prompt_tokens": prompt,
        "total_tokens": prompt + completion,
    }
    if cached:
        laid_out["prompt_tokens_details"] = {"cached_tokens": cached}
    return laid_out, Usage(prompt, completion, prompt + completion, cached)


def _count(value: Any) -> int:
    return int(value) if isinstance(value, int | float) and value > 0 else 0


def _call(call: _ToolCall, index: int) -> Fields:
    function = {"arguments": call.function.arguments, "name": call.function.name}
    return {"index": index, "function": function, "id": call.id, "type": "function"}


def _annotations(citations: list[Fields]) -> list[Fields]:
    """One for each document that a piece of the answer comes from."""
    return [
        {
            "type": "url_citation",
            "url_citation": {
                "start_index": citation.get("start", 0),
                "end_index": citation.get("end", 0),
                "title": source["document"].get("title", ""),
                "url": source.get("url") or f"source:{source.get('id', 'unknown')}",
            },
        }
        for citation in citations
        for source in citation.get("sources") or ()
        if isinstance(source, dict) and isinstance(source.get("document"), dict)
    ]


# --- streams ---------------------------------------------------------------------------------------------------------


class _Piece(msgspec.Struct):
    content: _Block | list[Any] | None = None
    tool_plan: str = ""
    tool_calls: _ToolCall | list[Any] | None = None
    citations: Fields | list[Any] | None = None


class _Delta(msgspec.Struct):
    message: _Piece = msgspec.field(default_factory=_Piece)
    finish_reason: str | None = None
    usage: Fields = {}


class _Event(msgspec.Struct):
    type: str
    delta: _Delta = msgspec.field(default_factory=_Delta)


_decode_event = msgspec.json.Decoder(_Event).decode


class CohereChunks(ChunkWriter):
    """Turns the data of Cohere's events into the chunks that the client gets.

    Args:
        model: shown in the chunks.
        secrets: kept out of failures.
    """

    def __init__(self, model: str, *, include_usage: bool, secrets: Sequence[bytes] = ()) -> None:
        super().__init__(model, include_usage=include_usage, secrets=secrets)
        self._reason = ""

    @property
    def usage(self) -> Usage:
        """As told so far."""
        return chat_usage(self._told)[1]

    def feed(self, data: bytes) -> bytes | None:
        """The chunk for one event's data, if it makes one.

        Raises:
            StreamFailure: Cohere failed, or it is no event.
        """
        try:
            event = _decode_event(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            shown = without(self.secrets, data[:200]).decode(errors="replace")
            raise StreamFailure(EXCEPTION, f"No event of a stream: {shown}", continuable=True) from None
        if event.type == "message-end":
            self._end(event.delta)
            return None
        delta = self._delta(event.type, event.delta.message)
        return None if delta is None else self._chunk(delta)

    def finish(self) -> list[bytes]:
        """The last chunks of a complete stream.

        Raises:
            StreamFailure: Cohere did not say that it was done.
        """
        if not self.done:
            raise incomplete(EXCEPTION)
        return [self._finished(finish_reason(self._reason)), *self._usage_chunks(chat_usage(self._told)[0])]

    def _end(self, delta: _Delta) -> None:
        self._reason, self._told, self.done = delta.finish_reason or "COMPLETE", delta.usage, True
        if self._reason in FAILED:
            raise StreamFailure(EXCEPTION, f"The generation ended with {self._reason}.", continuable=True)

    def _delta(self, kind: str, piece: _Piece) -> Fields | None:
        if kind in ("content-start", "content-delta") and isinstance(piece.content, _Block):
            if piece.content.thinking:
                return {"reasoning_content": piece.content.thinking, "content": ""}
            return {"content": piece.content.text} if piece.content.text else None
        if kind in ("tool-call-start", "tool-call-delta") and isinstance(piece.tool_calls, _ToolCall):
            return self._called(piece.tool_calls, begins=kind == "tool-call-start")
        if kind == "tool-plan-delta" and piece.tool_plan:
            return {"provider_specific_fields": {"tool_plan": piece.tool_plan}, "content": ""}
        if kind == "citation-start" and isinstance(piece.citations, dict):
            return {"provider_specific_fields": {"citations": [piece.citations]}, "content": ""}
        return None

    def _called(self, call: _ToolCall, *, begins: bool) -> Fields:
        if not begins:
            return self._more_arguments(call.function.arguments)
        self._tool += 1
        return {"content": "", "tool_calls": [_call(call, self._tool)]}
