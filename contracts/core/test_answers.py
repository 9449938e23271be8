"""The shape of answers and their headers: chat, completions, embeddings; and the other names of their paths."""

from typing import Any

import pytest

from contracts.harness.case import USER, Case
from contracts.harness.mark import contract
from fixtures.dialects.openai import CREATED
from fixtures.replies import json, ok

pytestmark = contract("core", config="core/calls.yaml")

HEADERS = [
    "x-litellm-call-id",
    "x-litellm-model-id",
    "x-litellm-model-api-base",
    "x-litellm-version",
    "x-litellm-response-cost-original",
    "x-litellm-response-cost-discount-amount",
    "x-litellm-response-cost-margin-amount",
    "x-litellm-response-cost-margin-percent",
    "x-litellm-key-spend",
]
COMPLETE_HEADERS = [
    *HEADERS,
    "x-litellm-response-cost",
    "x-litellm-response-duration-ms",
    "x-litellm-overhead-duration-ms",
    "x-litellm-attempted-retries",
    "x-litellm-attempted-fallbacks",
    "x-ratelimit-limit-requests",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-limit-tokens",
    "x-ratelimit-remaining-tokens",
    "llm_provider-x-request-id",
    "llm_provider-openai-version",
    "llm_provider-content-type",
    "llm_provider-date",
]
DETAILED = {
    "prompt_tokens": 20,
    "completion_tokens": 30,
    "total_tokens": 50,
    "prompt_tokens_details": {"cached_tokens": 12, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 9, "audio_tokens": 0, "accepted_prediction_tokens": 1},
}


CITATION = {"url": "https://page.test", "title": "A page", "start_index": 0, "end_index": 4}


def _message(**message: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": "hello", **message}, "finish_reason": "stop"}
    return _answer(choices=[choice])


def _answer(**fields: Any) -> dict[str, Any]:
    base = {"id": "chatcmpl-7", "object": "chat.completion", "created": CREATED, "model": "vendor-name"}
    choice = {"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    return {**base, "choices": [choice], "usage": usage, **fields}


BODIES: dict[str, dict[str, Any]] = {
    "plain": _answer(),
    "fingerprint": _answer(system_fingerprint="fp_7", service_tier="default"),
    "null-fingerprint": _answer(system_fingerprint=None),
    "vendor-field": _answer(vendor={"queue": 3}),
    "no-usage": {name: value for name, value in _answer().items() if name != "usage"},
    "null-usage": _answer(usage=None),
    "detailed-usage": _answer(usage=DETAILED),
    "usage-of-a-vendor": _answer(usage={**DETAILED, "queue_time": 0.5, "cost": 0.01}),
    "reasoning": _message(reasoning_content="thinking"),
    "refusal": _message(content=None, refusal="I may not"),
    "annotations": _message(annotations=[{"type": "url_citation", "url_citation": CITATION}]),
    "audio": _message(audio={"id": "audio_1", "data": "UklGRg==", "expires_at": CREATED, "transcript": "hello"}),
    "function-call": _message(content=None, function_call={"name": "weather", "arguments": "{}"}),
    "vendor-message": _message(vendor_note="blue"),
    "logprobs": _answer(
        choices=[
            {
                "index": 0,
                "message": {"role": "assistant", "content": "hi"},
                "finish_reason": "stop",
                "logprobs": {"content": [{"token": "hi", "logprob": -0.1, "bytes": [104, 105], "top_logprobs": []}]},
            }
        ]
    ),
    "length": _answer(
        choices=[{"index": 0, "message": {"role": "assistant", "content": "hel"}, "finish_reason": "length"}]
    ),
    "content-filter": _answer(
        choices=[{"index": 0, "message": {"role": "assistant", "content": ""}, "finish_reason": "content_filter"}]
    ),
}


@pytest.mark.parametrize("body", BODIES)
def test_a_chat_answer(case: Case, body: str) -> None:
    case.script({"upstream-sent": [json(BODIES[body])]})
    answer = case.chat("sent-chat")
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert answer.json["id"] == "chatcmpl-7"
    assert answer.json["model"] == "sent-chat"
    assert answer.json["created"] == CREATED


def test_several_choices(case: Case) -> None:
    case.script({"upstream-sent": [ok("twice")]})
    answer = case.chat("sent-chat", n=2)
    case.assert_same_as_recorded()
    assert [choice["index"] for choice in answer.json["choices"]] == [0, 1]
    assert answer.content == "twicetwice"


@pytest.mark.parametrize("endpoint", ["chat", "embed"])
def test_headers_of_a_complete_answer(case: Case, endpoint: str) -> None:
    case.script({"upstream-sent": []})
    answer = getattr(case, endpoint)("sent-chat")
    case.assert_same_as_recorded(headers=COMPLETE_HEADERS)
    assert answer.headers["x-litellm-model-id"] == "sent-chat-1"
    assert answer.headers["x-litellm-model-api-base"] == "http://upstream.test/v1"
    assert answer.headers["x-ratelimit-remaining-tokens"] == "9985"
    assert answer.headers["llm_provider-x-request-id"] == "req_up1"


def test_a_chat_names_its_group(case: Case) -> None:
    case.script({"upstream-sent": []})
    answer = case.chat("sent-chat")
    case.assert_same_as_recorded(headers=["x-litellm-model-group"])
    assert answer.headers["x-litellm-model-group"] == "sent-chat"


def test_headers_of_a_stream(case: Case) -> None:
    case.script({"upstream-sent": []})
    answer = case.stream("sent-chat")
    case.assert_same_as_recorded(headers=[*HEADERS, "cache-control", "x-accel-buffering", "x-litellm-model-group"])
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["x-litellm-model-id"] == "sent-chat-1"
    assert "x-litellm-attempted-retries" not in answer.headers


def test_a_header_of_the_vendor_is_passed_on(case: Case) -> None:
    case.script({"upstream-sent": [ok(headers={"x-vendor-region": "north", "x-ratelimit-reset-requests": "6ms"})]})
    answer = case.chat("sent-chat")
    case.assert_same_as_recorded(headers=["llm_provider-x-vendor-region"])
    assert answer.headers["llm_provider-x-vendor-region"] == "north"


@pytest.mark.parametrize("endpoint", ["chat", "stream", "embed"])
@pytest.mark.parametrize("model", ["priced-chat", "gpt-4o-mini"])
def test_the_cost(case: Case, model: str, endpoint: str) -> None:
    case.script({"upstream-priced": [], "gpt-4o-mini": []})
    answer = getattr(case, endpoint)(model)
    case.assert_same_as_recorded(headers=[*HEADERS, "x-litellm-response-cost"])
    assert answer.status == 200
    assert "x-litellm-response-cost-original" in answer.headers


def test_the_cost_of_a_text_completion(case: Case) -> None:
    case.script({"upstream-priced": []})
    answer = case.completion("priced-chat")
    case.assert_same_as_recorded(headers=[*HEADERS, "x-litellm-response-cost"])
    assert float(answer.headers["x-litellm-response-cost"]) == 0.02


def test_the_cost_of_cached_tokens(case: Case) -> None:
    case.script({"gpt-4o-mini": [ok(usage=DETAILED)]})
    answer = case.chat("gpt-4o-mini")
    case.assert_same_as_recorded(headers=[*HEADERS, "x-litellm-response-cost"])
    assert 0 < float(answer.headers["x-litellm-response-cost"]) < 0.001


def test_an_id_of_a_deployment_as_the_model(case: Case) -> None:
    case.script({"upstream-sent": []})
    answer = case.chat("sent-chat-1")
    case.assert_same_as_recorded(headers=COMPLETE_HEADERS)
    assert answer.json["model"] == "sent-chat-1"
    assert case.journal().models == ["upstream-sent"]


def test_an_upstream_name_as_the_model(case: Case) -> None:
    case.script({"upstream-sent": []})
    answer = case.chat("openai/upstream-sent")
    case.assert_same_as_recorded(headers=COMPLETE_HEADERS)
    assert answer.status == 200
    assert case.journal().models == ["upstream-sent"]


# --- the other endpoints -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["sent-prompt", "text-prompt"])
def test_a_text_completion(case: Case, model: str) -> None:
    upstream = {"sent-prompt": "upstream-prompt", "text-prompt": "upstream-text"}[model]
    case.script({upstream: [ok("the end")]})
    answer = case.completion(model, prompt="once upon a time", max_tokens=5, suffix="!", echo=True)
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.json["object"] == "text_completion"
    assert answer.content == "the end"
    [call] = case.journal()
    assert call.path == "/v1/completions"
    assert call.body["prompt"] == "once upon a time"


@pytest.mark.parametrize("prompt", [["one", "two"], [1, 2, 3]], ids=["texts", "tokens"])
def test_prompts_of_other_kinds(case: Case, prompt: list[Any]) -> None:
    case.script({"upstream-prompt": []})
    answer = case.completion("sent-prompt", prompt=prompt)
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert case.journal().bodies[0]["prompt"] == prompt


@pytest.mark.parametrize("texts", ["one text", ["one", "two"], [1, 2, 3]], ids=["text", "texts", "tokens"])
def test_an_embedding(case: Case, texts: Any) -> None:
    case.script({"upstream-vector": []})
    answer = case.embed("sent-vector", input=texts)
    case.assert_same_as_recorded(headers=COMPLETE_HEADERS)
    assert answer.json["object"] == "list"
    assert len(answer.json["data"][0]["embedding"]) == 16
    assert case.journal().bodies[0]["input"] == texts


@pytest.mark.parametrize("options", [{"encoding_format": "base64"}, {"encoding_format": "float"}])
def test_embeddings_of_other_kinds(case: Case, options: dict[str, Any]) -> None:
    case.script({"upstream-vector": []})
    answer = case.embed("sent-vector", **options)
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert case.journal().bodies[0].items() >= options.items()


PATHS = [
    "/chat/completions",
    "/v1/chat/completions",
    "/engines/sent-chat/chat/completions",
    "/openai/deployments/sent-chat/chat/completions",
    "/openai/deployments/sent-chat/chat/completions?api-version=2024-06-01",
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("named", [True, False], ids=["named", "unnamed"])
def test_a_path_of_chat(case: Case, path: str, named: bool) -> None:
    case.script({"upstream-sent": []})
    answer = case.post(path, {"messages": USER} | ({"model": "sent-chat"} if named else {}))
    case.assert_same_as_recorded()
    assert answer.status == (200 if named or "sent-chat" in path else 400)


OTHER_PATHS = ["/completions", "/engines/sent-prompt/completions", "/openai/deployments/sent-prompt/completions"]


@pytest.mark.parametrize("path", OTHER_PATHS)
def test_a_path_of_completions(case: Case, path: str) -> None:
    case.script({"upstream-prompt": []})
    answer = case.post(path, {"model": "sent-prompt", "prompt": "hello"})
    case.assert_same_as_recorded()
    assert answer.json["object"] == "text_completion"


VECTOR_PATHS = ["/embeddings", "/engines/sent-vector/embeddings", "/openai/deployments/sent-vector/embeddings"]


@pytest.mark.parametrize("path", VECTOR_PATHS)
def test_a_path_of_embeddings(case: Case, path: str) -> None:
    case.script({"upstream-vector": []})
    answer = case.post(path, {"model": "sent-vector", "input": "hello"})
    case.assert_same_as_recorded()
    assert answer.json["object"] == "list"


@contract("core", config="core/calls.yaml")
def test_a_text_completion_of_a_chat_model(case: Case) -> None:
    case.script({"gpt-4o-mini": [ok("the end")]})
    answer = case.completion("gpt-4o-mini")
    case.assert_same_as_recorded()
    assert answer.json["object"] == "text_completion"
    assert answer.content == "the end"
    assert case.journal().paths == ["/v1/chat/completions"]


# --- answers without an upstream -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("endpoint", ["chat", "stream"])
def test_a_mocked_answer_of_the_config(case: Case, endpoint: str) -> None:
    case.script({"upstream-mocked": []})
    answer = getattr(case, endpoint)("mocked-chat")
    case.assert_same_as_recorded(ignore=["body.created"])
    assert answer.content == "from the config"
    assert len(case.journal()) == 0


@pytest.mark.parametrize("endpoint", ["chat", "stream"])
def test_a_mocked_answer_of_the_client(case: Case, endpoint: str) -> None:
    case.script({"upstream-sent": []})
    answer = getattr(case, endpoint)("sent-chat", mock_response="so it is")
    case.assert_same_as_recorded(ignore=["body.created"])
    assert answer.content == "so it is"
    assert len(case.journal()) == 0


@pytest.mark.parametrize(
    "named", ["litellm.RateLimitError", "litellm.InternalServerError", "litellm.ContextWindowExceededError"]
)
def test_a_mocked_error(case: Case, named: str) -> None:
    answer = case.chat("sent-chat", mock_response=named)
    case.assert_same_as_recorded(ignore=["body.error.message"])
    assert answer.status in (400, 429, 500)
    assert named in answer.json["error"]["message"]
