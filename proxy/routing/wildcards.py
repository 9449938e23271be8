"""Model groups whose name contains ``*``."""

import re
from functools import lru_cache

from proxy.deployment import Deployment, split_model


class WildcardGroup:
    """The deployments of a ``model_name`` that contains ``*``."""

    def __init__(self, pattern: str, deployments: tuple[Deployment, ...]) -> None:
        self.pattern = pattern
        self.deployments = deployments
        self._match = re.compile(re.escape(pattern).replace(r"\*", "(.*)")).fullmatch
        self.serving = lru_cache(maxsize=1024)(self._serving)

    def _serving(self, name: str) -> tuple[Deployment, ...] | None:
        """The deployments for ``name``: each ``*`` of their model stands for what the pattern's ``*`` matched."""
        match = self._match(name)
        if match is None:
            return None
        return tuple(_filled(deployment, name, match.groups()) for deployment in self.deployments)


def _filled(deployment: Deployment, name: str, parts: tuple[str, ...]) -> Deployment:
    model = deployment.model
    if "*" not in model:
        return deployment
    if len(parts) == 1 and model == "*" and "/" in name and deployment.group == "*":
        return deployment.serving(split_model(name)[1])
    for part in parts:
        model = model.replace("*", part, 1)
    return deployment.serving(model)
