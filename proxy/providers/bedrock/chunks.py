"""Converse's event streams as the chunks of a chat completion, event by event. Sans I/O.

Recorded in contracts/core/test_bedrock_streams.py;
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from proxy.call import Usage
from proxy.providers.bedrock.answers import chat_usage, finish_reason, thinking_block
from proxy.providers.bedrock.failures import EXCEPTION
from proxy.providers.chunking import ChunkWriter, incomplete, no_event
from proxy.providers.openai.chunks import DONE
from proxy.providers.openai.format import encode

Fields = dict[str, Any]


class _Event(msgspec.Struct):
    """Any of the events: which one it is shows in what it holds."""

    contentBlockIndex: int | None = None  # noqa: N815 - Bedrock's
    start: Fields | None = None
    delta: Fields | None = None
    stopReason: str | None = None  # noqa: N815 - Bedrock's
    usage: Fields | None = None
    trace: Any = None


_decode = msgspec.json.Decoder(_Event).decode


class ConverseChunks(ChunkWriter):
    """Turns the payloads of Converse's events into the chunks that the client gets.

    Args:
        model: shown in the chunks.
        names: what the client calls a tool, by the name that Bedrock knows.
    """

    def __init__(self, model: str, names: Mapping[str, str], *, include_usage: bool) -> None:
        super().__init__(model, include_usage=include_usage)
        self._names = names
        self._unwritten = False
        """A tool is being called whose arguments have not begun."""
        self._reason: str | None = None
        self._trace: Any = None

    @property
    def usage(self) -> Usage:
        """As told so far."""
        return chat_usage(self._told)[1]

    def feed(self, data: bytes) -> bytes | None:
        """The chunk for one event's payload, if it makes one.

        Raises:
            StreamFailure: it is no event.
        """
        try:
            event = _decode(data)
            delta = self._delta(event)
        except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError, RecursionError):
            raise no_event(EXCEPTION) from None
        return None if delta is None else self._chunk(delta)

    def finish(self) -> list[bytes]:
        """The last chunks of a complete stream.

        Raises:
            StreamFailure: Bedrock did not say why the answer ended.
        """
        if self._reason is None:
            raise incomplete(EXCEPTION)
        ending = [self._finished(finish_reason(self._reason))]
        if self._trace is not None:
            traced = {"provider_specific_fields": {"trace": self._trace}, "trace": self._trace}
            ending.append(self._encoded({"index": 0, "delta": {"content": "", "role": "assistant"}}, **traced))
        told, usage = chat_usage(self._told)
        told |= {
            "total_tokens": usage.prompt_tokens + usage.completion_tokens,
            "completion_tokens_details": {"reasoning_tokens": 0},
        }
        return ending + self._usage_chunks(told)

    def _delta(self, event: _Event) -> Fields | None:
        if event.delta is not None:
            return self._continued(event.delta)
        if event.start is not None:
            return self._opened(event.start)
        if event.contentBlockIndex is not None:
            return self._closed()
        if event.stopReason is not None:
            self._reason = event.stopReason
        elif event.usage is not None:
            self._told, self._trace, self.done = event.usage, event.trace, True
        return None

    def _opened(self, start: Fields) -> Fields | None:
        if start.get("toolUse"):
            self._tool += 1
            self._unwritten = True
            use = start["toolUse"]
            name = self._names.get(use["name"], use["name"])
            function = {"arguments": "", "name": name}
            call = {"id": use["toolUseId"], "function": function, "type": "function", "index": self._tool}
            return {"content": "", "tool_calls": [call]}
        if start.get("reasoningContent"):
            return _thought(start["reasoningContent"])
        return None

    def _continued(self, delta: Fields) -> Fields | None:
        if "text" in delta:
            return {"content": delta["text"]} if delta["text"] else None
        if "toolUse" in delta:
            return self._arguments(delta["toolUse"]["input"])
        if "reasoningContent" in delta:
            content = delta["reasoningContent"]
            return _thought(content) | {"reasoning_content": content.get("text") or ""}
        if "citationsContent" in delta:
            return {"provider_specific_fields": {"citationsContent": delta["citationsContent"]}, "content": ""}
        return None

    def _arguments(self, part: str) -> Fields:
        self._unwritten = self._unwritten and not part
        return self._more_arguments(part)

    def _closed(self) -> Fields | None:
        """A tool that takes nothing is called with an empty object, which Bedrock does not write down."""
        return self._arguments("{}") if self._unwritten else None

    def _encoded(self, *choices: Fields, **more: Any) -> bytes:
        specific: Fields = {} if "usage" in more else {"provider_specific_fields": {}}
        return super()._encoded(*choices, **(specific | more))


def _thought(content: Fields) -> Fields:
    block = thinking_block(content)
    made: Fields = {"provider_specific_fields": {"reasoningContent": content}, "content": ""}
    return made if block is None else made | {"thinking_blocks": [block]}


def whole_events(completion: Fields, *, include_usage: bool) -> Iterator[bytes]:
    """The events of a stream that was asked for as a whole."""
    base = {name: completion[name] for name in ("id", "created", "model")} | {"object": "chat.completion.chunk"}
    [choice] = completion["choices"]
    yield encode({**base, "choices": [{"index": 0, "delta": choice["message"]}]})
    yield encode({**base, "choices": [{"finish_reason": choice["finish_reason"], "index": 0, "delta": {}}]})
    if include_usage:
        yield encode({**base, "choices": [{"index": 0, "delta": {}}], "usage": completion["usage"]})
    yield DONE
