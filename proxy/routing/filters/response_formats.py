"""Formats of answers: a chat that asks for one goes to models that take ``response_format`` (``enable_pre_call_checks``).

With ``litellm_settings.drop_params`` it goes anywhere, and does without where need be (B.md, common ground).
"""

from collections.abc import Callable
from typing import TypeAlias

from proxy.deployment import Deployment
from proxy.routing.request import RouteRequest

TakesFormats: TypeAlias = Callable[[Deployment], bool]
"""Whether a deployment's model takes ``response_format``."""


class ResponseFormats:
    """A filter: the deployments whose models take the format."""

    def __init__(self, takes: TakesFormats) -> None:
        self._takes = takes

    def __call__(self, _model: str, deployments: list[Deployment], request: RouteRequest) -> list[Deployment]:
        """Those of them; all for calls that ask for none."""
        return [it for it in deployments if self._takes(it)] if request.wants_format else deployments
