"""``routing_strategy: my_module.MyStrategy``: a user's own class."""

from collections.abc import Sequence
from typing import Any

from proxy.compat.loading import load_object
from proxy.config.errors import ConfigError
from proxy.deployment import Deployment
from proxy.errors import Failure
from proxy.routing.request import RouteRequest
from proxy.routing.strategies import Surroundings

KEY = "router_settings.routing_strategy"


class Strategy:
    """An instance of the class, made with the traffic and, as keywords, ``routing_strategy_args``."""

    def __init__(self, surroundings: Surroundings) -> None:
        config = surroundings.config
        self._name = name = config.router_settings.routing_strategy
        place = config.places.get(KEY)
        made: Any = load_object(name, config.folder, key=KEY, place=place)
        if not isinstance(made, type) or not callable(getattr(made, "pick", None)):
            problem = f"{name} is no class with a method pick(self, model, deployments, request); write one"
            raise ConfigError(problem, key=KEY, place=place)
        try:
            self._own = made(surroundings.traffic, **config.router_settings.routing_strategy_args)
        except Exception as error:
            problem = (
                f"{name} cannot be made: {type(error).__name__}: {error}; it is called with the traffic, and with "
                "routing_strategy_args by name"
            )
            raise ConfigError(problem, key=KEY, place=place) from error

    def pick(self, model: str, deployments: Sequence[Deployment], request: RouteRequest) -> Deployment:
        """What the user's class picks.

        Raises:
            Failure: 500, it is none of ``deployments``.
        """
        picked: Deployment = self._own.pick(model, deployments, request)
        if any(deployment is picked for deployment in deployments):
            return picked
        problem = f"{KEY}: pick() of {self._name} must return one of the deployments that it is given"
        raise Failure(500, problem, kind="server", type="None", param="None", reached=False)
