"""Reading CPU and memory of process trees, and starting and stopping them."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tools.impl.bench import processes
from tools.impl.bench.processes import Cores, StartError, Tree, pinned, plan_cores, started

# User and system time are each rounded down to a tick of 10 ms.
TICKS = 0.02
BURN = "import time\nwhile time.process_time() < 0.3: pass\n"
WITH_ENDED_CHILD = f"import subprocess, sys, time\nsubprocess.run([sys.executable, '-c', {BURN!r}])\ntime.sleep(60)"
WITH_LIVE_CHILD = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {BURN + 'time.sleep(60)'!r}])"
STUBBORN = (
    "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('ready', flush=True)\ntime.sleep(60)"
)


def command(program: str) -> list[str]:
    return [sys.executable, "-c", program]


def wait_for_cpu(tree: Tree, seconds: float) -> float:
    deadline = time.monotonic() + 20
    while tree.cpu_seconds() < seconds and time.monotonic() < deadline:
        time.sleep(0.02)
    return tree.cpu_seconds()


@pytest.mark.parametrize("program", [BURN + "time.sleep(60)", WITH_LIVE_CHILD, WITH_ENDED_CHILD])
def test_cpu_of_all_processes_counts_ended_ones_too(program: str, tmp_path: Path) -> None:
    with started(command(program), cores=[], environment=os.environ, log=tmp_path / "log") as process:
        assert wait_for_cpu(Tree(process.pid), 0.3 - TICKS) >= 0.3 - TICKS


def test_cpu_is_only_the_trees_own(tmp_path: Path) -> None:
    with started(
        command("import time; time.sleep(60)"), cores=[], environment=os.environ, log=tmp_path / "log"
    ) as process:
        tree = Tree(process.pid)
        before = tree.settle()
        stop = time.process_time() + 0.2
        while time.process_time() < stop:
            pass
        assert tree.cpu_seconds() - before < 0.05


def test_memory_adds_up_over_the_tree(tmp_path: Path) -> None:
    program = "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])"
    with started(command(program), cores=[], environment=os.environ, log=tmp_path / "log") as process:
        tree = Tree(process.pid)
        deadline = time.monotonic() + 10
        while len(tree.processes()) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        root = psutil.Process(process.pid).memory_info().rss
        assert tree.resident_bytes() > root > 2**20


def test_settling_waits_for_work_that_was_left_over(tmp_path: Path) -> None:
    with started(command(BURN + "time.sleep(60)"), cores=[], environment=os.environ, log=tmp_path / "log") as process:
        tree = Tree(process.pid)
        wait_for_cpu(tree, 0.02)
        assert tree.settle() >= 0.3 - TICKS


def test_a_tree_that_has_ended_reads_as_nothing() -> None:
    process = subprocess.Popen(command("pass"))
    tree = Tree(process.pid)
    process.wait()
    assert (tree.cpu_seconds(), tree.resident_bytes(), tree.processes()) == (0.0, 0, [])


def test_the_whole_tree_is_stopped_even_if_it_does_not_want_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "STOP_SECONDS", 0.3)
    log = tmp_path / "log"
    with started(command(STUBBORN), cores=[], environment=os.environ, log=log) as process:
        deadline = time.monotonic() + 10
        while "ready" not in log.read_text() and time.monotonic() < deadline:
            time.sleep(0.02)
    assert process.returncode is not None
    assert not psutil.pid_exists(process.pid)


def test_what_the_root_leaves_behind_is_stopped_at_once(tmp_path: Path) -> None:
    with started(command(WITH_LIVE_CHILD), cores=[], environment=os.environ, log=tmp_path / "log") as process:
        tree = Tree(process.pid)
        deadline = time.monotonic() + 10
        while len(tree.processes()) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        _, child = tree.processes()
        stopping = time.monotonic()
    assert time.monotonic() - stopping < processes.STOP_SECONDS / 2
    _gone, alive = psutil.wait_procs([child], timeout=10)
    assert not alive


def test_a_program_that_does_not_exist_is_named(tmp_path: Path) -> None:
    missing = started(["/no/such/gateway"], cores=[], environment={}, log=tmp_path / "log")
    with pytest.raises(StartError, match="/no/such/gateway"), missing:
        pass


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system cannot pin processes")
def test_what_is_started_pinned_runs_on_those_cores_alone() -> None:
    before = os.sched_getaffinity(0)
    core = min(before)
    with pinned([core]):
        shown = subprocess.check_output(command("import os; print(*os.sched_getaffinity(0))"), text=True)
    assert shown.split() == [str(core)]
    assert os.sched_getaffinity(0) == before


@pytest.mark.parametrize(
    ("allowed", "cores"),
    [({0}, Cores([], [])), ({0, 1}, Cores([0], [1])), ({3, 5, 7}, Cores([3], [5, 7]))],
)
def test_gateways_get_a_core_of_their_own_where_there_are_two(
    allowed: set[int], cores: Cores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: allowed, raising=False)
    assert plan_cores() == cores


def test_the_plan_of_cores_can_be_read() -> None:
    assert str(Cores([0], [1])) == "gateways on core 0, upstream and load on core 1"
    assert str(Cores([0], [1, 2])) == "gateways on core 0, upstream and load on cores 1, 2"
    assert str(Cores([], [])).startswith("not pinned")
