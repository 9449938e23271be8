"""tools/bench from end to end, with trivial gateways, good and bad ones."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from tools.impl.bench import gateways
from tools.reference.home import PROJECT

GATEWAY = Path(__file__).with_name("bench_gateway.py")
SMALL = ["--rounds", "1", "--requests", "32", "--clients", "16", "--start-timeout", "20"]


def trivial(name: str, fault: str = "") -> list[str]:
    return ["--gateway", f"{name}={sys.executable} {GATEWAY} {{config}} {{port}} {fault}"]


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROJECT / "tools" / "bench", *SMALL, *arguments], capture_output=True, text=True, check=False, timeout=120
    )


ALONE = ["--skip", "reference", "--skip", "proxy"]


def test_a_run_measures_every_workload_of_every_gateway(tmp_path: Path) -> None:
    saved = tmp_path / "bench.json"
    done = bench(*ALONE, *trivial("one"), *trivial("two"), "--json", str(saved))
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(saved.read_text())
    assert [(line["workload"], line["gateway"]) for line in report["lines"]] == [
        (workload, gateway) for workload in ("chat", "prompt", "stream") for gateway in ("one", "two")
    ]
    for line in report["lines"]:
        assert line["failures"] == {}
        assert line["answered"] == 32
        assert line["cpu_seconds"] > 0
        assert 0 < line["p50"] <= line["p99"]
        assert line["cpu_ratio"] is None  # there is no reference in this run
    for gateway in report["gateways"]:
        assert 0 < gateway["ready_seconds"] < 20
        assert gateway["resident_bytes"] > 2**20
    assert report["machine"]["cores"] >= 1
    assert report["machine"]["cpu"]
    assert report["settings"]["clients"] == 16
    assert "paced 100-chunk stream" in done.stdout


@pytest.mark.parametrize(
    ("workload", "fault", "told"),
    [
        ("stream", "lose-chunk", "99 chunks of 100 arrived"),
        ("stream", "cut-stream", "the stream ends without [DONE]"),
        ("chat", "wrong-text", "another text than the upstream's"),
        ("chat", "refuse", 'status 503: {"error": "busy"}'),
    ],
)
def test_a_wrong_answer_fails_the_run(workload: str, fault: str, told: str) -> None:
    done = bench(*ALONE, *trivial("bad", fault), "--only", workload)
    assert done.returncode == 1
    assert f"{workload}, bad: 32 x {told}" in done.stdout


def test_a_gateway_that_does_not_start_shows_its_log() -> None:
    done = bench(*ALONE, *trivial("bad", "never-ready"), "--only", "chat")
    assert done.returncode == 2
    assert "bench: bad: it ended with status 1" in done.stderr
    assert "this gateway refuses to start" in done.stderr


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_run_leaves_no_gateway_behind(sent: signal.Signals) -> None:
    command = [
        PROJECT / "tools" / "bench",
        *ALONE,
        *trivial("one"),
        "--only",
        "chat",
        "--duration",
        "60",
        "--rounds",
        "1",
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        started = psutil.Process(run.pid)
        deadline = time.monotonic() + 20
        while len(started.children()) < 3 and time.monotonic() < deadline:
            time.sleep(0.05)
        members = started.children(recursive=True)
        run.send_signal(sent)
        try:
            assert run.wait(timeout=20) != 0
        finally:
            run.kill()
    _gone, alive = psutil.wait_procs(members, timeout=10)
    assert len(members) == 3  # upstream, load, gateway
    assert alive == []


def test_required_ratios_decide_the_exit_status() -> None:
    pair = [*trivial("reference"), *trivial("proxy"), "--only", "chat"]
    assert bench(*pair, "--require", "chat=0.01").returncode == 0
    failed = bench(*pair, "--require", "chat=1000")
    assert failed.returncode == 1
    assert "times less CPU than the baseline, 1000 is required" in failed.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--only", "chat,poem"], "no workload 'poem'"),
        (["--gateway", "nameless"], "NAME="),
        (["--gateway", "a/b=run {config} {port}"], "NAME="),
        (["--json", "no/such/folder/bench.json"], "no/such/folder"),
        (["--gateway", "x=run --config {config}"], "{port}"),
        (["--require", "chat=fast"], "WORKLOAD=RATIO"),
        (["--require", "poem=2"], "no workload 'poem'"),
        (["--require", "chat=2", "--skip", "reference"], "neither may be skipped"),
        (["--require", "chat=2", "--only", "prompt"], "--only"),
        (ALONE, "nothing is left to measure"),
    ],
)
def test_wrong_arguments_are_explained(arguments: list[str], told: str) -> None:
    done = bench(*arguments)
    assert done.returncode == 2
    assert told in done.stderr


def test_help_has_examples() -> None:
    done = bench("-h")
    assert done.returncode == 0
    assert "tools/bench --require chat=25,stream=15" in done.stdout


def test_a_gateways_command_gets_config_and_port() -> None:
    gateway = gateways.parse("other=serve --flag='a b' --config {config} --listen 127.0.0.1:{port}")
    assert gateway.name == "other"
    assert gateway.arguments(Path("/c.yaml"), 4000) == [
        *["serve", "--flag=a b", "--config", "/c.yaml", "--listen", "127.0.0.1:4000"],
    ]


def test_the_reference_runs_without_database_in_one_worker_and_is_installed_before() -> None:
    reference = gateways.reference("/home")
    assert {"--no-database", "--num_workers"} <= set(reference.command)
    assert reference.preparation is not None
    assert "--install" in reference.preparation
