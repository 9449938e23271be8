"""The auto routers of a config."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from proxy.autorouting import complexity
from proxy.config.errors import ConfigError
from proxy.config.model import ModelEntry, ProxyConfig
from proxy.deployment import Deployment, make_deployment
from proxy.routing.choosing import PROVIDER, Chooser
from proxy.routing.groups import Groups

log = logging.getLogger(__name__)

COMPLEXITY = "complexity_router"
"""What the model of those begins with that weigh words; all others go by meaning."""
Settings = TypeVar("Settings")


def read_choosers(config: ProxyConfig, groups: Groups) -> Mapping[str, Chooser]:
    """The auto routers by the id of their deployment.

    Raises:
        ConfigError: one cannot work.
    """
    choosers: dict[str, Chooser] = {}
    names: set[str] = set()
    for entry in config.model_list:
        deployment = make_deployment(entry)
        if deployment.provider != PROVIDER:
            continue
        if entry.model_name in names:
            raise _error(entry, "model_name", "is the name of another auto router too; give each its own")
        names.add(entry.model_name)
        by_words = deployment.model.startswith(COMPLEXITY)
        chooser = _complexity(entry) if by_words else _semantic(entry, config.folder, groups)
        _check_targets(entry, chooser, groups, complete=not config.general_settings.store_model_in_db)
        choosers[deployment.id] = chooser
    return choosers


def _semantic(entry: ModelEntry, folder: Path, groups: Groups) -> Chooser:
    try:
        from proxy.autorouting.semantic import Routes, SemanticRouter
    except ModuleNotFoundError:
        raise _error(entry, "model", "needs the extra `auto-router`; pip install 'tianji[auto-router]'") from None
    default = _name(entry, "auto_router_default_model")
    embedding = _name(entry, "auto_router_embedding_model")
    path, inline = entry.params.other.get("auto_router_config_path"), entry.params.other.get("auto_router_config")
    if path is not None:
        routes = _file(entry, "auto_router_config_path", folder, path, Routes).routes
    elif inline is not None:
        routes = _decoded(entry, "auto_router_config", inline, Routes).routes
    else:
        problem = "is missing; write the routes there as JSON, or name their file in `auto_router_config_path`"
        raise _error(entry, "auto_router_config", problem)
    twice = [route.name for place, route in enumerate(routes) if route.name in {r.name for r in routes[:place]}]
    if twice:
        raise _error(entry, "routes", f"{twice[0]!r} is there twice; write its utterances in one route")
    members = groups.find(embedding) or ()
    if any(map(_is_auto, members)):
        raise _error(entry, "auto_router_embedding_model", f"{embedding!r} is an auto router; name an embedding model")
    return SemanticRouter(entry.model_name, routes, default, embedding, members)


def _complexity(entry: ModelEntry) -> Chooser:
    key = "complexity_router_config"
    settings = _decoded(entry, key, entry.params.other.get(key) or {}, complexity.Settings)
    named = entry.params.other.get("complexity_router_default_model") or settings.default_model
    default = named or settings.tiers.get("MEDIUM") or settings.tiers.get("SIMPLE")
    if not isinstance(default, str):
        raise _error(entry, "complexity_router_default_model", "is missing; name a model group, or a tier MEDIUM")
    return complexity.ComplexityRouter(settings, default)


def _check_targets(entry: ModelEntry, chooser: Chooser, groups: Groups, *, complete: bool) -> None:
    for target in chooser.targets:
        members = groups.find(target)
        if members is not None and any(map(_is_auto, members)):
            raise _error(entry, "model", f"it may choose {target!r}, which is an auto router; name a model group")
        if members is None and complete:
            log.warning("auto router %s may choose %r, but no model is called so", entry.model_name, target)


def _is_auto(deployment: Deployment) -> bool:
    return deployment.provider == PROVIDER


def _name(entry: ModelEntry, setting: str) -> str:
    value = entry.params.other.get(setting)
    if not isinstance(value, str) or not value:
        raise _error(entry, setting, "is missing; name a model group of this config")
    return value


def _file(entry: ModelEntry, setting: str, folder: Path, path: Any, kind: type[Settings]) -> Settings:
    """What a file says; a relative path begins at the config file's folder."""
    if not isinstance(path, str):
        raise _error(entry, setting, "expected the path of a JSON file")
    try:
        text = (folder / path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no UTF-8"
        raise _error(entry, setting, f"{path}: cannot be read: {reason}") from None
    return _decoded(entry, f"{setting}: {path}", text, kind)


def _decoded(entry: ModelEntry, setting: str, value: Any, kind: type[Settings]) -> Settings:
    """JSON, or what was written as YAML in its place."""
    try:
        if isinstance(value, str):
            return msgspec.json.decode(value, type=kind)
        return msgspec.convert(value, kind)
    except (msgspec.DecodeError, RecursionError) as error:
        problem, _, path = str(error).partition(" - at `$.")
        where = f"{setting}: {path.removesuffix('`')}" if path else setting
        raise _error(entry, where, f"{problem}; see docs/auto-router.md") from None


def _error(entry: ModelEntry, setting: str, problem: str) -> ConfigError:
    return ConfigError(problem, place=entry.place, key=f"model_list, model_name {entry.model_name!r}, {setting}")
