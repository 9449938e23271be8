"""``router_settings``: fallbacks, aliases and policies in their normal form."""

from collections.abc import Collection
from typing import Any, Final

from proxy.config import known
from proxy.config.convert import Warnings, as_map, as_seq, convert, did_you_mean, drop_zeros, field_types, fill
from proxy.config.errors import ConfigError
from proxy.config.model import (
    AliasTarget,
    AllowedFailsPolicy,
    Fallbacks,
    FallbackTargets,
    GroupRetryPolicy,
    RetryPolicy,
    RouterSettings,
    StrategyArgs,
)
from proxy.config.sections import ROUTER_FIELDS, warn_of_unknown
from proxy.config.yaml_tree import Map, Origin, Seq, plain

KEY: Final = "router_settings"
_FALLBACK_LISTS: Final = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks")


def router_settings(section: Map, from_settings: Map, groups: frozenset[str], warnings: Warnings) -> RouterSettings:
    """Build the router's settings.

    A key of ``from_settings`` (``litellm_settings``) counts when ``section`` has none. ``groups`` are the names that a
    fallback may lead to.
    """
    merged = _merged(section, from_settings, warnings)
    drop_zeros(merged, ("timeout", "stream_timeout", "cooldown_time"), KEY, warnings)
    warn_of_unknown(section, KEY, warnings)
    aliases = _aliases(merged, warnings)
    strategy = _strategy(merged)
    given: dict[str, Any] = {
        **_all_fallbacks(merged, groups | aliases.keys(), warnings),
        "model_group_alias": aliases,
        "retry_policy": _policy(merged, "retry_policy", RetryPolicy, warnings),
        "allowed_fails_policy": _policy(merged, "allowed_fails_policy", AllowedFailsPolicy, warnings),
        "model_group_retry_policy": _group_policies(merged, groups | aliases.keys(), warnings),
        "routing_strategy": strategy,
        "routing_strategy_args": _strategy_args(merged, strategy, warnings),
        "other": {name: plain(section[name]) for name in section if name in known.ROUTER},
    }
    return fill(RouterSettings, merged, KEY, **given)


def _merged(section: Map, from_settings: Map, warnings: Warnings) -> Map:
    """An empty list of the section gives way too, as in the reference."""
    merged = Map()
    for name in sorted(ROUTER_FIELDS):
        source = from_settings if section.get(name) in (None, [], {}) and name in from_settings else section
        if name in source:
            merged.put(name, source[name], source.origins[name])
    for name, origin in from_settings.origins.items():
        if name not in known.ROUTER_IN_SETTINGS:
            text = f"belongs to {KEY}, and is used from here only when it is not set there; move it"
            warnings.add(origin, f"litellm_settings.{name}", text)
    return merged


def _all_fallbacks(section: Map, groups: frozenset[str], warnings: Warnings) -> dict[str, Fallbacks]:
    lists = {name: _fallbacks(section, name, groups, warnings) for name in _FALLBACK_LISTS}
    if section.get("default_fallbacks"):
        origin, key = section.origins["default_fallbacks"], f"{KEY}.default_fallbacks"
        lists["fallbacks"].pop("*", None)
        lists["fallbacks"]["*"] = _targets(section["default_fallbacks"], origin, key, groups, warnings)
    return lists


def _fallbacks(section: Map, name: str, groups: frozenset[str], warnings: Warnings) -> Fallbacks:
    """``[{a: [b, c]}, ...]`` by name; the first entry of a name counts, of ``"*"`` the last."""
    result: Fallbacks = {}
    if name not in section:
        return result
    key = f"{KEY}.{name}"
    entries = as_seq(section[name], section.origins[name], key)
    for index, (entry, origin) in enumerate(zip(entries, entries.origins, strict=True)):
        if not isinstance(entry, Map):
            problem = "expected `model: [model, ...]`; write `- gpt-4: [claude-3]`"
            raise ConfigError(problem, place=origin.place, key=f"{key}[{index}]")
        for model, targets in entry.items():
            path = f"{key}[{index}].{model}"
            if model in result:
                used = "the last" if model == "*" else "the first"
                warnings.add(entry.origins[model], path, f"given more than once; {used} one counts, remove the other")
            if model not in result or model == "*":
                result[model] = _targets(targets, entry.origins[model], path, groups, warnings)
    return result


def _targets(value: Any, origin: Origin, key: str, groups: frozenset[str], warnings: Warnings) -> FallbackTargets:
    targets: FallbackTargets = convert(value, FallbackTargets | None, origin, key) or ()
    for index, target in enumerate(targets):
        place = value.origins[index] if isinstance(value, Seq) else origin
        model = target if isinstance(target, str) else target.get("model")
        if not isinstance(model, str):
            raise ConfigError("needs `model`, the group to call; add it", place=place.place, key=f"{key}[{index}]")
        _warn_of_no_group(model, groups, place, f"{key}[{index}]", warnings)
    return targets


def _aliases(section: Map, warnings: Warnings) -> dict[str, AliasTarget]:
    name = "model_group_alias"
    if name not in section:
        return {}
    aliases: dict[str, AliasTarget] = {}
    tree = as_map(section[name], section.origins[name], f"{KEY}.{name}")
    for alias, value in tree.items():
        key, origin = f"{KEY}.{name}.{alias}", tree.origins[alias]
        if not isinstance(value, Map):
            aliases[alias] = AliasTarget(model=convert(value, str, origin, key))
            continue
        if value.get("model") is None:
            raise ConfigError("needs `model`, the group that it stands for; add it", place=origin.place, key=key)
        _warn_of_others(value, field_types(AliasTarget), key, warnings)
        aliases[alias] = fill(AliasTarget, value, key)
    return aliases


def _policy(section: Map, name: str, kind: type[RetryPolicy] | type[AllowedFailsPolicy], warnings: Warnings) -> Any:
    if section.get(name) is None:
        return None
    key = f"{KEY}.{name}"
    return _filled_policy(as_map(section[name], section.origins[name], key), kind, key, warnings)


def _filled_policy(tree: Map, kind: type[RetryPolicy] | type[AllowedFailsPolicy], key: str, warnings: Warnings) -> Any:
    _warn_of_others(tree, field_types(kind), key, warnings)
    return fill(kind, tree, key)


def _warn_of_others(tree: Map, names: Collection[str], key: str, warnings: Warnings) -> None:
    for name, origin in tree.origins.items():
        if name not in names:
            hint = did_you_mean(name, names) or f"use one of {', '.join(names)}"
            warnings.add(origin, f"{key}.{name}", f"unknown and ignored; {hint}")


def _group_policies(section: Map, groups: frozenset[str], warnings: Warnings) -> dict[str, GroupRetryPolicy]:
    name = "model_group_retry_policy"
    if section.get(name) is None:
        return {}
    tree = as_map(section[name], section.origins[name], f"{KEY}.{name}")
    policies = {}
    for group, value in tree.items():
        key, origin = f"{KEY}.{name}.{group}", tree.origins[group]
        _warn_of_no_group(group, groups, origin, key, warnings)
        policy = as_map(value, origin, key)
        drop_zeros(policy, ("timeout", "stream_timeout"), key, warnings)
        policies[group] = _filled_policy(policy, GroupRetryPolicy, key, warnings)
    return policies


def _warn_of_no_group(name: str, groups: frozenset[str], origin: Origin, key: str, warnings: Warnings) -> None:
    if name not in groups and not any("*" in group for group in groups):
        hint = did_you_mean(name, groups) or "add it to model_list"
        warnings.add(origin, key, f"`{name}` is no model group; {hint}")


def _strategy(section: Map) -> str:
    value = section.get("routing_strategy")
    if value is None:
        return "simple-shuffle"
    if isinstance(value, str) and value in known.STRATEGIES:
        return known.STRATEGIES[value]
    if isinstance(value, str) and "." in value:
        return value
    hint = did_you_mean(str(value), known.STRATEGIES) or f"use one of {', '.join(sorted(known.STRATEGIES))}"
    raise ConfigError(
        f"no such strategy; {hint}, or write file.Class for a class beside the config file",
        place=section.origins["routing_strategy"].place,
        key=f"{KEY}.routing_strategy",
    )


def _strategy_args(section: Map, strategy: str, warnings: Warnings) -> dict[str, Any]:
    """As written, but checked if they are for a strategy of the gateway; null means "not set"."""
    name = "routing_strategy_args"
    if section.get(name) is None:
        return {}
    key = f"{KEY}.{name}"
    tree = as_map(section[name], section.origins[name], key)
    if "." not in strategy:
        _warn_of_others(tree, field_types(StrategyArgs), key, warnings)
        fill(StrategyArgs, tree, key)
    return {argument: value for argument, value in plain(tree).items() if value is not None}
