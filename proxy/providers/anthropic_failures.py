"""Anthropic's errors as the reference maps them (contracts/core/test_provider_anthropic_answers.py).

https://docs.anthropic.com/en/api/errors
"""

from typing import NamedTuple

import msgspec

from proxy.errors import Failure, Headers, Kind
from proxy.providers.failures import MAX_QUOTED, StreamFailure, retry_after

EXCEPTION = "AnthropicException"
"""Anthropic's label in messages."""
_TIMEOUT_NOTE = "\n\nDeployment Info: request_timeout: None\ntimeout: None"


class _Mapping(NamedTuple):
    status: int | None
    """``None``: Anthropic's."""
    kind: Kind
    prefix: str
    suffix: str = ""


_SIGNS = (
    (
        ("prompt is too long", "prompt: length"),
        _Mapping(
            400, "context_window", "litellm.ContextWindowExceededError: litellm.BadRequestError: AnthropicError - "
        ),
    ),
    (
        ("overloaded_error", "Overloaded"),
        _Mapping(500, "server", "litellm.InternalServerError: AnthropicError - "),
    ),
    (
        ("Invalid API Key",),
        _Mapping(401, "authentication", "litellm.AuthenticationError: AnthropicError - "),
    ),
    (
        ("content filtering policy",),
        _Mapping(
            400, "content_policy", "litellm.BadRequestError: litellm.ContentPolicyViolationError: AnthropicError - "
        ),
    ),
)
"""What the text says counts before the status."""
_BAD_REQUEST = _Mapping(400, "bad_request", "litellm.BadRequestError: AnthropicException - ")
_SERVER = _Mapping(
    500,
    "server",
    "litellm.InternalServerError: AnthropicException - ",
    ". Handle with `litellm.InternalServerError`.",
)
_BY_STATUS = {
    400: _BAD_REQUEST,
    401: _Mapping(None, "authentication", "litellm.AuthenticationError: AnthropicException - "),
    404: _Mapping(None, "not_found", "litellm.NotFoundError: AnthropicException - "),
    408: _Mapping(None, "timeout", "litellm.Timeout: AnthropicException - ", _TIMEOUT_NOTE),
    413: _BAD_REQUEST,
    422: _BAD_REQUEST._replace(status=None),
    429: _Mapping(None, "rate_limit", "litellm.RateLimitError: AnthropicException - "),
    500: _SERVER,
    502: _Mapping(None, "server", "litellm.BadGatewayError: AnthropicException BadGatewayError - "),
    503: _Mapping(
        None,
        "unavailable",
        "litellm.ServiceUnavailableError: AnthropicException - ",
        ". Handle with `litellm.ServiceUnavailableError`.",
    ),
    504: _Mapping(None, "timeout", "litellm.Timeout: AnthropicException Timeout - ", _TIMEOUT_NOTE),
    529: _SERVER,
}
_OTHER = _Mapping(None, "other", "litellm.APIError: AnthropicException - ")


class _Reported(msgspec.Struct, frozen=True):
    message: str | None = None


class _ErrorEvent(msgspec.Struct):
    error: _Reported = _Reported()


def failure_from_answer(status: int, headers: Headers, body: bytes, *, quoted: bool = False) -> Failure:
    """The failure that an error answer means; its body is quoted whole.

    Args:
        quoted: tell clients what Anthropic says and nothing else; its status alone counts.
    """
    text = body.decode(errors="replace")[:MAX_QUOTED]
    mapping = _of_status(status) if quoted else _mapping(status, text)
    own = status if 400 <= status <= 599 else 502
    failure = Failure(
        own if quoted or mapping.status is None else mapping.status,
        text if quoted else f"{mapping.prefix}{text}{mapping.suffix}",
        kind=mapping.kind,
        retry_after=retry_after(headers),
    )
    if failure.status == 429:
        failure.type = "throttling_error"
    return failure


def failure_within_stream(data: bytes) -> StreamFailure:
    """The failure that an ``error`` event of a stream means."""
    try:
        text = msgspec.json.decode(data, type=_ErrorEvent).error.message
    except (msgspec.DecodeError, UnicodeDecodeError):
        text = None
    told = (data.decode(errors="replace") if text is None else text)[:MAX_QUOTED]
    mapping = _mapping(500, told)
    failure = StreamFailure(EXCEPTION, told, continuable=True, original=f"{mapping.prefix}{told}{mapping.suffix}")
    failure.event = data
    return failure


def bad_request(what: str) -> Failure:
    """A call that cannot be put to Anthropic: the client's mistake."""
    return Failure(400, f"{_BAD_REQUEST.prefix}{what}", kind="bad_request", reached=False)


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


def unreachable() -> Failure:
    """No connection, or one that broke before the answer was complete."""
    return Failure(500, f"{_SERVER.prefix}Connection error{_SERVER.suffix}", kind="server", reached=False)


def unreadable(what: str) -> Failure:
    """An answer with a good status that is no message."""
    return Failure(500, f"{_SERVER.prefix}{what}", kind="server")


def timed_out(allowed: float, taken: float, own: float | None) -> Failure:
    """Our own timeout, in seconds: what was allowed and taken, and what the deployment's ``timeout`` says."""
    return Failure(
        408,
        f"litellm.Timeout: AnthropicException - litellm.Timeout: Connection timed out. Timeout passed={float(allowed)}, "
        f"time taken={taken:.3f} seconds\n\nDeployment Info: request_timeout: None\ntimeout: {own}",
        kind="timeout",
    )


def _mapping(status: int, text: str) -> _Mapping:
    for signs, mapping in _SIGNS:
        if any(sign in text for sign in signs):
            return mapping
    return _of_status(status)


def _of_status(status: int) -> _Mapping:
    return _BY_STATUS.get(status, _OTHER if status < 500 else _SERVER)
