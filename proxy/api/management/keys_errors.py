"""Refusals of the rules of keys, as each endpoint of the reference words them."""

from collections.abc import Iterator
from contextlib import contextmanager

from proxy.errors import DetailError, GatewayError
from proxy.management.keys import InvalidDuration

INTERNAL = "internal_server_error"
AUTH = "auth_error"


@contextmanager
def refusals(kind: str) -> Iterator[None]:
    """Turn ``{"detail": ...}`` into ``{"error": ...}`` of a type, and durations that are none into 400."""
    try:
        yield
    except DetailError as error:
        raise GatewayError(error.status, str(error.detail), type=kind) from None
    except InvalidDuration as error:
        raise _no_duration(error, kind) from None


@contextmanager
def durations(kind: str) -> Iterator[None]:
    """The latter alone."""
    try:
        yield
    except InvalidDuration as error:
        raise _no_duration(error, kind) from None


def _no_duration(error: InvalidDuration, kind: str) -> GatewayError:
    if kind == AUTH:
        return GatewayError(400, f"Authentication Error, {error}", type=kind)
    hint = f"{error.field}: write a number and s, m, h, d, w or mo, such as 30d"
    return GatewayError(400, f"{error}, {hint}", type=kind)
