"""A database that cannot be used is told of in one line, before anything is served."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Connection, text

from proxy.cli import main
from proxy.store import migrate
from proxy.store.address import address_of

CONFIG = """
model_list: []
general_settings: {{master_key: sk-1234, database_url: "{url}"}}
"""


def serve(folder: Path, url: str) -> Result:
    file = folder / "proxy_config.yaml"
    file.write_text(CONFIG.format(url=url), encoding="utf-8")
    return CliRunner().invoke(main, ["serve", "--config", str(file), "--port", "1"])


def test_a_database_that_nobody_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    result = serve(tmp_path, "postgresql://me:secret@127.0.0.1:9/llm")
    assert result.exit_code == 2
    assert result.stderr.startswith(
        "error: general_settings.database_url: postgresql://me:***@127.0.0.1:9/llm cannot be used: "
    )
    assert result.stderr.endswith("start it, or correct the address\n")
    assert "secret" not in result.output
    assert len(result.stderr.splitlines()) == 1


def test_a_database_of_a_later_release(database_url: str, tmp_path: Path) -> None:
    address = address_of(database_url)
    migrate.upgrade(address)

    def age(connection: Connection) -> None:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    migrate.with_connection(address, age)
    result = serve(tmp_path, database_url)
    assert result.exit_code == 2
    told = result.stderr.splitlines()[-1]
    assert "the database is at revision 9999, which this release does not know" in told
