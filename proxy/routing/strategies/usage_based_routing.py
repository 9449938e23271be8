"""``routing_strategy: usage-based-routing``: whoever used the fewest tokens in this minute, the first of equals."""

from collections.abc import Sequence

from proxy.deployment import Deployment
from proxy.routing.limits import Limits
from proxy.routing.request import RouteRequest
from proxy.routing.strategies import Surroundings


class Strategy:
    """Keeps the limits of deployments."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._traffic = surroundings.traffic
        self._limits = Limits(surroundings.config.router_settings, surroundings.traffic)

    def pick(self, model: str, deployments: Sequence[Deployment], request: RouteRequest) -> Deployment:
        """One of ``deployments`` (not empty).

        Raises:
            NoneLeft: all are over their limits.
        """
        within = self._limits.within(deployments, request)
        if not within:
            raise self._limits.none_left(model)
        return min(within, key=lambda deployment: self._traffic.of(deployment).all_tokens)
