"""Google's event streams as the chunks of a chat completion, event by event. Sans I/O.

Recorded in contracts/core/test_gemini_streams.py.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from proxy.providers.chunking import ChunkWriter, incomplete, no_event
from proxy.providers.google.answers import (
    Candidate,
    Response,
    chat_usage,
    decode_response,
    finish_reason,
    log_probabilities,
    metadata,
    new_id,
    said,
)
from proxy.providers.google.events import ContentReader
from proxy.providers.google.failures import exception_of

Fields = dict[str, Any]

_NOT_STREAMED = ("role", "thinking_blocks")
_CONTENT_FILTER = "content_filter"


class ContentChunks(ContentReader, ChunkWriter):
    """Turns the data of Google's events into the chunks that the client gets.

    Args:
        vendor: ``gemini`` or ``vertex_ai``.
        model: shown in the chunks.
        secrets: masked in what Google reports.
    """

    def __init__(self, vendor: str, model: str, *, include_usage: bool, secrets: Sequence[bytes] = ()) -> None:
        super().__init__(model, include_usage=include_usage, secrets=secrets)
        self._base["id"] = ""
        self._vendor = vendor
        self._searches = 0
        self._calls = 0
        self._reason: str | None = None

    def feed(self, data: bytes) -> bytes | None:
        """The chunk for one event's data, if it makes one.

        Raises:
            StreamFailure: it is Google's error, or no event at all.
        """
        try:
            response = decode_response(data)
            self._note(response, data)
            return self._chunk_of(response)
        except (msgspec.DecodeError, UnicodeDecodeError, TypeError, AttributeError, RecursionError):
            raise no_event(exception_of(self._vendor)) from None

    def finish(self) -> list[bytes]:
        """The last chunks of a complete stream.

        Raises:
            StreamFailure: Google did not say why it ended.
        """
        if self._reason is None:
            raise incomplete(exception_of(self._vendor))
        return [self._finished(self._reason), *self._usage_chunks(self._laid_out_usage())]

    def _chunk_of(self, response: Response) -> bytes | None:
        if not self._base["id"]:
            self._base["id"] = response.response_id or new_id()
        if response.blocked:
            self._reason = _CONTENT_FILTER
        candidates = response.candidates or []
        choices = [choice for index, one in enumerate(candidates) if (choice := self._choice(one, index)) is not None]
        told = metadata(candidates, "vertex_ai_safety_ratings")
        for grounding in told["vertex_ai_grounding_metadata"]:
            self._searches += sum(1 for query in grounding.get("webSearchQueries") or () if query)
        return self._encoded(*choices, **told) if choices else None

    def _choice(self, candidate: Candidate, position: int) -> Fields | None:
        message = said(candidate, self._calls)
        calls = message.get("tool_calls", [])
        self._calls += len(calls)
        self._note_end(candidate, called=bool(calls))
        delta = {name: value for name, value in message.items() if name not in _NOT_STREAMED and value != []}
        if not delta:
            return None
        index = position if candidate.index is None else candidate.index
        logprobs = log_probabilities(candidate.logprobs_result)
        return {"index": index, "delta": self._said(delta)} | ({} if logprobs is None else {"logprobs": logprobs})

    def _note_end(self, candidate: Candidate, *, called: bool) -> None:
        """A stream that has called a tool ends because of that, although its last event may say nothing of it."""
        if candidate.finish_reason is not None:
            reason = finish_reason(candidate.finish_reason, called=called)
            self._reason = "tool_calls" if reason == "stop" and self._calls else reason

    def _laid_out_usage(self) -> Fields:
        usage, _ = chat_usage(self._metadata)
        usage["completion_tokens_details"] = {"reasoning_tokens": 0} | usage.get("completion_tokens_details", {})
        if self._searches:
            usage["prompt_tokens_details"] |= {"web_search_requests": self._searches}
        return usage
