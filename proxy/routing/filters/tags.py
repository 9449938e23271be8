"""Tags: a call with tags is served by deployments that have them (``enable_tag_filtering``).

One of the call's tags is enough, or all of them are wanted (``tag_filtering_match_any: false``); deployments with the tag
``default`` serve when nobody has them, and calls without tags (B.md, B6).
"""

from proxy.deployment import Deployment
from proxy.routing.refusals import Refusal
from proxy.routing.request import RouteRequest

DEFAULT = "default"


class Tagged:
    """The filter.

    Args:
        match_any: whether one of the call's tags is enough.
    """

    def __init__(self, *, match_any: bool) -> None:
        self._match_any = match_any

    def __call__(self, model: str, deployments: list[Deployment], request: RouteRequest) -> list[Deployment]:
        """The deployments with the tags of the call, else those that serve by default.

        Raises:
            Refusal: 401, there are none of either.
        """
        default = [deployment for deployment in deployments if DEFAULT in deployment.params.tags]
        if not request.tags:
            return default or deployments
        suiting = self._suiting(deployments, frozenset(request.tags)) or default
        if not suiting:
            told = "Not allowed to access model due to tags configuration."
            text = f"{told} Passed model={model} and tags={request.tags}"
            raise Refusal(401, text, kind="permission", type="None", param="None", reached=False)
        return suiting

    def _suiting(self, deployments: list[Deployment], tags: frozenset[str]) -> list[Deployment]:
        suits = (lambda own: not tags.isdisjoint(own)) if self._match_any else tags.issubset
        return [deployment for deployment in deployments if suits(deployment.params.tags)]
