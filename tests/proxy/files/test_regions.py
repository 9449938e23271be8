"""Files and batches of callers who must stay in a region."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from fixtures.running import UpstreamControl
from tests.gateways import Gateway, running

DECIDING = """
from litellm.proxy._types import UserAPIKeyAuth

async def decide(request, api_key):
    return UserAPIKeyAuth(api_key=api_key, allowed_model_region=api_key.removeprefix("sk-"))
"""


@pytest.fixture(scope="module")
def gateway(upstream: UpstreamControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("regions")
    (folder / "deciding.py").write_text(DECIDING)
    entries: list[dict[str, Any]] = [
        {
            "model_name": "chat",
            "litellm_params": {
                "model": "openai/gpt",
                "api_base": f"{upstream.url}/case/of-{region}/v1",
                "api_key": "sk-upstream",
                "region_name": region,
            },
        }
        for region in ("us", "eu")
    ]
    config = {
        "model_list": entries,
        "router_settings": {"enable_pre_call_checks": True},
        "general_settings": {"master_key": "sk-master", "custom_auth": "deciding.decide"},
    }
    with running(folder, config) as started:
        yield started


def listed(gateway: Gateway, region: str, path: str) -> httpx.Response:
    return httpx.get(f"{gateway.url}{path}", headers={"authorization": f"Bearer sk-{region}"})


def test_a_models_files_are_where_the_caller_must_stay(gateway: Gateway, upstream: UpstreamControl) -> None:
    for region in ("us", "eu"):
        upstream.script(f"of-{region}", {})
    assert listed(gateway, "eu", "/v1/batches?model=chat").status_code == 200
    assert [len(upstream.journal(f"of-{region}")) for region in ("us", "eu")] == [0, 1]


def test_nobody_is_in_the_region(gateway: Gateway) -> None:
    assert listed(gateway, "asia", "/v1/batches?model=chat").status_code == 429


def test_an_account_is_in_no_region(gateway: Gateway) -> None:
    answer = listed(gateway, "eu", "/v1/batches")
    assert answer.status_code == 400
    assert "name a model" in answer.text
