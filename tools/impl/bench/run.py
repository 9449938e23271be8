"""One interleaved run: in every round each gateway gets the same work, so that noise hits all alike."""

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec

from tools.impl.bench import gateways as gateways_module
from tools.impl.bench.gateways import Gateway, Running
from tools.impl.bench.load import Job, Outcome
from tools.impl.bench.processes import Cores, Worker, worker
from tools.impl.bench.workloads import MASTER_KEY
from tools.reference.home import PROJECT

_WARM_UP_SECONDS = 1.0
_WARM_UP_REQUESTS = 100

Progress = Callable[[str], None]


class Settings(msgspec.Struct, frozen=True):
    """`seconds` (or `requests`) of load per workload, round and gateway; `patience`: seconds a start may take."""

    workloads: list[str]
    rounds: int
    seconds: float
    requests: int | None
    clients: int
    patience: float

    def job(self, workload: str, port: int, key: str = MASTER_KEY) -> Job:
        return Job(workload, port, self.clients, self.seconds, self.requests, key)

    def warm_up(self, workload: str, port: int, key: str = MASTER_KEY) -> Job:
        requests = min(self.requests, _WARM_UP_REQUESTS) if self.requests else None
        return Job(workload, port, self.clients, min(self.seconds, _WARM_UP_SECONDS), requests, key)


class Round(msgspec.Struct, frozen=True):
    """What one gateway did with one portion of work; `rig_busy`: the share of its CPU that the rig had used up."""

    workload: str
    gateway: str
    outcome: Outcome
    cpu_seconds: float
    rig_busy: float


class Started(msgspec.Struct, frozen=True):
    """What is known of a gateway beside its rounds; memory and processes as they were after all the load."""

    name: str
    version: str | None
    command: list[str]
    baseline: str
    ready_seconds: float
    resident_bytes: int
    processes: int


class Measured(msgspec.Struct, frozen=True):
    """Everything seen. `direct`: by workload, the load against the upstream with no gateway between."""

    started: list[Started]
    rounds: list[Round]
    direct: dict[str, Outcome]


def steps(settings: Settings, gateways: Sequence[Gateway]) -> int:
    """How often `measure` reports progress."""
    portions = 1 + len(gateways) * (1 + settings.rounds)
    return len(gateways) + len(settings.workloads) * portions


def measure(
    settings: Settings, gateways: Sequence[Gateway], cores: Cores, folder: Path, progress: Progress
) -> Measured:
    """Starts everything, measures, stops everything. `folder` gets the config and the logs. Raises StartError."""
    with ExitStack() as stack:
        rig = Rig(stack, cores)
        running = []
        for gateway in gateways:
            progress(f"starting {gateway.name}")
            config = folder / f"{gateway.name}.yaml"
            config.write_text(gateways_module.config_text(rig.upstream_port, gateway, folder))
            context = gateways_module.running(gateway, config, cores.gateway, settings.patience)
            running.append(stack.enter_context(context))
        direct: dict[str, Outcome] = {}
        rounds: list[Round] = []
        for workload in settings.workloads:
            progress(f"{workload}: upstream alone")
            direct[workload] = rig.load(settings.warm_up(workload, rig.upstream_port))
            rounds += _workload(settings, workload, running, rig, progress)
        return Measured([_started(gateway) for gateway in running], rounds, direct)


def _workload(
    settings: Settings, workload: str, running: Sequence[Running], rig: "Rig", progress: Progress
) -> list[Round]:
    for gateway in running:
        progress(f"{workload}: warming up {gateway.name}")
        rig.load(settings.warm_up(workload, gateway.port, gateway.key))
        gateway.tree.settle()
    rounds = []
    for number in range(settings.rounds):
        first = number % len(running)
        for gateway in (*running[first:], *running[:first]):
            progress(f"{workload}: round {number + 1} of {settings.rounds}, {gateway.name}")
            rounds.append(rig.round(settings.job(workload, gateway.port, gateway.key), gateway))
    return rounds


def _started(running: Running) -> Started:
    gateway, tree = running.gateway, running.tree
    memory, processes = tree.resident_bytes(), len(tree.counted())
    return Started(
        gateway.name, gateway.version, gateway.command, gateway.baseline, running.ready_seconds, memory, processes
    )


class Rig:
    """Upstream and load: two processes of their own, away from the gateways."""

    def __init__(self, stack: ExitStack, cores: Cores) -> None:
        environment = os.environ | {"PYTHONPATH": str(PROJECT)}
        self._upstream = stack.enter_context(worker(_module("upstream"), environment))
        self._load = stack.enter_context(worker(_module("load"), environment))
        self._cores = cores
        self.upstream_port = int(self._upstream.receive())

    def load(self, job: Job) -> Outcome:
        self._load.send(msgspec.json.encode(job))
        return msgspec.json.decode(self._load.receive(), type=Outcome)

    def round(self, job: Job, gateway: Running) -> Round:
        rig = [self._upstream, self._load]
        rig_before = [_cpu(each) for each in rig]
        before = gateway.tree.cpu_seconds()
        outcome = self.load(job)
        used = [_cpu(each) - was for each, was in zip(rig, rig_before, strict=True)]
        # Accounting goes on after the answer: it belongs to the request's cost.
        cpu_seconds = gateway.tree.settle() - before
        # Each of the two has one thread: on a single core their sum is the limit, else the busier one.
        busy = sum(used) if len(self._cores.rig) == 1 else max(used)
        return Round(job.workload, gateway.name, outcome, cpu_seconds, busy / outcome.seconds)


def _module(name: str) -> list[str]:
    return [sys.executable, "-m", f"tools.impl.bench.{name}"]


def _cpu(member: Worker) -> float:
    return member.tree.cpu_seconds()
