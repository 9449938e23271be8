"""``routing_strategy: latency-based-routing``: the fastest in this process; whoever is not known yet is tried."""

import random
from collections.abc import Sequence

import msgspec

from proxy.config.model import StrategyArgs
from proxy.deployment import Deployment
from proxy.routing.limits import Limits
from proxy.routing.request import RouteRequest
from proxy.routing.strategies import Surroundings
from proxy.routing.traffic import Sample


class Strategy:
    """Compares the mean of the last calls: seconds a token written; of streams, seconds until the first event.

    Keeps the limits of deployments.
    """

    def __init__(self, surroundings: Surroundings) -> None:
        settings = surroundings.config.router_settings
        self._args = msgspec.convert(settings.routing_strategy_args, StrategyArgs)
        self._traffic = surroundings.traffic
        self._limits = Limits(settings, surroundings.traffic)

    def pick(self, model: str, deployments: Sequence[Deployment], request: RouteRequest) -> Deployment:
        """One of ``deployments`` (not empty): at random, among those that are hardly slower than the fastest.

        Raises:
            NoneLeft: all are over their limits.
        """
        within = self._limits.within(deployments, request)
        if not within:
            raise self._limits.none_left(model)
        latencies = [self._latency(deployment, stream=request.stream) for deployment in within]
        most = min(latencies) * (1 + self._args.lowest_latency_buffer)
        fast = [deployment for deployment, latency in zip(within, latencies, strict=True) if latency <= most]
        return random.choice(fast)  # noqa: S311

    def _latency(self, deployment: Deployment, *, stream: bool) -> float:
        """0 when nothing is known."""
        since = self._traffic.now - self._args.ttl
        samples = [sample for sample in self._traffic.of(deployment).samples if sample.at > since]
        samples = samples[-self._args.max_latency_list_size :]
        if stream:
            starts = [sample.first_token for sample in samples if sample.first_token is not None]
            if starts:
                return sum(starts) / len(starts)
        return sum(map(_pace, samples)) / len(samples) if samples else 0.0


def _pace(sample: Sample) -> float:
    return sample.seconds / max(1, sample.tokens)
