"""Who of a group's suitable deployments serves a call: a file for each ``routing_strategy``."""

import importlib
from collections.abc import Sequence
from typing import Protocol

from proxy.config.errors import ConfigError
from proxy.config.model import ProxyConfig
from proxy.deployment import Deployment
from proxy.routing.request import RouteRequest


class Strategy(Protocol):
    """Made from the config, once a snapshot: ``Strategy(config)`` of its file."""

    def pick(self, model: str, deployments: Sequence[Deployment], request: RouteRequest) -> Deployment:
        """One of the deployments (not empty) of a model group.

        Raises:
            NoDeployments: all are over their limits.
        """
        ...


def make_strategy(config: ProxyConfig) -> Strategy:
    """The one that the config names.

    Raises:
        ConfigError: there is none of that name.
    """
    name = config.router_settings.routing_strategy
    try:
        module = importlib.import_module(f"proxy.routing.strategies.{name.replace('-', '_')}")
    except ModuleNotFoundError:
        key = "router_settings.routing_strategy"
        problem = f"{name} is not available in this version; use simple-shuffle"
        raise ConfigError(problem, place=config.places.get(key), key=key) from None
    strategy: Strategy = module.Strategy(config)
    return strategy
