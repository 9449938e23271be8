"""The gateways that are measured: how each is started, and when it is ready."""

import http.client
import importlib.metadata
import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import yaml

from tools.impl.bench.processes import StartError, Tree, free_port, started
from tools.impl.bench.workloads import GROUP, HEADERS, MASTER_KEY, PATH, WORKLOADS
from tools.reference import home

REFERENCE = "reference"
PROXY = "proxy"
STORED = "stored"
LIMITED = "limited"
STORED_REFERENCE = "reference-stored"
VIRTUAL_KEY = "sk-bench-virtual"
LIMITS = {"rpm_limit": 10**9, "tpm_limit": 10**12, "max_parallel_requests": 10**4}
"""Never reached, always counted."""
_RIG = home.HERE / "run"
_POLL_SECONDS = 0.01
_ANSWER_SECONDS = 10.0
_LOG_TAIL = 1500


class Gateway(msgspec.Struct, frozen=True):
    """How a gateway is started. `{config}` and `{port}` in the command are replaced.

    `preparation`: a command that is run before, so that no installing is measured as starting.
    `stored`: it has a database, and is called with a virtual key, whose spend is written every second.
    `limits`: of that key.
    `brings_database`: that database is a server which the command starts, not a file of SQLite.
    `baseline`: the gateway whose CPU its own is compared with.
    `beside`: names of programs that it starts and that are not counted: what serves a database.
    """

    name: str
    command: list[str]
    environment: dict[str, str] = {}
    version: str | None = None
    preparation: list[str] | None = None
    stored: bool = False
    limits: dict[str, int] = {}
    brings_database: bool = False
    baseline: str = REFERENCE
    beside: frozenset[str] = frozenset()

    @property
    def key(self) -> str:
        """That it is called with."""
        return VIRTUAL_KEY if self.stored else MASTER_KEY

    def arguments(self, config: Path, port: int) -> list[str]:
        return [word.replace("{config}", str(config)).replace("{port}", str(port)) for word in self.command]

    def prepare(self) -> None:
        """Raises StartError."""
        if self.preparation and subprocess.run(self.preparation, check=False).returncode != 0:
            raise StartError(f"{self.name} could not be prepared: {shlex.join(self.preparation)} failed")


class Running(msgspec.Struct, frozen=True):
    """A gateway that has answered; `ready_seconds` from its start to its first good answer."""

    gateway: Gateway
    port: int
    tree: Tree
    ready_seconds: float

    @property
    def name(self) -> str:
        return self.gateway.name

    @property
    def key(self) -> str:
        return self.gateway.key


def reference(home_folder: str, *, sessions: bool = False) -> Gateway:
    """The Python reference as one would run it in production: one worker, quiet, no database.

    `sessions`: in the way in which it can serve WebSockets.
    """
    rig = [sys.executable, str(_RIG), "--no-database", "--home", home_folder]
    how = ["--asgi", "--", "--workers", "1"] if sessions else ["--", "--num_workers", "1"]
    command = [*rig, "--config", "{config}", "--port", "{port}", *how]
    return Gateway(REFERENCE, command, {"LITELLM_LOG": "ERROR"}, home.VERSION, [*rig, "--install"])


def proxy() -> Gateway:
    """This project's gateway."""
    program = Path(sys.executable).with_name("tianji")
    version = importlib.metadata.version("tianji")
    return Gateway(PROXY, [str(program), "serve", "--config", "{config}", "--port", "{port}"], version=version)


def stored_proxy() -> Gateway:
    """The same with a database, a virtual key and spend."""
    return msgspec.structs.replace(proxy(), name=STORED, stored=True, baseline=STORED_REFERENCE)


def limited_proxy() -> Gateway:
    """The same, and the key has limits."""
    return msgspec.structs.replace(stored_proxy(), name=LIMITED, limits=LIMITS)


def stored_reference(home_folder: str) -> Gateway:
    """The reference with a database, a virtual key and spend.

    What only serves its database is not counted: Postgres, and the query engine, which the rig has in a slower build.
    """
    rig = [sys.executable, str(_RIG), "--home", home_folder]
    command = [*rig, "--config", "{config}", "--port", "{port}", "--", "--num_workers", "1"]
    return Gateway(
        STORED_REFERENCE,
        command,
        {"LITELLM_LOG": "ERROR"},
        home.VERSION,
        [*rig, "--install"],
        stored=True,
        brings_database=True,
        baseline=STORED_REFERENCE,
        beside=frozenset({"postgres", "node"}),
    )


def parse(text: str) -> Gateway:
    """`NAME=command ... {config} ... {port}`. Raises ValueError."""
    name, equals, command = text.partition("=")
    if not equals or not re.fullmatch(r"[\w.-]+", name) or "{port}" not in command:
        raise ValueError(f"{text!r} is not NAME='command ... {{config}} ... {{port}}'")
    return Gateway(name, shlex.split(command))


@contextmanager
def running(gateway: Gateway, config: Path, cores: Sequence[int], patience: float) -> Iterator[Running]:
    """Starts the gateway and waits for its first good answer, `patience` seconds at most. Raises StartError."""
    port = free_port()
    log = config.with_name(f"{gateway.name}.log")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | gateway.environment
    start = time.perf_counter()
    with started(gateway.arguments(config, port), cores=cores, environment=environment, log=log) as process:
        fault = _wait(process, port, patience)
        ready_seconds = time.perf_counter() - start
        if fault:
            tail = log.read_text(errors="replace")[-_LOG_TAIL:].strip()
            raise StartError(f"{gateway.name}: {fault}\nend of its log:\n{tail}")
        if gateway.stored:
            _make_key(gateway, port)
        yield Running(gateway, port, Tree(process.pid, gateway.beside), ready_seconds)


def _wait(process: subprocess.Popen[bytes], port: int, patience: float) -> str | None:
    """None as soon as a chat request is answered well, else what stood in the way."""
    deadline = time.monotonic() + patience
    fault = "nothing listened on its port"
    while time.monotonic() < deadline:
        if process.poll() is not None:
            return f"it ended with status {process.returncode}"
        try:
            answered = _ask(port)
        except ConnectionRefusedError:
            pass
        except (OSError, http.client.HTTPException) as error:
            fault = f"{type(error).__name__}: {error}"
        else:
            if answered is None:
                return None
            fault = answered
        time.sleep(_POLL_SECONDS)
    return f"no good answer within {patience:.0f} s; the last was: {fault}"


def _make_key(gateway: Gateway, port: int) -> None:
    """Raises StartError."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_SECONDS)
    try:
        fields = {"key": VIRTUAL_KEY, "user_id": "bench", **gateway.limits}
        connection.request("POST", "/key/generate", json.dumps(fields), HEADERS)
        response = connection.getresponse()
        text = response.read()
    finally:
        connection.close()
    if response.status != 200:
        raise StartError(f"{gateway.name}: no virtual key, status {response.status}: {text[:_LOG_TAIL]!r}")


def _ask(port: int) -> str | None:
    chat = WORKLOADS["chat"]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_SECONDS)
    try:
        connection.request("POST", PATH, chat.body, HEADERS)
        response = connection.getresponse()
        return chat.fault(response.status, response.read())
    finally:
        connection.close()


def config_text(upstream_port: int, gateway: Gateway, folder: Path) -> str:
    """The proxy_config.yaml that every gateway gets; a file of SQLite is in `folder`."""
    stored: dict[str, object] = {"proxy_batch_write_at": 1} if gateway.stored else {}
    if gateway.stored and not gateway.brings_database:
        stored["database_url"] = f"sqlite:///{folder / gateway.name}.db"
    deployment = {
        "model": "openai/bench-model",
        "api_base": f"http://127.0.0.1:{upstream_port}/v1",
        "api_key": "sk-bench-upstream",
        "input_cost_per_token": 0.000001,
        "output_cost_per_token": 0.000002,
    }
    config = {
        "model_list": [{"model_name": GROUP, "litellm_params": deployment, "model_info": {"id": "bench-1"}}],
        "litellm_settings": {"set_verbose": False, "json_logs": True, "request_timeout": 600},
        "general_settings": {"master_key": MASTER_KEY, **stored},
    }
    return yaml.safe_dump(config, sort_keys=False)
