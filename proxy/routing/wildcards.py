"""Model groups whose name contains ``*``."""

from functools import lru_cache
from itertools import chain, repeat

from proxy.deployment import Deployment, split_model

MAX_NAME = 1000
"""Characters of a name that a wildcard still serves: names are the client's, and they are remembered."""


class WildcardGroup:
    """The deployments of a ``model_name`` that contains ``*``."""

    def __init__(self, pattern: str, deployments: tuple[Deployment, ...]) -> None:
        self.pattern = pattern
        self.deployments = deployments
        self._fixed = pattern.split("*")
        self._serving = lru_cache(maxsize=1024)(self._filled)

    def serving(self, name: str) -> tuple[Deployment, ...] | None:
        """The deployments for ``name``: each ``*`` of their model stands for what the pattern's ``*`` matched."""
        return self._serving(name) if len(name) <= MAX_NAME else None

    def _filled(self, name: str) -> tuple[Deployment, ...] | None:
        parts = self._match(name)
        return None if parts is None else tuple(_filled(deployment, name, parts) for deployment in self.deployments)

    def _match(self, name: str) -> list[str] | None:
        """What each ``*`` stands for, the first ones as long as possible. Not a regular expression: those take ages."""
        first, *middle, last = self._fixed
        begin, end = len(first), len(name) - len(last)
        if begin > end or not name.startswith(first) or not name.endswith(last) or "\n" in name:
            return None
        parts = []
        for fixed in reversed(middle):
            at = name.rfind(fixed, begin, end)
            if at < 0:
                return None
            parts.append(name[at + len(fixed) : end])
            end = at
        return [name[begin:end], *reversed(parts)]


def _filled(deployment: Deployment, name: str, parts: list[str]) -> Deployment:
    model = deployment.model
    if "*" not in model:
        return deployment
    if len(parts) == 1 and model == "*" and "/" in name and deployment.group == "*":
        return deployment.serving(split_model(name)[1])
    first, *others = model.split("*")
    matched = zip(chain(parts, repeat("*")), others, strict=False)
    return deployment.serving(first + "".join(part + fixed for part, fixed in matched))
