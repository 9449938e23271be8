"""A batch that the vendor refuses takes nothing of its caller's limits."""

from collections.abc import Iterator

import httpx
import pytest

from fixtures.replies import Reply, status
from fixtures.running import UpstreamControl
from tests.gateways import KEY, Gateway, running

DECIDING = """
from litellm.proxy._types import UserAPIKeyAuth

async def decide(request, api_key):
    return UserAPIKeyAuth(api_key=api_key, rpm_limit=3, tpm_limit=100)
"""
LINES = b'{"body": {"model": "m", "messages": [{"role": "user", "content": "hello"}]}}\n' * 3
CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def gateway(upstream: UpstreamControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("refused")
    (folder / "deciding.py").write_text(DECIDING)
    account = {"custom_llm_provider": "openai", "api_base": f"{upstream.url}/u/refused/v1", "api_key": "sk-up"}
    config = {
        "model_list": [],
        "files_settings": [account],
        "general_settings": {"master_key": KEY, "custom_auth": "deciding.decide"},
    }
    with running(folder, config, {"proxy.files.exchange.FIRST_WAIT": 0.01}) as started:
        yield started


@pytest.mark.parametrize(("refusal", "calls"), [(status(400), 1), (status(503), 3)], ids=["refused", "failed"])
def test_there_is_room_for_it_later(gateway: Gateway, upstream: UpstreamControl, refusal: Reply, calls: int) -> None:
    name = f"refused{calls}"
    upstream.script(name, {name: [Reply(), Reply(), *[refusal] * calls, Reply()]})

    def made() -> httpx.Response:
        asked = {"input_file_id": f"file-up:{name}", "endpoint": CHAT, "completion_window": "24h"}
        return gateway.http.post("/v1/batches", json=asked, headers={"authorization": f"Bearer sk-{name}"})

    gateway.http.post("/v1/files", data={"purpose": "batch"}, files={"file": (f"{name}.jsonl", LINES)})
    answers = [made().status_code for _ in range(3)]
    assert answers == [refusal.status, 200, 429]
