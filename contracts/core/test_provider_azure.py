"""Azure OpenAI (``azure/DEPLOYMENT``, ``azure_text``) and Azure AI Foundry (``azure_ai/MODEL``)."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import Reply, ok, status

pytestmark = contract("core", config="vendors/azure.yaml")

TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
SAFE = {"hate": {"filtered": False, "severity": "safe"}}
FILTERED = Reply(
    status=400,
    body={
        "error": {
            "message": "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
            "type": None,
            "param": "prompt",
            "code": "content_filter",
            "status": 400,
            "innererror": {
                "code": "ResponsibleAIPolicyViolation",
                "content_filter_result": {"hate": {"filtered": True, "severity": "high"}},
            },
        }
    },
)
WAYS = {
    "azure-chat": ("upstream-azure", "/openai/deployments/upstream-azure/chat/completions"),
    "azure-newest": ("upstream-newest", "/openai/deployments/upstream-newest/chat/completions"),
    "azure-path": ("upstream-path", "/u/eu/openai/deployments/upstream-path/chat/completions"),
    "azure-token": ("upstream-token", "/openai/deployments/upstream-token/chat/completions"),
    "azure-general": ("upstream-general", "/openai/v1/chat/completions"),
    "azure-named": ("our-deployment", "/openai/deployments/our-deployment/chat/completions"),
    "foundry-chat": ("upstream-foundry", "/chat/completions"),
    "foundry-dated": ("upstream-dated", "/models/chat/completions"),
    "foundry-openai": ("gpt-4o-mini", "/openai/deployments/gpt-4o-mini/chat/completions"),
}
FIELDS: dict[str, Any] = {
    "temperature": 0.5,
    "max_tokens": 17,
    "stop": ["end"],
    "seed": 3,
    "user": "somebody",
    "tools": [TOOL],
    "tool_choice": "auto",
    "parallel_tool_calls": False,
    "unheard_of": 1,
}


@pytest.mark.parametrize("model", WAYS)
def test_what_azure_receives(case: Case, model: str) -> None:
    upstream, path = WAYS[model]
    case.script({upstream: [ok("hello")]})
    answer = case.chat(model, drop_params=True, **FIELDS)
    case.assert_same_as_recorded(headers=["x-litellm-model-api-base"])
    assert answer.status == 200
    [call] = case.journal()
    assert call.path == path


@pytest.mark.parametrize("model", ["azure-chat", "foundry-chat"])
@pytest.mark.parametrize("field", ["service_tier", "reasoning_effort", "store", "tool_choice"])
def test_a_parameter_that_is_not_for_azure(case: Case, model: str, field: str) -> None:
    value: Any = {"store": True, "service_tier": "flex", "tool_choice": "auto"}.get(field, "low")
    case.script({"upstream-azure": [], "upstream-foundry": []})
    answer = case.chat(model, tools=[TOOL], **{field: value})
    case.assert_same_as_recorded()
    assert answer.status in (200, 400)
    assert len(case.journal()) == (1 if answer.status == 200 else 0)


@pytest.mark.parametrize(("field", "value"), [("max_tokens", 5), ("temperature", 0.5), ("reasoning_effort", "low")])
def test_a_reasoning_model(case: Case, field: str, value: Any) -> None:
    case.script({"o3-mini": []})
    answer = case.chat("azure-thinker", **{field: value})
    case.assert_same_as_recorded()
    assert answer.status == (400 if field == "temperature" else 200)


def test_a_stream_begins_with_what_was_filtered(case: Case) -> None:
    def chunk(**fields: Any) -> dict[str, Any]:
        return {
            "id": "chatcmpl-up1",
            "object": "chat.completion.chunk",
            "created": 1_700_000_000,
            "model": "gpt-4o",
            **fields,
        }

    def said(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None, "content_filter_results": SAFE}
        return chunk(choices=[choice], system_fingerprint="fp_x")

    filtered = {"prompt_index": 0, "content_filter_results": SAFE}
    first = {"id": "", "object": "", "created": 0, "model": "", "choices": [], "prompt_filter_results": [filtered]}
    events = [
        first,
        said({"role": "assistant", "content": ""}),
        said({"content": "hel"}),
        said({"content": "lo"}),
        said({}, "stop"),
    ]
    case.script({"upstream-azure": [Reply(events=[*events, "[DONE]"])]})
    answer = case.stream("azure-chat")
    case.assert_same_as_recorded()
    assert answer.content == "hello"
    assert case.journal().bodies[0]["stream"] is True


def test_an_answer_with_what_was_filtered(case: Case) -> None:
    message = {"role": "assistant", "content": "hello"}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None, "content_filter_results": SAFE}
    body = {
        "id": "chatcmpl-up1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "gpt-4o",
        "choices": [choice],
        "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": SAFE}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }
    case.script({"upstream-azure": [Reply(body=body)]})
    answer = case.chat("azure-chat")
    case.assert_same_as_recorded()
    assert answer.content == "hello"


@pytest.mark.parametrize("code", [400, 401, 403, 404, 408, 422, 429, 500, 502, 503, 504])
def test_a_status_of_azure(case: Case, code: int) -> None:
    case.script({f"upstream-down-{code}": [status(code)]})
    answer = case.chat(f"azure-down-{code}")
    case.assert_same_as_recorded()
    assert answer.status == code
    assert len(case.journal()) == 1


@pytest.mark.parametrize(
    ("model", "code", "error"),
    [
        (
            "gone",
            404,
            {"code": "DeploymentNotFound", "message": "The API deployment for this resource does not exist."},
        ),
        ("denied", 401, {"code": "401", "message": "Access denied due to invalid subscription key or wrong endpoint."}),
        (
            "error",
            400,
            {"code": "context_length_exceeded", "message": "This model's maximum context length is 10 tokens."},
        ),
    ],
    ids=["no-deployment", "denied", "too-long"],
)
def test_an_error_of_azure(case: Case, model: str, code: int, error: dict[str, str]) -> None:
    upstream = "upstream-failing" if model == "error" else f"upstream-{model}"
    case.script({upstream: [Reply(status=code, body={"error": error})]})
    answer = case.chat(f"azure-{model}")
    case.assert_same_as_recorded()
    assert answer.status == code


def test_what_azure_filters_is_against_a_policy(case: Case) -> None:
    case.script({"upstream-failing": [FILTERED]})
    answer = case.chat("azure-error")
    case.assert_same_as_recorded()
    assert answer.status == 400
    assert "ContentPolicyViolationError" in answer.json["error"]["message"]


def test_a_content_policy_fallback_answers_what_azure_filters(case: Case) -> None:
    case.script({"upstream-filter": [FILTERED], "upstream-safe": [ok("hello")]})
    answer = case.chat("azure-filter")
    case.assert_same_as_recorded(headers=["x-litellm-attempted-fallbacks"])
    assert answer.content == "hello"
    assert case.journal().models == ["upstream-filter", "upstream-safe"]


def test_json_is_asked_for_whatever_the_version(case: Case) -> None:
    wanted = {"type": "json_object"}
    case.script({"upstream-azure": []})
    answer = case.chat("azure-chat", response_format=wanted)
    bodies = case.journal().bodies

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 200
        assert "response_format" not in bodies[0]

    def required(answer: Exchange) -> None:
        assert answer.status == 200
        assert bodies[0]["response_format"] == wanted

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_embeddings_have_the_version_of_their_deployment(case: Case) -> None:
    case.script({"upstream-vector": []})
    answer = case.embed("azure-vector", input=["hello"])
    [call] = case.journal()
    assert answer.status == 200
    assert call.path == "/openai/deployments/upstream-vector/embeddings"

    def as_recorded(_: Exchange) -> None:
        assert call.query == {"api-version": "2024-07-01-preview"}

    def required(_: Exchange) -> None:
        assert call.query == {"api-version": "2024-06-01"}

    case.deviates(answer, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("model", ["azure-prompt", "azure-text"])
def test_a_text_completion_of_azure(case: Case, model: str) -> None:
    upstream = {"azure-prompt": "upstream-prompt", "azure-text": "upstream-text"}[model]
    case.script({upstream: [ok("the end")]})
    answer = case.completion(model, prompt="once upon a time", max_tokens=5)
    case.assert_same_as_recorded(ignore=["body.created", "body.system_fingerprint", "journal*.body.stream"])
    assert answer.content == "the end"
    assert len(case.journal()) == 1
