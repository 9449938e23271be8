"""``mock_response``: the answer is what the config or the client says, and no upstream is called (A.md, CORE)."""

from typing import Any

from proxy.call import Usage
from proxy.errors import Failure
from proxy.providers.base import Attempt, Reply
from proxy.providers.local import embeddings_reply, text_reply

USAGE = Usage(10, 20, 30)
_ERRORS = {
    "litellm.RateLimitError": (429, "rate_limit", "litellm.RateLimitError: this is a mock rate limit error"),
    "litellm.InternalServerError": (500, "server", "litellm.InternalServerError: this is a mock internal server error"),
    "litellm.ContextWindowExceededError": (
        400,
        "context_window",
        "litellm.ContextWindowExceededError: this is a mock context window exceeded error",
    ),
}


def mock_reply(attempt: Attempt, response: Any) -> Reply:
    """The mocked answer.

    Raises:
        Failure: ``response`` names an error, as ``litellm.RateLimitError``.
    """
    text = response if isinstance(response, str) else str(response)
    if text in _ERRORS:
        status, kind, message = _ERRORS[text]
        told = "throttling_error" if status == 429 else None
        raise Failure(status, message, kind=kind, type=told, reached=False)  # type: ignore[arg-type]
    if attempt.endpoint == "embeddings":
        vector = response if isinstance(response, list) else [0.0]
        return embeddings_reply(attempt, [vector], USAGE)
    return text_reply(attempt, text, USAGE)
