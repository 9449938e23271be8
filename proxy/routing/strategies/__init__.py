"""Who of a group's suitable deployments serves a call: a file for each ``routing_strategy``."""

import importlib
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from proxy.config.errors import ConfigError
from proxy.config.model import ProxyConfig
from proxy.deployment import Deployment
from proxy.routing.request import RouteRequest
from proxy.routing.traffic import Traffic

Price = Callable[[Deployment], float | None]
"""US dollars of one token read and one written; ``None``: not known."""


class Surroundings(NamedTuple):
    """What a strategy may look at."""

    config: ProxyConfig
    traffic: Traffic
    price: Price


class Strategy(Protocol):
    """Made once a snapshot: ``Strategy(surroundings)`` of its file."""

    def pick(self, model: str, deployments: Sequence[Deployment], request: RouteRequest) -> Deployment:
        """One of the deployments (not empty) of a model group.

        Raises:
            NoneLeft: all are over their limits.
        """
        ...


def make_strategy(surroundings: Surroundings) -> Strategy:
    """The one that the config names: a file here, or a user's own class by its dotted path.

    Raises:
        ConfigError: it cannot be used.
    """
    name = surroundings.config.router_settings.routing_strategy
    file = "own" if "." in name else name.replace("-", "_")
    try:
        module = importlib.import_module(f"proxy.routing.strategies.{file}")
    except ModuleNotFoundError:
        key = "router_settings.routing_strategy"
        problem = f"{name} is not available in this version; use simple-shuffle"
        raise ConfigError(problem, place=surroundings.config.places.get(key), key=key) from None
    strategy: Strategy = module.Strategy(surroundings)
    return strategy
