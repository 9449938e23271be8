"""``routing_strategy: usage-based-routing-v2``, or ``lowest-tpm-rpm``: whoever used the fewest tokens in this minute, one
of equals at random."""

import random
from collections.abc import Sequence
from math import inf

from proxy.deployment import Deployment
from proxy.routing.limits import Limits
from proxy.routing.refusals import OverLimits
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
            OverLimits: all are over their limits.
        """
        within = self._limits.within(deployments, request)
        if not within:
            told = {deployment.id: self._told(deployment) for deployment in deployments}
            raise OverLimits(f"No deployments available for selected model. Passed model={model}. Deployments={told}")
        used = [self._traffic.of(deployment).all_tokens for deployment in within]
        lowest = min(used)
        equals = [deployment for deployment, tokens in zip(within, used, strict=True) if tokens == lowest]
        return random.choice(equals)  # noqa: S311

    def _told(self, deployment: Deployment) -> dict[str, object]:
        work, params = self._traffic.of(deployment), deployment.params
        return {
            "current_tpm": work.all_tokens or None,
            "tpm_limit": inf if params.tpm is None else params.tpm,
            "current_rpm": work.all_requests or None,
            "rpm_limit": inf if params.rpm is None else params.rpm,
        }
