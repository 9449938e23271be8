"""Which deployments suit a call: what is left of a group before the strategy picks one. A file for each filter.

A filter is made only when the config asks for it; the others cost nothing.
"""

from collections.abc import Callable, Iterator
from typing import TypeAlias

from proxy.config.model import ProxyConfig
from proxy.deployment import Deployment
from proxy.routing.request import RouteRequest

Filter: TypeAlias = Callable[[str, list[Deployment], RouteRequest], list[Deployment]]
"""Model group, healthy deployments, the call: those that suit it. Raises Failure to say in its own words that there are
none; for an empty list it is said that no deployments are available."""


def make_filters(config: ProxyConfig) -> tuple[Filter, ...]:
    """In the order in which they are asked (B.md, common ground)."""
    return tuple(_wanted(config))


def _wanted(config: ProxyConfig) -> Iterator[Filter]:
    settings = config.router_settings
    if settings.enable_pre_call_checks:
        from proxy.routing.filters.regions import in_region

        yield in_region
    if settings.enable_tag_filtering:
        from proxy.routing.filters.tags import Tagged

        yield Tagged(match_any=settings.tag_filtering_match_any)
