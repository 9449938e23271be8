"""Which deployments a requested name stands for: aliases, model groups, deployment ids, wildcards."""

from collections.abc import Callable, Iterable, Mapping

from proxy.config.model import AliasTarget
from proxy.deployment import Deployment
from proxy.routing.wildcards import WildcardGroup


class Groups:
    """All model groups of a snapshot.

    Look-up order: deployment id, alias (one level), group, wildcard, ``litellm_params.model`` (B.md, common ground).
    """

    def __init__(self, deployments: Iterable[Deployment], aliases: Mapping[str, AliasTarget]) -> None:
        self.deployments = tuple(deployments)
        self.aliases = dict(aliases)
        self.by_id = {deployment.id: deployment for deployment in self.deployments}
        self.by_name = _grouped(self.deployments, lambda deployment: deployment.group)
        self._by_model = _grouped(self.deployments, lambda deployment: deployment.params.model)
        wildcards = [WildcardGroup(name, members) for name, members in self.by_name.items() if "*" in name]
        #: the most specific pattern first
        self.wildcards = sorted(wildcards, key=lambda group: len(group.pattern.replace("*", "")), reverse=True)

    def unaliased(self, name: str) -> str:
        """What ``name`` stands for; aliases of aliases do not resolve, as in the reference."""
        alias = self.aliases.get(name)
        return name if alias is None else alias.model

    def find(self, name: str) -> tuple[Deployment, ...] | None:
        """The deployments for a requested name, or ``None`` when nothing is called so."""
        deployment = self.by_id.get(name)
        if deployment is not None:
            return (deployment,)
        name = self.unaliased(name)
        members = self.by_name.get(name)
        if members is not None:
            return members
        for group in self.wildcards:
            members = group.serving(name)
            if members is not None:
                return members
        return self._by_model.get(name)

    def knows(self, name: str) -> bool:
        """Whether a client may ask for ``name``: an alias counts even when its target is missing."""
        return name in self.aliases or self.find(name) is not None

    def listed(self) -> list[str]:
        """Names for ``/v1/models``: visible aliases of groups first, then the groups."""
        visible = [name for name, target in self.aliases.items() if not target.hidden and target.model in self.by_name]
        return list(dict.fromkeys([*visible, *self.by_name]))

    def listed_members(self, name: str) -> tuple[Deployment, ...]:
        """What stands behind a listed name: the group and what a visible alias of that name means, else a wildcard."""
        target = self.aliases.get(name)
        behind = () if target is None or target.hidden else self.by_name.get(target.model, ())
        return self.by_name.get(name, ()) + behind or self.find(name) or ()


def _grouped(deployments: Iterable[Deployment], key: Callable[[Deployment], str]) -> dict[str, tuple[Deployment, ...]]:
    groups: dict[str, list[Deployment]] = {}
    for deployment in deployments:
        groups.setdefault(key(deployment), []).append(deployment)
    return {name: tuple(members) for name, members in groups.items()}
