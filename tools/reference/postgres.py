"""One Postgres server on a Unix socket, for as long as a `with` block lasts."""

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools.reference.processes import as_nobody, check, die_with_parent, give_to_nobody

DATABASE = "reference"
USER = "reference"
# A database of one run is thrown away: durability would only cost time.
SETTINGS = ("listen_addresses=", "timezone=UTC", "fsync=off", "full_page_writes=off", "synchronous_commit=off")
READY_ATTEMPTS = 300
READY_PAUSE = 0.1


@dataclass(frozen=True)
class Server:
    """A running server: the folder of Postgres' programs and the folder of the socket."""

    programs: Path
    socket: Path

    @property
    def url(self) -> str:
        return f"postgresql://{USER}@localhost/{DATABASE}?host={self.socket}"

    @property
    def psql_command(self) -> list[str]:
        return [str(self.programs / "psql"), "-h", str(self.socket), "-U", USER]

    def psql(self, *arguments: str | Path) -> None:
        check([*self.psql_command, "-X", "-q", "-v", "ON_ERROR_STOP=1", *arguments], cwd=self.socket)


@contextmanager
def serve(programs: Path, data: Path) -> Iterator[Server]:
    """Runs Postgres on the data folder. SystemExit with the server's log when it does not start."""
    # A Unix socket's path has a length limit: keep it short, wherever the home is.
    socket = Path(tempfile.mkdtemp(prefix="refdb-"))
    socket.chmod(0o755)
    give_to_nobody(socket)
    server = Server(programs, socket)
    log = socket / "server.log"
    process = _start(server, data, log)
    try:
        if not _ready(server, process):
            raise SystemExit(f"{log.read_text(errors='replace')}\nPostgres did not start")
        yield server
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)  # "fast shutdown"
            process.wait()
        shutil.rmtree(socket, ignore_errors=True)


def _start(server: Server, data: Path, log: Path) -> subprocess.Popen[bytes]:
    command = [str(server.programs / "postgres"), "-D", str(data), "-k", str(server.socket)]
    for setting in SETTINGS:
        command += ["-c", setting]
    with log.open("wb") as output:
        return subprocess.Popen(
            command,
            cwd=server.socket,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - this program has one thread
            **as_nobody(),
        )


def _ready(server: Server, process: subprocess.Popen[bytes]) -> bool:
    command = [str(server.programs / "pg_isready"), "-q", "-h", str(server.socket), "-U", USER, "-d", "postgres"]
    for _ in range(READY_ATTEMPTS):
        if process.poll() is not None:
            return False
        if subprocess.run(command, cwd=server.socket, check=False).returncode == 0:
            return True
        time.sleep(READY_PAUSE)
    return False


def create(programs: Path, data: Path) -> None:
    """Makes an empty data folder. SystemExit when Postgres cannot be run."""
    initdb = programs / "initdb"
    try:
        subprocess.run([initdb, "--version"], check=True, capture_output=True, **as_nobody())
    except (OSError, subprocess.CalledProcessError) as error:
        hint = "as root, choose a --home that every user may enter"
        raise SystemExit(f"Postgres cannot be run ({error}); {hint}") from error
    options = ["-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
    check([initdb, "-D", data, *options], cwd=data.parent, unprivileged=as_nobody())
