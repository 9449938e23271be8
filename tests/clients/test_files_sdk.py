"""Files and batches of the ``openai`` SDK as it is, through the gateway."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import openai
import pytest
from openai import OpenAI

from fixtures.running import UpstreamControl
from tests.gateways import KEY, Gateway, deployment, running

LINES = (
    b'{"custom_id": "one", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "m", "messages": []}}\n'
    * 3
)


@pytest.fixture(scope="module")
def client(upstream: UpstreamControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenAI]:
    account = {"custom_llm_provider": "openai", "api_base": f"{upstream.url}/u/sdk/v1", "api_key": "sk-up"}
    config = {
        "model_list": [deployment("owned", f"{upstream.url}/u/owned")],
        "files_settings": [account],
        "general_settings": {"master_key": KEY, "max_request_size_mb": 5},
    }
    with running(tmp_path_factory.mktemp("files"), config) as gateway, made(gateway) as sdk:
        yield sdk


def made(gateway: Gateway) -> OpenAI:
    http = httpx.Client(trust_env=False)
    return OpenAI(api_key=KEY, base_url=f"{gateway.url}/v1", max_retries=0, timeout=10, http_client=http)


def test_a_file_from_its_upload_to_its_end(client: OpenAI) -> None:
    file = client.files.create(file=("whole.jsonl", LINES), purpose="batch")
    assert (file.id, file.bytes) == ("file-up:whole", len(LINES))
    assert client.files.retrieve(file.id) == file
    assert client.files.content(file.id).read() == LINES
    assert file in list(client.files.list(purpose="batch"))
    assert client.files.delete(file.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(file.id)


def test_a_file_of_megabytes(client: OpenAI, tmp_path: Path) -> None:
    path = tmp_path / "large.bin"
    path.write_bytes(bytes(range(256)) * 16_000)
    file = client.files.create(file=path, purpose="user_data", expires_after={"anchor": "created_at", "seconds": 3600})
    assert file.bytes == path.stat().st_size
    assert client.files.content(file.id).read() == path.read_bytes()


def test_a_file_that_is_too_large(client: OpenAI) -> None:
    with pytest.raises(openai.APIStatusError) as refused:
        client.files.create(file=("huge.bin", b"x" * 6_000_000), purpose="user_data")
    assert refused.value.status_code == 413
    assert "max_request_size_mb" in refused.value.message


def test_a_batch_from_its_making_to_its_results(client: OpenAI) -> None:
    file = client.files.create(file=("work.jsonl", LINES), purpose="batch")
    batch = client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h", metadata={"of": "mine"}
    )
    assert (batch.status, batch.metadata) == ("validating", {"of": "mine"})
    done = client.batches.retrieve(batch.id)
    assert done.status == "completed"
    assert done.output_file_id is not None
    assert len(client.files.content(done.output_file_id).text.splitlines()) == 3
    assert batch.id in [each.id for each in client.batches.list(limit=50)]


def test_a_cancelled_batch(client: OpenAI) -> None:
    file = client.files.create(file=("stopped.jsonl", LINES), purpose="batch")
    batch = client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    assert client.batches.cancel(batch.id).status == "cancelling"


def test_ids_of_a_model(client: OpenAI) -> None:
    file = client.files.create(file=("of-model.jsonl", LINES), purpose="batch", extra_body={"model": "owned"})
    batch = client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    assert batch.input_file_id == file.id
    assert client.batches.retrieve(batch.id).status == "completed"
    assert client.files.content(file.id).read() == LINES


def test_a_malformed_line_is_named(client: OpenAI) -> None:
    file = client.files.create(file=("broken.jsonl", LINES + b'{"custom_id":\n'), purpose="batch")
    with pytest.raises(openai.BadRequestError, match="line 4"):
        client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")


def test_an_id_that_would_lead_elsewhere(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="is no id"):
        client.files.retrieve("file?x=1")
