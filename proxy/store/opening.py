"""The store that a config asks for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from proxy.config.errors import ConfigError
from proxy.config.model import ProxyConfig

if TYPE_CHECKING:
    from proxy.store.store import Store

VARIABLE = "DATABASE_URL"


def database_url(config: ProxyConfig) -> str | None:
    """``general_settings.database_url``, else the environment's ``DATABASE_URL``."""
    return config.general_settings.database_url or os.environ.get(VARIABLE) or None


def prepare(config: ProxyConfig) -> None:
    """Bring the tables of the database up to date, if there is one. For a process without an event loop.

    Raises:
        ConfigError: the database cannot be reached or used.
    """
    url = database_url(config)
    if url is None:
        return
    from sqlalchemy.exc import SQLAlchemyError

    from proxy.store import migrate
    from proxy.store.address import address_of

    address = address_of(url)
    try:
        migrate.upgrade(address)
    except (SQLAlchemyError, OSError) as error:
        said = str(error).partition("\n")[0]
        raise ConfigError(
            f"{address.where} cannot be used: {said}; start it, or correct the address",
            key="general_settings.database_url" if config.general_settings.database_url else VARIABLE,
        ) from error


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
