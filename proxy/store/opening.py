"""The store that a config asks for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from proxy.config.model import ProxyConfig

if TYPE_CHECKING:
    from proxy.store.store import Store

VARIABLE = "DATABASE_URL"


def database_url(config: ProxyConfig) -> str | None:
    """``general_settings.database_url``, else the environment's ``DATABASE_URL``."""
    return config.general_settings.database_url or os.environ.get(VARIABLE) or None


def open_store(config: ProxyConfig) -> Store | None:
    """A store that is to be started; ``None`` when the config names no database.

    Raises:
        ConfigError: the address cannot be used.
    """
    url = database_url(config)
    if url is None:
        return None
    from proxy.store.store import Store

    return Store(url)
