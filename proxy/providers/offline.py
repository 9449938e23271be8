"""``offline/echo``: a model that answers without any vendor, so that a new gateway can be tried at once.

It repeats the last thing the user said. Its embeddings are made of a hash: equal texts have equal vectors, nothing more.
"""

import hashlib
from typing import Any

import msgspec

from proxy.call import Usage
from proxy.errors import Failure
from proxy.providers.base import Attempt, Reply
from proxy.providers.local import embeddings_reply, text_reply
from proxy.upstream.client import UpstreamClient

DIMENSIONS = 16


class Offline:
    """The provider of ``offline/...`` models."""

    async def send(self, attempt: Attempt, client: UpstreamClient) -> Reply:  # noqa: ARG002
        """See :meth:`proxy.providers.base.Provider.send`."""
        body = {name: msgspec.json.decode(value) for name, value in attempt.body.items()}
        if attempt.endpoint == "embeddings":
            given = body.get("input")
            texts = given if isinstance(given, list) else [given]
            words = sum(len(str(text).split()) for text in texts)
            return embeddings_reply(attempt, [_vector(str(text)) for text in texts], Usage(words, 0, words))
        said = _last_user_text(body) if attempt.endpoint == "chat" else str(body.get("prompt", ""))
        answer = f"You said: {said}"
        read, written = len(said.split()), len(answer.split())
        return text_reply(attempt, answer, Usage(read, written, read + written))


def _vector(text: str) -> list[float]:
    digest = hashlib.shake_256(text.encode()).digest(DIMENSIONS)
    return [round(byte / 127.5 - 1, 6) for byte in digest]


def _last_user_text(body: dict[str, Any]) -> str:
    messages = body.get("messages")
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        raise Failure(
            400, "litellm.BadRequestError: OfflineException - messages must be a list of objects", kind="bad_request"
        )
    for message in reversed(messages):
        if message.get("role") == "user":
            return _text(message.get("content"))
    return ""


def _text(content: Any) -> str:
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        return " ".join(part for part in parts if isinstance(part, str))
    return "" if content is None else str(content)


provider = Offline()
