"""Where a config says Redis is.

As the reference reads it (LiteLLM 1.81.14): ``router_settings.redis_url``, or ``redis_host`` and ``redis_port``, with
``cache_kwargs``; else ``litellm_settings.cache_params`` when ``cache`` is on and their type is ``redis``, which is also the
type of a cache without one. What is left out is taken from ``REDIS_HOST``, ``REDIS_PASSWORD``, ``REDIS_SSL`` and so on. The
variables alone ask for nothing.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from proxy.config.errors import ConfigError
from proxy.config.model import ProxyConfig, Section

ROUTER: Final = "router_settings"
CACHE: Final = "litellm_settings.cache_params"
DEFAULT_PORT: Final = 6379
DEFAULT_SENTINEL_PORT: Final = 26379
DEFAULT_CONNECTIONS: Final = 16

_SWITCHES: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class RedisSettings(Section, frozen=True, kw_only=True):
    """How to reach Redis: by ``url``, as a cluster (``nodes``), through ``sentinels``, or at the host of ``options``."""

    where: str
    """For people: addresses, no credentials."""
    url: str | None = None
    nodes: tuple[tuple[str, int], ...] = ()
    """Any members of a cluster."""
    sentinels: tuple[tuple[str, int], ...] = ()
    service_name: str | None = None
    """What the sentinels call the master."""
    sentinel_password: str | None = None
    options: dict[str, Any] = msgspec.field(default_factory=dict)
    """Of a connection, as redis-py calls them."""
    namespace: str = ""
    """Goes before every key."""
    connections: int = DEFAULT_CONNECTIONS
    """Commands in progress at the same time, in one process."""

    def __repr__(self) -> str:
        return f"RedisSettings({self.where})"


def redis_settings(config: ProxyConfig) -> RedisSettings | None:
    """What the config says of Redis; ``None``: it asks for none.

    Raises:
        ConfigError: a setting of it cannot be used.
    """
    router = config.router_settings
    if router.redis_url is not None or (router.redis_host is not None and router.redis_port is not None):
        given = {
            "url": router.redis_url,
            "host": router.redis_host,
            "port": router.redis_port,
            "password": router.redis_password,
            "db": router.redis_db,
            **router.cache_kwargs,
        }
        return _Reader(config, ROUTER, given).settings()
    cache = config.settings.cache_params
    if config.settings.cache and cache.get("type", "redis") == "redis":
        given = {"startup_nodes": cache.get("redis_startup_nodes"), **cache}
        return _Reader(config, CACHE, given).settings()
    return None


class _Reader:
    """Reads one section, and the variables below it."""

    def __init__(self, config: ProxyConfig, section: str, given: Mapping[str, Any]) -> None:
        self._config = config
        self._section = section
        self._given = given

    def settings(self) -> RedisSettings:
        if self._value("gcp_service_account") is not None:
            raise self._error(
                "gcp_service_account", "signing in by Google's IAM is not possible; set `password` instead"
            )
        options = {name: value for name, read in _OPTIONS.items() if (value := self._read(name, read)) is not None}
        namespace = self._value("namespace", variable=None)
        common: dict[str, Any] = {
            "options": options,
            "namespace": f"{namespace}:" if namespace else "",
            "connections": self._read("max_connections", _count) or DEFAULT_CONNECTIONS,
        }
        if (url := self._value("url")) is not None:
            return RedisSettings(url=str(url), where=self._host_of(str(url)), **common)
        if nodes := self._addresses("startup_nodes", "REDIS_CLUSTER_NODES", DEFAULT_PORT):
            return RedisSettings(nodes=nodes, where=f"the cluster of {_written(nodes)}", **common)
        if sentinels := self._addresses("sentinel_nodes", "REDIS_SENTINEL_NODES", DEFAULT_SENTINEL_PORT):
            return self._sentinel(sentinels, common)
        return self._single(options, common)

    def _sentinel(self, sentinels: tuple[tuple[str, int], ...], common: Mapping[str, Any]) -> RedisSettings:
        service = self._value("service_name")
        if service is None:
            raise self._error("service_name", "is not set; say what the sentinels call the master, often `mymaster`")
        password = self._value("sentinel_password")
        return RedisSettings(
            sentinels=sentinels,
            service_name=str(service),
            sentinel_password=None if password is None else str(password),
            where=f"{service} of the sentinels {_written(sentinels)}",
            **common,
        )

    def _single(self, options: dict[str, Any], common: Mapping[str, Any]) -> RedisSettings:
        socket, host = options.get("unix_socket_path"), self._read("host", str)
        if socket is None and host is None:
            raise self._error("host", "is not set, so Redis is nowhere; set it, or REDIS_HOST, or `type: local`")
        port = self._read("port", _count) or DEFAULT_PORT
        if socket is None:
            options |= {"host": host, "port": port}
        return RedisSettings(where=f"{host}:{port}" if socket is None else str(socket), **common)

    def _value(self, name: str, variable: str | None = "") -> Any:
        """A setting of the section, else of its variable, by default ``REDIS_NAME``."""
        value = self._given.get(name)
        if value is None and variable is not None:
            value = os.environ.get(variable or f"REDIS_{name.upper()}") or None
        return value

    def _read(self, name: str, read: Callable[[Any], Any]) -> Any:
        value = self._value(name)
        if value is None:
            return None
        try:
            return read(value)
        except (ValueError, KeyError, TypeError):
            raise self._error(name, f"cannot be read as {_MEANINGS.get(read, 'text')}; correct it") from None

    def _addresses(self, name: str, variable: str, default_port: int) -> tuple[tuple[str, int], ...]:
        """``[{host, port}, ...]`` or ``[[host, port], ...]``, also as JSON text."""
        value = self._value(name, variable)
        try:
            entries = msgspec.json.decode(value) if isinstance(value, str) else value or []
            return tuple(_address(entry, default_port) for entry in entries)
        except (msgspec.DecodeError, ValueError, KeyError, TypeError, IndexError):
            example = '[{"host": "10.0.0.1", "port": 6379}]'
            raise self._error(name, f"(or {variable}) is no list of hosts and ports; write {example}") from None

    def _host_of(self, url: str) -> str:
        try:
            parts = urlsplit(url)
            if parts.scheme in ("redis", "rediss") and parts.hostname:
                return f"{parts.hostname}:{parts.port or DEFAULT_PORT}"
            if parts.scheme == "unix" and parts.path:
                return parts.path
        except ValueError:
            pass
        # the address itself may hold a password
        problem = "is no address of a Redis; write redis://:PASSWORD@HOST:6379/0, or rediss:// for TLS"
        raise self._error("url", f"{problem}, with special characters of the password percent-encoded")

    def _error(self, name: str, problem: str) -> ConfigError:
        if self._section == ROUTER and name in _ROUTER_NAMES:
            name = f"redis_{name}"
        places = self._config.places
        place = places.get(f"{self._section}.{name}") or places.get(self._section)
        return ConfigError(problem, place=place, key=f"{self._section}.{name}")


def _count(value: Any) -> int:
    number = int(value)
    if number < 0:
        raise ValueError
    return number


def _switch(value: Any) -> bool:
    return value if isinstance(value, bool) else _SWITCHES[str(value).strip().lower()]


def _address(entry: Any, default_port: int) -> tuple[str, int]:
    if isinstance(entry, Mapping):
        return str(entry["host"]), int(entry.get("port", default_port))
    return str(entry[0]), int(entry[1])


def _written(addresses: tuple[tuple[str, int], ...]) -> str:
    return ", ".join(f"{host}:{port}" for host, port in addresses)


_ROUTER_NAMES: Final = frozenset({"url", "host", "port", "password", "db"})
_MEANINGS: Final[dict[Callable[[Any], Any], str]] = {_count: "a number", _switch: "true or false"}
_OPTIONS: Final[dict[str, Callable[[Any], Any]]] = {
    "db": _count,
    "username": str,
    "password": str,
    "unix_socket_path": str,
    "client_name": str,
    "ssl": _switch,
    "ssl_keyfile": str,
    "ssl_certfile": str,
    "ssl_password": str,
    "ssl_cert_reqs": str,
    "ssl_ca_certs": str,
    "ssl_ca_path": str,
    "ssl_ca_data": str,
    "ssl_check_hostname": _switch,
}
