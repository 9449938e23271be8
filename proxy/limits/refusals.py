"""What clients are told of limits: refusals, and headers of good answers (F.md, F6)."""

import math
import time
from collections.abc import Iterable
from typing import Final

from proxy.errors import GatewayError
from proxy.limits.parts import Found

_NAMES: Final = {"requests": "RPM", "tokens": "TPM"}
QUOTING: Final = frozenset({"completions", "messages"})
"""Endpoints whose refusals begin with the status, as the reference's do."""


def refusal(found: Found, window: int) -> GatewayError:
    """429: a limit is reached.

    Args:
        window: seconds to wait where nobody can know how long.
    """
    part = found.part
    wait = window if found.reset is None else found.reset
    resets_at = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(time.time() + wait))
    message = (
        f"Rate limit exceeded for {part.scope}: {part.id}. Limit type: {part.unit}. Current limit: {part.limit}, "
        f"Remaining: {max(0, found.remaining)}. Limit resets at: {resets_at}"
    )
    headers = [("retry-after", str(math.ceil(wait))), ("rate_limit_type", part.unit), ("reset_at", resets_at)]
    return GatewayError(429, message, headers=headers)


def quoting(error: GatewayError, endpoint: str) -> GatewayError:
    """The refusal in the words of the endpoint (as calls name it)."""
    if endpoint not in QUOTING:
        return error
    return GatewayError(error.status, f"{error.status}: {error.message}", headers=error.headers)


def batch_refusal(found: Found) -> GatewayError:
    """429: a limit has less room than a batch needs."""
    part = found.part
    wait = found.reset or 0.0
    resets_at = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(time.time() + wait))
    message = (
        f"Batch rate limit exceeded for {part.scope}: {part.id}. Batch contains {part.amount} {part.unit} but only "
        f"{max(0, found.remaining)} {part.unit} remaining out of {part.limit} {_NAMES[part.unit]} limit. "
        f"Limit resets at: {resets_at}"
    )
    headers = [("retry-after", str(math.ceil(wait))), ("rate_limit_type", part.unit), ("reset_at", resets_at)]
    return GatewayError(429, message, type="internal_server_error", headers=headers)


def headers_of(found: Iterable[Found]) -> list[tuple[bytes, bytes]]:
    """What is left of each limit."""
    headers: list[tuple[bytes, bytes]] = []
    for each in found:
        scope, unit = each.part.scope, each.part.unit
        headers += (
            (f"x-ratelimit-{scope}-remaining-{unit}".encode(), b"%d" % each.remaining),
            (f"x-ratelimit-{scope}-limit-{unit}".encode(), b"%d" % each.part.limit),
        )
    return headers
