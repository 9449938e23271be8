"""``routing_strategy: simple-shuffle``: at random, in shares of ``weight``, else of ``rpm``, else of ``tpm``."""

import random
from collections.abc import Sequence

from proxy.deployment import Deployment
from proxy.routing.request import RouteRequest
from proxy.routing.strategies import Surroundings

SHARES = ("weight", "rpm", "tpm")


class Strategy:
    """The first deployment decides which share counts, as in the reference; whoever lacks that share is not picked."""

    def __init__(self, _surroundings: Surroundings) -> None: ...

    def pick(self, _model: str, deployments: Sequence[Deployment], _request: RouteRequest) -> Deployment:
        """One of ``deployments`` (not empty)."""
        first = deployments[0]
        if len(deployments) == 1:
            return first
        for share in SHARES:
            if getattr(first.params, share) is not None:
                weights = [getattr(deployment.params, share) or 0.0 for deployment in deployments]
                if any(weights):
                    return random.choices(deployments, weights)[0]  # noqa: S311
                break
        return random.choice(deployments)  # noqa: S311
