"""What contracts run against: our proxy, the reference, its recordings, any gateway by command or by address."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path

import httpx
import msgspec

from contracts.harness.configs import ROOT, environment_of, mentions, render
from contracts.harness.databases import Databases, has_database
from contracts.harness.faults import HarnessError, TargetUnavailable, Untestable
from contracts.harness.processes import Server, clean_environment, free_port
from contracts.harness.redis import REDIS, RedisServer
from contracts.harness.translation import AUTHORITY, TUNNEL, Translation

READY = "/health/readiness"
TUNNELLED = ("*.googleapis.com", "*.openai.azure.com", "*.amazonaws.com", "*.assemblyai.com", "graph.microsoft.com")
"""Hosts of vendors that no config can change."""
BY_UVICORN = ("A6/",)
"""Folders of configs with which the reference is started by uvicorn: its own command breaks realtime WebSockets (A.md, A6)."""
REFERENCE_VERSION = "1.81.14"
REFERENCE_HOME = "/reference"
"""What the folder of the installed reference is called in its answers, which may quote its files."""


class Kind(StrEnum):
    """How a target is judged: ours by `required`, the reference by `as_recorded`, a foreign one by either."""

    PROXY = "proxy"
    REFERENCE = "reference"
    CASSETTE = "cassette"
    FOREIGN = "foreign"


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """`name` stands in results and baseline. A live target has a `command` with {config} and {port}, or a `url`.

    A command of the user's runs where the user is, ours in a scratch folder. `patience` for the start, in seconds.
    `untold` has what belongs to this machine, with what it is called in answers.
    """

    kind: Kind
    name: str
    command: tuple[str, ...] = ()
    command_is_ours: bool = True
    url: str = ""
    patience: float = 60.0
    untold: Mapping[str, str] = {}

    @property
    def is_live(self) -> bool:
        """Whether a gateway runs; false for recordings."""
        return self.kind is not Kind.CASSETTE

    @property
    def has_rig(self) -> bool:
        """Whether it is the reference in our rig, which gives it a database unless told not to."""
        return self.kind is Kind.REFERENCE and self.command_is_ours

    def command_for(self, config: str) -> tuple[str, ...]:
        """The command that starts it with a config."""
        if not self.has_rig:
            return self.command
        flags = () if has_database(config) else ("--no-database",)
        return (*self.command, *flags, *(("--asgi",) if config.startswith(BY_UVICORN) else ()))


def proxy_command() -> tuple[str, ...]:
    """Our proxy's command line."""
    return (str(Path(sys.executable).parent / "tianji"), "serve", "--config", "{config}", "--port", "{port}")


def reference_home() -> str:
    """Where the reference is installed: $REFERENCE_HOME (default `.venv-reference`)."""
    return os.path.realpath(os.environ.get("REFERENCE_HOME") or ROOT / ".venv-reference")


def reference_command() -> tuple[str, ...]:
    """The reference in our rig."""
    rig = str(ROOT / "tools" / "reference" / "run")
    home = reference_home()
    return (sys.executable, rig, "--home", home, "--config", "{config}", "--port", "{port}")


def make_target(name: str | None, *, gateway_cmd: str | None = None, gateway_name: str = "gateway") -> Target:
    """The target of `--target` and `--gateway-cmd`; a command alone is a foreign gateway, with a target it starts that.

    Raises ValueError for a name that is none, and for a command with a target that is not started.
    """
    command = tuple(shlex.split(gateway_cmd)) if gateway_cmd else ()
    if name is None and command:
        return Target(kind=Kind.FOREIGN, name=gateway_name, command=command, command_is_ours=False)
    if name in {Kind.PROXY, Kind.REFERENCE, None}:
        kind = Kind(name or Kind.PROXY)
        own, patience = (proxy_command(), 30.0) if kind is Kind.PROXY else (reference_command(), 180.0)
        return Target(
            kind=kind,
            name=kind,
            command=command or own,
            command_is_ours=not command,
            patience=patience,
            untold={reference_home(): REFERENCE_HOME} if kind is Kind.REFERENCE else {},
        )
    if command:
        raise ValueError(f"--target={name} is not started by --gateway-cmd; drop one of them")
    if name == Kind.CASSETTE:
        return Target(kind=Kind.CASSETTE, name=name)
    if name.startswith(("http://", "https://")):
        return Target(kind=Kind.FOREIGN, name=gateway_name, url=name.rstrip("/"))
    raise ValueError(f"--target={name}: use proxy, cassette, reference, or http://HOST:PORT; or give --gateway-cmd")


class Running(msgspec.Struct, frozen=True):
    """A gateway with a config loaded; `check_alive` raises TargetUnavailable when it has gone."""

    config: str
    url: str
    translation: Translation
    check_alive: Callable[[], None]


class Gateways:
    """The processes of one pytest worker: one upstream, and one gateway at a time, since cases are sorted by config.

    `names` gives the renaming of a config's names (`--reseed`). A process that failed to start is not tried again for
    the same config.
    """

    def __init__(
        self,
        target: Target,
        *,
        names: Callable[[str], Translation],
        upstream_port: int | None = None,
        serving: str | None = None,
        databases: Databases,
    ) -> None:
        self._target = target
        self._databases = databases
        self._names = names
        self._upstream_port = upstream_port
        self._serving = serving
        self._scratch = tempfile.TemporaryDirectory(prefix="contracts-")
        self._upstream: Server | None = None
        self._tunnel = Translation({})
        self._redis: RedisServer | None = None
        self._gateway: Server | None = None
        self._running: Running | None = None
        self._failed: dict[str, str] = {}

    def running(self, config: str) -> Running:
        """The gateway with that config, started if need be. Raises TargetUnavailable, Untestable or HarnessError."""
        if config in self._failed:
            raise TargetUnavailable(self._failed[config])
        if self._running is None or self._running.config != config:
            self._stop_gateway()
            try:
                self._running = self._reach(config) if self._target.url else self._start(config)
            except TargetUnavailable as error:
                self._failed[config] = str(error)
                raise
        self._running.check_alive()
        return self._running

    def stop(self) -> None:
        """Stop everything that was started."""
        self._stop_gateway()
        if self._upstream:
            self._upstream.stop()
        if self._redis:
            self._redis.stop()
        self._databases.stop()
        self._scratch.cleanup()

    def _stop_gateway(self) -> None:
        if self._gateway:
            self._gateway.stop()
        self._gateway = None
        self._running = None

    def _start(self, config: str) -> Running:
        upstream = self._start_upstream()
        port = free_port()
        folder = self._folder(config.replace("/", "-"))
        translation = Translation.of_origins(f"127.0.0.1:{port}", upstream.authority)
        translation = translation.and_also(self._names(config)).and_also(Translation({}, self._target.untold))
        translation = translation.and_also(self._tunnel).and_also(self._redis_of(config))
        path = render(config, translation, folder / "configs")
        database = {} if self._target.has_rig else self._databases.environment(config, folder)
        self._gateway = Server(
            f"the target {self._target.name} with {config}",
            _fill(self._target.command_for(config), config=str(path), port=str(port)),
            port=port,
            ready_path=READY,
            environment=clean_environment(folder, {**environment_of(config, translation), **database}),
            log=folder / "gateway.log",
            cwd=folder if self._target.command_is_ours else Path.cwd(),
            patience=self._target.patience,
        )
        return Running(config, f"http://127.0.0.1:{port}", translation, self._gateway.check_alive)

    def _reach(self, config: str) -> Running:
        if config != self._serving:
            raise Untestable(
                f"the gateway at {self._target.url} to be running {config}; load it and select its cases with "
                f"--serving {config} (it is running {self._serving})"
            )
        url = httpx.URL(self._target.url)
        translation = Translation.of_origins(url.netloc.decode(), self._start_upstream().authority)
        try:
            httpx.get(f"{self._target.url}{READY}", trust_env=False)
        except httpx.HTTPError as error:
            raise TargetUnavailable(f"{self._target.url} does not answer: {error}") from None
        return Running(config, self._target.url, translation.and_also(self._names(config)), lambda: None)

    def _start_upstream(self) -> Server:
        if self._upstream is None:
            port = self._upstream_port or free_port()
            folder = self._folder("upstream")
            tunnel_port, authority = free_port(), folder / "authority.pem"
            command = [
                sys.executable,
                "-m",
                "fixtures.upstream",
                "--port",
                str(port),
                "--tunnel-port",
                str(tunnel_port),
            ]
            command += ["--tunnel-ca", str(authority), *(f"--tunnel-host={host}" for host in TUNNELLED)]
            try:
                self._upstream = Server(
                    "the simulated upstream",
                    command,
                    port=port,
                    ready_path="/healthz",
                    environment=clean_environment(folder, {}),
                    log=folder / "upstream.log",
                    cwd=ROOT,
                    patience=20.0,
                )
            except TargetUnavailable as error:
                raise HarnessError(str(error)) from None
            self._tunnel = Translation({TUNNEL: f"127.0.0.1:{tunnel_port}", AUTHORITY: str(authority)})
        return self._upstream

    def _redis_of(self, config: str) -> Translation:
        """Where the config's Redis is; it is started for the first that names one."""
        if not mentions(config, REDIS):
            return Translation({})
        if self._redis is None:
            try:
                self._redis = RedisServer(self._folder("redis"))
            except TargetUnavailable as error:
                raise HarnessError(str(error)) from None
        return Translation({REDIS: self._redis.authority})

    def _folder(self, name: str) -> Path:
        folder = Path(self._scratch.name) / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def _fill(command: Sequence[str], **values: str) -> list[str]:
    """Put values for {config} and {port}; other braces of a user's command stay."""
    filled = list(command)
    for name, value in values.items():
        filled = [part.replace("{" + name + "}", value) for part in filled]
    return filled
