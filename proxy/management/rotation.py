"""Keys of vendors that are replaced at intervals: which, whence the next one comes, and changing over to it.

A call keeps the key it began with (its snapshot has it); whoever begins afterwards has the next one. A failure keeps the
old key and is tried again.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Protocol

import msgspec

from proxy.config.errors import ConfigError
from proxy.config.model import ProxyConfig
from proxy.config.stored import CREDENTIALS, written_credentials
from proxy.durations import seconds_of
from proxy.secrets.base import SecretError, SecretManager, open_manager

log = logging.getLogger(__name__)

RETRY_SECONDS: Final = 60.0


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``rotation`` of an item of ``credential_list``."""

    interval: str
    name: str
    """Of the secret, as its manager calls it: a path, a variable, a command, ..."""
    manager: str | None = None
    """``None``: ``general_settings.key_management_system``."""
    field: str = "api_key"
    """Of ``credential_values``."""
    generate: bool = False
    """Have the manager make the next secret, instead of looking whether there is one."""


class Rotation(msgspec.Struct, frozen=True):
    """A value of a credential that is replaced at intervals."""

    credential: str
    field: str
    secret: str
    seconds: float
    generate: bool
    manager: SecretManager


class Owner(Protocol):
    """The gateway, as far as this needs it."""

    @property
    def config(self) -> ProxyConfig:
        """Of the file."""

    @property
    def snapshot(self) -> Any:
        """Whose config has the credentials in use."""


Apply = Callable[[Rotation, str], Awaitable[None]]


def rotations_of(config: ProxyConfig) -> list[Rotation]:
    """The rotations that a config asks for.

    Raises:
        ConfigError: one cannot work as it is written.
    """
    return [_rotation(config, item) for item in written_credentials(config) if item.get("rotation") is not None]


def _rotation(config: ProxyConfig, item: Mapping[str, Any]) -> Rotation:
    name = item["credential_name"]
    key = f"{CREDENTIALS}, credential_name {name!r}: rotation"
    general = config.general_settings.other
    try:
        settings = msgspec.convert(item["rotation"], Settings)
        seconds = seconds_of(settings.interval, time.time())
    except ValueError as error:  # of msgspec too
        raise ConfigError(f"{error}; write interval: 30d, manager: file, name: /run/secrets/key", key=key) from error
    kind = settings.manager or general.get("key_management_system")
    if not isinstance(kind, str):
        raise ConfigError("manager is missing; write file, environment, command, hashicorp_vault, ...", key=key)
    given = general.get("key_management_settings")
    manager = open_manager(kind, given if isinstance(given, Mapping) else {}, config.folder, key=f"{key}.manager")
    if settings.generate and not hasattr(manager, "rotate"):
        raise ConfigError(f"generate: {kind} makes no secrets; leave it out, and have them made elsewhere", key=key)
    return Rotation(name, settings.field, settings.name, seconds, settings.generate, manager)


async def rotate(owner: Owner, rotation: Rotation, apply: Apply, *, generate: bool) -> bool:
    """Fetch or generate the next value, and go on with it if it is another; whether it was.

    Raises:
        SecretError, ConfigError: it cannot be had; the old one stays in use.
    """
    manager: Any = rotation.manager
    value: str = await (manager.rotate if generate else manager.read)(rotation.secret)
    if value == current_value(owner.snapshot.config, rotation):
        return False
    await apply(rotation, value)
    log.info("credential %s: calls that begin from now on have the next %s", rotation.credential, rotation.field)
    return True


def current_value(config: ProxyConfig, rotation: Rotation) -> Any:
    """What calls that begin now are made with."""
    for item in reversed(written_credentials(config)):
        if item["credential_name"] == rotation.credential:
            return (item.get("credential_values") or {}).get(rotation.field)
    return None


async def repeat(owner: Owner, rotation: Rotation, apply: Apply) -> None:
    """Rotate for ever, in a gateway without a database: at once, then at each interval; each process for itself."""
    while True:
        seconds = rotation.seconds
        try:
            await rotate(owner, rotation, apply, generate=False)
        except (SecretError, ConfigError) as error:
            log.error("credential %s keeps its %s: %s", rotation.credential, rotation.field, error)  # noqa: TRY400
            seconds = min(seconds, RETRY_SECONDS)
        await asyncio.sleep(seconds)
