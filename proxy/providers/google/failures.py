"""Google's errors as the reference maps them (contracts/core/test_gemini_failures.py).

https://cloud.google.com/apis/design/errors, https://ai.google.dev/gemini-api/docs/troubleshooting
"""

import msgspec

from proxy.errors import Failure, Kind
from proxy.providers.failure_tables import TIMEOUT_NOTE, FailureTable, Meaning
from proxy.providers.failures import MAX_QUOTED, StreamFailure

_LABELS = {"gemini": "Gemini", "vertex_ai": "Vertex_ai"}


def exception_of(vendor: str) -> str:
    """What failures of a vendor, ``gemini`` or ``vertex_ai``, are called in messages."""
    return f"{_LABELS[vendor]}Exception"


def _table(exception: str) -> FailureTable:
    def means(kind: Kind, error: str, *, note: str = "", status: int | None = None, suffix: str = "") -> Meaning:
        """``note`` stands after the label."""
        return Meaning(status, kind, f"litellm.{error}: {exception}{note} - ", suffix)

    bad_request = means("bad_request", "BadRequestError", note=" BadRequestError")
    rate_limit = means("rate_limit", "RateLimitError: litellm.RateLimitError", status=429)
    connection = means("server", "APIConnectionError", status=500)
    authentication = means("authentication", "AuthenticationError")
    too_long = "ContextWindowExceededError: litellm.BadRequestError: ContextWindowExceededError"
    blocked, blocked_note = "BadRequestError: litellm.ContentPolicyViolationError", " ContentPolicyViolationError"
    other = means("other", "APIError")
    return FailureTable(
        (
            (
                ("exceeds the maximum number of tokens allowed", "Request payload size exceeds"),
                means("context_window", too_long, status=400),
            ),
            (("API key not valid.",), authentication._replace(status=401)),
            (
                ("The response was blocked.", "Output blocked by content filtering policy"),
                means("content_policy", blocked, note=blocked_note, status=400),
            ),
            (("429 Quota exceeded", "Quota exceeded for", "Resource exhausted"), rate_limit),
        ),
        {
            400: bad_request,
            401: authentication,
            403: bad_request,
            404: means("not_found", "NotFoundError"),
            408: means("timeout", "Timeout", suffix=TIMEOUT_NOTE),
            429: rate_limit,
            500: means("server", "InternalServerError", note=" InternalServerError"),
            503: means("unavailable", "ServiceUnavailableError"),
        },
        lambda status: other if status < 500 else connection,
        no_connection=connection.told("Connection error"),
        no_answer=connection.prefix,
    )


FAILURES = {vendor: _table(exception_of(vendor)) for vendor in _LABELS}
"""Of each vendor."""


class _Reported(msgspec.Struct, frozen=True):
    code: int | None = None
    message: str | None = None


def failure_within_stream(vendor: str, error: object, data: bytes) -> StreamFailure:
    """The failure that an event with an ``error`` means; ``data`` is the whole of it."""
    try:
        reported = msgspec.convert(error, _Reported)
    except msgspec.ValidationError:
        reported = _Reported()
    text = data.decode(errors="replace")[:MAX_QUOTED]
    original = FAILURES[vendor].meaning(reported.code or 500, text).told(text)
    return StreamFailure(exception_of(vendor), text, continuable=True, original=original)


def bad_request(vendor: str, what: str) -> Failure:
    """A call that cannot be put to Google: the client's mistake."""
    return Failure(400, FAILURES[vendor].by_status[400].told(what), kind="bad_request", reached=False)


def no_credentials(vendor: str, what: str) -> Failure:
    """A deployment whose key or account cannot be used; ``what`` names the setting."""
    return Failure(500, f"{FAILURES[vendor].no_answer}{what}", kind="server", reached=False)
