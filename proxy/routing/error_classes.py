"""The classes of errors that policies speak of (``retry_policy``, ``allowed_fails_policy``)."""

from proxy.errors import Failure, Kind

CLASSES: dict[Kind, str] = {
    "authentication": "authentication_error",
    "timeout": "timeout_error",
    "rate_limit": "rate_limit_error",
    "content_policy": "content_policy_violation_error",
    "bad_request": "bad_request_error",
    "context_window": "bad_request_error",
    "server": "internal_server_error",
}


def class_of(failure: Failure) -> str | None:
    """How the fields of policies for an error begin; ``None``: no policy can speak of it, as of a 502 or 503."""
    return None if failure.kind == "server" and failure.status != 500 else CLASSES.get(failure.kind)
