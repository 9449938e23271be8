"""Bedrock's errors as the reference maps them (contracts/core/test_bedrock_answers.py).

https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html
"""

from proxy.errors import Failure
from proxy.providers.failure_tables import TIMEOUT_NOTE, FailureTable, Meaning
from proxy.providers.failures import MAX_QUOTED, StreamFailure

EXCEPTION = "BedrockException"
"""Bedrock's label in messages."""
_MODIFY = "`litellm_settings::modify_params: True`"


_TOO_LONG = (
    *("too many tokens", "expected maxLength:", "Input is too long", "prompt is too long", "prompt: length: 1.."),
    "Too many input tokens",
)
_BAD_REQUEST = Meaning(400, "bad_request", "litellm.BadRequestError: BedrockException - ")
_SIGNS: tuple[tuple[tuple[str, ...], Meaning], ...] = (
    (
        _TOO_LONG,
        Meaning(
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
        Meaning(None, "authentication", "litellm.AuthenticationError: BedrockException Invalid Authentication - "),
    ),
    (
        ("AccessDeniedException",),
        Meaning(None, "permission", "litellm.PermissionDeniedError: BedrockException PermissionDeniedError - "),
    ),
    (
        ("throttlingException", "ThrottlingException"),
        Meaning(429, "rate_limit", "litellm.RateLimitError: BedrockException: Rate Limit Error - "),
    ),
    (
        ("Connect timeout on endpoint URL", "timed out"),
        Meaning(408, "timeout", "litellm.Timeout: BedrockException: Timeout Error - ", TIMEOUT_NOTE),
    ),
    (
        ("Could not process image",),
        Meaning(500, "server", "litellm.InternalServerError: BedrockException - "),
    ),
)
"""What the text says counts before the status."""
_TIMEOUT = Meaning(None, "timeout", "litellm.Timeout: BedrockException - ", TIMEOUT_NOTE)
_UNAVAILABLE = Meaning(503, "unavailable", "litellm.ServiceUnavailableError: BedrockException - ")
_BY_STATUS = {
    400: _BAD_REQUEST,
    401: Meaning(None, "authentication", "litellm.AuthenticationError: BedrockException - "),
    404: Meaning(None, "not_found", "litellm.NotFoundError: BedrockException - "),
    408: _TIMEOUT,
    422: _BAD_REQUEST._replace(status=None),
    429: Meaning(None, "rate_limit", "litellm.RateLimitError: BedrockException - "),
    500: _UNAVAILABLE,
    503: _UNAVAILABLE,
    504: _TIMEOUT,
}
_OTHER = Meaning(500, "other", "litellm.APIConnectionError: BedrockException - ")
FAILURES = FailureTable(
    _SIGNS,
    _BY_STATUS,
    lambda _: _OTHER,
    no_connection=_OTHER.told("Connection error."),
    no_answer=f"litellm.InternalServerError: {EXCEPTION} - ",
)
_CLIENTS_MISTAKES = ("throttlingException", "validationException", "accessDeniedException", "resourceNotFoundException")
"""Exceptions within a stream that are not the vendor's fault."""


def failure_within_stream(exception: str, body: bytes) -> StreamFailure:
    """The failure that an exception within a stream means."""
    told = f"{exception} {body.decode(errors='replace')[:MAX_QUOTED]}"
    meaning = FAILURES.meaning(400 if exception in _CLIENTS_MISTAKES else 500, told)
    meant = FAILURES.failure(meaning, 400, told, [])
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
