from collections.abc import Iterator

import pytest

from fixtures.running import UpstreamControl, running_upstream


@pytest.fixture(scope="session")
def upstream() -> Iterator[UpstreamControl]:
    """Simulated vendors, on loopback."""
    with running_upstream() as control:
        yield control
