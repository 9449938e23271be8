"""New snapshots while the gateway runs: of the config file and of what a database adds to it.

What the database holds can stop nothing: a row that cannot be used is left out, and said so once.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from proxy.config.errors import ConfigError
from proxy.config.model import ModelEntry, ProxyConfig
from proxy.config.stored import Settings, stored_entries, with_stored
from proxy.deployment import make_deployment
from proxy.errors import GatewayError
from proxy.management.config import (
    ENVIRONMENT,
    Stored,
    export_variables,
    read_stored,
    sealer_of,
    unsealed_credential,
    unsealed_model,
    unsealed_settings,
)
from proxy.snapshot import Snapshot
from proxy.store.rows import Row
from proxy.store.sealing import WrongSaltKeyError
from proxy.store.store import Store

log = logging.getLogger(__name__)


class Reloader:
    """One per process with a database.

    Args:
        config: of the file.
        build: makes a snapshot of a config; raises ConfigError.
    """

    def __init__(self, config: ProxyConfig, store: Store, build: Callable[[ProxyConfig], Snapshot]) -> None:
        self._config = config
        self._store = store
        self._build = build
        self._busy = asyncio.Lock()
        self._asked = 0
        self._done = 0
        self._told: set[str] = set()

    async def reload(self, swap: Callable[[Snapshot], None]) -> None:
        """Give ``swap`` a snapshot of what is stored now; several calls at the same time may share one.

        Raises:
            sqlalchemy.exc.SQLAlchemyError, OSError: the database is away.
        """
        self._asked += 1
        mine = self._asked
        async with self._busy:
            if self._done >= mine:
                return
            serving = self._asked
            stored = await read_stored(self._store)
            swap(await asyncio.to_thread(self._snapshot, stored))
            self._done = serving

    def _snapshot(self, stored: Stored) -> Snapshot:
        """The largest part of what is stored that a gateway can run with."""
        problems: set[str] = set()
        settings = dict(self._settings(stored, problems))
        export_variables(settings.pop(ENVIRONMENT, {}))
        entries = list(self._entries(stored, problems))
        credentials = list(self._credentials(stored, problems))
        try:
            snapshot = self._build(with_stored(self._config, entries, credentials, settings))
        except ConfigError:
            settings = {name: value for name, value in settings.items() if self._works(problems, {name: value})}
            entries = [entry for entry in entries if self._works(problems, {}, entry)]
            snapshot = self._build(with_stored(self._config, entries, credentials, settings))
        for problem in sorted(problems - self._told):
            log.error("left out of what the database says: %s", problem)
        self._told = problems
        return snapshot

    def _works(self, problems: set[str], settings: Settings, *entries: ModelEntry) -> bool:
        """Whether settings or a deployment can be used, looked at alone."""
        try:
            self._build(with_stored(msgspec.structs.replace(self._config, model_list=()), entries, (), settings))
        except ConfigError as error:
            problems.add(str(error))
            return False
        return True

    def _entries(self, stored: Stored, problems: set[str]) -> Iterator[ModelEntry]:
        if not self._config.general_settings.store_model_in_db:
            return
        taken = {make_deployment(entry).id for entry in self._config.model_list}
        for row in stored.models:
            if row["model_id"] in taken:
                problems.add(f"{_name(row)}: the config file has a deployment of this id")
                continue
            try:
                yield from stored_entries(*unsealed_model(sealer_of(self._config), row))
            except (ConfigError, WrongSaltKeyError, GatewayError) as error:
                problems.add(f"{_name(row)}: {error}")

    def _settings(self, stored: Stored, problems: set[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for row in stored.settings:
            if not isinstance(row["param_value"], Mapping):
                continue
            try:
                yield row["param_name"], unsealed_settings(self._config, row["param_value"])
            except WrongSaltKeyError as error:
                problems.add(f"settings {row['param_name']}: {error}")

    def _credentials(self, stored: Stored, problems: set[str]) -> Iterator[Mapping[str, Any]]:
        for row in stored.credentials:
            try:
                yield unsealed_credential(sealer_of(self._config), row)
            except (WrongSaltKeyError, GatewayError) as error:
                problems.add(f"credential {row['credential_name']}: {error}")


def _name(row: Row) -> str:
    return f"model {row['model_id']} ({row['model_name']})"
