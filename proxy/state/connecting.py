"""Clients of Redis: one server, a cluster, or the master that sentinels know. The one file that makes them."""

from typing import Any, Final, TypeAlias

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff

from proxy.state.settings import RedisSettings

Client: TypeAlias = "Redis | RedisCluster"

CONNECT_SECONDS: Final = 1.0
"""The longest that redis-py waits for anything by itself; calls wait much less (:mod:`proxy.state.resilient`)."""
_IN_URL: Final = frozenset({"db", "username", "password", "ssl", "unix_socket_path"})
_NOT_IN_CLUSTER: Final = frozenset({"db", "unix_socket_path", "ssl_password", "ssl_ca_path"})


def connect(settings: RedisSettings) -> Client:
    """A client; it connects at its first command.

    Nothing is tried again by redis-py: a command that was sent and not answered may have been run.
    """
    options = {**settings.options, **_common()}
    if settings.url is not None:
        secure = settings.url.startswith("rediss:")
        chosen = {k: v for k, v in options.items() if k not in _IN_URL and (secure or not k.startswith("ssl_"))}
        return Redis.from_url(settings.url, **chosen)
    if settings.nodes:
        nodes = [ClusterNode(host, port) for host, port in settings.nodes]
        chosen = {k: v for k, v in options.items() if k not in _NOT_IN_CLUSTER}
        return RedisCluster(startup_nodes=nodes, **chosen)
    if settings.sentinels:
        secure_options = {k: v for k, v in options.items() if k.startswith("ssl")}
        asking = {**secure_options, **_common(), "password": settings.sentinel_password}
        sentinel = Sentinel(settings.sentinels, sentinel_kwargs=asking, **options)  # type: ignore[no-untyped-call]
        master: Redis = sentinel.master_for(settings.service_name or "")
        return master
    return Redis(**options)


def _common() -> dict[str, Any]:
    return {
        "socket_timeout": CONNECT_SECONDS,
        "socket_connect_timeout": CONNECT_SECONDS,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,  # servers before version 6 know no other
        "driver_info": None,  # saves two commands a connection
    }
