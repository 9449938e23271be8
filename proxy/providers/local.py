"""Answers that are made here, without an upstream: the common part of ``mock_response`` and of the offline model."""

import time
import uuid
from collections.abc import Iterator
from typing import Any

from proxy.call import Usage
from proxy.providers.base import Attempt, Reply, Sink
from proxy.providers.openai.chunks import DONE
from proxy.providers.openai.format import encode

PIECE = 3
"""Characters in each chunk of a stream."""


class LocalStream:
    """Events that need no waiting; each is made when it is asked for, since a text may be long."""

    def __init__(self, events: Iterator[bytes], usage: Usage) -> None:
        self.usage = usage
        self.text: list[str] | None = None
        self._events = events

    async def pump(self, sink: Sink) -> None:
        """See :meth:`proxy.providers.base.Stream.pump`."""
        for event in self._events:
            awaited = sink([event])
            if awaited is not None:
                await awaited

    async def aclose(self) -> None:
        """Nothing is held."""


def text_reply(attempt: Attempt, text: str, usage: Usage) -> Reply:
    """A chat or text completion that says ``text``."""
    chat = attempt.endpoint == "chat"
    if not attempt.stream:
        said = {"message": {"content": text, "role": "assistant"}} if chat else {"text": text, "logprobs": None}
        body = _base(attempt, "chat.completion" if chat else "text_completion")
        body |= {"choices": [{"finish_reason": "stop", "index": 0, **said}], "usage": _wire(usage)}
        return Reply([], "", encode(body), usage=usage)
    base = _base(attempt, "chat.completion.chunk" if chat else "text_completion")
    return Reply([], "", stream=LocalStream(_events(base, text, chat=chat), usage))


def _events(base: dict[str, Any], text: str, *, chat: bool) -> Iterator[bytes]:
    for at in range(0, len(text), PIECE):
        piece = text[at : at + PIECE]
        role = {} if at else {"role": "assistant"}
        said = {"delta": {"content": piece} | role} if chat else {"text": piece}
        yield encode({**base, "choices": [{"index": 0} | said]})
    yield encode({**base, "choices": [{"finish_reason": "stop", "index": 0} | ({"delta": {}} if chat else {})]})
    yield DONE


def embeddings_reply(attempt: Attempt, vectors: list[list[float]], usage: Usage) -> Reply:
    """Embeddings, one vector for each input."""
    data = [{"embedding": vector, "index": index, "object": "embedding"} for index, vector in enumerate(vectors)]
    body = {"model": _model(attempt), "data": data, "object": "list", "usage": _wire(usage)}
    return Reply([], "", encode(body), usage=usage)


def _base(attempt: Attempt, kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{uuid.uuid4()}", "created": int(time.time()), "model": _model(attempt), "object": kind}


def _model(attempt: Attempt) -> str:
    return attempt.deployment.model if attempt.shown_model is None else attempt.shown_model


def _wire(usage: Usage) -> dict[str, int]:
    return {
        "completion_tokens": usage.completion_tokens,
        "prompt_tokens": usage.prompt_tokens,
        "total_tokens": usage.total_tokens,
    }
