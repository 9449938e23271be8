"""What goes wrong on purpose: vendors that repeat secrets or talk nonsense, clients that ask for too much."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.replies import Reply
from fixtures.running import UpstreamControl
from proxy.routing.plan import MAX_GROUPS
from tests.proxy.api.serving import KEY, Client, serving

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
    assert chat(client, "plain").status_code == 500


def test_an_impossible_retry_after_is_none(client: Client, upstream: UpstreamControl) -> None:
    when = "Jan 01 a 1.1.1 99999999999 01 9999"
    upstream.script(CASE, {"safety-plain": [Reply(status=429, headers={"retry-after": when})]})
    assert chat(client, "plain").status_code == 429


@pytest.mark.parametrize("field", ["timeout", "mock_response", "num_retries"])
def test_a_number_that_no_computer_has_is_refused(client: Client, field: str) -> None:
    answer = raw(client, f'"{field}": 1e999')
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == field


def test_deep_lists_are_no_crash(client: Client, upstream: UpstreamControl) -> None:
    upstream.script(CASE, {"safety-plain": [Reply()]})
    for depth in range(100, 1000, 100):
        assert raw(client, '"fallbacks": ' + "[" * depth + "]" * depth).status_code in (200, 400)


FALLBACKS = """
model_list:
  - {model_name: first, litellm_params: {model: openai/safety-first, api_base: UPSTREAM/v1, api_key: sk-first-1a2b}}
  - model_name: other
    litellm_params:
      model: openai/safety-other
      api_base: UPSTREAM/v1
      api_key: sk-other-3c4d
      configurable_clientside_auth_params: [api_key]
  - {model_name: "many/*", litellm_params: {model: openai/safety-many, api_base: UPSTREAM/v1, api_key: sk-many-5e6f}}
router_settings:
  num_retries: 0
  fallbacks: [{first: [{model: other, api_key: sk-account-7a8b, temperature: 0.5, timeout: 9, stream: true}]}]
"""


@pytest.fixture(scope="module")
def falling(tmp_path_factory: pytest.TempPathFactory, upstream: UpstreamControl) -> Iterator[Client]:
    with serving(tmp_path_factory.mktemp("falling"), FALLBACKS, upstream=upstream.url) as client:
        yield client


def test_an_entry_of_the_config_may_name_another_account(falling: Client, upstream: UpstreamControl) -> None:
    upstream.script(CASE, {"safety-first": [Reply(status=500)], "safety-other": [Reply()]})
    assert chat(falling, "first").status_code == 200
    call = upstream.journal(CASE)[1]
    assert call.headers["authorization"] == "Bearer sk-account-7a8b"
    assert call.body["temperature"] == 0.5
    assert not {"api_key", "timeout", "stream"} & call.body.keys()


@pytest.mark.parametrize("more", [{}, {"mock_testing_fallbacks": True}])
def test_no_error_shows_the_key_of_an_entry(falling: Client, upstream: UpstreamControl, more: Any) -> None:
    upstream.script(CASE, {name: [Reply(status=500)] for name in ("safety-first", "safety-other", "safety-many")})
    for model in ("first", "many/x"):
        answer = chat(falling, model, **more)
        assert "'api_key': '***'" in answer.text
        assert "sk-account-7a8b" not in answer.text


def test_an_entry_of_the_client_names_no_account_even_where_the_body_may(
    falling: Client, upstream: UpstreamControl
) -> None:
    upstream.script(CASE, {"safety-other": [Reply()]})
    assert chat(falling, "other", api_key="sk-mine-9c0d").status_code == 200
    refused = chat(falling, "other", api_key="sk-mine-9c0d", fallbacks=[{"model": "first", "api_key": "sk-e1f2"}])
    assert refused.status_code == 400
    assert upstream.calls(CASE).received == 1


def test_a_list_without_end_is_not_tried_to_its_end(falling: Client, upstream: UpstreamControl) -> None:
    upstream.script(CASE, {"safety-first": [Reply(status=500)], "safety-many": [Reply(status=500)]})
    answer = chat(falling, "first", fallbacks=[f"many/{number}" for number in range(300)])
    assert answer.status_code == 500
    assert upstream.calls(CASE).received == 1 + MAX_GROUPS


PRICED = """
model_list:
  - model_name: dear
    litellm_params:
      {model: openai/safety-dear, api_base: UPSTREAM/v1, api_key: sk-dear, output_cost_per_token: 1, input_cost_per_token: 1}
  - model_name: cheap
    litellm_params:
      model: openai/safety-cheap
      api_base: UPSTREAM/v1
      api_key: sk-cheap
      input_cost_per_token: 0
      output_cost_per_token: 0.001
router_settings: {num_retries: 0, fallbacks: [{dear: [cheap]}]}
"""


def test_a_continued_stream_costs_what_the_continuing_deployment_costs(
    tmp_path: Path, upstream: UpstreamControl
) -> None:
    begun = {"id": "1", "choices": [{"index": 0, "delta": {"content": "a"}}]}
    broken = Reply(events=[begun, {"error": {"message": "overloaded"}}])
    upstream.script(CASE, {"safety-dear": [broken], "safety-cheap": [Reply()]})
    with serving(tmp_path, PRICED, upstream=upstream.url) as client:
        answer = chat(client, "dear", stream=True, stream_options={"include_usage": True})
        assert "[DONE]" in answer.text
        spent = [line for line in client.get("/metrics").text.splitlines() if line.startswith("litellm_spend_metric")]
    assert [line.rpartition(" ")[2] for line in spent] == ["0.005"]


def test_an_unexpected_error_at_the_door_is_answered_in_json(tmp_path: Path) -> None:
    (tmp_path / "odd_auth.py").write_text("async def check(request, api_key):\n    return chr(0xD800)\n")
    config = CONFIG + f"general_settings: {{master_key: {KEY}, custom_auth: odd_auth.check}}"
    with serving(tmp_path, config, upstream="http://127.0.0.1:1") as client:
        answer = chat(client, "plain")
    assert answer.status_code == 500
    assert answer.json()["error"]["message"] == "Internal server error"
