"""The processes of a run: starting them on chosen cores, reading their CPU and memory, stopping them."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import msgspec
import psutil

STOP_SECONDS = 20.0
# CPU times are counted in ticks (10 ms on Linux): quieter than one tick a pause is quiet.
_PAUSE = 0.1
_QUIET_CPU_SECONDS = 0.01
_SETTLE_SECONDS = 3.0


class StartError(Exception):
    """A program did not start, or a gateway gave no good answer; the message says why."""


class Cores(msgspec.Struct, frozen=True):
    """Which cores the gateways run on and which ones upstream, load and bench share; empty: not pinned."""

    gateway: list[int]
    rig: list[int]

    def __str__(self) -> str:
        if not self.gateway:
            return "not pinned: gateways, upstream and load share all cores"
        rig = ", ".join(map(str, self.rig))
        return f"gateways on core {self.gateway[0]}, upstream and load on core{'s' * (len(self.rig) > 1)} {rig}"


def plan_cores() -> Cores:
    """One core for the gateways, the others for the rig; nothing pinned where there is one core or no such call."""
    allowed = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    return Cores(allowed[:1], allowed[1:]) if len(allowed) > 1 else Cores([], [])


def pin(cores: Sequence[int]) -> None:
    """Binds the calling thread, and what it starts from now on, to these cores (none: no change)."""
    if cores:
        os.sched_setaffinity(0, cores)


@contextmanager
def pinned(cores: Sequence[int]) -> Iterator[None]:
    """What is started in this block starts on these cores (none: no change)."""
    before = os.sched_getaffinity(0) if cores else ()
    pin(cores)
    try:
        yield
    finally:
        pin(list(before))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Tree:
    """A process and all its descendants, but for programs `beside` it, which are stopped yet not counted."""

    def __init__(self, pid: int, beside: frozenset[str] = frozenset()) -> None:
        self._root = psutil.Process(pid)
        self._beside = beside

    def processes(self) -> list[psutil.Process]:
        try:
            return [self._root, *self._root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def counted(self) -> list[psutil.Process]:
        processes = self.processes()
        return [process for process in processes if not self._is_beside(process)] if self._beside else processes

    def _is_beside(self, process: psutil.Process) -> bool:
        try:
            name: str = process.name()
        except psutil.NoSuchProcess:
            return True
        return name in self._beside

    def cpu_seconds(self) -> float:
        """User and system time so far, that of descendants that have ended included."""
        total = 0.0
        for process in self.counted():
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:  # its time is now in its parent's `children_*`
                continue
            total += times.user + times.system + times.children_user + times.children_system
        return total

    def resident_bytes(self) -> int:
        total = 0
        for process in self.counted():
            try:
                total += process.memory_info().rss
            except psutil.NoSuchProcess:
                continue
        return total

    def settle(self) -> float:
        """Waits until the work that was left over is done (3 s at most); `cpu_seconds` then."""
        deadline = time.monotonic() + _SETTLE_SECONDS
        before = self.cpu_seconds()
        while True:
            time.sleep(_PAUSE)
            now = self.cpu_seconds()
            if now - before <= _QUIET_CPU_SECONDS or time.monotonic() > deadline:
                return now
            before = now

    def stop(self, root: subprocess.Popen[bytes]) -> None:
        """SIGTERM to the root, 20 s to end in, then SIGKILL to whatever is left of the tree."""
        members = self.processes()
        root.terminate()
        with suppress(subprocess.TimeoutExpired):
            root.wait(timeout=STOP_SECONDS)
        for member in members:
            with suppress(psutil.NoSuchProcess):
                member.kill()
        root.wait()


@contextmanager
def started(
    command: Sequence[str], *, cores: Sequence[int], environment: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """A program with its output in `log`, on these cores, stopped at the end of the block. Raises StartError."""
    try:
        with log.open("wb") as output, pinned(cores):
            process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
    except OSError as error:
        raise StartError(f"{command[0]} cannot be started: {error.strerror}") from error
    tree = Tree(process.pid)
    try:
        yield process
    finally:
        tree.stop(process)


class Worker:
    """A process of the rig that is talked to in lines."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.tree = Tree(process.pid)

    def send(self, line: bytes) -> None:
        stream = _open(self.process.stdin)
        stream.write(line + b"\n")
        stream.flush()

    def receive(self) -> bytes:
        line = _open(self.process.stdout).readline()
        if not line:
            raise ChildProcessError(f"a process of the bench ended: {self.process.args!r}")
        return line


def _open(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream


@contextmanager
def worker(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[Worker]:
    """A process of the rig; an interrupt from the keyboard is left to the bench."""
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, start_new_session=True)
    try:
        yield Worker(process)
    finally:
        process.kill()
        process.communicate()
