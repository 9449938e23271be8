"""How the reference is started: its command, its environment, and its database beside it."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

from tools.reference import postgres
from tools.reference.home import Home
from tools.reference.processes import die_with_parent, say

# A run must give the same answers everywhere: nothing is fetched from the network, no stray file is read.
SEALED = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOCAL_POLICY_TEMPLATES": "True",
    "HF_HUB_OFFLINE": "1",
    "LITELLM_MODE": "PRODUCTION",  # else the reference loads a `.env` file from any folder above its own
}
# These would give the reference another config or database than the one asked for.
DROPPED = ("CONFIG_FILE_PATH", "WORKER_CONFIG", "DATABASE_URL", "DIRECT_URL", "DATABASE_HOST")
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STOP_SECONDS = 20


@dataclass(frozen=True)
class Start:
    """What is started. `asgi`: by uvicorn directly, with its older WebSocket implementation (realtime needs it)."""

    config: Path | None = None
    host: str = "127.0.0.1"
    port: int = 4000
    asgi: bool = False
    store_model_in_db: bool = False
    flags: tuple[str, ...] = ()

    def command(self, home: Home) -> list[str]:
        listen = ["--host", self.host, "--port", str(self.port)]
        if self.asgi:
            server = ["-m", "uvicorn", "litellm.proxy.proxy_server:app", "--ws", "websockets"]
            return [str(home.python), *server, *listen, *self.flags]
        config = ["--config", str(self.config)] if self.config else []
        return [str(home.python), str(home.venv / "bin" / "litellm"), *listen, *config, *self.flags]

    def environment(self, given: Mapping[str, str]) -> dict[str, str]:
        """The caller's environment wins over `SEALED`, never over the start itself."""
        environment = SEALED | {name: value for name, value in given.items() if name not in DROPPED}
        if self.asgi and self.config:
            environment["CONFIG_FILE_PATH"] = str(self.config)
        if self.store_model_in_db:
            environment["STORE_MODEL_IN_DB"] = "True"
        return environment


def run_without_database(command: list[str], environment: Mapping[str, str]) -> NoReturn:
    """Becomes the command, so that no second process is left beside it."""
    os.execvpe(command[0], command, environment)  # noqa: S606


def run_with_database(home: Home, command: Sequence[str], environment: Mapping[str, str], data: Path | None) -> int:
    """Runs the command beside its Postgres until it ends or this program is told to stop; its exit status.

    `data`: the folder that keeps the database; None: a new one, deleted at the end.
    """
    _stop_by_exception()
    with _folder(data) as folder:
        database = folder / "data"
        if not database.exists():
            home.new_database(database)
        with postgres.serve(home.postgres_programs, database) as server:
            say(f"psql: {' '.join(server.psql_command)} {postgres.DATABASE}")
            return _supervise(command, {**environment, **_database_environment(home, server, environment)})


def _database_environment(home: Home, server: postgres.Server, environment: Mapping[str, str]) -> dict[str, str]:
    return {
        "DATABASE_URL": server.url,
        "DISABLE_SCHEMA_UPDATE": "true",
        "PRISMA_QUERY_ENGINE_BINARY": str(home.query_engine),
        "PATH": f"{home.bin}{os.pathsep}{environment.get('PATH', os.defpath)}",
    }


@contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    if kept:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept
        return
    folder = Path(tempfile.mkdtemp(prefix="refdb-data-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _stop_by_exception() -> None:
    def stop(_number: int, _frame: FrameType | None) -> NoReturn:
        for number in STOP_SIGNALS:  # once is enough: do not disturb the cleaning up
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in STOP_SIGNALS:
        signal.signal(number, stop)


def _supervise(command: Sequence[str], environment: Mapping[str, str]) -> int:
    child = subprocess.Popen(command, env=environment, preexec_fn=die_with_parent)  # noqa: PLW1509 - this program has one thread
    try:
        return child.wait()
    except KeyboardInterrupt:
        child.terminate()
        try:
            child.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        return 0
