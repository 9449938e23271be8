"""What the cases of routing strategies share."""

import time
from collections.abc import Sequence

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from fixtures.replies import Reply, ok

SETTLE = 0.3
"""Seconds after which the reference has counted an answer."""
NO_LIMITS = {f"x-ratelimit-{kind}-{of}": None for kind in ("limit", "remaining") for of in ("requests", "tokens")}
"""Takes an upstream's own limits out of its answers."""


def used(tokens: int) -> Reply:
    """An answer that has used so many tokens."""
    return ok(usage={"prompt_tokens": tokens - 5, "completion_tokens": 5, "total_tokens": tokens})


def early_in_the_minute(case: Case, seconds: float = 6) -> None:
    """Wait for the next minute if this one has fewer seconds left: usage is counted by the minute."""
    left = 60 - time.time() % 60
    if left < seconds:
        case.wait(left + 0.1)


def chats(case: Case, model: str, count: int, *, stream: bool = False) -> Sequence[Exchange]:
    """Calls one after the other, each counted before the next."""
    answers = []
    for _ in range(count):
        answers.append(case.stream(model, stream_options={"include_usage": True}) if stream else case.chat(model))
        case.wait(SETTLE)
    return answers
