"""Bedrock's errors as the reference maps them (contracts/core/test_bedrock_answers.py).

https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html
"""

from typing import NamedTuple

from proxy.errors import Failure, Headers, Kind
from proxy.providers.calling import Failures
from proxy.providers.failures import MAX_QUOTED, StreamFailure, retry_after

EXCEPTION = "BedrockException"
"""Bedrock's label in messages."""
_TIMEOUT_NOTE = "\n\nDeployment Info: request_timeout: None\ntimeout: None"
_MODIFY = "`litellm_settings::modify_params: True`"


class _Mapping(NamedTuple):
    status: int | None
    """``None``: Bedrock's."""
    kind: Kind
    prefix: str
    suffix: str = ""


_TOO_LONG = (
    *("too many tokens", "expected maxLength:", "Input is too long", "prompt is too long", "prompt: length: 1.."),
    "Too many input tokens",
)
_BAD_REQUEST = _Mapping(400, "bad_request", "litellm.BadRequestError: BedrockException - ")
_SIGNS: tuple[tuple[tuple[str, ...], _Mapping], ...] = (
    (
        _TOO_LONG,
        _Mapping(
            400,
            "context_window",
            "litellm.ContextWindowExceededError: litellm.BadRequestError: BedrockException: Context Window Error - ",
        ),
    ),
    (
        ("Conversation blocks and tool result blocks cannot be provided in the same turn.",),
        _BAD_REQUEST._replace(
            suffix=f"\n. Enable 'litellm.modify_params=True' (for PROXY do: {_MODIFY}) to insert a dummy assistant message "
            "and fix this error."
        ),
    ),
    (("Malformed input request",), _BAD_REQUEST),
    (
        ("A conversation must start with a user message.",),
        _BAD_REQUEST._replace(
            suffix="\n. Pass in default user message via `completion(..,user_continue_message=)` or enable "
            f"`litellm.modify_params=True`.\nFor Proxy: do via {_MODIFY} or user_continue_message under `litellm_params`"
        ),
    ),
    (
        ("Unable to locate credentials", "The security token included in the request is invalid"),
        _Mapping(None, "authentication", "litellm.AuthenticationError: BedrockException Invalid Authentication - "),
    ),
    (
        ("AccessDeniedException",),
        _Mapping(None, "permission", "litellm.PermissionDeniedError: BedrockException PermissionDeniedError - "),
    ),
    (
        ("throttlingException", "ThrottlingException"),
        _Mapping(429, "rate_limit", "litellm.RateLimitError: BedrockException: Rate Limit Error - "),
    ),
    (
        ("Connect timeout on endpoint URL", "timed out"),
        _Mapping(408, "timeout", "litellm.Timeout: BedrockException: Timeout Error - ", _TIMEOUT_NOTE),
    ),
    (
        ("Could not process image",),
        _Mapping(500, "server", "litellm.InternalServerError: BedrockException - "),
    ),
)
"""What the text says counts before the status."""
_TIMEOUT = _Mapping(None, "timeout", "litellm.Timeout: BedrockException - ", _TIMEOUT_NOTE)
_UNAVAILABLE = _Mapping(503, "unavailable", "litellm.ServiceUnavailableError: BedrockException - ")
_BY_STATUS = {
    400: _BAD_REQUEST,
    401: _Mapping(None, "authentication", "litellm.AuthenticationError: BedrockException - "),
    404: _Mapping(None, "not_found", "litellm.NotFoundError: BedrockException - "),
    408: _TIMEOUT,
    422: _BAD_REQUEST._replace(status=None),
    429: _Mapping(None, "rate_limit", "litellm.RateLimitError: BedrockException - "),
    500: _UNAVAILABLE,
    503: _UNAVAILABLE,
    504: _TIMEOUT,
}
_OTHER = _Mapping(500, "other", "litellm.APIConnectionError: BedrockException - ")
_CLIENTS_MISTAKES = ("throttlingException", "validationException", "accessDeniedException", "resourceNotFoundException")
"""Exceptions within a stream that are not the vendor's fault."""


def failure_from_answer(status: int, headers: Headers, body: bytes) -> Failure:
    """The failure that an error answer means; its body is quoted whole."""
    text = body.decode(errors="replace")[:MAX_QUOTED]
    return _mapped(_mapping(status, text), status, text, headers)


def failure_within_stream(exception: str, body: bytes) -> StreamFailure:
    """The failure that an exception within a stream means."""
    told = f"{exception} {body.decode(errors='replace')[:MAX_QUOTED]}"
    meant = _mapped(_mapping(400 if exception in _CLIENTS_MISTAKES else 500, told), 400, told, [])
    failure = StreamFailure(EXCEPTION, told, continuable=True, original=meant.message)
    if exception in _CLIENTS_MISTAKES:
        failure.status, failure.message, failure.kind, failure.type = (
            meant.status,
            meant.message,
            meant.kind,
            meant.type,
        )
    return failure


def bad_request(what: str) -> Failure:
    """A call that cannot be put to Bedrock: the client's mistake."""
    return Failure(400, f"litellm.BadRequestError: {what}", kind="bad_request", reached=False)


def unreachable() -> Failure:
    """No connection, or one that broke before the answer was complete."""
    return Failure(500, f"{_OTHER.prefix}Connection error.", kind="server", reached=False)


def unreadable(what: str) -> Failure:
    """An answer with a good status that is none."""
    return Failure(500, f"litellm.InternalServerError: {EXCEPTION} - {what}", kind="server")


def timed_out(allowed: float, taken: float, own: float | None) -> Failure:
    """Our own timeout, in seconds: what was allowed and taken, and what the deployment's ``timeout`` says."""
    return Failure(
        408,
        f"litellm.Timeout: Connection timed out. Timeout passed={float(allowed)}, time taken={taken:.3f} seconds"
        f"\n\nDeployment Info: request_timeout: None\ntimeout: {own}",
        kind="timeout",
    )


def _mapped(mapping: _Mapping, status: int, text: str, headers: Headers) -> Failure:
    own = status if 400 <= status <= 599 else 502
    failure = Failure(
        own if mapping.status is None else mapping.status,
        f"{mapping.prefix}{text}{mapping.suffix}",
        kind=mapping.kind,
        retry_after=retry_after(headers),
    )
    if failure.status == 429:
        failure.type = "throttling_error"
    return failure


def _mapping(status: int, text: str) -> _Mapping:
    for signs, mapping in _SIGNS:
        if any(sign in text for sign in signs):
            return mapping
    return _BY_STATUS.get(status, _OTHER)


FAILURES = Failures(failure_from_answer, unreachable, unreadable, timed_out)
