"""Responses made in the background: what is known of one so far, and where that is kept.

The state is written at most every ``PUBLISH_SECONDS`` and at least every ``BEAT_SECONDS``; one that was not written for
``DEAD_SECONDS`` belongs to a process that is gone. Sans I/O but for :class:`Polls`.
"""

import re
import time
import uuid
from typing import Any, Literal

import msgspec

from proxy.call import Identity
from proxy.providers.openai.responses import BLANK
from proxy.responses.answer import Item
from proxy.responses.ids import owner_of
from proxy.state.base import State

PREFIX = "litellm_poll_"
PUBLISH_SECONDS = 0.15
BEAT_SECONDS = 5.0
DEAD_SECONDS = 20.0
STOP_SECONDS = 60.0
DEFAULT_SECONDS = 3600.0
"""How long a state is kept after it was last written."""
Stop = Literal["cancelled", "deleted"]
_id = re.compile(PREFIX + "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_TOLD = (
    "usage reasoning tool_choice tools model instructions temperature top_p max_output_tokens previous_response_id text "
    "truncation parallel_tool_calls user store incomplete_details"
)
ENDED = frozenset(("completed", "incomplete", "failed", "cancelled"))


class Poll(msgspec.Struct):
    """A response in the background, as it is kept."""

    response: Item
    user: str
    team: str
    written: float
    """Seconds since 1970."""
    made: str | None = None
    """The id of the response itself, once it has one."""

    def seen(self) -> Item:
        """As clients see it: one whose process is gone has failed."""
        if self.response["status"] in ENDED or time.time() - self.written < DEAD_SECONDS:
            return self.response
        error = failure("The gateway that made this response stopped before it was complete.", "background_interrupted")
        return self.response | {"status": "failed", "error": error}


def failure(message: str, code: str = "background_streaming_error") -> Item:
    """The error of a failed response."""
    return {"type": "internal_error", "message": message, "code": code}


class Progress:
    """Follows the events of a response.

    Args:
        metadata: the client's.
    """

    def __init__(self, owner: Identity, metadata: Any) -> None:
        self.id = f"{PREFIX}{uuid.uuid4()}"
        blank = {**BLANK, "id": self.id, "object": "response", "created_at": int(time.time()), "status": "queued"}
        user, team = owner_of(owner)
        self.poll = Poll(blank | {"metadata": metadata, "output": []}, user, team, time.time())
        self.changed = False
        self._output: dict[str, Item] = {}

    @property
    def response(self) -> Item:
        """As it is so far."""
        return self.poll.response

    def begin(self) -> None:
        """The work has begun."""
        self.response["status"] = "in_progress"
        self.changed = True

    def fail(self, message: str) -> None:
        """The work has failed."""
        self.response.update(status="failed", error=failure(message))
        self.changed = True

    def cancel(self) -> None:
        """Nobody wants the rest."""
        self.response["status"] = "cancelled"
        self.changed = True

    def take(self, data: bytes) -> None:
        """One event of the response's stream; what is none is skipped."""
        try:
            self._take(msgspec.json.decode(data, type=dict[str, Any]))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError, TypeError, AttributeError):
            return
        self.response["output"] = list(self._output.values())
        self.changed = True

    def _take(self, event: Item) -> None:
        kind = str(event.get("type"))
        if kind == "error":
            self.fail(str(event.get("message")))
        elif isinstance(event.get("response"), dict):
            self._heard(kind, event["response"])
        else:
            self._grow(kind, event)

    def _heard(self, kind: str, response: Item) -> None:
        """Of the whole response."""
        self.poll.made = response.get("id") or self.poll.made
        status = kind.removeprefix("response.")
        if status not in ENDED:
            return
        told = {name: response[name] for name in _TOLD.split() if response.get(name) is not None}
        self.response.update(told, status=status)
        if response.get("error") is not None:
            self.response["error"] = response["error"]
        for item in response.get("output") or ():
            self._output[str(item.get("id"))] = item

    def _grow(self, kind: str, event: Item) -> None:
        """Of one item."""
        item = self._output.get(str(event.get("item_id")))
        if kind in ("response.output_item.added", "response.output_item.done"):
            self._output[str(event["item"].get("id"))] = event["item"]
        elif item is None:
            return
        elif kind == "response.content_part.added":
            item.setdefault("content", []).append(event["part"])
        elif kind == "response.content_part.done":
            _replace(item.get("content"), event.get("content_index", 0), event["part"])
        elif kind == "response.output_text.delta":
            _extend(item.get("content"), event.get("content_index", 0), event["delta"])
        elif kind == "response.reasoning_summary_part.added":
            item.setdefault("summary", []).append(event["part"])
        elif kind == "response.reasoning_summary_text.delta":
            _extend(item.get("summary"), event.get("summary_index", 0), event["delta"])
        elif kind == "response.function_call_arguments.delta":
            item["arguments"] = item.get("arguments", "") + event["delta"]


def _replace(parts: Any, index: int, part: Item) -> None:
    if isinstance(parts, list) and index < len(parts):
        parts[index] = part


def _extend(parts: Any, index: int, text: str) -> None:
    if isinstance(parts, list) and index < len(parts):
        parts[index]["text"] = parts[index].get("text", "") + text


_decode = msgspec.json.Decoder(Poll).decode


class Polls:
    """The background responses of a state.

    Args:
        seconds: how long one is kept after it was last written.
    """

    def __init__(self, state: State, seconds: float) -> None:
        self._state = state
        self._seconds = seconds

    async def get(self, poll_id: str) -> Poll | None:
        """What is known of one; ``None`` also for what cannot be the id of one."""
        document = await self._state.get(_key(poll_id)) if _id.fullmatch(poll_id) else None
        return None if document is None else _decode(document)

    async def put(self, poll: Poll) -> None:
        """Write what is known of one."""
        poll.written = time.time()
        await self._state.put(_key(poll.response["id"]), msgspec.json.encode(poll), self._seconds)

    async def delete(self, poll_id: str) -> None:
        """Forget one."""
        await self._state.delete(_key(poll_id))

    async def stop(self, poll_id: str, why: Stop) -> None:
        """Tell the process that makes it, whichever that is."""
        await self._state.put(_stop(poll_id), why.encode(), STOP_SECONDS)

    async def stopped(self, poll_id: str) -> Stop | None:
        """Whether somebody wants it stopped, and why."""
        why = await self._state.get(_stop(poll_id))
        return None if why is None else "cancelled" if why == b"cancelled" else "deleted"


def _key(poll_id: str) -> str:
    return f"response:{poll_id}"


def _stop(poll_id: str) -> str:
    return f"response-stop:{poll_id}"
