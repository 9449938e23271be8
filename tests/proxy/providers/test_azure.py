"""Azure OpenAI and Azure AI Foundry."""

import json
from typing import Any

import pytest

from fixtures.replies import Reply
from fixtures.running import UpstreamControl
from proxy.errors import Failure
from proxy.providers.azure.failures import Filtered, azure_failure
from proxy.providers.compatible import param_rules
from proxy.providers.openai.params import adapted
from tests.proxy.providers.sending import answered, attempt, sent

BASE = "https://resource.openai.azure.com"


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("API_BASE", "API_KEY", "OPENAI_API_KEY", "API_VERSION", "AD_TOKEN", "AI_API_KEY", "AI_API_BASE"):
        monkeypatch.delenv(f"AZURE_{name}", raising=False)


def url(model: str, **params: Any) -> str:
    return sent(attempt(model, **({"api_base": BASE, "api_key": "k"} | params))).url


class TestWhere:
    @pytest.mark.parametrize(
        ("params", "expected"),
        [
            ({"api_version": "2024-06-01"}, f"{BASE}/openai/deployments/m/chat/completions?api-version=2024-06-01"),
            ({}, f"{BASE}/openai/deployments/m/chat/completions?api-version=2024-07-01-preview"),
            ({"api_version": "v1"}, f"{BASE}/openai/v1/chat/completions"),
            ({"api_version": "preview", "api_base": f"{BASE}/openai/v1/"}, f"{BASE}/openai/v1/chat/completions"),
            (
                {"api_base": f"{BASE}/openai/deployments/other"},
                f"{BASE}/openai/deployments/other/chat/completions?api-version=2024-07-01-preview",
            ),
            (
                {"api_base": f"{BASE}/?api-version=2023-05-15"},
                f"{BASE}/openai/deployments/m/chat/completions?api-version=2023-05-15",
            ),
        ],
        ids=["version", "default", "general", "general-path", "deployment-in-path", "version-in-query"],
    )
    def test_an_address(self, params: dict[str, Any], expected: str) -> None:
        assert url("azure/m", **params) == expected

    def test_a_name_of_the_clients_stays_one_piece_of_the_path(self) -> None:
        assert "/deployments/..%2Fa%3Fb%3D%23%252e/chat/completions?api" in url("azure/../a?b=#%2e")
        for name in (".", "..", "o_series/.."):
            for endpoint in ("chat", "embeddings"):
                asked = attempt(f"azure/{name}", endpoint, api_base=BASE, api_key="k")
                with pytest.raises(Failure, match="Invalid model name") as raised:
                    sent(asked)
                assert raised.value.status == 400

    def test_versions_of_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AZURE_API_VERSION", "2024-10-21")
        assert url("azure/of-env").endswith("api-version=2024-10-21")

    def test_a_missing_address_is_told(self) -> None:
        with pytest.raises(Failure, match="api_base of model 'group' or the AZURE_API_BASE variable"):
            sent(attempt("azure/homeless", api_key="k"))

    def test_a_series_is_no_part_of_the_name(self) -> None:
        asked = attempt("azure/o_series/mine", api_base=BASE, api_key="k")
        assert "/deployments/mine/" in sent(asked).url
        assert sent(asked).body["model"] == "mine"

    @pytest.mark.parametrize(
        ("base", "expected"),
        [
            ("https://x.services.ai.azure.com", "https://x.services.ai.azure.com/models/chat/completions"),
            ("https://x.services.ai.azure.com/models", "https://x.services.ai.azure.com/models/chat/completions"),
            ("https://m.inference.ai.azure.com/v1", "https://m.inference.ai.azure.com/v1/chat/completions"),
            (
                "https://x.services.ai.azure.com/models/chat/completions?api-version=1",
                "https://x.services.ai.azure.com/models/chat/completions?api-version=1",
            ),
        ],
    )
    def test_addresses_of_the_foundry(self, base: str, expected: str) -> None:
        assert url("azure_ai/m", api_base=base) == expected

    def test_embeddings(self) -> None:
        asked = attempt("azure/m", "embeddings", body={"input": "x"}, api_base=BASE, api_key="k")
        assert sent(asked).url == f"{BASE}/openai/deployments/m/embeddings?api-version=2024-07-01-preview"


class TestCredentials:
    def test_a_key(self) -> None:
        headers = sent(attempt("azure/keyed", api_base=BASE, api_key="k")).headers
        assert headers["api-key"] == "k"
        assert "authorization" not in headers

    def test_a_token(self) -> None:
        headers = sent(attempt("azure/tokened", api_base=BASE, other={"azure_ad_token": "t"})).headers
        assert headers["authorization"] == "Bearer t"
        assert "api-key" not in headers

    def test_a_key_of_the_deployment_comes_before_a_token(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AZURE_AD_TOKEN", "t")
        assert sent(attempt("azure/both", api_base=BASE, api_key="k")).headers["api-key"] == "k"
        assert sent(attempt("azure/one", api_base=BASE)).headers["authorization"] == "Bearer t"

    def test_none(self) -> None:
        with pytest.raises(Failure, match="AZURE_OPENAI_API_KEY or AZURE_API_KEY variable") as failed:
            sent(attempt("azure/none", api_base=BASE))
        assert failed.value.status == 500

    def test_the_clients_own(self) -> None:
        asked = attempt("azure/own", api_base=BASE, api_key="k")
        asked.credentials = {"api_key": "client", "api_version": "2025-01-01", "base_url": "https://own.example"}
        request = sent(asked)
        assert request.headers["api-key"] == "client"
        assert request.url.startswith("https://own.example/openai/deployments/own/")
        assert request.url.endswith("api-version=2025-01-01")

    def test_keys_of_the_foundry(self) -> None:
        foundry = sent(attempt("azure_ai/m", api_base="https://x.services.ai.azure.com", api_key="k")).headers
        other = sent(attempt("azure_ai/m", api_base="https://x.example", api_key="k")).headers
        assert (foundry.get("api-key"), other["authorization"]) == ("k", "Bearer k")

    def test_models_of_openai_are_azure_openais(self) -> None:
        assert "/openai/deployments/gpt-4o/" in url("azure_ai/gpt-4o")
        assert "/openai/" not in url("azure_ai/gpt-oss-120b")


class TestParameters:
    @pytest.mark.parametrize("model", ["azure/my-o3-mini", "azure/o_series/mine", "azure/gpt5_series/mine"])
    def test_reasoning_models(self, model: str) -> None:
        asked = attempt(model, body={"max_tokens": 5, "reasoning_effort": "low"})
        rules = param_rules(asked.deployment, {})
        assert rules is not None
        fields = adapted(asked.body, rules, drop=False, allowed=())
        assert "max_completion_tokens" in fields
        assert "reasoning_effort" in fields

    def test_a_user_is_passed_on(self) -> None:
        asked = attempt("azure/m", body={"user": "somebody"})
        rules = param_rules(asked.deployment, {})
        assert rules is not None
        assert "user" in adapted(asked.body, rules, drop=False, allowed=())


def error(message: str, **fields: Any) -> bytes:
    return json.dumps({"error": {"message": message, **fields}}).encode()


class TestFailures:
    def test_a_filtered_prompt(self) -> None:
        inner = {"code": "ResponsibleAIPolicyViolation", "content_filter_result": {"hate": {"filtered": True}}}
        failure = azure_failure(400, [], error("Filtered.", code="content_filter", innererror=inner), coded=False)
        assert isinstance(failure, Filtered)
        assert (failure.kind, failure.status) == ("content_policy", 400)
        assert json.loads(failure.body())["error"]["provider_specific_fields"]["innererror"] == inner

    def test_filtered_without_reasons(self) -> None:
        failure = azure_failure(400, [], error("Your task failed as a result of our safety system."), coded=False)
        assert failure.kind == "content_policy"
        assert "provider_specific_fields" not in json.loads(failure.body())["error"]

    def test_too_long(self) -> None:
        failure = azure_failure(400, [], error("This model's maximum context length is 10 tokens."), coded=False)
        assert failure.kind == "context_window"

    @pytest.mark.parametrize(
        "body", [b"", b"<html>", b"[]", b'{"error": "text"}', b'{"error": {"message": null}}', b"\xff"]
    )
    def test_bodies_of_any_shape(self, body: bytes) -> None:
        failure = azure_failure(500, [], body, coded=False)
        assert (failure.status, failure.message) == (500, "litellm.APIError: AzureException APIError - Error code: 500")

    def test_when_to_try_again(self) -> None:
        failure = azure_failure(429, [("retry-after", "7")], error("slow down"), coded=False)
        assert (failure.kind, failure.retry_after, failure.type) == ("rate_limit", 7.0, "throttling_error")


def test_a_stream_whose_first_event_has_no_choices(upstream: UpstreamControl) -> None:
    def chunk(identity: str, choices: list[Any], **more: Any) -> dict[str, Any]:
        return {
            "id": identity,
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "m",
            "choices": choices,
            **more,
        }

    events = [
        chunk("", [], prompt_filter_results=[{"prompt_index": 0}]),
        chunk("c-1", [{"index": 0, "delta": {"role": "assistant", "content": "hi"}, "finish_reason": None}]),
        chunk("c-1", [{"index": 0, "delta": {}, "finish_reason": "stop"}]),
        "[DONE]",
    ]
    upstream.script("azure", {"filtered-stream": [Reply(events=events)]})
    *chunks, last = answered(attempt("azure/filtered-stream", stream=True, api_base=upstream.url, api_key="k"))
    assert last == "[DONE]"
    assert {one["id"] for one in chunks} == {"c-1"}
    assert chunks[0]["choices"][0]["delta"]["content"] == "hi"
