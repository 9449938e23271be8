from collections.abc import Iterator

import pytest

from fixtures.running import UpstreamControl
from tests.gateways import KEY, Gateway, deployment, running


@pytest.fixture(scope="session")
def strict(upstream: UpstreamControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway without wildcards, for what is refused: small bodies only, and groups that let clients set hosts."""
    allowed = {
        "free": ["api_base", "api_key"],
        "pattern": [{"api_base": rf"{upstream.url}/[a-z]+/v1"}, "api_key"],
    }
    config = {
        "model_list": [
            deployment("m", upstream.url),
            *(deployment(name, upstream.url, configurable_clientside_auth_params=it) for name, it in allowed.items()),
        ],
        "router_settings": {"num_retries": 0, "model_group_alias": {"al": "m"}},
        "general_settings": {"master_key": KEY, "max_request_size_mb": 25},
    }
    with running(tmp_path_factory.mktemp("strict"), config) as gateway:
        yield gateway
