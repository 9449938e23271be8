"""Everything that is derived from a config, frozen. A new config makes a new snapshot; calls keep the one they began with."""

import msgspec

from proxy.auth.authenticator import Authenticator
from proxy.auth.selection import build_authenticator
from proxy.config.errors import ConfigError
from proxy.config.model import ProxyConfig
from proxy.providers.base import find_provider
from proxy.routing.cooldown import Cooldowns
from proxy.routing.router import Router

DEFAULT_TIMEOUT = 6000.0
"""Seconds; the reference's."""


class Snapshot(msgspec.Struct, frozen=True, eq=False):
    """What calls read."""

    config: ProxyConfig
    router: Router
    authenticator: Authenticator


def build_snapshot(config: ProxyConfig, cooldowns: Cooldowns) -> Snapshot:
    """Derive a snapshot.

    Raises:
        ConfigError: the config names something that does not exist.
    """
    router = Router(config, cooldowns)
    for deployment in router.groups.deployments:
        try:
            find_provider(deployment.provider)
        except ConfigError as error:
            raise ConfigError(f"model_list, model_name {deployment.group!r}: {error}") from error
    return Snapshot(config, router, build_authenticator(config))
