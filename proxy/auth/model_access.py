"""Which models a list of allowed ones covers: names, wildcards, access groups, and the names that stand for all."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

from proxy.deployment import Deployment
from proxy.errors import GatewayError
from proxy.routing.groups import Groups

ALL_MODELS = "all-proxy-models"
ALL_OF_TEAM = "all-team-models"
NO_DEFAULT = "no-default-models"
EVERYTHING = frozenset((ALL_MODELS, "*"))

Owner = Literal["key", "team", "user", "project", "organization"]


class ModelAccess:
    """The models of a snapshot, and what lists of allowed ones mean there.

    Args:
        models_of: the known models of a provider.
    """

    def __init__(self, groups: Groups, models_of: Callable[[str], Collection[str]]) -> None:
        self._groups = groups
        self._models_of = models_of
        self.access_groups = _access_groups(groups.deployments)
        """Names of models by access group."""

    def check(
        self, owner: Owner, model: str, allowed: Sequence[str], granted: Iterable[str], aliases: Mapping[str, Any]
    ) -> None:
        """Let a call of ``model`` through, or not.

        Args:
            owner: whose list it is.
            allowed: empty: all.
            granted: what access groups of the database add to it.
            aliases: of the team, which may be called besides.

        Raises:
            GatewayError: 401, as the reference says it.
        """
        if not allowed or model in allowed or model in aliases:
            return
        names = {model, self._groups.unaliased(model)}
        if any(self.covers(allowed, name) for name in names):
            return
        added = tuple(granted)
        if added and any(self.covers(added, name) for name in names):
            return
        raise GatewayError(
            401,
            f"{owner} not allowed to access model. This {owner} can only access models={list(added or allowed)}. "
            f"Tried to access {model}",
            type=f"{'org' if owner == 'organization' else owner}_model_access_denied",
            param="model",
        )

    def covers(self, allowed: Collection[str], model: str) -> bool:
        """Whether a list that is not empty has the model, by whatever name."""
        if model in allowed or not EVERYTHING.isdisjoint(allowed):
            return True
        return any(
            model in self.access_groups.get(name, ()) or ("*" in name and self._matches(name, model))
            for name in allowed
        )

    def members(self, model: str) -> Sequence[Deployment]:
        """The deployments that a name stands for."""
        return self._groups.find(model) or ()

    def expanded(self, names: Iterable[str]) -> list[str]:
        """Names as they are listed: access groups give way to their models, at the end."""
        given = list(names)
        plain = [name for name in given if name not in self.access_groups]
        return [*plain, *(model for name in given for model in self.access_groups.get(name, ()))]

    def common(self, names: Sequence[str], limit: Sequence[str]) -> list[str]:
        """What two lists both cover: names of either that the other has too."""
        kept = [name for name in names if self.covers(limit, name)]
        return list(dict.fromkeys([*kept, *(name for name in limit if self.covers(names, name))]))

    def _matches(self, wildcard: str, model: str) -> bool:
        """``openai/*`` also stands for the models that only OpenAI has, without the prefix."""
        if _pattern(wildcard).fullmatch(model):
            return True
        provider, slash, _ = wildcard.partition("/")
        prefixed = f"{provider}/{model}"
        return bool(slash) and _pattern(wildcard).fullmatch(prefixed) is not None and model in self._models_of(provider)


def _access_groups(deployments: Iterable[Deployment]) -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for deployment in deployments:
        for name in deployment.info.get("access_groups") or ():
            found.setdefault(str(name), {})[deployment.group] = None
    return {name: tuple(models) for name, models in found.items()}


@lru_cache(maxsize=4096)
def _pattern(wildcard: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, wildcard.split("*"))), re.DOTALL)
