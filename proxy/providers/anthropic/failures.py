"""Anthropic's errors as the reference maps them (contracts/core/test_provider_anthropic_answers.py).

https://docs.anthropic.com/en/api/errors
"""

import msgspec

from proxy.errors import Failure
from proxy.providers.failure_tables import TIMEOUT_NOTE, FailureTable, Meaning
from proxy.providers.failures import MAX_QUOTED, StreamFailure

EXCEPTION = "AnthropicException"
"""Anthropic's label in messages."""


_SIGNS = (
    (
        ("prompt is too long", "prompt: length"),
        Meaning(
            400, "context_window", "litellm.ContextWindowExceededError: litellm.BadRequestError: AnthropicError - "
        ),
    ),
    (
        ("overloaded_error", "Overloaded"),
        Meaning(500, "server", "litellm.InternalServerError: AnthropicError - "),
    ),
    (
        ("Invalid API Key",),
        Meaning(401, "authentication", "litellm.AuthenticationError: AnthropicError - "),
    ),
    (
        ("content filtering policy",),
        Meaning(
            400, "content_policy", "litellm.BadRequestError: litellm.ContentPolicyViolationError: AnthropicError - "
        ),
    ),
)
"""What the text says counts before the status."""
_BAD_REQUEST = Meaning(400, "bad_request", "litellm.BadRequestError: AnthropicException - ")
_SERVER = Meaning(
    500,
    "server",
    "litellm.InternalServerError: AnthropicException - ",
    ". Handle with `litellm.InternalServerError`.",
)
_BY_STATUS = {
    400: _BAD_REQUEST,
    401: Meaning(None, "authentication", "litellm.AuthenticationError: AnthropicException - "),
    404: Meaning(None, "not_found", "litellm.NotFoundError: AnthropicException - "),
    408: Meaning(None, "timeout", "litellm.Timeout: AnthropicException - ", TIMEOUT_NOTE),
    413: _BAD_REQUEST,
    422: _BAD_REQUEST._replace(status=None),
    429: Meaning(None, "rate_limit", "litellm.RateLimitError: AnthropicException - "),
    500: _SERVER,
    502: Meaning(None, "server", "litellm.BadGatewayError: AnthropicException BadGatewayError - "),
    503: Meaning(
        None,
        "unavailable",
        "litellm.ServiceUnavailableError: AnthropicException - ",
        ". Handle with `litellm.ServiceUnavailableError`.",
    ),
    504: Meaning(None, "timeout", "litellm.Timeout: AnthropicException Timeout - ", TIMEOUT_NOTE),
    529: _SERVER,
}
_OTHER = Meaning(None, "other", "litellm.APIError: AnthropicException - ")


def _other(status: int) -> Meaning:
    return _OTHER if status < 500 else _SERVER


def _quoted(meaning: Meaning) -> Meaning:
    return Meaning(None, meaning.kind, "")


FAILURES = FailureTable(
    _SIGNS,
    _BY_STATUS,
    _other,
    no_connection=_SERVER.told("Connection error"),
    no_answer=_SERVER.prefix,
    late="litellm.Timeout: AnthropicException - litellm.Timeout: ",
)
QUOTED_FAILURES = FAILURES._replace(
    signs=(),
    by_status={status: _quoted(meaning) for status, meaning in _BY_STATUS.items()},
    other=lambda status: _quoted(_other(status)),
)
"""Clients are told what Anthropic says and nothing else; its status alone counts."""


class _Reported(msgspec.Struct, frozen=True):
    message: str | None = None


class _ErrorEvent(msgspec.Struct):
    error: _Reported = _Reported()


def failure_within_stream(data: bytes) -> StreamFailure:
    """The failure that an ``error`` event of a stream means."""
    try:
        text = msgspec.json.decode(data, type=_ErrorEvent).error.message
    except (msgspec.DecodeError, UnicodeDecodeError):
        text = None
    told = (data.decode(errors="replace") if text is None else text)[:MAX_QUOTED]
    original = FAILURES.meaning(500, told).told(told)
    failure = StreamFailure(EXCEPTION, told, continuable=True, original=original)
    failure.event = data
    return failure


def bad_request(what: str) -> Failure:
    """A call that cannot be put to Anthropic: the client's mistake."""
    return Failure(400, _BAD_REQUEST.told(what), kind="bad_request", reached=False)


def no_key(group: str) -> Failure:
    """A deployment that has no key."""
    return Failure(
        401,
        "litellm.AuthenticationError: Missing Anthropic API Key - A call is being made to anthropic but no key is set either "
        "in the environment variables or via params. Please set `ANTHROPIC_API_KEY` in your environment vars, or "
        f"litellm_params.api_key of model {group!r}",
        kind="authentication",
        reached=False,
    )
