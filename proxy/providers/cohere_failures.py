"""Cohere's errors as the reference maps them (contracts/core/test_cohere.py), and those that it does not by their status.

https://docs.cohere.com/reference/errors
"""

from typing import NamedTuple

from proxy.errors import Failure, Headers, Kind
from proxy.providers.calling import Failures
from proxy.providers.failures import MAX_QUOTED, retry_after

EXCEPTION = "CohereException"
"""Cohere's label in messages."""
_TIMEOUT_NOTE = "\n\nDeployment Info: request_timeout: None\ntimeout: None"


class _Mapping(NamedTuple):
    kind: Kind
    prefix: str
    suffix: str = ""
    status: int | None = None
    """``None``: Cohere's."""


_BAD_REQUEST = _Mapping("bad_request", "litellm.BadRequestError: ")
_AUTHENTICATION = _Mapping("authentication", "litellm.AuthenticationError: ")
_SERVER = _Mapping("server", "litellm.InternalServerError: ", status=500)
_TIMEOUT = _Mapping("timeout", "litellm.Timeout: ", _TIMEOUT_NOTE)
_SIGNS = (
    (("invalid api token", "No API key provided."), _AUTHENTICATION),
    (("invalid type: parameter",), _BAD_REQUEST),
    (
        ("too many tokens",),
        _Mapping("context_window", "litellm.ContextWindowExceededError: litellm.BadRequestError: ", status=400),
    ),
    (("Internal Server Error", "internal server error", "Unexpected server error"), _SERVER),
    (("invalid type:",), _BAD_REQUEST),
)
"""What the text says counts before the status."""
_BY_STATUS = {
    400: _BAD_REQUEST,
    401: _AUTHENTICATION,
    403: _Mapping("permission", "litellm.PermissionDeniedError: "),
    404: _Mapping("not_found", "litellm.NotFoundError: "),
    408: _TIMEOUT,
    422: _BAD_REQUEST,
    429: _Mapping("rate_limit", "litellm.RateLimitError: "),
    498: _BAD_REQUEST,
    500: _SERVER,
    502: _Mapping("server", "litellm.BadGatewayError: "),
    503: _Mapping("unavailable", "litellm.ServiceUnavailableError: "),
    504: _TIMEOUT,
}
_OTHER = _Mapping("other", "litellm.APIError: ")


def failure_from_answer(status: int, headers: Headers, body: bytes) -> Failure:
    """The failure that an error answer means; its body is quoted whole."""
    text = body.decode(errors="replace")[:MAX_QUOTED]
    found = (mapping for signs, mapping in _SIGNS if any(sign in text for sign in signs))
    mapping = next(found, _BY_STATUS.get(status, _OTHER))
    own = status if 400 <= status <= 599 else 502
    failure = Failure(
        mapping.status or own,
        f"{mapping.prefix}{EXCEPTION} - {text}{mapping.suffix}",
        kind=mapping.kind,
        retry_after=retry_after(headers),
    )
    if failure.status == 429:
        failure.type = "throttling_error"
    return failure


def bad_request(what: str) -> Failure:
    """A call that cannot be put to Cohere: the client's mistake."""
    return Failure(400, f"{_BAD_REQUEST.prefix}{EXCEPTION} - {what}", kind="bad_request", reached=False)


def no_key(group: str) -> Failure:
    """A deployment that has no key."""
    return Failure(
        401,
        f"{_AUTHENTICATION.prefix}{EXCEPTION} - Missing key: set litellm_params.api_key of model {group!r} or the "
        "COHERE_API_KEY or CO_API_KEY variable",
        kind="authentication",
        reached=False,
    )


def unreachable() -> Failure:
    """No connection, or one that broke before the answer was complete."""
    return Failure(500, f"{_SERVER.prefix}{EXCEPTION} - Connection error.", kind="server", reached=False)


def unreadable(what: str) -> Failure:
    """An answer with a good status that is none."""
    return Failure(500, f"{_SERVER.prefix}{EXCEPTION} - {what}", kind="server")


def timed_out(allowed: float, taken: float, own: float | None) -> Failure:
    """Our own timeout, in seconds: what was allowed and taken, and what the deployment's ``timeout`` says."""
    return Failure(
        408,
        f"litellm.Timeout: {EXCEPTION} - litellm.Timeout: Connection timed out. Timeout passed={float(allowed)}, "
        f"time taken={taken:.3f} seconds\n\nDeployment Info: request_timeout: None\ntimeout: {own}",
        kind="timeout",
    )


FAILURES = Failures(failure_from_answer, unreachable, unreadable, timed_out)
