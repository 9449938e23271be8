"""A key or an address of the client's own that the vendor refuses says nothing of the deployment."""

from collections.abc import Iterator

import pytest

from fixtures.replies import ok, status
from fixtures.running import UpstreamControl
from tests.proxy.api.serving import Client, serving

CONFIG = """
model_list:
  - model_name: own
    litellm_params:
      model: openai/own-account
      api_base: UPSTREAM/v1
      api_key: sk-up
      configurable_clientside_auth_params: [api_key, api_base]
router_settings: {num_retries: 0, allowed_fails: 0, cooldown_time: 60}
"""


@pytest.fixture
def client(tmp_path_factory: pytest.TempPathFactory, upstream: UpstreamControl) -> Iterator[Client]:
    with serving(tmp_path_factory.mktemp("accounts"), CONFIG, upstream=upstream.url) as client:
        yield client


def chat(client: Client, **own: str) -> int:
    body = {"model": "own", "messages": [{"role": "user", "content": "hi"}], **own}
    return client.post("/v1/chat/completions", json=body).status_code


@pytest.mark.parametrize("refused", [401, 403, 429])
def test_a_key_of_the_client_cools_nothing_down(client: Client, upstream: UpstreamControl, refused: int) -> None:
    upstream.script("own-account", {"own-account": [status(refused), status(refused), ok()]})
    assert [chat(client, api_key="sk-theirs") for _ in range(2)] == [refused, refused]
    assert chat(client) == 200
    assert [call.headers["authorization"] for call in upstream.journal("own-account")] == [
        "Bearer sk-theirs",
        "Bearer sk-theirs",
        "Bearer sk-up",
    ]


@pytest.mark.parametrize("refused", [401, 429])
def test_the_key_of_the_deployment_does(client: Client, upstream: UpstreamControl, refused: int) -> None:
    upstream.script("own-account", {"own-account": [status(refused), ok()]})
    assert [chat(client), chat(client)] == [refused, 429]
    assert len(upstream.journal("own-account")) == 1


def test_an_address_of_the_client_cools_nothing_down(client: Client, upstream: UpstreamControl) -> None:
    upstream.script("own-account", {"own-account": [ok()]})
    assert chat(client, api_base="http://127.0.0.1:9/v1", api_key="sk-theirs") >= 500
    assert chat(client) == 200
