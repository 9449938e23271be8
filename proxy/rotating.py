"""The rotations of a running gateway: jobs where there is a database, else tasks of this process."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from proxy.config.errors import ConfigError
from proxy.config.model import ProxyConfig
from proxy.config.stored import ROTATED
from proxy.management.rotation import Rotation, repeat, rotations_of

if TYPE_CHECKING:
    from proxy.jobs.jobs import Jobs
    from proxy.store.store import Store


class Rotations:
    """One per process.

    Args:
        gateway: whose credentials are replaced.

    Raises:
        ConfigError: a rotation cannot work as it is written.
    """

    def __init__(self, gateway: Any, config: ProxyConfig, *, stored: bool) -> None:
        self._gateway = gateway
        self._rotations = rotations_of(config)
        self._values: defaultdict[str, dict[str, str]] = defaultdict(dict)
        self._tasks: Sequence[asyncio.Task[None]] = ()
        for rotation in self._rotations:
            if rotation.generate and not stored:
                key = f"credential_list, credential_name {rotation.credential!r}: rotation.generate"
                problem = "needs a database, or each process would make its own; set general_settings.database_url"
                raise ConfigError(problem, key=key)

    def start(self, store: Store | None, jobs: Jobs | None) -> None:
        """Inside the loop."""
        if store is None or jobs is None:
            self._tasks = [
                asyncio.create_task(repeat(self._gateway, rotation, self._apply)) for rotation in self._rotations
            ]
            return
        from proxy.management.audit import Robot
        from proxy.management.rotation_stored import run

        for rotation in self._rotations:
            name = f"rotate {rotation.credential} {rotation.field}"
            jobs.add(name, rotation.seconds, partial(run, store, Robot(self._gateway), rotation))

    async def stop(self) -> None:
        """Nothing is replaced any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _apply(self, rotation: Rotation, value: str) -> None:
        """Without a database: the next value is kept in memory."""
        self._values[rotation.credential][rotation.field] = value
        credentials = [
            {"credential_name": name, "credential_values": values, "credential_info": {ROTATED: True}}
            for name, values in self._values.items()
        ]
        await self._gateway.use_credentials(credentials)
