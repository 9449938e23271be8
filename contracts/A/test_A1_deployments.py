"""A1: routes on which a path or a body may name a model of the config: Azure, Bedrock, vLLM; and Milvus."""

from typing import Any

import pytest

from contracts.harness.case import USER, Case
from contracts.harness.configs import MASTER_KEY
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import ok, status

pytestmark = contract("A1", config="A1/vendors.yaml")

OWN_HEADERS = ["x-litellm-call-id", "x-litellm-model-api-base", "x-litellm-key-spend"]
ROCK_HEADERS = ["x-litellm-call-id", "x-litellm-model-api-base", "x-amzn-requestid"]
#: A signature is of its moment.
NOT_OF_BEDROCK = ["journal[0].headers.*"]
HAIKU = "anthropic.claude-3-haiku-20240307-v1:0"
CONVERSE: dict[str, Any] = {"messages": [{"role": "user", "content": [{"text": "hello"}]}]}


@pytest.mark.parametrize("path", ["/azure", "/azure_ai"])
def test_azure_without_a_model_of_the_config(case: Case, path: str) -> None:
    case.script({"az-unknown": [ok("hello")]})
    answer = case.post(
        f"{path}/openai/deployments/az-unknown/chat/completions?api-version=2024-10-21", {"messages": USER}
    )
    case.assert_same_as_recorded(headers=OWN_HEADERS)
    assert answer.status == 200
    [call] = case.journal()
    assert call.headers["api-key"] == "az-up"
    assert call.query == {"api-version": "2024-10-21"}


def test_azure_with_a_model_of_the_config(case: Case) -> None:
    case.script({"az-upstream": [ok("hello")]})
    answer = case.post(
        "/azure/openai/deployments/az-group/chat/completions?api-version=1999-01-01",
        {"model": "az-group", "messages": USER},
    )
    case.assert_same_as_recorded(headers=[*OWN_HEADERS, "x-request-id"])
    assert answer.status == 200
    assert answer.json["model"] == "az-upstream"
    [call] = case.journal()
    assert call.path == "/openai/deployments/az-upstream/chat/completions"
    assert call.query == {"api-version": "2024-02-01"}
    assert call.headers["api-key"] == "az-deployment"
    assert call.body["model"] == "az-upstream"


def test_a_stream_of_azure(case: Case) -> None:
    case.script({"az-upstream": [ok(["one ", "two"])]})
    answer = case.post(
        "/azure/openai/deployments/az-group/chat/completions", {"model": "az-group", "messages": USER, "stream": True}
    )
    case.assert_same_as_recorded(headers=OWN_HEADERS, ignore=["headers.content-type"])
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.content == "one two"
    assert "x-litellm-call-id" not in answer.headers


def test_a_model_of_another_vendor(case: Case) -> None:
    case.script({"native-upstream": []})
    answer = case.post("/azure/openai/deployments/native-group/chat/completions", {"messages": USER})
    assert len(case.journal()) == 0

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500
        assert answer.text == "Internal Server Error"

    def required(answer: Exchange) -> None:
        assert answer.status == 400
        assert "'native-group' is served by openai" in answer.json["error"]["message"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("action", ["converse", "invoke"])
def test_bedrock(case: Case, action: str) -> None:
    case.script({HAIKU: [ok("hello")]})
    answer = case.post(f"/bedrock/model/rock-group/{action}", CONVERSE)
    case.assert_same_as_recorded(headers=ROCK_HEADERS, ignore=NOT_OF_BEDROCK)
    assert answer.status == 200
    [call] = case.journal()
    assert call.path == f"/model/{HAIKU}/{action}"
    assert call.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDUPSTREAM/")
    assert "SignedHeaders=content-type;host;x-amz-date" in call.headers["authorization"]
    assert call.body == CONVERSE


def test_a_stream_of_bedrock(case: Case) -> None:
    """The reference does not tell what kind of stream it is."""
    case.script({HAIKU: [ok(["one ", "two"])]})
    answer = case.post("/bedrock/model/rock-group/converse-stream", CONVERSE)
    assert answer.status == 200
    assert b"contentBlockDelta" in answer.body
    assert case.journal().paths == [f"/model/{HAIKU}/converse-stream"]

    def as_recorded(answer: Exchange) -> None:
        assert "content-type" not in answer.headers

    def required(answer: Exchange) -> None:
        assert answer.headers["content-type"] == "application/vnd.amazon.eventstream"
        assert answer.headers["x-amzn-requestid"] == "req_up1"

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_a_model_of_bedrock_with_a_version(case: Case) -> None:
    case.script({"anthropic.claude-3-5-sonnet-20240620-v1:0": [ok("hello")]})
    answer = case.post("/bedrock/model/rock-claude/converse", CONVERSE)
    case.assert_same_as_recorded(headers=ROCK_HEADERS, ignore=NOT_OF_BEDROCK)
    assert answer.status == 200
    assert len(case.journal()) == 1


def test_an_unknown_model_of_bedrock(case: Case) -> None:
    case.script({"rock-unknown": []})
    answer = case.post("/bedrock/model/rock-unknown/invoke", CONVERSE)
    case.assert_same_as_recorded()
    assert answer.status == 400
    assert "Invalid model name passed in model=rock-unknown" in answer.json["error"]["message"]
    assert len(case.journal()) == 0


def test_bedrock_without_a_model(case: Case) -> None:
    answer = case.post("/bedrock/foo", CONVERSE)
    case.assert_same_as_recorded()
    assert answer.status == 400
    assert "'model' keyword not found" in answer.json["detail"]["error"]


def test_agents_of_bedrock(case: Case) -> None:
    """The reference puts the caller's key for the gateway where the signature should be."""
    case.script({"agent-pass": [ok("hello")]})
    answer = case.post("/bedrock/agents/one/chat/completions", {"model": "agent-pass", "messages": USER})
    [call] = case.journal()
    assert answer.status == 200
    assert call.entry["host"] == "bedrock-agent-runtime.eu-west-1.amazonaws.com"

    def as_recorded(call: Any) -> None:
        assert call.headers["authorization"] == f"Bearer {MASTER_KEY}"

    def required(call: Any) -> None:
        assert call.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDAGENTS/")
        assert MASTER_KEY not in str(call.headers)

    case.deviates(call, as_recorded=as_recorded, required=required)


def test_vllm_without_a_model_of_the_config(case: Case) -> None:
    case.script({"vllm-unknown": [ok("hello")]})
    answer = case.post("/vllm/v1/chat/completions", {"model": "vllm-unknown", "messages": USER})
    case.assert_same_as_recorded(headers=OWN_HEADERS)
    assert answer.status == 200
    assert case.journal().paths == ["/vllm/v1/chat/completions"]


def test_vllm_with_a_model_of_the_config(case: Case) -> None:
    case.script({"vllm-upstream": [ok("hello")]})
    answer = case.post("/vllm/v1/chat/completions", {"model": "vllm-group", "messages": USER})
    case.assert_same_as_recorded(headers=OWN_HEADERS)
    assert answer.status == 200
    assert case.journal().models == ["vllm-upstream"]


def test_an_error_of_bedrock(case: Case) -> None:
    case.script({HAIKU: [status(429)]})
    answer = case.post("/bedrock/model/rock-group/converse", CONVERSE)
    case.assert_same_as_recorded(headers=ROCK_HEADERS, ignore=NOT_OF_BEDROCK)
    assert answer.status == 429
    assert "upstream says 429" in answer.json["detail"]["error"]
    assert len(case.journal()) == 1


def test_an_error_of_azure(case: Case) -> None:
    """The reference shows a failure of its own."""
    case.script({"az-upstream": [status(429)]})
    answer = case.post("/azure/openai/deployments/az-group/chat/completions", {"messages": USER})
    assert len(case.journal()) == 1

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500
        assert answer.text == "Internal Server Error"

    def required(answer: Exchange) -> None:
        assert answer.status == 429
        assert "upstream says 429" in answer.json["error"]["message"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_milvus_needs_a_collection(case: Case) -> None:
    answer = case.post("/milvus/v2/vectordb/entities/search", {"data": [1]})
    case.assert_same_as_recorded()
    assert answer.status == 400
    assert answer.json["detail"].startswith("Collection name is required.")


def test_milvus_needs_a_managed_index(case: Case) -> None:
    """Indexes are registered through a database; the reference answers 500 where there is none."""
    answer = case.post("/milvus/v2/vectordb/entities/search", {"collectionName": "unheard-of"})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 400
        assert "unheard-of is not a litellm managed vector store index" in answer.json["detail"]

    case.deviates(answer, as_recorded=as_recorded, required=required)
