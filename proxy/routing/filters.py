"""Which deployments suit a call: what is left of a group before the strategy picks one.

A filter is made only when the config asks for it; the others cost nothing.
"""

from collections.abc import Callable
from typing import TypeAlias

from proxy.config.model import ProxyConfig
from proxy.deployment import Deployment
from proxy.routing.request import RouteRequest

Filter: TypeAlias = Callable[[str, list[Deployment], RouteRequest], list[Deployment]]
"""Model group, healthy deployments, the call: those that suit it, at least one. Raises Failure when there is none."""


def make_filters(_config: ProxyConfig) -> tuple[Filter, ...]:
    """In the order in which they are asked."""
    return ()
