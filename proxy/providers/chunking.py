"""What the converters of vendors' events have in common: the state of one stream, and the layout of its chunks. Sans I/O.

Finish reasons are held back until a stream is complete, so that one which is cut never looks finished.
"""

import time
import uuid
from collections.abc import Sequence
from typing import Any

from proxy.providers.failures import StreamFailure
from proxy.providers.openai.format import encode

Fields = dict[str, Any]


class EventReader:
    """What is known of a stream, whatever becomes of its events.

    Args:
        secrets: kept out of failures.
    """

    def __init__(self, secrets: Sequence[bytes] = ()) -> None:
        self.secrets = secrets
        self.done = False
        """The vendor said that the stream is complete, if it says so at all."""
        self.text: list[str] | None = None
        """Set to a list to have the text of the stream collected, by readers that can."""
        self._told: Fields = {}
        """The vendor's usage so far."""


class ChunkWriter(EventReader):
    """Lays out the chunks of one chat completion, in which the role comes with the first that says something.

    Args:
        model: shown in the chunks.
        secrets: kept out of failures.
    """

    def __init__(self, model: str, *, include_usage: bool, secrets: Sequence[bytes] = ()) -> None:
        super().__init__(secrets)
        self._base = {
            "id": f"chatcmpl-{uuid.uuid4()}",
            "created": int(time.time()),
            "model": model,
            "object": "chat.completion.chunk",
        }
        self._include_usage = include_usage
        self._spoke = False
        self._tool = -1
        """The index of the tool call that has come last."""

    def _said(self, delta: Fields) -> Fields:
        """The delta as it goes into a chunk."""
        if self.text is not None and delta.get("content"):
            self.text.append(delta["content"])
        if not self._spoke:
            self._spoke = True
            delta["role"] = "assistant"
        return delta

    def _chunk(self, delta: Fields) -> bytes:
        return self._encoded({"index": 0, "delta": self._said(delta)})

    def _finished(self, reason: str) -> bytes:
        return self._encoded({"finish_reason": reason, "index": 0, "delta": {}})

    def _usage_chunks(self, usage: Fields) -> list[bytes]:
        """The chunk that tells the usage, if the client wants it."""
        return [self._encoded({"index": 0, "delta": {}}, usage=usage)] if self._include_usage else []

    def _more_arguments(self, part: Any) -> Fields:
        """The delta with a further piece of the arguments of the last tool call."""
        return {
            "content": "",
            "tool_calls": [{"function": {"arguments": part}, "type": "function", "index": self._tool}],
        }

    def _encoded(self, *choices: Fields, **more: Any) -> bytes:
        return encode({**self._base, "choices": choices, **more})


def no_event(exception: str, *, continuable: bool = True) -> StreamFailure:
    """The failure of a stream that is none any more; ``exception`` is the vendor's label."""
    return StreamFailure(exception, "The stream turned into something that is no event.", continuable=continuable)


def incomplete(exception: str) -> StreamFailure:
    """The failure of a stream that ended too early."""
    return StreamFailure(exception, "The stream ended before it was complete.", continuable=False)
