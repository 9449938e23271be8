"""What goes wrong on purpose: vendors that repeat secrets or talk nonsense, clients that ask for too much."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from fixtures.replies import Reply
from fixtures.running import UpstreamControl
from tests.proxy.api.serving import Client, serving

CASE = "llm-safety"
ENV_KEY = "sk-env-7f3a/41"
HEADER_SECRET = "header-5d9c21"
CONFIG = """
model_list:
  - {model_name: plain, litellm_params: {model: openai/safety-plain, api_base: UPSTREAM/v1, api_key: sk-plain-94e2}}
  - model_name: env
    litellm_params:
      model: openai/safety-env
      api_base: UPSTREAM/v1
      extra_headers: {X-Gateway-Secret: header-5d9c21, Authorization: "Token own-3c11d0", X-Region: eu}
  - {model_name: keyless, litellm_params: {model: openai/safety-env, api_base: UPSTREAM/v1}}
router_settings: {num_retries: 0}
"""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, upstream: UpstreamControl) -> Iterator[Client]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", ENV_KEY)
        with serving(tmp_path_factory.mktemp("safety"), CONFIG, upstream=upstream.url) as client:
            yield client


def chat(client: Client, model: str, **more: Any) -> Any:
    body = {"model": model, "messages": [{"role": "user", "content": "x"}], **more}
    return client.post("/v1/chat/completions", json=body)


def raw(client: Client, fields: str) -> Any:
    body = '{"model":"plain","messages":[{"role":"user","content":"x"}],' + fields + "}"
    return client.post("/v1/chat/completions", content=body)


@pytest.mark.parametrize("status", [401, 422, 500])
def test_no_error_repeats_a_secret(client: Client, upstream: UpstreamControl, status: int) -> None:
    told = f"refused {ENV_KEY} and {HEADER_SECRET} and own-3c11d0, region eu"
    reply = Reply(status=status, body={"error": {"message": told}}, headers={"x-told": told})
    upstream.script(CASE, {"safety-env": [reply]})
    for model in ("env", "keyless"):
        answer = chat(client, model)
        assert answer.status_code == status
        assert "refused ***" in answer.text if model == "keyless" else "and *** and ***, region eu" in answer.text
        shown = answer.text + str(answer.headers)
        assert (ENV_KEY if model == "keyless" else HEADER_SECRET) not in shown


def test_an_escaped_secret_is_found_too(client: Client, upstream: UpstreamControl) -> None:
    text = json.dumps({"error": {"message": f"no {ENV_KEY}"}}).replace("/", r"\/")
    upstream.script(CASE, {"safety-env": [Reply(status=401, text=text)]})
    assert "no ***" in chat(client, "keyless").text


@pytest.mark.parametrize("first", [[], [{"id": "1", "choices": [{"index": 0, "delta": {"content": "a"}}]}]])
def test_no_event_of_a_stream_repeats_a_secret(client: Client, upstream: UpstreamControl, first: list[Any]) -> None:
    upstream.script(CASE, {"safety-env": [Reply(events=[*first, {"error": {"message": f"refused {ENV_KEY}"}}])]})
    answer = chat(client, "keyless", stream=True)
    assert "refused ***" in answer.text
    assert ENV_KEY not in answer.text


def test_headers_of_the_config_win_over_all_others(client: Client, upstream: UpstreamControl) -> None:
    upstream.script(CASE, {"safety-env": [Reply()]})
    chat(client, "env", extra_headers={"x-region": "us", "x-mine": "1"})
    sent = upstream.journal(CASE)[0].headers
    assert [sent[name] for name in ("x-region", "x-mine", "authorization")] == ["eu", "1", "Token own-3c11d0"]


def test_a_client_does_not_choose_whose_account_pays(client: Client) -> None:
    assert chat(client, "plain", extra_headers={"OpenAI-Organization": "org-other"}).status_code == 400


@pytest.mark.parametrize(
    "event",
    [
        {"id": "1", "choices": [{"index": 0, "delta": "text"}]},
        {"id": "1", "choices": [{"index": 0, "delta": {"tool_calls": "none"}}]},
    ],
)
@pytest.mark.parametrize("began", [False, True])
def test_a_chunk_that_is_none_ends_the_stream_with_an_error(
    client: Client, upstream: UpstreamControl, event: Any, began: bool
) -> None:
    good = {"id": "1", "choices": [{"index": 0, "delta": {"content": "a"}}]}
    upstream.script(CASE, {"safety-plain": [Reply(events=[good, event, "[DONE]"] if began else [event, "[DONE]"])]})
    answer = chat(client, "plain", stream=True)
    assert "The stream turned into something that is no chunk" in answer.text
    assert "[DONE]" not in answer.text
    assert answer.status_code == (200 if began else 503)


def test_an_answer_that_is_no_utf8_is_the_vendors_fault(client: Client, upstream: UpstreamControl) -> None:
    body = '{"id": "1", "\xff": 1, "choices": [{"index": 0, "message": {"content": "x"}}]}'
    raw = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n{body}"
    upstream.script(CASE, {"safety-plain": [Reply(raw=raw)]})
    assert chat(client, "plain").status_code == 502


def test_an_impossible_retry_after_is_none(client: Client, upstream: UpstreamControl) -> None:
    when = "Jan 01 a 1.1.1 99999999999 01 9999"
    upstream.script(CASE, {"safety-plain": [Reply(status=429, headers={"retry-after": when})]})
    assert chat(client, "plain").status_code == 429
