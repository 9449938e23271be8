import itertools
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import settings

from contracts.harness.postgres import PostgresServer
from fixtures.calls import Entry
from fixtures.replies import Reply
from fixtures.running import UpstreamControl, running_upstream
from tests.gateways import KEY, Gateway, deployment, running

# Machines of CI are slow and shared: a time says nothing there, and the examples are the same in every run.
settings.register_profile("suite", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("suite")

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def upstream() -> Iterator[UpstreamControl]:
    """Simulated vendors, on loopback."""
    with running_upstream() as control:
        yield control


@pytest.fixture(scope="session")
def gateway(upstream: UpstreamControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway that serves any model of the simulated upstream as ``any/MODEL``, without retries of its own. Answers: 20 MB."""
    config = {
        "model_list": [
            deployment("any/*", upstream.url, model="*"),
            deployment("unreachable", "http://127.0.0.1:9"),
            deployment("pair", upstream.url, model="pair-1"),
            deployment("pair", upstream.url, model="pair-2"),
            {"model_name": "echo", "litellm_params": {"model": "offline/echo"}},
        ],
        "router_settings": {"num_retries": 0},
        "general_settings": {"master_key": KEY, "max_response_size_mb": 20},
    }
    with running(tmp_path_factory.mktemp("gateway"), config) as running_gateway:
        yield running_gateway


class Vendor:
    """A model of the simulated upstream that only one test uses; ``name`` is what clients of ``gateway`` call it."""

    def __init__(self, control: UpstreamControl, model: str) -> None:
        self.model = model
        self.name = f"any/{model}"
        self._control = control
        self.answers()

    def answers(self, *replies: Reply) -> None:
        """Say how it answers: in order, the last repeats; without any, ordinarily."""
        self._control.script(self.model, {self.model: list(replies) or [Reply()]})

    @property
    def received(self) -> list[Entry]:
        return self._control.journal(self.model)

    @property
    def open(self) -> int:
        """Calls being answered now."""
        return self._control.calls(self.model).open

    @property
    def calls(self) -> int:
        """Calls received, whether or not their answer is over."""
        return self._control.calls(self.model).received


@pytest.fixture
def vendor(upstream: UpstreamControl) -> Vendor:
    return Vendor(upstream, f"model-{next(_numbers)}")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Tests that use servers stay together by file, so that few of them are started."""
    for item in items:
        if "gateway" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group(item.path.name))


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A real Postgres, on loopback; ``new_database()`` of it is a test's own."""
    server = PostgresServer()
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database; a test that asks for it runs on each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/gateway.db"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_database()
