"""``/metrics``, fed by real calls."""

from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from fixtures.replies import ok, rate_limited, status
from fixtures.running import UpstreamControl
from tests.proxy.api.serving import KEY, Client, serving

CONFIG = """
model_list:
  - model_name: good
    litellm_params: {model: openai/counted-good, api_base: UPSTREAM/v1, api_key: sk-topsecret, rpm: 7}
    model_info: {id: good-1, input_cost_per_token: 0.01, output_cost_per_token: 0.02}
  - model_name: bad
    litellm_params: {model: openai/counted-bad, api_base: UPSTREAM/v1, api_key: sk-topsecret}
    model_info: {id: bad-1}
  - model_name: limited
    litellm_params: {model: openai/counted-limited, api_base: UPSTREAM/v1, api_key: sk-topsecret}
    model_info: {id: limited-1}
  - model_name: cut
    litellm_params: {model: openai/counted-cut, api_base: UPSTREAM/v1, api_key: sk-topsecret}
    model_info: {id: cut-1}
router_settings: {num_retries: 0, allowed_fails: 1, cooldown_time: 60}
"""
USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture
def client(tmp_path_factory: pytest.TempPathFactory, upstream: UpstreamControl) -> Iterator[Client]:
    upstream.script(
        "metrics",
        {
            "counted-good": [ok().with_(usage=USAGE)],
            "counted-bad": [status(500)],
            "counted-limited": [rate_limited(1)],
            "counted-cut": [ok().with_(cut_after=2)],
        },
    )
    with serving(tmp_path_factory.mktemp("metrics"), CONFIG, upstream=upstream.url) as client:
        yield client


def ask(client: Client, model: str, **body: Any) -> int:
    body = {"model": model, "messages": [{"role": "user", "content": "hello"}], **body}
    return client.post("/v1/chat/completions", json=body, headers={"user-agent": "tester"}).status_code


class Scrape:
    """What the page says now."""

    def __init__(self, client: Client) -> None:
        answer = client.get("/metrics")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        self.text = answer.text
        self.samples = [sample for family in text_string_to_metric_families(answer.text) for sample in family.samples]

    def value(self, name: str, **labels: str) -> float:
        """The sum of the samples that have these labels."""
        return sum(
            sample.value for sample in self.samples if sample.name == name and labels.items() <= sample.labels.items()
        )

    def labels(self, name: str) -> set[str]:
        return {label for sample in self.samples if sample.name == name for label in sample.labels}


def test_a_good_call(client: Client) -> None:
    assert ask(client, "good") == 200
    seen = Scrape(client)
    asked = {"requested_model": "good", "model_id": "good-1"}
    total = "litellm_proxy_total_requests_metric_total"
    assert seen.value(total, **asked, route="/v1/chat/completions", status_code="200", user_agent="tester") == 1
    assert seen.value("litellm_proxy_failed_requests_metric_total") == 0
    assert seen.value("litellm_input_tokens_metric_total", **asked) == 10
    assert seen.value("litellm_output_tokens_metric_total", **asked) == 5
    assert seen.value("litellm_total_tokens_metric_total", **asked) == 15
    assert seen.value("litellm_spend_metric_total", model="counted-good") == pytest.approx(0.2)
    for name in ("request_total", "llm_api"):
        assert seen.value(f"litellm_{name}_latency_metric_count", **asked) == 1
        assert seen.value(f"litellm_{name}_latency_metric_bucket", **asked, le="+Inf") == 1
        assert 0 < seen.value(f"litellm_{name}_latency_metric_sum", **asked) < 5
    deployment = {"litellm_model_name": "counted-good", "model_id": "good-1", "api_provider": "openai"}
    assert seen.value("litellm_overhead_latency_metric_count", **deployment) == 1
    assert seen.value("litellm_deployment_latency_per_output_token_count", **deployment) == 1
    assert seen.value("litellm_deployment_success_responses_total", **deployment) == 1
    assert seen.value("litellm_deployment_total_requests_total", **deployment) == 1
    assert seen.value("litellm_deployment_rpm_limit", **deployment) == 7
    assert seen.value("litellm_deployment_state", **deployment) == 0
    assert seen.value("litellm_llm_api_time_to_first_token_metric_count") == 0


def test_label_names_are_the_references(client: Client) -> None:
    ask(client, "good")
    ask(client, "bad")
    seen = Scrape(client)
    who = {"end_user", "hashed_api_key", "api_key_alias", "team", "team_alias", "user"}
    rest = {"requested_model", "user_email", "route", "client_ip", "user_agent", "model_id"}
    assert seen.labels("litellm_proxy_total_requests_metric_total") == who | rest | {"status_code"}
    assert seen.labels("litellm_proxy_failed_requests_metric_total") == who | rest | {
        "exception_status",
        "exception_class",
    }
    assert seen.labels("litellm_request_total_latency_metric_count") == who | {"requested_model", "model", "model_id"}


def test_a_stream_has_a_time_to_its_first_token(client: Client) -> None:
    assert ask(client, "good", stream=True, stream_options={"include_usage": True}) == 200
    seen = Scrape(client)
    assert seen.value("litellm_llm_api_time_to_first_token_metric_count", model="counted-good") == 1
    assert seen.value("litellm_total_tokens_metric_total", model="counted-good") == 15


def test_a_failing_upstream(client: Client) -> None:
    assert ask(client, "bad") == 500
    seen = Scrape(client)
    error = {"exception_status": "500", "exception_class": "Openai.InternalServerError"}
    assert seen.value("litellm_proxy_failed_requests_metric_total", **error, requested_model="bad") == 1
    assert seen.value("litellm_proxy_total_requests_metric_total", status_code="500") == 1
    assert seen.value("litellm_deployment_failure_responses_total", **error, model_id="bad-1") == 1
    assert seen.value("litellm_deployment_total_requests_total", model_id="bad-1") == 1
    assert seen.value("litellm_llm_api_failed_requests_metric_total", model="counted-bad") == 1
    assert seen.value("litellm_requests_metric_total") == 0
    assert seen.value("litellm_deployment_state", model_id="bad-1") == 1


def test_a_cooldown_is_counted_once_and_shown(client: Client) -> None:
    for expected in (429, 429, 429):
        assert ask(client, "limited") == expected
    seen = Scrape(client)
    assert seen.value("litellm_deployment_cooled_down_total", model_id="limited-1", exception_status="429") == 1
    assert seen.value("litellm_deployment_failure_responses_total", model_id="limited-1") == 2
    assert seen.value("litellm_deployment_state", model_id="limited-1") == 2


def test_fallbacks(client: Client) -> None:
    assert ask(client, "bad", fallbacks=["limited", "good"]) == 200
    seen = Scrape(client)
    error = {"requested_model": "bad", "exception_status": "500", "exception_class": "Openai.InternalServerError"}
    assert seen.value("litellm_deployment_failed_fallbacks_total", **error, fallback_model="limited") == 1
    assert seen.value("litellm_deployment_successful_fallbacks_total", **error, fallback_model="good") == 1
    assert seen.value("litellm_proxy_total_requests_metric_total", status_code="200", model_id="good-1") == 1
    assert seen.value("litellm_proxy_failed_requests_metric_total") == 0


def test_a_stream_that_breaks_off_has_failed(client: Client) -> None:
    ask(client, "cut", stream=True)
    seen = Scrape(client)
    assert seen.value("litellm_proxy_failed_requests_metric_total", requested_model="cut") == 1
    assert seen.value("litellm_deployment_failure_responses_total", model_id="cut-1") == 1
    assert seen.value("litellm_request_total_latency_metric_count") == 0


def test_refused_calls_and_strangers(client: Client) -> None:
    assert ask(client, "nope") == 400
    for agent in ("stranger-1", "stranger-2"):
        client.post("/v1/chat/completions", json={}, headers={"authorization": "", "user-agent": agent})
    seen = Scrape(client)
    failed = "litellm_proxy_failed_requests_metric_total"
    assert seen.value(failed, requested_model="nope", exception_class="ProxyModelNotFoundError") == 1
    assert seen.value(failed, user_agent="None", exception_status="401", exception_class="ProxyException") == 2
    assert "stranger" not in seen.text


def test_nothing_secret_is_told(client: Client) -> None:
    ask(client, "good")
    ask(client, "bad")
    text = Scrape(client).text
    assert "topsecret" not in text
    assert KEY not in text


def test_calls_in_progress_and_the_process(client: Client) -> None:
    seen = Scrape(client)
    assert seen.value("tianji_calls_in_progress") == 0
    assert seen.value("process_resident_memory_bytes") > 0


@pytest.mark.parametrize(("asked", "expected"), [("true", 401), ("false", 200)])
def test_a_key_can_be_demanded(tmp_path_factory: pytest.TempPathFactory, asked: str, expected: int) -> None:
    config = f"""
model_list: [{{model_name: echo, litellm_params: {{model: offline/echo}}}}]
litellm_settings: {{require_auth_for_metrics_endpoint: {asked}}}
"""
    with serving(tmp_path_factory.mktemp("auth"), config) as client:
        assert client.get("/metrics", headers={"authorization": ""}).status_code == expected
        assert client.get("/metrics").status_code == client.get("/metrics/").status_code == 200
