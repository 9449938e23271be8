"""``routing_strategy: simple-shuffle``: at random, in shares of ``weight``, else of ``rpm``, else of ``tpm``."""

import random
from collections.abc import Sequence

from proxy.config.model import ProxyConfig
from proxy.deployment import Deployment
from proxy.routing.request import RouteRequest

SHARES = ("weight", "rpm", "tpm")


class Strategy:
    """A deployment without the share that others have is not picked."""

    def __init__(self, _config: ProxyConfig) -> None: ...

    def pick(self, _model: str, deployments: Sequence[Deployment], _request: RouteRequest) -> Deployment:
        """One of ``deployments`` (not empty)."""
        if len(deployments) == 1:
            return deployments[0]
        for share in SHARES:
            weights = [getattr(deployment.params, share) or 0.0 for deployment in deployments]
            if any(weights):
                return random.choices(deployments, weights)[0]  # noqa: S311
        return random.choice(deployments)  # noqa: S311
