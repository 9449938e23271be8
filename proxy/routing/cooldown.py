"""Cooldowns: deployments that are left alone for a while after failing.

Rules (A.md, Retries and cooldowns). By default a deployment of a group of several cools down on 429, on an error that no
retry can mend (401, 404), when it cannot be reached, and when more than half of at least five requests of the last minute
failed. With ``allowed_fails`` or an ``allowed_fails_policy`` it cools down after more failures than its error's class is
allowed, single deployments included; failures of all classes count, until none came for ``cooldown_time`` (B.md, B5).

Deliberate differences from the reference: the default rules never cool down the only deployment of a group (there one
client's 404 shuts the model for all others), a deployment that refuses connections cools down at once, and what
clients bring about (wrong requests, timeouts of their own choice, mocked errors) is no failure of the deployment.
"""

import time
from collections.abc import Callable
from math import inf

import msgspec

from proxy.config.model import AllowedFailsPolicy, RouterSettings
from proxy.deployment import Deployment
from proxy.errors import Failure
from proxy.routing.error_classes import class_of

WINDOW = 60.0
MIN_REQUESTS = 5
FAILURE_RATE = 0.5
ALLOWED_FAILS = 3
"""Where a policy says nothing of a class, and ``allowed_fails`` is not set."""
#: of the 4xx, only these say something about the deployment; the others are about the request
TELLING = frozenset({401, 404, 408, 429})


class _Record(msgspec.Struct):
    window_start: float
    requests: int = 0
    failures: int = 0
    until: float = -inf
    fails: int = 0
    """That count against what is allowed."""
    failed_at: float = -inf


class Cooldowns:
    """The health of deployments by id, in this process. It outlives snapshots."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._records: dict[str, _Record] = {}

    def remaining(self, deployment: Deployment) -> float:
        """Seconds until the deployment may be used again; 0 when it is healthy."""
        record = self._records.get(deployment.id)
        if record is None or record.until == -inf:
            return 0.0
        return max(0.0, record.until - self._clock())

    def is_failing(self, deployment: Deployment) -> bool:
        """Whether it failed more than once of late, or rests because of that."""
        record = self._records.get(deployment.id)
        if record is None:
            return False
        recent = self._clock() - record.window_start <= WINDOW
        return record.until > self._clock() or (recent and record.failures > 1)

    def succeeded(self, deployment: Deployment) -> None:
        """Count a request that went well."""
        self._current(deployment).requests += 1

    def failed(self, deployment: Deployment, group_size: int, failure: Failure, settings: RouterSettings) -> None:
        """Count a failure and cool the deployment down when the rules say so."""
        record = self._current(deployment)
        record.requests += 1
        if not failure.blames_deployment or (400 <= failure.status < 500 and failure.status not in TELLING):
            return
        record.failures += 1
        if not settings.disable_cooldowns and self._cools_down(record, group_size, failure, settings):
            seconds = deployment.params.cooldown_time
            record.until = self._clock() + (settings.cooldown_time if seconds is None else seconds)
            record.requests = record.failures = record.fails = 0

    def rest(self, deployment_id: str, seconds: float) -> bool:
        """Leave a deployment alone that failed elsewhere, for so long at least; false: it rests already."""
        until = self._clock() + seconds
        record = self._records.setdefault(deployment_id, _Record(self._clock()))
        resting = record.until > self._clock()
        record.until = max(record.until, until)
        return not resting

    def _cools_down(self, record: _Record, group_size: int, failure: Failure, settings: RouterSettings) -> bool:
        allowed = _allowed_fails(failure, settings)
        if allowed is not None:
            now = self._clock()
            record.fails = 1 if now - record.failed_at > settings.cooldown_time else record.fails + 1
            record.failed_at = now
            return record.fails > allowed
        if group_size == 1:
            return False
        if failure.status == 429 or failure.status in (401, 404) or not failure.reached:
            return True
        return record.requests >= MIN_REQUESTS and record.failures / record.requests > FAILURE_RATE

    def _current(self, deployment: Deployment) -> _Record:
        now = self._clock()
        record = self._records.get(deployment.id)
        if record is None:
            record = self._records[deployment.id] = _Record(now)
        elif now - record.window_start > WINDOW:
            record.window_start = now
            record.requests = record.failures = 0
        return record


def _allowed_fails(failure: Failure, settings: RouterSettings) -> int | None:
    policy: AllowedFailsPolicy | None = settings.allowed_fails_policy
    if policy is None:
        return settings.allowed_fails
    name = class_of(failure)
    value: int | None = None if name is None else getattr(policy, f"{name}_allowed_fails")
    # a policy value of 0 counts as unset in the reference (B.md, B5)
    return value or (ALLOWED_FAILS if settings.allowed_fails is None else settings.allowed_fails)
