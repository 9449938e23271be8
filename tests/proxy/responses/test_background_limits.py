"""A response in the background has the place of the call that began it, and is paid for as that call is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.replies import Reply, ok, status, stream
from fixtures.running import UpstreamControl
from tests.gateways import eventually
from tests.proxy.api.serving import KEY, Client, serving

CONFIG = """
model_list:
  - model_name: working
    litellm_params:
      {model: openai/working, api_base: UPSTREAM/v1, api_key: sk-up, input_cost_per_token: 1, output_cost_per_token: 1}
  - {model_name: free, litellm_params: {model: openai/free, api_key: sk-up, mock_response: Hello}}
litellm_settings:
  responses: {background_mode: {polling_via_cache: all}}
  tag_budget_config: {nightly: {max_budget: 1, budget_duration: 1d}}
router_settings: {num_retries: 0, disable_cooldowns: true}
general_settings: {custom_auth: deciding.decide, master_key: KEY}
"""
FUNCTION = """
from litellm.proxy._types import UserAPIKeyAuth

async def decide(request, api_key):
    return UserAPIKeyAuth(api_key=api_key, max_parallel_requests=1 if api_key == "sk-single" else None)
"""
WORK = stream(["word "] * 8, pace=0.2)
ENDS: dict[str, Reply] = {"completed": WORK, "failed": status(500).slow(1), "cancelled": WORK, "deleted": WORK}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, upstream: UpstreamControl) -> Iterator[Client]:
    folder: Path = tmp_path_factory.mktemp("background")
    (folder / "deciding.py").write_text(FUNCTION)
    with serving(folder, CONFIG.replace("KEY", KEY), upstream=upstream.url, key="sk-single") as client:
        yield client


def begin(client: Client, **headers: str) -> str:
    body = {"model": "working", "input": "hi", "background": True}
    begun: dict[str, Any] = client.post("/v1/responses", json=body, headers=headers).json()
    assert begun["status"] == "queued"
    return f"/v1/responses/{begun['id']}"


def chat(client: Client, **headers: str) -> int:
    body = {"model": "free", "messages": [{"role": "user", "content": "hi"}]}
    return client.post("/v1/chat/completions", json=body, headers=headers).status_code


@pytest.mark.parametrize("end", ENDS)
def test_its_place_is_kept_until_the_work_ends(client: Client, upstream: UpstreamControl, end: str) -> None:
    upstream.script("background-places", {"working": [ENDS[end]]})
    path = begin(client)
    assert eventually(lambda: upstream.calls("background-places").open == 1)
    assert [chat(client) for _ in range(3)] == [429] * 3
    if end == "deleted":
        assert client.delete(path).json()["deleted"] is True
    elif end == "cancelled":
        assert client.post(f"{path}/cancel").json()["status"] == "cancelled"
    else:
        assert eventually(lambda: client.get(path).json()["status"] == end, 10)
    assert eventually(lambda: chat(client) == 200)
    assert [chat(client) for _ in range(3)] == [200] * 3


def test_it_counts_on_the_budgets_of_its_tags(client: Client, upstream: UpstreamControl) -> None:
    upstream.script("background-tags", {"working": [ok()]})
    tagged = {"authorization": "Bearer sk-any", "x-litellm-tags": "nightly"}
    assert [chat(client, **tagged) for _ in range(2)] == [200, 200]
    path = begin(client, **tagged)
    assert eventually(lambda: client.get(path).json()["status"] == "completed")
    assert eventually(lambda: chat(client, **tagged) == 429)
    assert chat(client, authorization="Bearer sk-any") == 200
