"""Processes that the harness starts, waits for, and stops: servers, and runs of the suite."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn, TypedDict

import httpx

from contracts.harness.faults import TargetUnavailable

LAST_LINES = 25
STOP_SECONDS = 25.0
"""The reference with its database is given 20 to end before its rig removes what is left."""
PORTS = (20_000, 32_000)
NOBODY = 65534
"""As whom root starts programs that refuse to run as root."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_commands: set[subprocess.Popen[str]] = set()
_ports: list[socket.socket | None] = []
"""What keeps this process's ports its own, until it ends."""


def free_port() -> int:
    """A port on loopback that nobody uses now, and that no other run of the harness is given while this one lasts.

    Below the range that the system gives to outgoing connections: one of those would take it before the server does.
    Runs beside each other take seconds between the choice and the server's start, so a look at the port is not enough.
    """
    while True:
        port = random.randrange(*PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            _ports.append(_keep_from_others(port))
            return port


def _keep_from_others(port: int) -> socket.socket | None:
    """Holds a name that no other process, and no second call, gets meanwhile; raises OSError when somebody has it.

    A name of Linux's own kind leaves no file behind; elsewhere ports are only looked at.
    """
    if sys.platform != "linux":
        return None
    kept = socket.socket(socket.AF_UNIX)
    try:
        kept.bind(f"\0conformance-port-{port}")
    except OSError:
        kept.close()
        raise
    return kept


def clean_environment(home: Path, extra: Mapping[str, str]) -> dict[str, str]:
    """What a server process may see: no vendor keys or proxies of this machine, only `extra`."""
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "NO_PROXY": "127.0.0.1",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        **extra,
    }


class Unprivileged(TypedDict, total=False):
    """Arguments of Popen."""

    user: int
    group: int
    extra_groups: list[int]


def unprivileged() -> Unprivileged:
    """Arguments of Popen for a process that must not run as root."""
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}


class Server:
    """One process listening on a port of loopback, in a process group of its own; `run_as_root=False`: never as root.

    Raises TargetUnavailable, with the last lines of its log, when it ends early or does not answer `ready_path` with
    200 within `patience` seconds.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        port: int,
        ready_path: str,
        environment: Mapping[str, str],
        log: Path,
        cwd: Path,
        patience: float,
        run_as_root: bool = True,
    ) -> None:
        self.name = name
        self.port = port
        self._log = log
        with log.open("wb") as output:
            try:
                self._process = subprocess.Popen(  # noqa: S603
                    list(command),
                    cwd=cwd,
                    env=dict(environment),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    **({} if run_as_root else unprivileged()),
                )
            except OSError as error:
                raise TargetUnavailable(f"{name}: `{command[0]}` cannot be run: {error.strerror}") from None
        try:
            self._wait_until_ready(ready_path, patience)
        except BaseException:
            self.stop()
            raise

    @property
    def authority(self) -> str:
        """`host:port`."""
        return f"127.0.0.1:{self.port}"

    def last_lines(self) -> str:
        """The end of what the process wrote."""
        lines = self._log.read_text(errors="replace").splitlines()
        return "\n".join(f"    | {line}" for line in lines[-LAST_LINES:]) or "    | (it wrote nothing)"

    def check_alive(self) -> None:
        """Raises TargetUnavailable when the process has ended."""
        status = self._process.poll()
        if status is not None:
            raise TargetUnavailable(f"{self.name} ended with status {status}; its last lines:\n{self.last_lines()}")

    def stop(self) -> None:
        """Ask it to stop, then make it; its children too."""
        if self._process.poll() is None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _wait_until_ready(self, path: str, patience: float) -> None:
        deadline = time.monotonic() + patience
        with httpx.Client(trust_env=False, timeout=2.0) as client:
            while time.monotonic() < deadline:
                self.check_alive()
                try:
                    if client.get(f"http://{self.authority}{path}").status_code == 200:
                        return
                except httpx.HTTPError:
                    pass
                time.sleep(0.05)
        raise TargetUnavailable(
            f"{self.name} did not answer {path} with 200 within {patience:.0f} s; its last lines:\n{self.last_lines()}"
        )


@contextmanager
def tidy_interrupts() -> Iterator[None]:
    """Within, SIGTERM interrupts as Ctrl-C does, and running commands are interrupted too.

    Only the first signal counts: stopping servers and removing folders is not broken off. For the main thread.
    """
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run_command(command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:
    """`subprocess.run`, which would kill an interrupted command: this waits until it has tidied up.

    For code that runs within `tidy_interrupts`, in any thread.
    """
    process = subprocess.Popen(list(command), text=True, **options)  # noqa: S603
    _commands.add(process)
    try:
        output, errors = process.communicate()
    except BaseException:
        process.communicate()
        raise
    finally:
        _commands.discard(process)
    return subprocess.CompletedProcess(command, process.returncode, output, errors)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    for each in _SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    for process in list(_commands):
        process.terminate()
    raise KeyboardInterrupt
