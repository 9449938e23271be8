"""Admission: who is calling, and may they?"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import msgspec

from proxy.auth.keys import presented_key, same_key
from proxy.call import Identity
from proxy.config.model import ProxyConfig
from proxy.errors import GatewayError

log = logging.getLogger(__name__)

ADMIN = Identity(is_admin=True)


class Caller(msgspec.Struct):
    """What authentication sees of a request."""

    headers: Mapping[bytes, bytes]
    """By lower-case name."""
    scope: Any
    """Of ASGI."""
    body: Callable[[], Awaitable[bytes]]
    """Reads the body, once however often it is called."""


class Authenticator(Protocol):
    """One way of telling who calls."""

    async def authenticate(self, caller: Caller) -> Identity:
        """The caller.

        Raises:
            GatewayError: 400 or 401, with the reference's body.
        """


class Open:
    """No master key is set: everybody is let in, as in the reference."""

    async def authenticate(self, caller: Caller) -> Identity:  # noqa: ARG002
        """Everybody is an admin."""
        return ADMIN


class MasterKey:
    """The one key of ``general_settings.master_key``."""

    def __init__(self, master_key: str) -> None:
        self._master_key = master_key

    async def authenticate(self, caller: Caller) -> Identity:
        """The admin, or an error: without a database no other key can be known."""
        if same_key(presented_key(caller.headers), self._master_key):
            return ADMIN
        raise GatewayError(400, "No connected db.", type="no_db_connection", param=None)


def build_authenticator(config: ProxyConfig) -> Authenticator:
    """The authenticator that the config asks for.

    Raises:
        proxy.config.errors.ConfigError: ``custom_auth`` cannot be loaded.
    """
    settings = config.general_settings
    if settings.custom_auth is not None:
        from proxy.auth.custom import CustomAuthenticator

        return CustomAuthenticator(config)
    if settings.master_key is not None:
        return MasterKey(settings.master_key)
    log.warning("general_settings.master_key is not set: every request is let in")
    return Open()
