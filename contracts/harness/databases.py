"""The databases of configs that ask for one: a new one for each gateway that is started."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from contracts.harness.configs import mentions
from contracts.harness.faults import HarnessError, TargetUnavailable
from contracts.harness.postgres import PostgresServer

VARIABLE = "DATABASE_URL"


class Database(StrEnum):
    """What a gateway keeps its data in (`--database`)."""

    SQLITE = "sqlite"
    POSTGRES = "postgres"


def has_database(config: str) -> bool:
    """Whether a config asks for a database: it mentions `os.environ/DATABASE_URL`."""
    return mentions(config, f"os.environ/{VARIABLE}")


class Databases:
    """Databases of one kind; the Postgres server is started for the first that needs it."""

    def __init__(self, kind: Database) -> None:
        self._kind = kind
        self._postgres: PostgresServer | None = None

    def environment(self, config: str, folder: Path) -> Mapping[str, str]:
        """What a gateway with that config finds its new, empty database by; SQLite's file lies below `folder`."""
        if not has_database(config):
            return {}
        if self._kind is Database.SQLITE:
            return {VARIABLE: f"sqlite:///{tempfile.mkdtemp(prefix='database-', dir=folder)}/gateway.db"}
        return {VARIABLE: self._server().new_database()}

    def stop(self) -> None:
        """Stop what was started."""
        if self._postgres:
            self._postgres.stop()

    def _server(self) -> PostgresServer:
        if self._postgres is None:
            try:
                self._postgres = PostgresServer()
            except TargetUnavailable as error:
                raise HarnessError(str(error)) from None
        return self._postgres
