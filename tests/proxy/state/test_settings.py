"""Where a config says Redis is."""

from pathlib import Path
from typing import Any

import pytest

from proxy.config.errors import ConfigError
from proxy.config.loader import load_config
from proxy.state.memory import MemoryState
from proxy.state.opening import open_state
from proxy.state.resilient import ResilientState
from proxy.state.settings import RedisSettings, redis_settings


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    names = (
        "URL",
        "HOST",
        "PORT",
        "PASSWORD",
        "USERNAME",
        "DB",
        "SSL",
        "CLUSTER_NODES",
        "SENTINEL_NODES",
        "SERVICE_NAME",
    )
    for name in names:
        monkeypatch.delenv(f"REDIS_{name}", raising=False)


@pytest.fixture
def read(tmp_path: Path) -> Any:
    def read(text: str) -> RedisSettings | None:
        file = tmp_path / "config.yaml"
        file.write_text(f"{text}\ngeneral_settings: {{master_key: sk-1}}\n", encoding="utf-8")
        return redis_settings(load_config(file))

    return read


@pytest.mark.parametrize(
    "text",
    [
        "",
        "router_settings: {redis_host: 127.0.0.1}",
        "router_settings: {redis_password: x}",
        "litellm_settings: {cache: true, cache_params: {type: local}}",
        "litellm_settings: {cache: true, cache_params: {type: redis-semantic, host: x, port: 1}}",
        "litellm_settings: {cache: false, cache_params: {type: redis, host: x, port: 1}}",
        "litellm_settings: {cache_params: {type: redis, host: x, port: 1}}",
    ],
)
def test_no_redis(read: Any, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_HOST", "unasked")
    assert read(text) is None


@pytest.mark.parametrize(
    ("text", "where", "options"),
    [
        (
            "router_settings: {redis_host: r.test, redis_port: 7000, redis_password: p, redis_db: 2}",
            "r.test:7000",
            {"host": "r.test", "port": 7000, "password": "p", "db": 2},
        ),
        (
            "router_settings: {redis_host: r.test, redis_port: 7000, cache_kwargs: {ssl: true, ssl_cert_reqs: none}}",
            "r.test:7000",
            {"host": "r.test", "port": 7000, "ssl": True, "ssl_cert_reqs": "none"},
        ),
        (
            'litellm_settings: {cache: true, cache_params: {host: c.test, port: "7001", ssl: "False", username: u, ttl: 5}}',
            "c.test:7001",
            {"host": "c.test", "port": 7001, "ssl": False, "username": "u"},
        ),
        ("litellm_settings: {cache: true, cache_params: {type: redis, host: c.test}}", "c.test:6379", None),
        (
            "litellm_settings: {cache: true, cache_params: {type: redis, host: c.test, port: 1}}\n"
            "router_settings: {redis_host: r.test, redis_port: 7000}",
            "r.test:7000",
            None,
        ),
    ],
)
def test_a_single_server(read: Any, text: str, where: str, options: dict[str, Any] | None) -> None:
    settings = read(text)
    assert settings.where == where
    assert options is None or settings.options == options


def test_what_is_left_out_comes_from_the_environment(read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"HOST": "e.test", "PORT": "7002", "PASSWORD": "p", "SSL": "True", "DB": "3"}.items():
        monkeypatch.setenv(f"REDIS_{name}", value)
    settings = read("litellm_settings: {cache: true}")
    assert settings.options == {"host": "e.test", "port": 7002, "password": "p", "ssl": True, "db": 3}
    settings = read("router_settings: {redis_host: os.environ/REDIS_HOST, redis_port: 1}")
    assert (settings.where, settings.options["password"]) == ("e.test:1", "p")
    monkeypatch.setenv("REDIS_URL", "rediss://u:secret@url.test/1")
    settings = read("litellm_settings: {cache: true}")
    assert (settings.url, settings.where) == ("rediss://u:secret@url.test/1", "url.test:6379")


def test_a_cluster(read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = (("a.test", 1), ("b.test", 6379))
    written = "[{host: a.test, port: 1}, {host: b.test}]"
    assert read(f"litellm_settings: {{cache: true, cache_params: {{redis_startup_nodes: {written}}}}}").nodes == nodes
    router = f"{{redis_host: x, redis_port: 1, cache_kwargs: {{startup_nodes: {written}}}}}"
    assert read(f"router_settings: {router}").nodes == nodes
    monkeypatch.setenv("REDIS_CLUSTER_NODES", '[{"host": "a.test", "port": "1"}, {"host": "b.test"}]')
    settings = read("litellm_settings: {cache: true}")
    assert settings.nodes == nodes
    assert settings.where == "the cluster of a.test:1, b.test:6379"


def test_sentinels(read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    params = "sentinel_nodes: [[s.test, 26379]], service_name: main, sentinel_password: sp, password: p"
    settings = read(f"litellm_settings: {{cache: true, cache_params: {{type: redis, {params}}}}}")
    assert (settings.sentinels, settings.service_name) == ((("s.test", 26379),), "main")
    assert (settings.sentinel_password, settings.options) == ("sp", {"password": "p"})
    monkeypatch.setenv("REDIS_SENTINEL_NODES", '[["s.test", 1]]')
    monkeypatch.setenv("REDIS_SERVICE_NAME", "main")
    assert read("litellm_settings: {cache: true}").where == "main of the sentinels s.test:1"


def test_a_namespace_and_connections(read: Any) -> None:
    settings = read("litellm_settings: {cache: true, cache_params: {host: h, namespace: prod, max_connections: 3}}")
    assert (settings.namespace, settings.connections) == ("prod:", 3)


def test_no_password_is_shown(read: Any) -> None:
    params = "host: h, password: topsecret, sentinel_nodes: [[s, 1]], service_name: m, sentinel_password: topsecret"
    settings = read(f"litellm_settings: {{cache: true, cache_params: {{{params}}}}}")
    assert "topsecret" not in f"{settings!r} {settings} {settings.where}"
    assert "topsecret" not in read("router_settings: {redis_url: 'redis://:topsecret@h:1'}").where


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("litellm_settings:\n  cache: true", "litellm_settings.cache_params.host: is not set.*REDIS_HOST.*type: local"),
        (
            "litellm_settings:\n  cache: true\n  cache_params: {host: h, port: topsecret}",
            ":3: litellm_settings.cache_params.port: cannot be read as a number",
        ),
        (
            "litellm_settings:\n  cache: true\n  cache_params: {host: h, ssl: topsecret}",
            "cache_params.ssl: cannot be read as true or false",
        ),
        (
            "litellm_settings:\n  cache: true\n  cache_params: {sentinel_nodes: [[s, 1]]}",
            "cache_params.service_name: is not set",
        ),
        (
            "litellm_settings:\n  cache: true\n  cache_params: {sentinel_nodes: topsecret}",
            r"sentinel_nodes: \(or REDIS_SENTINEL_NODES\) is no list of hosts",
        ),
        (
            "litellm_settings:\n  cache: true\n  cache_params: {redis_startup_nodes: [{port: 1}]}",
            r"startup_nodes: \(or REDIS_CLUSTER_NODES\) is no list",
        ),
        (
            "litellm_settings:\n  cache: true\n  cache_params: {host: h, gcp_service_account: x}",
            "gcp_service_account: .*set `password`",
        ),
        ("router_settings:\n  redis_url: h:1/topsecret", ":2: router_settings.redis_url: is no address of a Redis"),
        ("router_settings:\n  redis_url: redis://:topsecret@h:x1", "router_settings.redis_url: is no address"),
        ("router_settings:\n  redis_url: redis://", "router_settings.redis_url: is no address"),
    ],
)
def test_mistakes_are_named(read: Any, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        read(text)
    assert "topsecret" not in str(error.value)


def test_what_is_opened(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("general_settings: {master_key: x}\n", encoding="utf-8")
    assert isinstance(open_state(load_config(file)), MemoryState)
    file.write_text("router_settings: {redis_host: h, redis_port: 1}\n", encoding="utf-8")
    assert isinstance(open_state(load_config(file)), ResilientState)


def test_a_missing_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for name in [name for name in sys.modules if name.split(".")[0] == "redis" or name.startswith("proxy.state.redis")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "redis", None)  # type: ignore[arg-type]
    monkeypatch.delitem(sys.modules, "proxy.state.connecting", raising=False)
    file = tmp_path / "config.yaml"
    file.write_text("router_settings: {redis_host: h, redis_port: 1}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="install the extra `redis`"):
        open_state(load_config(file))


def test_redis_is_not_imported_unless_a_config_names_it() -> None:
    import subprocess
    import sys

    code = "import sys, proxy.app, proxy.cli; print('redis' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
