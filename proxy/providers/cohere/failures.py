"""Cohere's errors as the reference maps them (contracts/core/test_cohere.py), and those that it does not by their status.

https://docs.cohere.com/reference/errors
"""

from proxy.errors import Failure, Kind
from proxy.providers.failure_tables import TIMEOUT_NOTE, FailureTable, Meaning

EXCEPTION = "CohereException"
"""Cohere's label in messages."""


def _means(kind: Kind, error: str, *, suffix: str = "", status: int | None = None) -> Meaning:
    return Meaning(status, kind, f"litellm.{error}: {EXCEPTION} - ", suffix)


_BAD_REQUEST = _means("bad_request", "BadRequestError")
_AUTHENTICATION = _means("authentication", "AuthenticationError")
_SERVER = _means("server", "InternalServerError", status=500)
_TIMEOUT = _means("timeout", "Timeout", suffix=TIMEOUT_NOTE)
_SIGNS = (
    (("invalid api token", "No API key provided."), _AUTHENTICATION),
    (("invalid type: parameter",), _BAD_REQUEST),
    (
        ("too many tokens",),
        _means("context_window", "ContextWindowExceededError: litellm.BadRequestError", status=400),
    ),
    (("Internal Server Error", "internal server error", "Unexpected server error"), _SERVER),
    (("invalid type:",), _BAD_REQUEST),
)
"""What the text says counts before the status."""
_BY_STATUS = {
    400: _BAD_REQUEST,
    401: _AUTHENTICATION,
    403: _means("permission", "PermissionDeniedError"),
    404: _means("not_found", "NotFoundError"),
    408: _TIMEOUT,
    422: _BAD_REQUEST,
    429: _means("rate_limit", "RateLimitError"),
    498: _BAD_REQUEST,
    500: _SERVER,
    502: _means("server", "BadGatewayError"),
    503: _means("unavailable", "ServiceUnavailableError"),
    504: _TIMEOUT,
}
_OTHER = _means("other", "APIError")
FAILURES = FailureTable(
    _SIGNS,
    _BY_STATUS,
    lambda _: _OTHER,
    no_connection=_SERVER.told("Connection error."),
    no_answer=_SERVER.prefix,
    late=f"{_TIMEOUT.prefix}litellm.Timeout: ",
)


def bad_request(what: str) -> Failure:
    """A call that cannot be put to Cohere: the client's mistake."""
    return Failure(400, _BAD_REQUEST.told(what), kind="bad_request", reached=False)


def no_key(group: str) -> Failure:
    """A deployment that has no key."""
    return Failure(
        401,
        f"{_AUTHENTICATION.prefix}Missing key: set litellm_params.api_key of model {group!r} or the "
        "COHERE_API_KEY or CO_API_KEY variable",
        kind="authentication",
        reached=False,
    )
