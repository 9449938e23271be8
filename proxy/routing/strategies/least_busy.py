"""``routing_strategy: least-busy``: whoever has the fewest calls in progress in this process, the first of equals."""

from collections.abc import Sequence

from proxy.deployment import Deployment
from proxy.routing.request import RouteRequest
from proxy.routing.strategies import Surroundings


class Strategy:
    """Looks at calls in progress, streams until their end."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._traffic = surroundings.traffic

    def pick(self, _model: str, deployments: Sequence[Deployment], _request: RouteRequest) -> Deployment:
        """One of ``deployments`` (not empty)."""
        return min(deployments, key=lambda deployment: self._traffic.of(deployment).in_flight)
