"""A config, changed by what a database holds: further deployments, other credentials, other settings."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from proxy.config import known
from proxy.config.convert import Warnings
from proxy.config.deployments import model_list
from proxy.config.errors import Place
from proxy.config.loader import general_section, router_section, settings_section
from proxy.config.model import ModelEntry, ProxyConfig
from proxy.config.references import resolve
from proxy.config.yaml_tree import Origin, plain, planted

PLACE: Final = Place(Path("database"), 0)
"""Where errors say that something of it stands."""
CREDENTIALS: Final = "credential_list"
ROTATED: Final = "rotated"
"""In ``credential_info`` of a stored credential: it holds only what replaced values of the file's."""
ENDPOINTS: Final = "pass_through_endpoints"

#: Of the config file alone: what the gateway is guarded by, where its data lies, code that it loads.
GUARDED: Final = frozenset(
    """
    master_key database_url store_model_in_db custom_auth custom_auth_settings custom_sso custom_key_generate
    custom_key_update custom_ui_sso_sign_in_handler litellm_license litellm_key_header_name enable_jwt_auth
    litellm_jwtauth enable_oauth2_auth enable_oauth2_proxy_auth oauth2_config_mappings public_routes role_permissions
    allow_requests_on_db_unavailable allow_client_side_credentials key_management_system key_management_settings
    use_google_kms use_azure_key_vault
    """.split()  # noqa: SIM905
)

Settings = Mapping[str, Mapping[str, Any]]
"""Of a section of the config file, by the section's name."""


def stored_entries(model_name: str, params: Mapping[str, Any], info: Mapping[str, Any]) -> tuple[ModelEntry, ...]:
    """A deployment of a database as an item of ``model_list``; empty where it is of another environment.

    Raises:
        ConfigError: it can never work.
    """
    entry = {"model_name": model_name, "litellm_params": dict(params), "model_info": dict(info)}
    items = planted([entry], PLACE)
    resolve(items, Warnings())
    return model_list(items, Origin(PLACE), Warnings())


def with_stored(
    config: ProxyConfig,
    models: Iterable[ModelEntry] = (),
    credentials: Iterable[Mapping[str, Any]] = (),
    settings: Settings | None = None,
) -> ProxyConfig:
    """A config with further deployments, with credentials that replace those of the same name, and with settings.

    Raises:
        ConfigError: a setting cannot be used.
    """
    entries = (*config.model_list, *models)
    stored = planted(list(credentials), PLACE)
    resolve(stored, Warnings())
    replaced = {item["credential_name"]: item for item in written_credentials(config)}
    replaced |= {item["credential_name"]: _over(replaced.get(item["credential_name"]), item) for item in plain(stored)}
    sections = {**config.sections, CREDENTIALS: list(replaced.values())} if replaced else config.sections
    changed = msgspec.structs.replace(config, model_list=entries, sections=sections)
    return _with_settings(changed, settings) if settings else changed


def _over(written: dict[str, Any] | None, stored: dict[str, Any]) -> dict[str, Any]:
    """A stored credential in place of the file's; one that only says what was rotated is laid over it."""
    if written is None or not (stored.get("credential_info") or {}).get(ROTATED):
        return stored
    return {**written, "credential_values": {**(written.get("credential_values") or {}), **stored["credential_values"]}}


def written_credentials(config: ProxyConfig) -> list[dict[str, Any]]:
    """``credential_list``, which may also stand in ``litellm_settings``."""
    lists = (config.settings.other.get(CREDENTIALS), config.sections.get(CREDENTIALS))
    return [item for items in lists if isinstance(items, list) for item in items if _is_credential(item)]


def _is_credential(item: Any) -> bool:
    return isinstance(item, dict) and isinstance(item.get("credential_name"), str)


def _with_settings(config: ProxyConfig, settings: Settings) -> ProxyConfig:
    allowed = {
        name: {key: value for key, value in section.items() if not _is_guarded(key, value)}
        for name, section in settings.items()
    }
    written = {name: merged(config.written.get(name, {}), allowed.get(name, {})) for name in known.VARIABLES}
    if settings.get("general_settings", {}).get(ENDPOINTS):
        own = config.written.get("general_settings", {}).get(ENDPOINTS) or []
        written["general_settings"][ENDPOINTS] = _endpoints(own, settings["general_settings"][ENDPOINTS])
    warnings = Warnings()
    trees = {name: planted(section, PLACE) for name, section in written.items()}
    for tree in trees.values():
        resolve(tree, warnings)
    return msgspec.structs.replace(
        config,
        router_settings=router_section(
            trees["router_settings"], trees["litellm_settings"], config.model_list, warnings
        ),
        settings=settings_section(trees["litellm_settings"], warnings),
        general_settings=general_section(trees["general_settings"], Origin(PLACE), warnings),
        written=written,
    )


def _is_guarded(name: str, value: Any) -> bool:
    """A strategy of one's own is code that the gateway loads."""
    return name in GUARDED or (name == "routing_strategy" and "." in str(value))


def _endpoints(own: list[dict[str, Any]], stored: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The config's routes that the database has no other for, and the database's."""
    taken = {str(entry.get("path")).strip("/") for entry in stored}
    kept = [entry for entry in own if str(entry.get("path")).strip("/") not in taken]
    return [*kept, *({**entry, "is_stored": True} for entry in stored)]


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Settings over settings: objects are joined, null gives way."""
    result = dict(below)
    for name, value in above.items():
        if isinstance(value, Mapping) and isinstance(result.get(name), Mapping):
            result[name] = merged(result[name], value)
        elif value is not None:
            result[name] = value
    return result
