"""Azure OpenAI's errors as the reference maps them (cassettes of contracts/core, test_provider_azure)."""

from typing import Any

import msgspec

from proxy.errors import Failure, Headers
from proxy.providers.failures import MAX_QUOTED, UpstreamError, failure_from_answer

_TOO_LONG = "This model's maximum context length is"
_POLICY_SIGNS = (
    "content_policy_violation",
    "responsibleaipolicyviolation",
    "the response was filtered due to the prompt triggering azure openai's content management",
    "your task failed as a result of our safety system",
    "the model produced invalid content",
    "content_filter_policy",
    "your request was rejected as a result of our safety system",
)
_DEPLOYMENT_INFO = "\n\nDeployment Info: request_timeout: None\ntimeout: None"
_PREFIXES = {
    400: "litellm.BadRequestError: AzureException - ",
    401: "litellm.AuthenticationError: AzureException AuthenticationError - ",
    408: "litellm.Timeout: AzureException Timeout - ",
    422: "litellm.BadRequestError: AzureException BadRequestError - ",
    429: "litellm.RateLimitError: AzureException RateLimitError - ",
    502: "litellm.BadGatewayError: AzureException BadGatewayError - ",
    503: "litellm.ServiceUnavailableError: AzureException ServiceUnavailableError - ",
    504: "litellm.Timeout: AzureException Timeout - ",
}
_OTHER = "litellm.APIError: AzureException APIError - "


class _AzureError(UpstreamError):
    innererror: Any = None


class _Body(msgspec.Struct):
    error: _AzureError


class Filtered(Failure):
    """What Azure's content filter refused, with its reasons."""

    def __init__(self, text: str, error: dict[str, Any]) -> None:
        super().__init__(
            400,
            f"litellm.BadRequestError: litellm.ContentPolicyViolationError: {text}",
            kind="content_policy",
            type="invalid_request_error",
        )
        self._error = error

    def body(self) -> bytes:
        shown = msgspec.json.decode(super().body())
        reasons = self._error.get("innererror")
        if reasons is not None:
            specific = {"innererror": reasons, "inner_error": reasons, "azure_error": self._error}
            shown["error"]["provider_specific_fields"] = specific
        return msgspec.json.encode(shown)


def azure_failure(status: int, headers: Headers, body: bytes, *, coded: bool) -> Failure:
    """The failure that an error answer of Azure means; arguments as for ``failures.failure_from_answer``."""
    failure = failure_from_answer("AzureException", status, headers, body, coded=coded)
    error = _error_of(body)
    text = "" if error.message is None else str(error.message)[:MAX_QUOTED]
    if _is_filtered(text, error):
        return Filtered(text, msgspec.json.decode(body)["error"])
    quoted = text or f"Error code: {status}"
    if _TOO_LONG in text:
        failure.status, failure.kind = 400, "context_window"
        failure.message = (
            "litellm.ContextWindowExceededError: litellm.BadRequestError: AzureException ContextWindowExceededError - "
            + quoted
        )
        return failure
    failure.message = _PREFIXES.get(status, _OTHER) + quoted + (_DEPLOYMENT_INFO if status in (408, 504) else "")
    failure.headers = []
    if failure.status != 429:
        failure.type = str(error.type) if status == 400 and error.type is not None else None
    failure.param = None
    return failure


def _is_filtered(text: str, error: _AzureError) -> bool:
    inner = error.innererror.get("code") if isinstance(error.innererror, dict) else None
    said = f"{text} {error.code} {inner}".lower()
    return any(sign in said for sign in _POLICY_SIGNS)


def _error_of(body: bytes) -> _AzureError:
    try:
        return msgspec.json.decode(body, type=_Body).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _AzureError()
