"""Where the database is: ``database_url`` as people write it, also for the reference's client."""

from pathlib import Path
from typing import Any, Literal

import msgspec
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from proxy.config.errors import ConfigError

KEY = "general_settings.database_url"
DEFAULT_POOL = 10


class Address(msgspec.Struct, frozen=True):
    """A database."""

    url: URL
    """For the asynchronous driver."""
    dialect: Literal["sqlite", "postgresql"]
    options: dict[str, Any] = {}
    """Of the driver."""
    pool_size: int = DEFAULT_POOL

    @property
    def where(self) -> str:
        """For people: without password."""
        return self.url.render_as_string(hide_password=True).replace("+aiosqlite", "").replace("+asyncpg", "")


def address_of(url: str) -> Address:
    """Read ``database_url``.

    Parameters that only the reference's client knows (``connection_limit``, ``pool_timeout``, ``pgbouncer``, ``schema``)
    are taken for what they mean, so that its URLs work unchanged.

    Raises:
        ConfigError: it is no URL of SQLite or Postgres.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise _unusable("is no URL") from None
    kind = parsed.drivername.partition("+")[0]
    if kind == "sqlite":
        if parsed.database:
            parsed = parsed.set(database=str(Path(parsed.database).expanduser()))
            Path(parsed.database or "").parent.mkdir(parents=True, exist_ok=True)
        else:
            raise _unusable("names no file")
        return Address(parsed.set(drivername="sqlite+aiosqlite"), "sqlite")
    if kind in ("postgres", "postgresql"):
        return _postgres(parsed)
    raise _unusable(f"begins with {kind}:")


def _postgres(url: URL) -> Address:
    query = {name: value if isinstance(value, str) else value[-1] for name, value in url.query.items()}
    options: dict[str, Any] = {"timeout": 5}
    if mode := query.pop("sslmode", None):
        options["ssl"] = mode
    if schema := query.pop("schema", None):
        options["server_settings"] = {"search_path": schema}
    if query.pop("pgbouncer", "") == "true":
        options["statement_cache_size"] = 0
    limit = query.pop("connection_limit", "")
    kept = {name: value for name, value in query.items() if name == "host"}
    plain = url.set(drivername="postgresql+asyncpg").update_query_dict({})
    plain = plain.set(query=kept)
    return Address(plain, "postgresql", options, int(limit) if limit.isdigit() and int(limit) else DEFAULT_POOL)


def _unusable(why: str) -> ConfigError:
    return ConfigError(f"{why}; write sqlite:///tianji.db or postgresql://USER:PASSWORD@HOST:5432/NAME", key=KEY)
