"""``routing_strategy: cost-based-routing``: the cheapest, the first of equals."""

from collections.abc import Sequence

from proxy.deployment import Deployment
from proxy.routing.limits import Limits
from proxy.routing.request import RouteRequest
from proxy.routing.strategies import Surroundings

UNKNOWN = 10.0
"""US dollars that a deployment without a known price is taken to cost, as in the reference: it comes last."""


class Strategy:
    """Compares what one token read and one written cost. Keeps the limits of deployments."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._price = surroundings.price
        self._limits = Limits(surroundings.config.router_settings, surroundings.traffic)

    def pick(self, model: str, deployments: Sequence[Deployment], request: RouteRequest) -> Deployment:
        """One of ``deployments`` (not empty).

        Raises:
            NoneLeft: all are over their limits.
        """
        within = self._limits.within(deployments, request)
        if not within:
            raise self._limits.none_left(model)
        return min(within, key=self._cost)

    def _cost(self, deployment: Deployment) -> float:
        price = self._price(deployment)
        return UNKNOWN if price is None else price
