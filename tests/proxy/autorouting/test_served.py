"""Auto routers as they are served: embeddings come through the gateway's own model groups."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.replies import Reply, ok, status, stream
from fixtures.running import UpstreamControl
from tests.proxy.api.serving import KEY, Client, serving

CONFIG = """
model_list:
  - &up
    model_name: code
    litellm_params: &params {model: openai/code-up, api_base: UPSTREAM/v1, api_key: sk-up, max_retries: 0}
    model_info: {id: code-1}
  - {model_name: rest, litellm_params: {<<: *params, model: openai/rest-up}, model_info: {id: rest-1}}
  - {model_name: vectors, litellm_params: {<<: *params, model: openai/vectors-one}, model_info: {id: vectors-1}}
  - {model_name: vectors, litellm_params: {<<: *params, model: openai/vectors-two}, model_info: {id: vectors-2}}
  - {model_name: lone, litellm_params: {<<: *params, model: openai/lone-up}, model_info: {id: lone-1}}
  - {model_name: spare, litellm_params: {<<: *params, model: openai/spare-up}, model_info: {id: spare-1}}
  - model_name: chatty
    litellm_params: {<<: *params, model: openai/chatty-up, mock_response: no vector}
    model_info: {id: chatty-1}
  - model_name: auto
    litellm_params: &auto
      model: auto_router/any
      auto_router_config: {routes: [{name: code, utterances: [write python code]}]}
      auto_router_default_model: rest
      auto_router_embedding_model: vectors
    model_info: {id: auto-1}
  - {model_name: auto-lone, litellm_params: {<<: *auto, auto_router_embedding_model: lone}, model_info: {id: auto-2}}
  - {model_name: auto-none, litellm_params: {<<: *auto, auto_router_embedding_model: nowhere}, model_info: {id: auto-3}}
  - {model_name: auto-mocked, litellm_params: {<<: *auto, auto_router_embedding_model: chatty}, model_info: {id: auto-4}}
router_settings:
  num_retries: 2
  cooldown_time: 0.05
  fallbacks: [{lone: [spare]}]
general_settings:
  master_key: MASTER
  database_url: DATABASE
  store_model_in_db: true
"""
NAMES = ("code-up", "rest-up", "vectors-one", "vectors-two", "lone-up", "spare-up")
ROUTED = "x-tianji-routed-model"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, upstream: UpstreamControl) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("auto")
    config = CONFIG.replace("MASTER", KEY).replace("DATABASE", f"sqlite:///{folder}/auto.db")
    with serving(folder, config, upstream=upstream.url) as client:
        yield client


@pytest.fixture(autouse=True)
def script(upstream: UpstreamControl, client: Client) -> "Scripts":
    time.sleep(0.06)  # nobody cools down any more
    return Scripts(upstream)


class Scripts:
    """What the simulated upstreams answer, and what they were asked."""

    def __init__(self, upstream: UpstreamControl) -> None:
        self._upstream = upstream
        self()

    def __call__(self, **replies: list[Reply]) -> None:
        given = {name.replace("_", "-"): said for name, said in replies.items()}
        self._upstream.script("auto-served", {name: given.get(name, []) for name in NAMES})

    def asked(self) -> list[str]:
        return [call.body["model"] for call in self._upstream.journal("auto-served")]


def chat(client: Client, model: str = "auto", text: str = "some python code", **body: Any) -> Any:
    return client.post(
        "/v1/chat/completions", json={"model": model, "messages": [{"role": "user", "content": text}], **body}
    )


def test_another_deployment_embeds_without_a_wait(client: Client, script: Scripts) -> None:
    script(vectors_one=[status(500)], vectors_two=[status(500)])
    started = time.monotonic()
    answer = chat(client)
    assert time.monotonic() - started < 0.5
    assert answer.headers[ROUTED] == "rest"
    assert sorted(script.asked()) == ["rest-up", "vectors-one", "vectors-two"]
    time.sleep(0.06)
    script(vectors_one=[status(500)])
    assert {chat(client).headers[ROUTED] for _ in range(4)} == {"code"}


def test_fallbacks_of_the_embedding_model_count(client: Client, script: Scripts) -> None:
    script(lone_up=[status(500)])
    assert chat(client, "auto-lone").headers[ROUTED] == "code"
    assert script.asked() == ["lone-up", "spare-up", "lone-up", "spare-up", "code-up"]


@pytest.mark.parametrize("model", ["auto-none", "auto-mocked"])
def test_what_is_no_embedding_model_chooses_the_default(client: Client, model: str) -> None:
    answer = chat(client, model)
    assert (answer.status_code, answer.headers[ROUTED]) == (200, "rest")


def test_an_error_tells_the_choice_too(client: Client, script: Scripts) -> None:
    script(code_up=[status(400)])
    answer = chat(client)
    assert (answer.status_code, answer.headers[ROUTED]) == (400, "code")


def test_others_tell_no_choice(client: Client) -> None:
    assert ROUTED not in chat(client, "code").headers


def test_a_stream_tells_the_choice(client: Client, script: Scripts) -> None:
    script(code_up=[stream(["a", "b"])])
    answer = chat(client, stream=True)
    assert answer.headers[ROUTED] == "code"
    assert '"content":"a"' in answer.text


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/responses", {"model": "auto", "input": "python code"}),
        ("/v1/responses", {"model": "auto", "input": [{"role": "user", "content": "python code"}]}),
        ("/v1/messages", {"model": "auto", "max_tokens": 9, "messages": [{"role": "user", "content": "python code"}]}),
        ("/v1/completions", {"model": "auto", "prompt": ["python code"]}),
    ],
)
def test_other_formats(client: Client, script: Scripts, path: str, body: dict[str, Any]) -> None:
    script(code_up=[ok("answer")])
    answer = client.post(path, json=body)
    assert (answer.status_code, answer.headers[ROUTED]) == (200, "code")


def test_googles_format(client: Client) -> None:
    body = {"contents": [{"role": "user", "parts": [{"text": "python code"}]}]}
    answer = client.post("/v1beta/models/auto:generateContent", json=body)
    assert (answer.status_code, answer.headers[ROUTED]) == (400, "code")  # whose vendor has another format


def test_a_deployment_id_is_the_auto_router_too(client: Client) -> None:
    assert chat(client, "auto-1").headers[ROUTED] == "code"


def test_embeddings_are_refused(client: Client, script: Scripts) -> None:
    answer = client.post("/v1/embeddings", json={"model": "auto", "input": "x"})
    assert answer.status_code == 400
    assert "'auto' is an auto router" in answer.json()["error"]["message"]
    assert script.asked() == []


def test_health_does_not_call_it(client: Client) -> None:
    answer = client.get("/health", params={"model": "auto"}).json()
    assert (answer["healthy_count"], answer["unhealthy_count"]) == (0, 0)


def test_a_key_for_the_auto_router_needs_no_more(client: Client) -> None:
    key = client.post("/key/generate", json={"models": ["auto"]}).json()["key"]
    headers = {"authorization": f"Bearer {key}"}
    body = {"model": "auto", "messages": [{"role": "user", "content": "python code"}]}
    assert client.post("/v1/chat/completions", json=body, headers=headers).headers[ROUTED] == "code"
    refused = client.post("/v1/chat/completions", json=body | {"model": "code"}, headers=headers)
    assert refused.status_code in (401, 403)
    other = client.post("/key/generate", json={"models": ["code", "rest", "vectors"]}).json()["key"]
    assert (
        client.post("/v1/chat/completions", json=body, headers={"authorization": f"Bearer {other}"}).status_code >= 400
    )


def test_a_model_added_at_run_time_keeps_the_vectors(client: Client, script: Scripts) -> None:
    chat(client)
    script()
    params = {"model": "auto_router/new", "auto_router_default_model": "rest", "auto_router_embedding_model": "vectors"}
    routes = '{"routes": [{"name": "code", "utterances": ["some python code"]}]}'
    made = client.post(
        "/model/new", json={"model_name": "new", "litellm_params": params | {"auto_router_config": routes}}
    )
    assert made.status_code == 200
    assert chat(client).headers[ROUTED] == "code"
    assert len([name for name in script.asked() if name.startswith("vectors")]) == 1
    assert chat(client, "new").headers[ROUTED] == "code"


def test_a_broken_auto_router_is_not_stored_as_a_model(client: Client) -> None:
    made = client.post("/model/new", json={"model_name": "broken", "litellm_params": {"model": "auto_router/broken"}})
    assert made.status_code == 400
    assert "auto_router_default_model" in made.text


REGIONS = """
model_list:
  - model_name: code
    litellm_params: &params {model: openai/code-up, api_base: UPSTREAM/v1, api_key: sk-up, region_name: eu}
  - {model_name: rest, litellm_params: {<<: *params, model: openai/rest-up}}
  - {model_name: vectors, litellm_params: {<<: *params, model: openai/vectors-one, region_name: us}}
  - {model_name: vectors, litellm_params: {<<: *params, model: openai/vectors-two}}
  - {model_name: lone, litellm_params: {<<: *params, model: openai/lone-up, region_name: us}}
  - model_name: auto
    litellm_params: &auto
      model: auto_router/any
      auto_router_config: {routes: [{name: code, utterances: [write python code]}]}
      auto_router_default_model: rest
      auto_router_embedding_model: vectors
      region_name: eu
  - {model_name: auto-lone, litellm_params: {<<: *auto, auto_router_embedding_model: lone}}
router_settings: {num_retries: 0, enable_pre_call_checks: true}
"""


def test_what_is_embedded_stays_in_the_callers_region(
    tmp_path: Path, upstream: UpstreamControl, script: Scripts
) -> None:
    with serving(tmp_path, REGIONS, upstream=upstream.url) as client:
        for number in range(10):
            answer = chat(client, text=f"python code {number}", allowed_model_region="eu")
            assert (answer.status_code, answer.headers[ROUTED]) == (200, "code")
        assert set(script.asked()) == {"vectors-two", "code-up"}
        script()
        answer = chat(client, "auto-lone", text="python code", allowed_model_region="eu")
        assert (answer.status_code, answer.headers[ROUTED]) == (200, "rest")
        assert script.asked() == ["rest-up"]
