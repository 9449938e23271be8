"""The names that a caller may ask for, the known models behind wildcards included."""

from collections.abc import Collection, Iterator
from fnmatch import fnmatchcase

from proxy.accounting.catalog import Catalog
from proxy.call import Identity
from proxy.deployment import Deployment
from proxy.routing.groups import Groups
from proxy.snapshot import Snapshot

PUBLIC_NAME = "team_public_model_name"
"""What a team's members call a model that has another name inside the gateway."""


def listed_names(snapshot: Snapshot, caller: Identity) -> list[str]:
    """Visible aliases, then model groups, wildcards among them, then what the wildcards are known to stand for."""
    groups = snapshot.router.groups
    admission, access = snapshot.admission, caller.access
    own = admission.listed(access) if admission is not None and access is not None else None
    names = dict.fromkeys(_named_for(caller, groups) if own is None else own)
    for name in list(names):
        if "*" in name:
            for deployment in groups.find(name) or ():
                names.update(dict.fromkeys(_matches(name, deployment, snapshot.catalog)))
    return list(names) if access is not None else [name for name in names if may_use(snapshot, caller, name)]


def seen_deployments(snapshot: Snapshot, caller: Identity) -> list[Deployment]:
    """The deployments that the caller may call, a team's for its own members; an admin sees all."""
    deployments = snapshot.router.groups.deployments
    return [
        it
        for it in deployments
        if _is_for(caller, it) and may_use(snapshot, caller, it.info.get(PUBLIC_NAME) or it.group)
    ]


def _named_for(caller: Identity, groups: Groups) -> Iterator[str]:
    """The names that are listed, those of teams' models as their members know them."""
    for name in groups.listed():
        members = groups.by_name.get(name, ())
        public = members[0].info.get(PUBLIC_NAME) if members else None
        if public is None or caller.is_admin:
            yield name
        elif _is_for(caller, members[0]):
            yield public


def _is_for(caller: Identity, deployment: Deployment) -> bool:
    team = deployment.info.get("team_id") if PUBLIC_NAME in deployment.info else None
    return caller.is_admin or team is None or team == caller.team_id


def _matches(name: str, deployment: Deployment, catalog: Catalog) -> Iterator[str]:
    """The provider's known models as clients ask for them; only ``prefix/...`` wildcards are spelt out.

    ``prefix/gpt-4*`` stands for the models that begin so, else, when there are none, for all of them with that beginning.
    """
    prefix, slash, rest = name.partition("/")
    if not slash or "*" not in deployment.model:
        return
    models = catalog.models_of(deployment.provider)
    beginning = rest.replace("*", "")
    matching = [model for model in models if model.startswith(beginning)]
    for model in matching or [beginning + model for model in models]:
        yield model if model.startswith(prefix) else f"{prefix}/{model}"


def may_use(snapshot: Snapshot, caller: Identity, name: str) -> bool:
    """Whether the caller's key may call ``name``: by a name, or a pattern of names, or what else a database knows of it."""
    if caller.access is not None and snapshot.admission is not None:
        return snapshot.admission.may_use(caller.access, name)
    return is_in(caller.models, name)


def is_in(models: Collection[str], name: str) -> bool:
    """Whether a name, or a pattern of names, covers ``name``; none covers all."""
    if not models or name in models:
        return True
    return any("*" in pattern and fnmatchcase(name, pattern) for pattern in models)
