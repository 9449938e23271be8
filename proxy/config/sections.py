"""Which setting belongs to which section, for a hint when one stands in the wrong place."""

from typing import Final

import msgspec

from proxy.config import known
from proxy.config.convert import Warnings, field_types
from proxy.config.model import GeneralSettings, RouterSettings, Settings
from proxy.config.yaml_tree import Map


def _fields(struct: type[msgspec.Struct]) -> frozenset[str]:
    """Every key with a field; ``other`` is no key."""
    return frozenset(field_types(struct)) - {"other"}


ROUTER_FIELDS: Final = _fields(RouterSettings) | {"default_fallbacks"}
SETTINGS_FIELDS: Final = _fields(Settings)
GENERAL_FIELDS: Final = _fields(GeneralSettings)

_NAMES: Final = {
    "general_settings": GENERAL_FIELDS | known.GENERAL,
    "litellm_settings": SETTINGS_FIELDS | known.SETTINGS,
    "router_settings": ROUTER_FIELDS | known.ROUTER,
}
#: ``litellm_settings`` may hold the router's keys.
_ALLOWED: Final = {**_NAMES, "litellm_settings": _NAMES["litellm_settings"] | ROUTER_FIELDS}


def warn_of_unknown(section: Map, name: str, warnings: Warnings) -> None:
    """Note each key that nothing reads, with the section that has one of its name, or the name it is close to."""
    for key, origin in section.origins.items():
        if key not in _ALLOWED[name]:
            home = next((other for other, names in _NAMES.items() if key in names), "")
            warnings.unknown(origin, f"{name}.{key}", _ALLOWED[name], elsewhere=home)
