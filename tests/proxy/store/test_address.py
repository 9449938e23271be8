"""``database_url`` as people write it."""

from pathlib import Path

import pytest

from proxy.config.errors import ConfigError
from proxy.store.address import DEFAULT_POOL, address_of


def test_the_urls_of_the_reference_work_unchanged() -> None:
    address = address_of(
        "postgres://me:p%40ss@db.example:5433/llm?schema=gateway&connection_limit=3&pool_timeout=60&sslmode=require&pgbouncer=true"
    )
    assert address.dialect == "postgresql"
    assert address.url.render_as_string(hide_password=False) == "postgresql+asyncpg://me:p%40ss@db.example:5433/llm"
    assert address.pool_size == 3
    assert address.options == {
        "timeout": 5,
        "ssl": "require",
        "server_settings": {"search_path": "gateway"},
        "statement_cache_size": 0,
    }


def test_a_socket_may_be_the_host() -> None:
    address = address_of("postgresql://me@/llm?host=/run/postgresql")
    assert address.url.query == {"host": "/run/postgresql"}
    assert address.pool_size == DEFAULT_POOL


def test_people_see_no_password() -> None:
    assert address_of("postgresql://me:secret@db/llm").where == "postgresql://me:***@db/llm"


def test_a_file(tmp_path: Path) -> None:
    address = address_of(f"sqlite:///{tmp_path}/a.db")
    assert (address.dialect, address.url.database) == ("sqlite", f"{tmp_path}/a.db")
    assert address.where == f"sqlite:///{tmp_path}/a.db"


@pytest.mark.parametrize("url", ["", "somewhere", "mysql://me@db/llm", "sqlite://", "postgresql://me@db:port/llm"])
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(ConfigError) as raised:
        address_of(url)
    assert "general_settings.database_url" in str(raised.value)
    assert "write sqlite:///tianji.db or postgresql://" in str(raised.value)
