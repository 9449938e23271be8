"""Anthropic's event streams as the chunks of a chat completion, event by event. Sans I/O.

Recorded in contracts/core/test_provider_anthropic_streams.py.
"""

from typing import Any

import msgspec

from proxy.providers.anthropic.answers import chat_usage, finish_reason
from proxy.providers.anthropic.events import Event, MessageReader
from proxy.providers.anthropic.failures import EXCEPTION
from proxy.providers.anthropic.tools import SCHEMA_TOOL
from proxy.providers.chunking import ChunkWriter, no_event

_TOOLS = frozenset(("tool_use", "server_tool_use"))
_SEARCHES = frozenset(("web_search_tool_result", "web_fetch_tool_result"))
_SEARCHED_TOOLS = "tool_search_tool_result"

Fields = dict[str, Any]


class _Event(Event):
    content_block: Fields = msgspec.field(default_factory=dict)
    delta: Fields = msgspec.field(default_factory=dict)


_decode = msgspec.json.Decoder(_Event).decode


class MessageChunks(MessageReader, ChunkWriter):
    """Turns the data of Anthropic's events into the chunks that the client gets.

    Args:
        model: shown in the chunks.
        in_schema: a call of :data:`SCHEMA_TOOL` is the answer's text.
    """

    def __init__(self, model: str, *, include_usage: bool, in_schema: bool = False) -> None:
        super().__init__(model, include_usage=include_usage)
        self._in_schema = in_schema
        self._block = ""
        self._arguments = False
        self._as_text = self._structured = False
        self._reason = "stop"
        self._kept: dict[str, list[Fields]] = {}

    def feed(self, data: bytes) -> bytes | None:
        """The chunk for one event's data, if it makes one.

        Raises:
            StreamFailure: it is Anthropic's error, or no event at all.
        """
        try:
            event = _decode(data)
            self._note(event, data)
            delta = self._delta(event)
        except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError, RecursionError):
            raise no_event(EXCEPTION) from None
        return None if delta is None else self._chunk(delta)

    def finish(self) -> list[bytes]:
        """The last chunks of a complete stream; see :meth:`MessageReader.finish`."""
        super().finish()
        told, _ = chat_usage(self._told)
        if "server_tool_use" in told:
            told["server_tool_use"] = {"web_search_requests": None, "tool_search_requests": None} | told[
                "server_tool_use"
            ]
        return [self._finished(self._reason), *self._usage_chunks(told)]

    def _delta(self, event: _Event) -> Fields | None:
        match event.type:
            case "content_block_delta":
                return self._continued(event.delta)
            case "content_block_start":
                return self._opened(event.content_block)
            case "content_block_stop":
                return self._closed()
            case "message_delta":
                return self._ended(event.delta)
        return None

    def _opened(self, block: Fields) -> Fields | None:
        self._block, self._arguments = str(block["type"]), False
        self._as_text = self._in_schema and self._block == "tool_use" and block.get("name") == SCHEMA_TOOL
        if self._block in _TOOLS:
            return self._called(block)
        if self._block.endswith("_tool_result"):
            return self._resulted(block)
        match self._block:
            case "text":
                return _text(block.get("text"))
            case "redacted_thinking":
                thinking = [{"type": "redacted_thinking", "data": block.get("data")}]
                return {"thinking_blocks": thinking, **_specific(thinking_blocks=thinking)}
            case "compaction":
                start = {"type": "compaction", "content": block.get("content", "")}
                return _specific(compaction_blocks=self._keep("compaction", block), compaction_start=start)
        return None

    def _resulted(self, block: Fields) -> Fields | None:
        """What a tool that Anthropic runs itself has found."""
        if self._block == _SEARCHED_TOOLS:
            return None
        if self._block in _SEARCHES:
            return _specific(web_search_results=self._keep("searches", block))
        return _specific(tool_results=self._keep("results", block))

    def _called(self, block: Fields) -> Fields | None:
        self._tool += 1
        if self._as_text:
            self._structured = True
            return None
        call = {
            "id": block["id"],
            "function": {"arguments": "", "name": block["name"]},
            "type": "function",
            "index": self._tool,
        }
        if block.get("caller"):
            call["caller"] = block["caller"]
        return {"content": "", "tool_calls": [call]}

    def _continued(self, delta: Fields) -> Fields | None:
        if "text" in delta:
            return _text(delta["text"])
        if "partial_json" in delta:
            return self._written(delta["partial_json"]) if self._block in _TOOLS else None
        if "citation" in delta:
            return _specific(citation=delta["citation"])
        if "thinking" in delta or "signature" in delta:
            thought = {
                "type": "thinking",
                "thinking": delta.get("thinking") or "",
                "signature": delta.get("signature") or "",
            }
            return {
                "reasoning_content": thought["thinking"],
                "thinking_blocks": [thought],
                **_specific(thinking_blocks=[thought]),
            }
        if delta.get("type") == "compaction_delta":
            return _specific(compaction_delta={"type": "compaction_delta", "content": delta["content"]})
        return None

    def _written(self, part: Any) -> Fields | None:
        self._arguments = self._arguments or bool(part)
        return _text(part) if self._as_text else self._more_arguments(part)

    def _closed(self) -> Fields | None:
        """A tool that takes nothing is called with an empty object, which Anthropic does not write down."""
        unwritten = self._block in _TOOLS and not self._arguments
        delta = self._written("{}") if unwritten else None
        self._block = ""
        return delta

    def _ended(self, delta: Fields) -> Fields | None:
        self._reason = "stop" if self._structured else finish_reason(delta.get("stop_reason"))
        container = delta.get("container")
        return _specific(container=container) if container else None

    def _keep(self, kind: str, block: Fields) -> list[Fields]:
        """All blocks of the kind so far, as the client gets them each time."""
        kept = self._kept.setdefault(kind, [])
        kept.append(block)
        return kept


def _text(text: Any) -> Fields | None:
    if text is not None and not isinstance(text, str):
        raise TypeError("a text is expected")
    return {"content": text} if text else None


def _specific(**fields: Any) -> Fields:
    return {"provider_specific_fields": fields, "content": ""}
