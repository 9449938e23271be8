"""What each deployment is doing: calls in progress here, requests and tokens of the current minute, how fast it was.

Minutes are those of UTC, as in the reference's counters (B.md, B2). Recorded only when the config has a reader
(:func:`has_readers`).
"""

import time
from collections import deque
from collections.abc import Callable
from math import inf

import msgspec

from proxy.call import Usage
from proxy.config.model import ProxyConfig
from proxy.deployment import Deployment
from proxy.errors import Failure

MINUTE = 60
MAX_SAMPLES = 100
"""Of a deployment; older ones are forgotten."""
TIMED_OUT = 1000.0
"""Seconds that a timeout counts as, as in the reference."""
BLIND = frozenset({"simple-shuffle", "provider-budget-routing"})
"""Strategies that do not look at the traffic."""
NOTHING = Usage()


class Sample(msgspec.Struct, frozen=True):
    """How long a call took that went well; or that it timed out."""

    at: float
    """When it ended, in seconds of the world's clock."""
    seconds: float
    first_token: float | None
    """Seconds until the first event, of a stream."""
    tokens: int
    """Written by the model."""


class Work(msgspec.Struct):
    """Of one deployment."""

    in_flight: int = 0
    """Calls in progress in this process, streams until their end."""
    minute: int = 0
    """Since 1970; the counts below are of it."""
    requests: int = 0
    """Sent by this process, whatever came of them."""
    tokens: int = 0
    """Used by calls of this process that ended."""
    requests_elsewhere: int = 0
    """By other processes, as far as that is known here."""
    tokens_elsewhere: int = 0
    samples: deque[Sample] = msgspec.field(default_factory=lambda: deque(maxlen=MAX_SAMPLES))

    @property
    def all_requests(self) -> int:
        """Of this minute."""
        return self.requests + self.requests_elsewhere

    @property
    def all_tokens(self) -> int:
        """Of this minute."""
        return self.tokens + self.tokens_elsewhere


class Traffic:
    """The work of deployments by id, in this process. It outlives snapshots; no I/O.

    Args:
        clock: seconds of the world's clock.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._works: dict[str, Work] = {}
        self.on_room: list[Callable[[Deployment], None]] = []
        """Called whenever an attempt has ended: its deployment may have room for another one."""

    @property
    def minute(self) -> int:
        """The current one, since 1970."""
        return int(self._clock() // MINUTE)

    @property
    def now(self) -> float:
        """Seconds of the world's clock."""
        return self._clock()

    def of(self, deployment: Deployment) -> Work:
        """What the deployment is doing; not to be changed or kept."""
        work = self._works.get(deployment.id)
        if work is None:
            work = self._works[deployment.id] = Work()
        minute = self.minute
        if work.minute != minute:
            work.minute = minute
            work.requests = work.tokens = work.requests_elsewhere = work.tokens_elsewhere = 0
        return work

    def has_room(self, deployment: Deployment, default_parallel: int | None = None) -> bool:
        """Whether the deployment is below its ``rpm`` and its ``max_parallel_requests``, else ``default_parallel``."""
        return not self.seconds_to_room(deployment, default_parallel)

    def seconds_to_room(self, deployment: Deployment, default_parallel: int | None = None) -> float:
        """0: there is room; infinite: not before an attempt ends."""
        params, work = deployment.params, self.of(deployment)
        parallel = default_parallel if params.max_parallel_requests is None else params.max_parallel_requests
        if parallel is not None and work.in_flight >= parallel:
            return inf
        return self.seconds_of_minute if params.rpm is not None and work.all_requests >= params.rpm else 0.0

    @property
    def seconds_of_minute(self) -> float:
        """That are left of the current one, more than 0."""
        return MINUTE - self._clock() % MINUTE

    def began(self, deployment: Deployment) -> int:
        """An attempt; exactly one of ``ended`` and ``refused`` follows.

        Returns:
            the minute that it counts in.
        """
        work = self.of(deployment)
        work.in_flight += 1
        work.requests += 1
        return work.minute

    def refused(self, deployment: Deployment, minute: int) -> None:
        """The attempt that began in the minute was not made after all."""
        work = self.of(deployment)
        work.in_flight -= 1
        if work.minute == minute:
            work.requests -= 1
        self._tell(deployment)

    def ended(
        self,
        deployment: Deployment,
        *,
        failure: Failure | None,
        seconds: float | None,
        first_token: float | None = None,
        usage: Usage = NOTHING,
    ) -> None:
        """The attempt is over, its stream too.

        Args:
            seconds: that it took; ``None``: it did not come to its end (a failure, a client that went away).
        """
        work = self.of(deployment)
        work.in_flight -= 1
        work.tokens += usage.total_tokens
        if seconds is not None:
            work.samples.append(Sample(self._clock(), seconds, first_token, usage.completion_tokens))
        elif failure is not None and failure.kind == "timeout" and failure.blames_deployment:
            work.samples.append(Sample(self._clock(), TIMED_OUT, None, 0))
        self._tell(deployment)

    def learn(self, deployment: Deployment, minute: int, *, requests: float | None, tokens: float | None) -> None:
        """What all processes together had in a minute; ``None``: not known."""
        work = self.of(deployment)
        if work.minute != minute:
            return
        if requests is not None:
            work.requests_elsewhere = max(0, int(requests) - work.requests)
        if tokens is not None:
            work.tokens_elsewhere = max(0, int(tokens) - work.tokens)

    def _tell(self, deployment: Deployment) -> None:
        for function in self.on_room:
            function(deployment)


def has_readers(config: ProxyConfig) -> bool:
    """Whether anything in a config depends on the traffic."""
    router = config.router_settings
    if router.routing_strategy not in BLIND or router.default_max_parallel_requests is not None:
        return True
    limits = ("rpm", "tpm", "max_parallel_requests")
    return any(getattr(entry.params, name) is not None for entry in config.model_list for name in limits)
