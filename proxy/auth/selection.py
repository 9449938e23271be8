"""Which authenticator a config asks for."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from proxy.auth.authenticator import ADMIN, Authenticator, Caller
from proxy.auth.guarded import Guarded, is_needed
from proxy.auth.keys import own_header, presented_key, same_key
from proxy.call import Identity
from proxy.config.errors import ConfigError
from proxy.config.model import GeneralSettings, ProxyConfig
from proxy.errors import GatewayError

if TYPE_CHECKING:
    from proxy.auth.directory import Directory

log = logging.getLogger(__name__)


class Open:
    """No master key is set: everybody is let in, as in the reference."""

    async def authenticate(self, caller: Caller) -> Identity:  # noqa: ARG002
        """Everybody is an admin."""
        return ADMIN


class MasterKey:
    """The one key of ``general_settings.master_key``, in the header ``own`` if there is one."""

    def __init__(self, master_key: str, own: bytes | None) -> None:
        self._master_key = master_key
        self._own = own

    async def authenticate(self, caller: Caller) -> Identity:
        """The admin, or an error: without a database no other key can be known."""
        if same_key(presented_key(caller.headers, self._own), self._master_key):
            return ADMIN
        raise GatewayError(400, "No connected db.", type="no_db_connection", param=None)


def build_authenticator(config: ProxyConfig, directory: Directory | None = None) -> Authenticator:
    """The authenticator that the config asks for.

    Args:
        directory: of the database, if there is one.

    Raises:
        proxy.config.errors.ConfigError: ``custom_auth`` cannot be loaded.
    """
    settings = config.general_settings
    authenticator = _chosen(config, directory)
    if is_needed(settings):
        return Guarded(settings, authenticator)
    return authenticator


def _chosen(config: ProxyConfig, directory: Directory | None) -> Authenticator:
    settings = config.general_settings
    if settings.custom_auth is not None:
        from proxy.auth.custom import CustomAuthenticator

        return CustomAuthenticator(config)
    if settings.master_key is not None and directory is not None:
        return _of_database(settings, directory)
    if settings.master_key is not None:
        return MasterKey(settings.master_key, own_header(settings))
    log.warning("general_settings.master_key is not set: every request is let in")
    return Open()


def _of_database(settings: GeneralSettings, directory: Directory) -> Authenticator:
    from proxy.auth.jwt_settings import jwt_settings
    from proxy.auth.virtual_keys import VirtualKeys

    keys = VirtualKeys(settings, directory)
    claims = jwt_settings(settings)
    if claims is None:
        return keys
    try:
        from proxy.auth.jwt import JwtAuthenticator
    except ImportError:
        raise ConfigError("needs the extra `oidc`; pip install 'tianji[oidc]'", key="enable_jwt_auth") from None
    return JwtAuthenticator(settings, claims, directory, keys)
