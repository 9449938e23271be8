"""Every answered call is in the logs once, and in every sum once, whatever dies meanwhile: a gateway, or the database."""

import os
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts.harness.postgres import PostgresServer
from contracts.harness.processes import unprivileged
from tests.gateways import KEY, Gateway

DOLLARS = 10 * 0.001 + 20 * 0.002
"""Of one mocked call."""
CLIENTS = 3
"""Of each gateway."""


class MortalPostgres(PostgresServer):
    """A server that is stopped and started with the same data."""

    def halt(self) -> None:
        self._process.send_signal(signal.SIGINT)
        self._process.wait(20)

    def resume(self) -> None:
        command: Any = self._process.args
        self._process = subprocess.Popen(
            command,
            cwd=self._folder,
            env=dict(self._environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **unprivileged(),
        )
        self._wait_until_ready("", 20)

    def rows(self, url: str, query: str) -> list[list[str]]:
        """What psql says, a row a line."""
        command = [str(self.programs / "psql"), url, "-AtF", "\t", "-c", query]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return [line.split("\t") for line in done.stdout.splitlines()]


@pytest.fixture
def postgres_that_dies() -> Iterator[MortalPostgres]:
    server = MortalPostgres()
    yield server
    server.stop()


class Load:
    """Clients that call one gateway with one key until they are stopped or it is gone."""

    def __init__(self, gateway: Gateway, key: str) -> None:
        self.answered: set[str] = set()
        self.refused: list[str] = []
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._call, args=(gateway.url, key, n)) for n in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def _call(self, url: str, key: str, number: int) -> None:
        headers = {"authorization": f"Bearer {key}"}
        with httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=15.0) as http:
            while not self._stopped.is_set():
                body = {
                    "model": "mocked",
                    "messages": [{"role": "user", "content": "hi"}],
                    "user": f"customer-{number}",
                    "stream": number == 0,
                }
                try:
                    answer = http.post("/v1/chat/completions", json=body)
                except httpx.TransportError:
                    return
                if answer.status_code == 200 and (number or "[DONE]" in answer.text):
                    self.answered.add(answer.headers["x-litellm-call-id"])
                else:
                    self.refused.append(answer.text)
                time.sleep(0.005)

    def stop(self) -> set[str]:
        """The ids of the calls that were answered."""
        self._stopped.set()
        for thread in self._threads:
            thread.join()
        assert self.refused == []
        return self.answered


def start(folder: Path, url: str) -> Gateway:
    folder.mkdir(exist_ok=True)
    return Gateway(
        folder,
        {
            "model_list": [
                {
                    "model_name": "mocked",
                    "litellm_params": {
                        "model": "openai/mocked",
                        "api_key": "sk-none",
                        "mock_response": "of a test",
                        "input_cost_per_token": 0.001,
                        "output_cost_per_token": 0.002,
                    },
                }
            ],
            "general_settings": {
                "master_key": KEY,
                "database_url": url,
                "proxy_batch_write_at": 0.3,
                "spend_journal_folder": str(folder.parent / "journals"),
            },
        },
    )


def new_key(gateway: Gateway) -> str:
    made = gateway.http.post("/key/generate", json={"user_id": "surviving-user"})
    assert made.status_code == 200, made.text
    key: str = made.json()["key"]
    return key


def journals(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "journals").rglob("*.journal") if path.stat().st_size]


def wait_until_written(tmp_path: Path) -> None:
    deadline = time.monotonic() + 15
    while journals(tmp_path):
        assert time.monotonic() < deadline, f"not written: {journals(tmp_path)}"
        time.sleep(0.05)


def check(answered: set[str], calls: list[str], sums: dict[str, float]) -> None:
    """``calls``: ids of the rows; ``sums``: what different places say was spent."""
    assert len(calls) == len(set(calls))
    assert answered <= set(calls)
    expected = pytest.approx(len(calls) * DOLLARS)
    assert sums == dict.fromkeys(sums, expected)


SUMS = {
    "logs": "SELECT sum(spend) FROM spend_logs",
    "key": "SELECT sum(spend) FROM keys",
    "customers": "SELECT sum(spend) FROM customers",
    "days of users": "SELECT sum(spend) FROM daily_spend WHERE entity_type = 'user'",
    "days of customers": "SELECT sum(spend) FROM daily_spend WHERE entity_type = 'customer'",
}


def test_on_postgres(tmp_path: Path, postgres_that_dies: MortalPostgres) -> None:
    server = postgres_that_dies
    url = server.new_database()
    first, second = start(tmp_path / "first", url), start(tmp_path / "second", url)
    try:
        key = new_key(first)
        loads = [Load(first, key), Load(second, key)]
        time.sleep(1.5)
        server.halt()
        time.sleep(1.0)
        os.kill(first.process.pid, signal.SIGKILL)
        answered = loads[0].stop()
        time.sleep(0.5)
        server.resume()
        time.sleep(1.5)
        answered |= loads[1].stop()
        third = start(tmp_path / "third", url)
        try:
            wait_until_written(tmp_path)
        finally:
            third.stop()
    finally:
        first.stop()
        second.stop()
    assert len(answered) > 100
    calls = [row[0] for row in server.rows(url, "SELECT session_id FROM spend_logs")]
    check(answered, calls, {name: float(server.rows(url, query)[0][0]) for name, query in SUMS.items()})


def test_on_sqlite(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/gateway.db"
    first, second = start(tmp_path / "first", url), start(tmp_path / "second", url)
    try:
        key = new_key(first)
        loads = [Load(first, key), Load(second, key)]
        time.sleep(1.5)
        os.kill(first.process.pid, signal.SIGKILL)
        answered = loads[0].stop()
        third = start(tmp_path / "third", url)
        try:
            answered |= loads[1].stop()
            wait_until_written(tmp_path)
        finally:
            third.stop()
    finally:
        first.stop()
        second.stop()
    assert len(answered) > 50
    with sqlite3.connect(f"{tmp_path}/gateway.db") as database:
        calls = [row[0] for row in database.execute("SELECT session_id FROM spend_logs")]
        check(answered, calls, {name: database.execute(query).fetchone()[0] for name, query in SUMS.items()})


def test_stopping_leaves_nothing_behind(tmp_path: Path) -> None:
    gateway = start(tmp_path / "only", f"sqlite:///{tmp_path}/gateway.db")
    load = Load(gateway, new_key(gateway))
    time.sleep(0.5)
    answered = load.stop()
    assert gateway.stop() == 0
    assert list((tmp_path / "journals").rglob("*.journal")) == []
    with sqlite3.connect(f"{tmp_path}/gateway.db") as database:
        assert {row[0] for row in database.execute("SELECT session_id FROM spend_logs")} == answered
        assert database.execute("SELECT count(*) FROM journals").fetchone() == (0,)
