"""``/health``: which deployments answer."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from fixtures.replies import ok, status
from fixtures.running import UpstreamControl
from tests.proxy.api.serving import KEY, Client, serving

CONFIG = """
model_list:
  - model_name: good
    litellm_params: {model: openai/probed-good, api_base: UPSTREAM/v1, api_key: sk-topsecret, temperature: 0.5, stream: true}
    model_info: {id: good-1}
  - model_name: good
    litellm_params: {model: openai/probed-bad, api_base: UPSTREAM/v1, api_key: sk-topsecret}
    model_info: {id: good-2}
  - model_name: embed
    litellm_params: {model: openai/probed-embed, api_base: UPSTREAM/v1, api_key: sk-topsecret}
    model_info: {id: embed, mode: embedding}
  - model_name: known-embed
    litellm_params: {model: openai/text-embedding-3-small, api_base: UPSTREAM/v1, api_key: sk-topsecret}
    model_info: {id: known-embed}
  - model_name: text
    litellm_params: {model: openai/probed-text, api_base: UPSTREAM/v1, api_key: sk-topsecret}
    model_info: {id: text, mode: completion}
  - model_name: gone
    litellm_params: {model: openai/gone, api_base: "http://127.0.0.1:9/v1", api_key: sk-topsecret}
    model_info: {id: gone}
  - model_name: mocked
    litellm_params: {model: openai/mocked, api_base: "http://127.0.0.1:9/v1", api_key: sk-topsecret, mock_response: hello}
    model_info: {id: mocked}
  - model_name: mocked-error
    litellm_params: {model: openai/mocked, mock_response: litellm.RateLimitError}
    model_info: {id: mocked-error}
  - {model_name: offline, litellm_params: {model: offline/echo}, model_info: {id: offline}}
  - model_name: "wild/*"
    litellm_params: {model: "openai/*", api_base: UPSTREAM/v1, api_key: sk-topsecret}
    model_info: {id: wild}
  - model_name: "named/*"
    litellm_params: {model: "openai/*", api_base: UPSTREAM/v1, api_key: sk-topsecret}
    model_info: {id: named, health_check_model: openai/probed-named}
  - {model_name: "own/*", litellm_params: {model: "offline/*"}, model_info: {id: unknown-wild}}
  - {model_name: speech, litellm_params: {model: openai/tts-1, api_key: sk-topsecret}, model_info: {id: speech}}
router_settings:
  model_group_alias: {also-good: good}
"""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, upstream: UpstreamControl) -> Iterator[Client]:
    upstream.script("health", {"probed-bad": [status(401)]})
    with serving(tmp_path_factory.mktemp("health"), CONFIG, upstream=upstream.url) as client:
        yield client


def health(client: Client, **params: str) -> dict[str, Any]:
    answer = client.get("/health", params=params)
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    assert (body["healthy_count"], body["unhealthy_count"]) == (
        len(body["healthy_endpoints"]),
        len(body["unhealthy_endpoints"]),
    )
    return body


def one(client: Client, model: str) -> tuple[dict[str, Any], bool]:
    """What is shown of the group's only deployment, and whether it answers."""
    body = health(client, model=model)
    [shown] = body["healthy_endpoints"] + body["unhealthy_endpoints"]
    return shown, bool(body["healthy_endpoints"])


def test_a_group_with_a_good_and_a_bad_deployment(client: Client) -> None:
    body = health(client, model="good")
    [good], [bad] = body["healthy_endpoints"], body["unhealthy_endpoints"]
    assert (good["model"], good["temperature"]) == ("openai/probed-good", 0.5)
    assert "error" not in good
    assert bad["model"] == "openai/probed-bad"
    assert bad["error"].startswith("litellm.AuthenticationError: ")
    assert "topsecret" not in str(body)


def test_an_alias_names_its_group(client: Client) -> None:
    assert health(client, model="also-good")["healthy_count"] == 1


def test_the_upstream_model_names_its_deployments(client: Client) -> None:
    assert health(client, model="openai/probed-good")["healthy_count"] == 1


def test_an_unknown_model_is_nothing(client: Client) -> None:
    assert (
        health(client, model="nope")["healthy_endpoints"] == health(client, model="nope")["unhealthy_endpoints"] == []
    )


def test_one_deployment_by_its_id(client: Client) -> None:
    assert [shown["model"] for shown in health(client, model_id="good-1")["healthy_endpoints"]] == [
        "openai/probed-good"
    ]
    answer = client.get("/health", params={"model_id": "nope"})
    assert (answer.status_code, answer.json()) == (404, {"detail": {"error": "Model with ID nope not found"}})


@pytest.mark.parametrize(
    ("model", "upstream_model", "path"),
    [
        ("embed", "probed-embed", "/v1/embeddings"),
        ("known-embed", "text-embedding-3-small", "/v1/embeddings"),
        ("text", "probed-text", "/v1/completions"),
        ("named/*", "probed-named", "/v1/chat/completions"),
    ],
)
def test_the_mode_says_how_to_ask(
    client: Client, upstream: UpstreamControl, model: str, upstream_model: str, path: str
) -> None:
    upstream.script(f"mode-{model}", {upstream_model: [ok()]})
    shown, healthy = one(client, model)
    assert healthy
    assert shown["model"] == f"openai/{upstream_model}"
    [call] = upstream.journal(f"mode-{model}")
    assert call.path == path


def test_a_probe_never_streams(client: Client, upstream: UpstreamControl) -> None:
    upstream.script("no-stream", {"probed-good": [ok()]})
    health(client, model_id="good-1")
    [call] = upstream.journal("no-stream")
    assert (call.body["temperature"], "stream" in call.body) == (0.5, False)


@pytest.mark.parametrize("model", ["mocked", "offline"])
def test_no_upstream_is_needed(client: Client, model: str) -> None:
    assert one(client, model)[1]


@pytest.mark.parametrize(
    ("model", "error"),
    [
        ("mocked-error", "mock rate limit error"),
        ("gone", "Connection error."),
        ("own/*", "Unable to health check wildcard model for provider offline.*model_info.health_check_model"),
        ("speech", "Mode audio_speech not supported"),
    ],
)
def test_why_a_deployment_does_not_answer(client: Client, model: str, error: str) -> None:
    shown, healthy = one(client, model)
    assert not healthy
    assert re.search(error, shown["error"])


def test_a_wildcard_is_asked_for_the_cheapest_model_of_its_provider(client: Client) -> None:
    shown, healthy = one(client, "wild/*")
    assert healthy
    assert shown["model"].startswith("openai/gpt-")


def test_all_deployments(client: Client) -> None:
    body = health(client)
    assert (body["healthy_count"], body["unhealthy_count"]) == (8, 5)


def test_details_can_be_left_out(tmp_path_factory: pytest.TempPathFactory) -> None:
    config = f"""
model_list: [{{model_name: gone, litellm_params: {{model: openai/gone, api_base: "http://127.0.0.1:9/v1"}}}}]
general_settings: {{master_key: {KEY}, health_check_details: false}}
"""
    with serving(tmp_path_factory.mktemp("details"), config) as client:
        assert health(client)["unhealthy_endpoints"] == [{"model": "openai/gone"}]


def test_a_key_is_needed(client: Client) -> None:
    assert client.get("/health", headers={"authorization": ""}).status_code == 401
