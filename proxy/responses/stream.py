"""A stream of chat completion chunks as the typed events of a response, as OpenAI sends them.

https://platform.openai.com/docs/api-reference/responses-streaming
"""

import time
import uuid
from collections.abc import Awaitable, Callable

import msgspec

from proxy.providers.base import Sink, Stream
from proxy.providers.failures import StreamFailure
from proxy.providers.openai.chunks import DONE
from proxy.providers.openai.format import encode
from proxy.providers.translated import TranslatedStream
from proxy.responses.answer import (
    Call,
    Function,
    Item,
    Said,
    call_item,
    citations,
    decode_completion,
    finished,
    message_item,
    reasoning_item,
    told_usage,
)

Keep = Callable[[Item], Awaitable[None]]
"""Keeps a response for later calls."""


class _Message:
    """What is said."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.id = f"msg_{uuid.uuid4()}"
        self._texts: list[str] = []
        self._notes: list[Item] = []

    def opening(self) -> list[Item]:
        added = {"id": self.id, "type": "message", "status": "in_progress", "role": "assistant", "content": []}
        part = {"type": "output_text", "text": "", "annotations": []}
        return [
            {"type": "response.output_item.added", "item": added},
            {"type": "response.content_part.added", "item_id": self.id, "content_index": 0, "part": part},
        ]

    def said(self, text: str) -> list[Item]:
        self._texts.append(text)
        at = {"item_id": self.id, "content_index": 0}
        return [{"type": "response.output_text.delta", **at, "delta": text, "logprobs": []}]

    def noted(self, annotations: list[Item]) -> list[Item]:
        at = {"type": "response.output_text.annotation.added", "item_id": self.id, "content_index": 0}
        events = [
            {**at, "annotation_index": number, "annotation": note}
            for number, note in enumerate(annotations, len(self._notes))
        ]
        self._notes += annotations
        return events

    def item(self, status: str) -> Item:
        return message_item(self.id, "".join(self._texts), status, self._notes)

    def closing(self, item: Item) -> list[Item]:
        at = {"item_id": self.id, "content_index": 0}
        [part] = item["content"]
        return [
            {"type": "response.output_text.done", **at, "text": part["text"], "logprobs": []},
            {"type": "response.content_part.done", **at, "part": part},
        ]


class _Reasoning:
    """What is thought."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.id = f"rs_{uuid.uuid4()}"
        self._texts: list[str] = []

    def opening(self) -> list[Item]:
        part = {"type": "summary_text", "text": ""}
        added = {"id": self.id, "type": "reasoning", "status": "in_progress", "summary": []}
        return [
            {"type": "response.output_item.added", "item": added},
            {"type": "response.reasoning_summary_part.added", "item_id": self.id, "summary_index": 0, "part": part},
        ]

    def said(self, text: str) -> list[Item]:
        self._texts.append(text)
        at = {"item_id": self.id, "summary_index": 0}
        return [{"type": "response.reasoning_summary_text.delta", **at, "delta": text}]

    def item(self, status: str) -> Item:
        return reasoning_item(self.id, "".join(self._texts), status)

    def closing(self, item: Item) -> list[Item]:
        at = {"item_id": self.id, "summary_index": 0}
        [part] = item["summary"]
        return [
            {"type": "response.reasoning_summary_text.done", **at, "text": part["text"]},
            {"type": "response.reasoning_summary_part.done", **at, "part": part},
        ]


class _Called:
    """A call of a tool."""

    def __init__(self, index: int, call: Call) -> None:
        self.index = index
        self.id = call.id or f"call_{uuid.uuid4()}"
        self.name = call.function.name or ""
        self._arguments: list[str] = []

    def opening(self) -> list[Item]:
        added = {"type": "function_call", "id": self.id, "call_id": self.id, "name": self.name, "arguments": ""}
        return [{"type": "response.output_item.added", "item": added | {"status": "in_progress"}}]

    def said(self, arguments: str) -> list[Item]:
        self._arguments.append(arguments)
        return [{"type": "response.function_call_arguments.delta", "item_id": self.id, "delta": arguments}]

    def item(self, _status: str) -> Item:
        return call_item(self.id, Function(self.name, "".join(self._arguments)), self.id)

    def closing(self, item: Item) -> list[Item]:
        done = {"type": "response.function_call_arguments.done", "item_id": self.id, "name": self.name}
        return [done | {"arguments": item["arguments"]}]


_Part = _Message | _Reasoning | _Called


class ResponseStream(TranslatedStream):
    """A stream of chat completion chunks as the events of a response.

    Args:
        begun: the fields that the response has from the start: its ``id``, the vendor's ``model``, and what it repeats of
            the call.
        shown: the client's name of the model, in every event.
        keep: called with the whole response before its last event is sent.
    """

    def __init__(self, chunks: Stream, begun: Item, shown: str | None, keep: Keep | None) -> None:
        super().__init__(chunks)
        self._begun = begun
        self._named = {} if shown is None else {"model": shown}
        self._keep = keep
        self._created = int(time.time())
        self._number = 0
        self._opened: list[_Part] = []
        """In the order of the output."""
        self._done: dict[int, Item] = {}
        self._current: _Message | _Reasoning | None = None
        self._calls: dict[int, _Called] = {}
        """By the vendor's number. They may be told piece by piece in turn, so they stay open to the end."""
        self._reason: str | None = None
        self._usage: Item | None = None
        self._ready = self._opening()

    async def pump(self, sink: Sink) -> None:
        """See :meth:`proxy.providers.base.Stream.pump`."""
        await super().pump(sink)
        last = [event for part in self._opened for event in self._close(part)]
        output = [self._done[index] for index in range(len(self._opened))]
        response = finished(self._begun["id"], self._created, self._begun["model"], output, self._reason)
        response |= {"usage": told_usage(self._usage)}
        if self._keep is not None:
            await self._keep(response)
        told = {name: value for name, value in response.items() if value is not None}
        last += self._told([{"type": f"response.{response['status']}", "response": told}], None)
        awaited = sink([*last, DONE])
        if awaited is not None:
            await awaited

    def _opening(self) -> list[bytes]:
        response = {"object": "response", "created_at": self._created, "status": "in_progress", "output": []}
        response |= {"parallel_tool_calls": True, **self._begun}
        events: list[Item] = [
            {"type": "response.created", "response": response},
            {"type": "response.in_progress", "response": response},
        ]
        return self._told(events, None)

    def _told(self, events: list[Item], index: int | None) -> list[bytes]:
        told = []
        for event in events:
            where: Item = {} if index is None else {"output_index": index}
            told.append(encode({**event, **where, "sequence_number": self._number, **self._named}))
            self._number += 1
        return told

    def _events_of(self, batch: list[bytes]) -> list[bytes]:
        events, self._ready = self._ready, []
        for data in batch:
            if data != DONE:
                events += self._translated(data)
        return events

    def _translated(self, data: bytes) -> list[bytes]:
        try:
            chunk = decode_completion(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise StreamFailure("Gateway", "A chunk could not be translated.", continuable=False) from None
        if chunk.usage is not None:
            self._usage = chunk.usage
        events: list[bytes] = []
        for choice in chunk.choices[:1]:
            self._reason = choice.finish_reason or self._reason
            if choice.delta is not None:
                events += self._said(choice.delta)
        return events

    def _said(self, delta: Said) -> list[bytes]:
        events: list[bytes] = []
        if delta.reasoning_content:
            if not isinstance(self._current, _Reasoning):
                events += self._switch(_Reasoning(len(self._opened)))
            events += self._piece(self._current, delta.reasoning_content)
        if delta.content:
            if not isinstance(self._current, _Message):
                events += self._switch(_Message(len(self._opened)))
            events += self._piece(self._current, delta.content)
        if delta.annotations and isinstance(self._current, _Message):
            events += self._told(self._current.noted(citations(delta.annotations)), self._current.index)
        for call in delta.tool_calls or ():
            events += self._called(call)
        return events

    def _called(self, call: Call) -> list[bytes]:
        number = call.index if call.index is not None else len(self._calls)
        known = self._calls.get(number)
        events: list[bytes] = []
        if known is None or (call.id and call.id != known.id):
            events += self._switch(None)
            known = self._calls[number] = _Called(len(self._opened), call)
            events += self._begin(known)
        return events + (self._piece(known, call.function.arguments) if call.function.arguments else [])

    def _switch(self, to: _Message | _Reasoning | None) -> list[bytes]:
        """A message and a thought end where something else begins."""
        before, self._current = self._current, to
        events = [] if before is None else self._close(before)
        return events + ([] if to is None else self._begin(to))

    def _begin(self, part: _Part) -> list[bytes]:
        self._opened.append(part)
        return self._told(part.opening(), part.index)

    def _piece(self, part: _Part | None, text: str) -> list[bytes]:
        assert part is not None
        return self._told(part.said(text), part.index)

    def _close(self, part: _Part) -> list[bytes]:
        if part.index in self._done:
            return []
        item = self._done[part.index] = part.item("completed")
        return self._told([*part.closing(item), {"type": "response.output_item.done", "item": item}], part.index)
