from collections.abc import Iterator, Sequence

import pytest

from proxy.state import resilient
from tests.proxy.state.servers import RedisServer, cluster, redis_server, sentinels


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A server that no test stops."""
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A server of one test, which may do with it what it likes."""
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="session")
def redis_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sequence[RedisServer]]:
    """Three masters that no test stops."""
    with cluster(tmp_path_factory.mktemp("cluster")) as nodes:
        yield nodes


@pytest.fixture
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RedisServer, RedisServer, RedisServer]]:
    """A master, its replica and their sentinel."""
    with sentinels(tmp_path_factory.mktemp("sentinels")) as servers:
        yield servers


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis is asked more often whether it is back."""
    monkeypatch.setattr(resilient, "MAX_PAUSE", 0.2)
    monkeypatch.setattr(resilient, "START_SECONDS", 0.2)
