"""The gateway as a process of its own on loopback, as its users run it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psutil
import yaml

from contracts.harness.processes import clean_environment, free_port

if TYPE_CHECKING:
    from tests.wire import Connection

ROOT = Path(__file__).parents[1]
KEY = "sk-test-master-key"
AUTHORIZED = {"authorization": f"Bearer {KEY}"}
PATIENCE = 20.0


class Gateway:
    """One running process.

    Args:
        folder: for its config and its log.
        config: of proxy_config.yaml.
        constants: values for module constants, such as ``{"proxy.server.REQUEST_SECONDS": 0.5}``.
        options: further ones of ``tianji serve``.
    """

    def __init__(
        self,
        folder: Path,
        config: Mapping[str, Any],
        constants: Mapping[str, Any] | None = None,
        options: Sequence[str] = (),
    ) -> None:
        (folder / "config.yaml").write_text(yaml.safe_dump(dict(config), sort_keys=False), encoding="utf-8")
        self._log = folder / "gateway.log"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        arguments = ["serve", "--config", str(folder / "config.yaml"), "--host", "127.0.0.1", "--port", str(self.port)]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, *_program(constants or {}), *arguments, *options],
                cwd=ROOT,
                env=clean_environment(folder, {"PYTHONPATH": str(ROOT)}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.http = httpx.Client(base_url=self.url, headers=AUTHORIZED, trust_env=False, timeout=15.0)
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def chat(
        self, model: str, text: str = "hi", *, headers: Mapping[str, str] | None = None, **fields: Any
    ) -> httpx.Response:
        body = {"model": model, "messages": [{"role": "user", "content": text}], **fields}
        return self.http.post("/v1/chat/completions", json=body, headers=headers)

    def calls_in_progress(self) -> int:
        found = re.search(r"^tianji_calls_in_progress (\d+)", self.http.get("/metrics").text, re.M)
        assert found is not None
        return int(found[1])

    def sockets(self) -> int:
        """Connections that the process holds, whatever their direction; listening ones left out."""
        connections = psutil.Process(self.process.pid).net_connections(kind="tcp")
        return sum(connection.status != psutil.CONN_LISTEN for connection in connections)

    def holds(self, connection: Connection) -> bool:
        """Whether the process still has its end of a client's connection."""
        connections = psutil.Process(self.process.pid).net_connections(kind="tcp")
        return any(it.raddr and it.raddr.port == connection.port for it in connections)

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def stop(self) -> int:
        """Its exit status."""
        self.http.close()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                if self.http.get("/health/readiness").status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.03)
        raise RuntimeError(f"the gateway did not start; its log:\n{self.log()}")


def _program(constants: Mapping[str, Any]) -> Sequence[str]:
    if not constants:
        return ["-m", "proxy"]
    lines = ["import importlib"]
    for name, value in constants.items():
        module, _, constant = name.rpartition(".")
        lines.append(f"module = importlib.import_module({module!r})")
        lines.append(f"assert hasattr(module, {constant!r})")
        lines.append(f"setattr(module, {constant!r}, {value!r})")
    lines += ["from proxy.cli import main", "main()"]
    return ["-c", "\n".join(lines)]


@contextmanager
def running(
    folder: Path, config: Mapping[str, Any], constants: Mapping[str, Any] | None = None, options: Sequence[str] = ()
) -> Iterator[Gateway]:
    """Start a gateway and stop it."""
    gateway = Gateway(folder, config, constants, options)
    try:
        yield gateway
    finally:
        gateway.stop()


def deployment(group: str, upstream: str, *, model: str | None = None, **params: Any) -> dict[str, Any]:
    """An item of ``model_list`` at the simulated upstream; its id is that of the upstream's model."""
    name = group if model is None else model
    settings = {"model": f"openai/{name}", "api_base": f"{upstream}/v1", "api_key": "sk-upstream-secret", **params}
    return {"model_name": group, "litellm_params": settings, "model_info": {"id": f"id-{name}"}}


def eventually(condition: Any, seconds: float = 3.0) -> bool:
    """Whether ``condition()`` becomes true within ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
