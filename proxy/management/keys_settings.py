"""What a config says of new keys: defaults, bounds, who may make them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from proxy.call import Identity
from proxy.config.model import ProxyConfig
from proxy.durations import expires_at
from proxy.errors import DetailError
from proxy.management.keys import NEVER
from proxy.management.teams import Member

_DEFAULTED: Final = (
    "max_budget",
    "user_id",
    "team_id",
    "max_parallel_requests",
    "tpm_limit",
    "rpm_limit",
    "budget_duration",
    "duration",
)
_DEFAULTED_WHEN_EMPTY: Final = ("models", "metadata")
_BOUNDED: Final = ("max_budget", "max_parallel_requests", "tpm_limit", "rpm_limit")
_BOUNDED_SPANS: Final = ("budget_duration", "duration")


def with_defaults(config: ProxyConfig, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a new key, completed by ``litellm_settings.default_key_generate_params``."""
    defaults = config.settings.other.get("default_key_generate_params") or {}
    filled = dict(fields)
    for name in (*_DEFAULTED, *_DEFAULTED_WHEN_EMPTY):
        missing = not filled.get(name) if name in _DEFAULTED_WHEN_EMPTY else filled.get(name) is None
        if missing and defaults.get(name) is not None:
            filled[name] = defaults[name]
    return filled


def within_bounds(config: ProxyConfig, fields: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Fields of a new key under ``litellm_settings.upperbound_key_generate_params``, which those that are missing take.

    Raises:
        DetailError: 400, one is beyond its bound, or a span that is none.
    """
    bounds = config.settings.other.get("upperbound_key_generate_params") or {}
    bounded = dict(fields)
    for name in (*_BOUNDED, *_BOUNDED_SPANS):
        most, value = bounds.get(name), bounded.get(name)
        most = float(most) if name == "max_budget" and most is not None else most
        if most is None:
            continue
        if value is None:
            bounded[name] = most
        elif _exceeds(name, value, most, now):
            error = f"{name} is over max limit set in config - user_value={value}; max_value={most}"
            raise DetailError(400, {"error": error})
    return bounded


def _exceeds(name: str, value: Any, most: Any, now: datetime) -> bool:
    if name in _BOUNDED:
        return bool(value > most)
    if value == NEVER:
        return True
    try:
        return expires_at(value, now) > expires_at(most, now)
    except ValueError:
        raise DetailError(400, {"error": f"Invalid duration format: {name}={value}; max_value={most}"}) from None


def check_team_settings(config: ProxyConfig, member: Member, fields: Mapping[str, Any]) -> None:
    """Whether a member may make this key of a team, by ``litellm_settings.key_generation_settings.team_key_generation``.

    Raises:
        DetailError: 400.
    """
    settings = _settings(config).get("team_key_generation") or {}
    roles = settings.get("allowed_team_member_roles")
    if roles is not None and member["role"] not in roles:
        raise DetailError(400, f"Team member role {member['role']} not in allowed_team_member_roles={roles}")
    _check_required(settings, fields)


def check_personal_settings(config: ProxyConfig, caller: Identity, fields: Mapping[str, Any]) -> None:
    """Whether the caller may make a key of no team, by ``key_generation_settings.personal_key_generation``.

    Raises:
        DetailError: 400.
    """
    settings = _settings(config).get("personal_key_generation") or {}
    roles = settings.get("allowed_user_roles")
    if roles is not None and caller.role not in roles:
        raise DetailError(
            400,
            f"Personal key creation has been restricted by admin. Allowed roles={roles}. Your role={caller.role}",
        )
    _check_required(settings, fields)


def needs_known_teams(config: ProxyConfig) -> bool:
    """Whether a key may not name a team that the database does not have."""
    return bool(_settings(config))


def _settings(config: ProxyConfig) -> Mapping[str, Any]:
    return config.settings.other.get("key_generation_settings") or {}


def _check_required(settings: Mapping[str, Any], fields: Mapping[str, Any]) -> None:
    for name in settings.get("required_params") or ():
        if name not in fields:
            raise DetailError(400, f"Required param {name} not in data")
