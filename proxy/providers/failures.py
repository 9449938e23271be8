"""Upstream errors as the reference maps them (A.md, Upstream error mapping; cassettes of contracts/core)."""

import email.utils
import json
import time
from typing import Any, NamedTuple

import msgspec

from proxy.errors import Failure, Headers, Kind


class _Mapping(NamedTuple):
    kind: Kind
    prefix: str
    suffix: str = ""


_TIMEOUT = _Mapping(
    "timeout", "litellm.Timeout: Timeout Error: ", "\n\nDeployment Info: request_timeout: None\ntimeout: None"
)
_BAD_REQUEST = _Mapping("bad_request", "litellm.BadRequestError: ")
_BY_STATUS = {
    400: _BAD_REQUEST,
    401: _Mapping("authentication", "litellm.AuthenticationError: AuthenticationError: "),
    404: _Mapping("not_found", "litellm.NotFoundError: NotFoundError: "),
    408: _TIMEOUT,
    422: _BAD_REQUEST,
    429: _Mapping("rate_limit", "litellm.RateLimitError: RateLimitError: "),
    500: _Mapping("server", "litellm.InternalServerError: InternalServerError: "),
    502: _Mapping("server", "litellm.BadGatewayError: BadGatewayError: "),
    503: _Mapping("unavailable", "litellm.ServiceUnavailableError: ServiceUnavailableError: "),
    504: _TIMEOUT,
}
_OTHER = _Mapping("other", "litellm.APIError: APIError: ")
_CONTEXT_WINDOW = _Mapping(
    "context_window", "litellm.ContextWindowExceededError: litellm.BadRequestError: ContextWindowExceededError: "
)
_CONTENT_POLICY = _Mapping(
    "content_policy", "litellm.BadRequestError: litellm.ContentPolicyViolationError: ContentPolicyViolationError: "
)
_CONTEXT_WINDOW_SIGNS = (
    "exceed context limit",
    "this model's maximum context length is",
    "string too long. expected a string with maximum length",
    "model's maximum context limit",
    "is longer than the model's context length",
    "input tokens exceed the configured limit",
    "`inputs` tokens + `max_new_tokens` must be",
    "exceeds the maximum number of tokens allowed",
)
_CONTENT_POLICY_SIGNS = (
    ("invalid_request_error", "content_policy_violation"),
    ("Invalid prompt", "violating our usage policy"),
)
_SAFETY_SYSTEM = "request was rejected as a result of the safety system"
MAX_QUOTED = 20_000


class UpstreamError(msgspec.Struct):
    """The error object of an OpenAI-like body."""

    message: Any = None
    type: Any = None
    param: Any = None
    code: Any = None


class _ErrorBody(msgspec.Struct):
    error: UpstreamError | str


class StreamFailure(Failure):
    """A stream that broke after its first event: reported by the vendor, cut, or no longer a stream."""

    def __init__(self, exception: str, detail: str, *, continuable: bool, original: str | None = None) -> None:
        self.original = original or f"litellm.APIConnectionError: APIConnectionError: {exception} - {detail}"
        super().__init__(
            503, f"litellm.ServiceUnavailableError: litellm.MidStreamFallbackError: {self.original}", kind="unavailable"
        )
        self.continuable = continuable
        """A fallback may go on: the vendor sent an error or garbage. Not so when the connection broke (A.md, A4)."""
        self.event: bytes | None = None
        """The data of the vendor's own error event, for clients that speak the vendor's dialect."""

    def text(self) -> str:
        kind = self.original.removeprefix("litellm.").partition(":")[0]
        return f"{super().text()} Original exception: {kind}: {self.original}"


def failure_from_answer(exception: str, status: int, headers: Headers, body: bytes, *, coded: bool) -> Failure:
    """The failure that a vendor's error answer means.

    Args:
        exception: the vendor's label in messages, such as ``OpenAIException``.
        coded: quote the status before the vendor's text, as the reference does outside chat.
    """
    error = _error_of(body)
    text = "" if error.message is None else str(error.message)[:MAX_QUOTED]
    mapping = _mapping(status, text)
    quoted = text if text and not coded else f"Error code: {status}" + (f" - {text}" if text else "")
    failure = Failure(
        400 if mapping in (_CONTEXT_WINDOW, _CONTENT_POLICY) else status if 400 <= status <= 599 else 502,
        f"{mapping.prefix}{exception} - {quoted}{mapping.suffix}",
        kind=mapping.kind,
        retry_after=retry_after(headers),
    )
    if failure.status == 429:
        failure.type = "throttling_error"
    elif failure.status == 422 and not coded:
        failure.type, failure.param = _text(error.type), _text(error.param)
        failure.headers = [(f"llm_provider-{name}", value) for name, value in headers]
    return failure


def unreachable(exception: str) -> Failure:
    """No connection, or one that broke before an answer was complete."""
    return Failure(
        500,
        f"litellm.InternalServerError: InternalServerError: {exception} - Connection error.",
        kind="server",
        reached=False,
    )


def unreadable(exception: str, what: str) -> Failure:
    """An answer with a good status that is not what was asked for."""
    return Failure(500, f"litellm.InternalServerError: InternalServerError: {exception} - {what}", kind="server")


def why_unreadable(headers: Headers, body: bytes) -> str:
    """What is wrong with an answer: where its JSON breaks, else what came in its place."""
    value: Any = body.decode(errors="replace")
    if any(name == "content-type" and "json" in text for name, text in headers):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            return str(error)
    shown = f"{value!r}"[:MAX_QUOTED]
    return (
        f"Empty or invalid response from LLM endpoint. Received: {shown}. "
        "Check the reverse proxy or model server configuration."
    )


def timed_out(own: float | None, spent: tuple[float, float] | None = None) -> Failure:
    """Our own timeout, in seconds: what the deployment's ``timeout`` says; what was allowed and taken (not of streams)."""
    shown = None if own is None else float(own)
    detail = "" if spent is None else f" - timeout value={float(spent[0])}, time taken={round(spent[1], 2)} seconds"
    return Failure(
        408,
        f"litellm.Timeout: APITimeoutError - Request timed out. Error_str: Request timed out.{detail}"
        f"\n\nDeployment Info: request_timeout: None\ntimeout: {shown}",
        kind="timeout",
    )


def _mapping(status: int, text: str) -> _Mapping:
    """What the vendor's text says counts, whatever the status; its code does not (A4, test_what_counts_as_too_long)."""
    lower = text.lower()
    if _is_too_long(lower):
        return _CONTEXT_WINDOW
    if _SAFETY_SYSTEM in lower or any(all(sign in text for sign in signs) for signs in _CONTENT_POLICY_SIGNS):
        return _CONTENT_POLICY
    return _BY_STATUS.get(status, _OTHER)


def _is_too_long(text: str) -> bool:
    if "string_above_max_length" in text or ("invalid 'user'" in text and "string too long" in text):
        return False  # a parameter of limited length, not the prompt
    if "current length is" in text and "while limit is" in text:
        return True
    return any(sign in text for sign in _CONTEXT_WINDOW_SIGNS)


def _error_of(body: bytes) -> UpstreamError:
    """The error object; an empty one for a body of any other shape, whose text nobody gets to see."""
    try:
        error = msgspec.json.decode(body, type=_ErrorBody).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return UpstreamError()
    return UpstreamError() if isinstance(error, str) else error


def error_event(data: bytes) -> str | None:
    """The text of an ``{"error": ...}`` event of a stream; ``None`` when it is something else."""
    try:
        error = msgspec.json.decode(data, type=_ErrorBody).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return error if isinstance(error, str) else str(error.message)


def retry_after(headers: Headers) -> float | None:
    """``retry-after`` in seconds, given as a number or as a date."""
    value = next((value for name, value in headers if name == "retry-after"), None)
    if value is None:
        return None
    try:
        return float(value)
    except ValueError:
        pass
    try:
        return email.utils.parsedate_to_datetime(value).timestamp() - time.time()
    except (ValueError, OverflowError):
        return None


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
