"""``load_config``: a config file to a :class:`ProxyConfig`."""

import os
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Final

import msgspec

from proxy.config import known
from proxy.config.convert import Warnings, as_map, drop_zeros, fill
from proxy.config.deployments import model_list
from proxy.config.errors import ConfigError, Place
from proxy.config.files import read
from proxy.config.model import GeneralSettings, ModelEntry, ProxyConfig, RouterSettings, Settings
from proxy.config.references import PREFIX, apply_variables, export, resolve, variable
from proxy.config.router import router_settings
from proxy.config.sections import GENERAL_FIELDS, ROUTER_FIELDS, SETTINGS_FIELDS, warn_of_unknown
from proxy.config.yaml_tree import Map, Origin, plain

#: The master key of the built-in config when LITELLM_MASTER_KEY is not set. Everybody knows it.
DEVELOPMENT_KEY: Final = "sk-1234"
#: Where the built-in config keeps keys, teams and spend.
DEFAULT_DATABASE: Final = "sqlite:///tianji.db"
MASTER_KEY: Final = "LITELLM_MASTER_KEY"

_READ_HERE: Final = frozenset(
    {"model_list", "router_settings", "litellm_settings", "general_settings", "environment_variables"}
)


def load_config(path: str | Path) -> ProxyConfig:
    """Read a config file with its includes and references; its ``environment_variables`` enter the process environment.

    Raises ConfigError, whose text is one line naming file, line, key and fix. What is merely odd is in ``warnings``.
    """
    file = Path(path)
    warnings = Warnings()
    tree = read(file, warnings)
    exported = export(tree)
    tree.pop("environment_variables", None)
    master_key_reference = _master_key_reference(tree)
    resolve(tree, warnings)
    sections = {name: _section(tree, name) for name in known.VARIABLES}
    _refuse_open_door(sections["general_settings"], master_key_reference)
    for name, section in sections.items():
        apply_variables(section, name)
    top = Origin(Place(file, 0))
    models = model_list(tree.get("model_list"), tree.origins.get("model_list", top), warnings)
    return ProxyConfig(
        model_list=models,
        router_settings=router_section(sections["router_settings"], sections["litellm_settings"], models, warnings),
        settings=settings_section(sections["litellm_settings"], warnings),
        general_settings=general_section(
            sections["general_settings"], tree.origins.get("general_settings", top), warnings
        ),
        environment_variables=exported,
        folder=file.resolve().parent,
        sections=_other_sections(tree, warnings),
        written={name: plain(section) for name, section in sections.items() if section},
        places=_places(tree),
        warnings=tuple(warnings.lines),
    )


def load_default_config() -> ProxyConfig:
    """The config that is used without a file: an offline model; the master key of the environment, or a known one; the database
    of the environment, or a file in the current folder."""
    with as_file(files("proxy.config") / "default.yaml") as path:
        config = load_config(path)
    general = config.general_settings
    if general.master_key is None:
        general = msgspec.structs.replace(general, master_key=DEVELOPMENT_KEY)
    if general.database_url is None:
        general = msgspec.structs.replace(general, database_url=os.environ.get("DATABASE_URL") or DEFAULT_DATABASE)
    return msgspec.structs.replace(config, general_settings=general, folder=Path.cwd(), warnings=())


def _section(tree: Map, name: str) -> Map:
    return as_map(tree[name], tree.origins[name], name) if name in tree else Map()


def _master_key_reference(tree: Map) -> str | None:
    general = tree.get("general_settings")
    key = general.get("master_key") if isinstance(general, Map) else None
    return key.removeprefix(PREFIX) if isinstance(key, str) and key.startswith(PREFIX) else None


def _refuse_open_door(general: Map, reference: str | None) -> None:
    """A master key that was meant but is empty: the reference would then let every request in."""
    key = general.get("master_key")
    danger = "which would let every request in"
    if reference is not None and not key:
        problem = f"environment variable {reference} is not set, {danger}; set it"
    elif isinstance(key, str) and not key.strip():
        problem = f"is empty, {danger}; write a key, or remove the line"
    elif key is None and variable(MASTER_KEY) == "":
        raise ConfigError(
            f"is set but empty, {danger}; give it a key, or unset it", key=f"environment variable {MASTER_KEY}"
        )
    else:
        return
    raise ConfigError(problem, place=general.origins["master_key"].place, key="general_settings.master_key")


def _callable(models: tuple[ModelEntry, ...]) -> frozenset[str]:
    """What a call may name as its model, aliases apart."""
    return frozenset(entry.model_name for entry in models) | {
        entry.model_info["id"] for entry in models if entry.model_info.get("id") is not None
    }


def router_section(section: Map, settings: Map, models: tuple[ModelEntry, ...], warnings: Warnings) -> RouterSettings:
    """``router_settings``, with the router's keys of ``litellm_settings``. Raises ConfigError."""
    from_settings = Map()
    for name, value in settings.items():
        if name in ROUTER_FIELDS and value is not None:
            from_settings.put(name, value, settings.origins[name])
    router = router_settings(section, from_settings, _callable(models), warnings)
    _warn_of_unread(router, models, warnings)
    return router


def _warn_of_unread(router: RouterSettings, models: tuple[ModelEntry, ...], warnings: Warnings) -> None:
    placed = next((entry for entry in models if entry.params.region_name), None)
    if placed is not None and placed.place is not None and not router.enable_pre_call_checks:
        text = "nobody looks at it without router_settings.enable_pre_call_checks; set that to true, or remove this"
        warnings.add(Origin(placed.place), f"litellm_params.region_name of {placed.model_name}", text)


def settings_section(section: Map, warnings: Warnings) -> Settings:
    """``litellm_settings``. Raises ConfigError."""
    key = "litellm_settings"
    drop_zeros(section, ("request_timeout",), key, warnings)
    warn_of_unknown(section, key, warnings)
    return fill(Settings, section, key, other=_rest(section, SETTINGS_FIELDS | ROUTER_FIELDS))


def general_section(section: Map, origin: Origin, warnings: Warnings) -> GeneralSettings:
    """``general_settings``. Raises ConfigError."""
    key = "general_settings"
    warn_of_unknown(section, key, warnings)
    general = fill(GeneralSettings, section, key, other=_rest(section, GENERAL_FIELDS))
    if general.master_key is None and general.custom_auth is None:
        warnings.add(origin, f"{key}.master_key", "not set, so every request is let in; set it, or LITELLM_MASTER_KEY")
    return general


def _rest(section: Map, fields: frozenset[str]) -> dict[str, Any]:
    return {name: plain(value) for name, value in section.items() if name not in fields}


def _places(tree: Map) -> dict[str, Place]:
    places = {name: origin.place for name, origin in tree.origins.items()}
    for name, section in tree.items():
        if isinstance(section, Map):
            places |= {f"{name}.{key}": origin.place for key, origin in section.origins.items()}
    return places


def _other_sections(tree: Map, warnings: Warnings) -> dict[str, Any]:
    sections = {}
    for name, value in tree.items():
        if name in known.SECTIONS:
            sections[name] = plain(value)
        elif name not in _READ_HERE:
            warnings.unknown(tree.origins[name], name, _READ_HERE | known.SECTIONS | {"include"})
    return sections
