"""Which deployments a requested name stands for: aliases, model groups, deployment ids, wildcards."""

from collections.abc import Iterable, Mapping

from proxy.config.model import AliasTarget
from proxy.deployment import Deployment
from proxy.routing.wildcards import WildcardGroup


class Groups:
    """All model groups of a snapshot. Look-up order: alias (one level), group, deployment id, wildcard (A.md, CORE; A5)."""

    def __init__(self, deployments: Iterable[Deployment], aliases: Mapping[str, AliasTarget]) -> None:
        self.deployments = tuple(deployments)
        self.aliases = dict(aliases)
        self.by_id = {deployment.id: deployment for deployment in self.deployments}
        by_name: dict[str, list[Deployment]] = {}
        for deployment in self.deployments:
            by_name.setdefault(deployment.group, []).append(deployment)
        self.by_name = {name: tuple(members) for name, members in by_name.items()}
        wildcards = [WildcardGroup(name, members) for name, members in self.by_name.items() if "*" in name]
        #: the most specific pattern first
        self.wildcards = sorted(wildcards, key=lambda group: len(group.pattern.replace("*", "")), reverse=True)

    def unaliased(self, name: str) -> str:
        """What ``name`` stands for; aliases of aliases do not resolve, as in the reference."""
        alias = self.aliases.get(name)
        return name if alias is None else alias.model

    def find(self, name: str) -> tuple[Deployment, ...] | None:
        """The deployments for a requested name, or ``None`` when nothing is called so."""
        name = self.unaliased(name)
        members = self.by_name.get(name)
        if members is not None:
            return members
        deployment = self.by_id.get(name)
        if deployment is not None:
            return (deployment,)
        for group in self.wildcards:
            members = group.serving(name)
            if members is not None:
                return members
        return None

    def knows(self, name: str) -> bool:
        """Whether a client may ask for ``name``: an alias counts even when its target is missing."""
        return name in self.aliases or self.find(name) is not None

    def listed(self) -> list[str]:
        """Names for ``/v1/models``: visible aliases first, then the groups."""
        visible = [name for name, target in self.aliases.items() if not target.hidden]
        return visible + [name for name in self.by_name if name not in self.aliases or name not in visible]
