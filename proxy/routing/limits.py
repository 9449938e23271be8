"""Which deployments a call still fits: ``rpm``, ``tpm`` and ``max_parallel_requests``."""

import math
from collections.abc import Sequence

from proxy.config.model import RouterSettings
from proxy.deployment import Deployment
from proxy.routing.refusals import NoneLeft
from proxy.routing.request import RouteRequest
from proxy.routing.traffic import Traffic

ENFORCING = frozenset({"usage-based-routing", "usage-based-routing-v2", "cost-based-routing", "latency-based-routing"})
"""Strategies that keep the limits of deployments."""


class Limits:
    """Of deployments, against the traffic."""

    def __init__(self, settings: RouterSettings, traffic: Traffic) -> None:
        self._settings = settings
        self._traffic = traffic

    def within(self, deployments: Sequence[Deployment], request: RouteRequest) -> list[Deployment]:
        """Those that may be sent the call now; the tokens that it sends count against ``tpm``."""
        parallel = self._settings.default_max_parallel_requests
        free = [deployment for deployment in deployments if self._traffic.has_room(deployment, parallel)]
        if all(deployment.params.tpm is None for deployment in free):
            return free
        sent = request.count_tokens()
        return [deployment for deployment in free if self._below_tpm(deployment, sent)]

    def _below_tpm(self, deployment: Deployment, sent: int) -> bool:
        limit = deployment.params.tpm
        return limit is None or self._traffic.of(deployment).all_tokens + sent <= limit

    def none_left(self, model: str) -> NoneLeft:
        """What clients hear of strategies that are not about usage."""
        settings = self._settings
        return NoneLeft(
            f"No deployments available for selected model, Try again in {math.ceil(settings.cooldown_time)} seconds. "
            f"Passed model={model}. pre-call-checks={settings.enable_pre_call_checks}, cooldown_list=[]"
        )
