"""Google's errors as the reference maps them (contracts/core/test_gemini_failures.py).

https://cloud.google.com/apis/design/errors, https://ai.google.dev/gemini-api/docs/troubleshooting
"""

from typing import NamedTuple

import msgspec

from proxy.errors import Failure, Headers, Kind
from proxy.providers.failures import MAX_QUOTED, StreamFailure, retry_after

_TIMEOUT_NOTE = "\n\nDeployment Info: request_timeout: None\ntimeout: None"
_LABELS = {"gemini": "Gemini", "vertex_ai": "Vertex_ai"}


class _Mapping(NamedTuple):
    status: int | None
    """``None``: Google's."""
    kind: Kind
    error: str
    note: str = ""
    """After the label."""
    suffix: str = ""


_BAD_REQUEST = _Mapping(None, "bad_request", "BadRequestError", " BadRequestError")
_RATE_LIMIT = _Mapping(429, "rate_limit", "RateLimitError: litellm.RateLimitError")
_CONNECTION = _Mapping(500, "server", "APIConnectionError")
_SIGNS = (
    (
        ("exceeds the maximum number of tokens allowed", "Request payload size exceeds"),
        _Mapping(
            400,
            "context_window",
            "ContextWindowExceededError: litellm.BadRequestError: ContextWindowExceededError",
        ),
    ),
    (("API key not valid.",), _Mapping(401, "authentication", "AuthenticationError")),
    (
        ("The response was blocked.", "Output blocked by content filtering policy"),
        _Mapping(
            400,
            "content_policy",
            "BadRequestError: litellm.ContentPolicyViolationError",
            " ContentPolicyViolationError",
        ),
    ),
    (("429 Quota exceeded", "Quota exceeded for", "Resource exhausted"), _RATE_LIMIT),
)
"""What the text says counts before the status."""
_BY_STATUS = {
    400: _BAD_REQUEST,
    401: _Mapping(None, "authentication", "AuthenticationError"),
    403: _BAD_REQUEST,
    404: _Mapping(None, "not_found", "NotFoundError"),
    408: _Mapping(None, "timeout", "Timeout", suffix=_TIMEOUT_NOTE),
    429: _RATE_LIMIT,
    500: _Mapping(None, "server", "InternalServerError", " InternalServerError"),
    503: _Mapping(None, "unavailable", "ServiceUnavailableError"),
}
_OTHER = _Mapping(None, "other", "APIError")


class _Reported(msgspec.Struct, frozen=True):
    code: int | None = None
    message: str | None = None


def exception_of(vendor: str) -> str:
    """What failures of a vendor, ``gemini`` or ``vertex_ai``, are called in messages."""
    return f"{_LABELS[vendor]}Exception"


def failure_from_answer(vendor: str, status: int, headers: Headers, body: bytes) -> Failure:
    """The failure that an error answer means; its body is quoted whole."""
    text = body.decode(errors="replace")[:MAX_QUOTED]
    mapping = _mapping(status, text)
    failure = Failure(
        mapping.status or (status if 400 <= status <= 599 else 502),
        _said(vendor, mapping, text),
        kind=mapping.kind,
        retry_after=retry_after(headers),
    )
    if failure.status == 429:
        failure.type = "throttling_error"
    return failure


def failure_within_stream(vendor: str, error: object, data: bytes) -> StreamFailure:
    """The failure that an event with an ``error`` means; ``data`` is the whole of it."""
    try:
        reported = msgspec.convert(error, _Reported)
    except msgspec.ValidationError:
        reported = _Reported()
    text = data.decode(errors="replace")[:MAX_QUOTED]
    mapping = _mapping(reported.code or 500, text)
    return StreamFailure(exception_of(vendor), text, continuable=True, original=_said(vendor, mapping, text))


def bad_request(vendor: str, what: str) -> Failure:
    """A call that cannot be put to Google: the client's mistake."""
    return Failure(400, _said(vendor, _BAD_REQUEST, what), kind="bad_request", reached=False)


def no_credentials(vendor: str, what: str) -> Failure:
    """A deployment whose key or account cannot be used; ``what`` names the setting."""
    return Failure(500, _said(vendor, _CONNECTION, what), kind="server", reached=False)


def unreachable(vendor: str) -> Failure:
    """No connection, or one that broke before the answer was complete."""
    return Failure(500, _said(vendor, _CONNECTION, "Connection error"), kind="server", reached=False)


def unreadable(vendor: str, what: str) -> Failure:
    """An answer with a good status that is not what was asked for."""
    return Failure(500, _said(vendor, _CONNECTION, what), kind="server")


def timed_out(allowed: float, taken: float, own: float | None) -> Failure:
    """Our own timeout, in seconds: what was allowed and taken, and what the deployment's ``timeout`` says."""
    return Failure(
        408,
        f"litellm.Timeout: Connection timed out. Timeout passed={float(allowed)}, time taken={taken:.3f} seconds"
        f"\n\nDeployment Info: request_timeout: None\ntimeout: {own}",
        kind="timeout",
    )


def _said(vendor: str, mapping: _Mapping, text: str) -> str:
    return f"litellm.{mapping.error}: {exception_of(vendor)}{mapping.note} - {text}{mapping.suffix}"


def _mapping(status: int, text: str) -> _Mapping:
    for signs, mapping in _SIGNS:
        if any(sign in text for sign in signs):
            return mapping
    return _BY_STATUS.get(status, _OTHER if status < 500 else _CONNECTION)
