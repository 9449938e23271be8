"""Google's event streams as the chunks of a chat completion, event by event. Sans I/O.

Recorded in contracts/core/test_gemini_streams.py. Google's streams have no last event: one is complete when a candidate has
said why it ended. The finish reason is held back until then, so that a stream which is cut never looks finished.
"""

import time
from typing import Any

import msgspec

from proxy.call import Usage
from proxy.providers.failures import StreamFailure
from proxy.providers.google_answers import (
    Candidate,
    Response,
    UsageMetadata,
    chat_usage,
    decode_response,
    finish_reason,
    log_probabilities,
    metadata,
    new_id,
    said,
)
from proxy.providers.google_failures import exception_of, failure_within_stream
from proxy.providers.openai_format import encode
from proxy.providers.secrecy import without

Fields = dict[str, Any]

_NOT_STREAMED = ("role", "thinking_blocks")
_CONTENT_FILTER = "content_filter"


class ContentChunks:
    """Turns the data of Google's events into the chunks that the client gets.

    Args:
        vendor: ``gemini`` or ``vertex_ai``.
        model: shown in the chunks.
    """

    done = False
    """Never said: what comes after a finish reason counts too."""

    def __init__(self, vendor: str, model: str, *, include_usage: bool) -> None:
        self._vendor = vendor
        self._base = {"id": "", "created": int(time.time()), "model": model, "object": "chat.completion.chunk"}
        self._include_usage = include_usage
        self._told = UsageMetadata()
        self._searches = 0
        self._spoke = False
        self._calls = 0
        self._reason: str | None = None
        self.text: list[str] | None = None
        """Set to a list to have the text of the stream collected."""
        self.secrets: list[bytes] = []
        """Masked in what Google reports."""

    @property
    def usage(self) -> Usage:
        """As told so far."""
        return chat_usage(self._told)[1]

    def feed(self, data: bytes) -> bytes | None:
        """The chunk for one event's data, if it makes one.

        Raises:
            StreamFailure: it is Google's error, or no event at all.
        """
        try:
            response = decode_response(data)
            if response.error is not None:
                raise failure_within_stream(self._vendor, response.error, without(self.secrets, data))
            return self._chunk_of(response)
        except (msgspec.DecodeError, UnicodeDecodeError, TypeError, AttributeError, RecursionError):
            what = "The stream turned into something that is no event."
            raise StreamFailure(exception_of(self._vendor), what, continuable=True) from None

    def finish(self) -> list[bytes]:
        """The last chunks of a complete stream.

        Raises:
            StreamFailure: Google did not say why it ended.
        """
        if self._reason is None:
            what = "The stream ended before it was complete."
            raise StreamFailure(exception_of(self._vendor), what, continuable=False)
        ending = [self._encoded([{"finish_reason": self._reason, "index": 0, "delta": {}}])]
        if self._include_usage:
            ending.append(self._encoded([{"index": 0, "delta": {}}], usage=self._laid_out_usage()))
        return ending

    def _chunk_of(self, response: Response) -> bytes | None:
        if not self._base["id"]:
            self._base["id"] = response.response_id or new_id()
        if response.usage_metadata is not None:
            self._told = response.usage_metadata
        if response.blocked:
            self._reason = _CONTENT_FILTER
        candidates = response.candidates or []
        choices = [choice for index, one in enumerate(candidates) if (choice := self._choice(one, index)) is not None]
        told = metadata(candidates, "vertex_ai_safety_ratings")
        for grounding in told["vertex_ai_grounding_metadata"]:
            self._searches += sum(1 for query in grounding.get("webSearchQueries") or () if query)
        return self._encoded(choices, **told) if choices else None

    def _choice(self, candidate: Candidate, position: int) -> Fields | None:
        message = said(candidate, self._calls)
        calls = message.get("tool_calls", [])
        self._calls += len(calls)
        self._note_end(candidate, called=bool(calls))
        delta = {name: value for name, value in message.items() if name not in _NOT_STREAMED and value != []}
        if not delta:
            return None
        if not self._spoke:
            self._spoke = True
            delta["role"] = "assistant"
        if self.text is not None and "content" in delta:
            self.text.append(delta["content"])
        index = position if candidate.index is None else candidate.index
        logprobs = log_probabilities(candidate.logprobs_result)
        return {"index": index, "delta": delta} | ({} if logprobs is None else {"logprobs": logprobs})

    def _note_end(self, candidate: Candidate, *, called: bool) -> None:
        """A stream that has called a tool ends because of that, although its last event may say nothing of it."""
        if candidate.finish_reason is not None:
            reason = finish_reason(candidate.finish_reason, called=called)
            self._reason = "tool_calls" if reason == "stop" and self._calls else reason

    def _laid_out_usage(self) -> Fields:
        usage, _ = chat_usage(self._told)
        usage["completion_tokens_details"] = {"reasoning_tokens": 0} | usage.get("completion_tokens_details", {})
        if self._searches:
            usage["prompt_tokens_details"] |= {"web_search_requests": self._searches}
        return usage

    def _encoded(self, choices: list[Fields], **more: Any) -> bytes:
        return encode({**self._base, "choices": choices, **more})
