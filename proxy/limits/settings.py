"""What a config says of limits."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

import msgspec

from proxy.call import Usage
from proxy.config.errors import ConfigError
from proxy.config.model import ProxyConfig
from proxy.limits.claims import Weight, ceilings
from proxy.routing.groups import Groups

if TYPE_CHECKING:
    from proxy.limits.projects import Projects
    from proxy.limits.shares import Shares

SHARING: Final = "dynamic_rate_limiter_v3"
PARTING: Final = "dynamic_rate_limiter"
RESERVATION: Final = "priority_reservation"
Share: TypeAlias = Annotated[float, msgspec.Meta(ge=0)]


class Counted(StrEnum):
    """Which tokens count (``general_settings.token_rate_limit_type``). Those that came from a vendor's cache do not."""

    TOTAL = "total"
    INPUT = "input"
    OUTPUT = "output"

    def of(self, usage: Usage) -> int:
        """How many of a call's."""
        if self == Counted.OUTPUT:
            return usage.completion_tokens
        tokens = usage.prompt_tokens if self == Counted.INPUT else usage.total_tokens
        return max(0, tokens - usage.cached_tokens)


class Reserving(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``litellm_settings.priority_reservation_settings``."""

    default_priority: Share = 0.25
    saturation_threshold: Share = 0.5
    saturation_check_cache_ttl: Share = 60
    """Seconds; has no meaning here."""


class LimitSettings(msgspec.Struct, frozen=True):
    """Of one snapshot."""

    counted: Counted = Counted.TOTAL
    shares: Shares | None = None
    projects: Projects | None = None
    of_models: bool = False
    """Whether models are limited, whoever calls them."""


def limit_settings(config: ProxyConfig, groups: Groups) -> LimitSettings:
    """What a config says.

    Raises:
        ConfigError: it says what cannot be.
    """
    counted = config.general_settings.other.get("token_rate_limit_type")
    weights, reserving = _weights(config), _reserving(config)
    shares: Shares | None = None
    projects: Projects | None = None
    if SHARING in config.settings.callbacks:
        from proxy.limits.shares import Shares

        ceiling = ceilings(groups)
        shares = Shares(weights, reserving.default_priority, reserving.saturation_threshold, ceiling)
    if PARTING in config.settings.callbacks:
        from proxy.limits.projects import Projects

        projects = Projects(weights, ceilings(groups))
    kind = Counted(counted) if counted in set(Counted) else Counted.TOTAL  # as in the reference
    return LimitSettings(kind, shares, projects, of_models=shares is not None or projects is not None)


def _weights(config: ProxyConfig) -> dict[str, Weight] | None:
    given = config.settings.other.get(RESERVATION)
    if given is None:
        return None
    if not isinstance(given, Mapping):
        raise _error(config, RESERVATION, "is no mapping of priorities to shares; write {prod: 0.6, dev: 0.4}")
    return {str(name): _weight(config, str(name), value) for name, value in given.items()}


def _weight(config: ProxyConfig, name: str, value: Any) -> Weight:
    fields = value if isinstance(value, Mapping) else {"value": value}
    try:
        weight = msgspec.convert(fields, Weight)
    except msgspec.ValidationError as error:
        text = (
            f"the share of {name!r} cannot be used ({error}); write 0.6, or {{type: percent | rpm | tpm, value: 100}}"
        )
        raise _error(config, RESERVATION, text) from error
    if weight.value < 0:
        raise _error(config, RESERVATION, f"the share of {name!r} is {weight.value}; it must not be negative")
    return weight


def _reserving(config: ProxyConfig) -> Reserving:
    name = "priority_reservation_settings"
    given = config.settings.other.get(name)
    try:
        return Reserving() if given is None else msgspec.convert(given, Reserving)
    except msgspec.ValidationError as error:
        text = f"cannot be used ({error}); it may have default_priority and saturation_threshold, both from 0 to 1"
        raise _error(config, name, text) from error


def _error(config: ProxyConfig, name: str, text: str) -> ConfigError:
    key = f"litellm_settings.{name}"
    return ConfigError(text, key=key, place=config.places.get(key))
