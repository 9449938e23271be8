"""Settings of the config that are changed at run time: checked, stored, counted at once."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from proxy.api.management.operation import Asked
from proxy.config.errors import ConfigError
from proxy.config.redact import masked
from proxy.config.stored import with_stored
from proxy.errors import DetailError
from proxy.management import audit
from proxy.management.config import change_section, check_references, unsealed_settings

Change = Callable[[dict[str, Any]], Mapping[str, Any]]


async def change_settings(asked: Asked, section: str, change: Mapping[str, Any] | Change) -> dict[str, Any]:
    """Change the stored settings of a section; the gateway goes on with them at once, as the others do within a second.

    Args:
        change: settings to lay over those that are stored, or what makes the new ones of them.

    Returns:
        all that is stored of the section then.

    Raises:
        GatewayError: 400, the gateway could not go on with them.
    """
    change_all: Change = change if callable(change) else lambda stored: {**stored, **change}
    async with asked.store.writing("config") as connection:
        before: dict[str, Any] = {}

        def changed(stored: dict[str, Any]) -> Mapping[str, Any]:
            before.update(stored)
            return change_all(stored)

        after = await change_section(connection, section, changed)
        check_references(after)
        await asyncio.to_thread(_check, asked, section, after)
        await audit.record(connection, asked, "updated", "settings", section, masked(before), masked(after))
    return after


def _check(asked: Asked, section: str, settings: Mapping[str, Any]) -> None:
    readable = unsealed_settings(asked.gateway.config, settings)
    try:
        asked.gateway.check(with_stored(asked.gateway.config, settings={section: readable}))
    except ConfigError as error:
        raise DetailError(400, {"error": str(error)}) from error
