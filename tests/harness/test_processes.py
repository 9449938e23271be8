"""An interrupted run stops what it started and leaves no folder behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from contracts.harness import processes
from contracts.harness.configs import ROOT

SECONDS = 20.0
CASE = """
    from pathlib import Path
    from contracts.harness.mark import contract

    @contract("core", config="core/basic.yaml", provenance="documented")
    def test_that_takes_long(case, gateway):
        Path("began").write_text(gateway.url)
        case.wait(60)
        assert case
"""
# Tidies up when it is asked to stop, and says more than a pipe holds.
CHILD = """
import signal, sys, time
from pathlib import Path
signal.signal(signal.SIGTERM, signal.default_int_handler)
try:
    Path("began").touch()
    time.sleep(60)
finally:
    print("x" * 1_000_000)
    Path("tidied").touch()
"""
PARENT = f"""
import subprocess, sys
from concurrent.futures import ThreadPoolExecutor
from contracts.harness.processes import run_command, tidy_interrupts

@tidy_interrupts()
def main():
    command = [sys.executable, "-c", {CHILD!r}]
    if sys.argv[1] == "thread":
        with ThreadPoolExecutor(1) as pool:
            pool.submit(run_command, command, stdout=subprocess.PIPE).result()
    else:
        run_command(command, stdout=subprocess.PIPE)

main()
"""


def interrupted(command: Sequence[str], folder: Path, sent: signal.Signals) -> int:
    """Send the signals, the second as an impatient user's, once the command has begun; its exit status."""
    scratch = folder / "scratch"
    scratch.mkdir(exist_ok=True)
    environment = {**os.environ, "TMPDIR": str(scratch), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # whoever runs these tests in the background ignores it, and so would the command
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - there are no threads
    ) as process:
        try:
            deadline = time.monotonic() + SECONDS
            while not (folder / "began").exists():
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.02)
            process.send_signal(sent)
            time.sleep(0.1)
            process.send_signal(sent)
            return process.wait(SECONDS)
        finally:
            process.kill()


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_run_of_contracts(tmp_path: Path, sent: signal.Signals) -> None:
    (tmp_path / "test_long.py").write_text(textwrap.dedent(CASE))
    gateway = f"{sys.executable} {ROOT}/tests/harness/fake_gateway.py --config {{config}} --port {{port}}"
    command = [sys.executable, "-m", "pytest", "-p", "contracts.harness.plugin", f"--gateway-cmd={gateway}"]
    assert interrupted(command, tmp_path, sent) == pytest.ExitCode.INTERRUPTED
    assert list((tmp_path / "scratch").iterdir()) == []
    address = urlsplit((tmp_path / "began").read_text())
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address.hostname, address.port))


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("where", ["main", "thread"])
def test_commands_of_a_tool(tmp_path: Path, where: str, sent: signal.Signals) -> None:
    status = interrupted([sys.executable, "-c", PARENT, where], tmp_path, sent)
    assert status in (-signal.SIGINT, -sent)  # the second signal may come when all is tidied
    assert (tmp_path / "tidied").exists()


def test_a_port_is_given_to_one_run_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "PORTS", (19_000, 19_003))
    ask = "from contracts.harness import processes as p; p.PORTS = (19_000, 19_003); print(p.free_port(), flush=1); input()"
    other = subprocess.Popen([sys.executable, "-c", ask], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout
        theirs = int(other.stdout.readline())
        ours = [processes.free_port() for _ in range(2)]
    finally:
        other.communicate("\n")
    assert sorted([theirs, *ours]) == [19_000, 19_001, 19_002]
