"""A1: what each vendor's own route sends, with whose key, and that its answer comes back as it is."""

from typing import Any

import pytest

from contracts.harness.case import USER, Case
from contracts.harness.configs import MASTER_KEY
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import ok

pytestmark = contract("A1", config="A1/vendors.yaml")

OWN_HEADERS = ["x-litellm-call-id", "x-litellm-model-api-base", "x-litellm-key-spend"]
#: The reference's HTTP client names a kind for bodies that are not there.
OF_THE_CLIENT = ["journal[0].headers.content-type"]
ANTHROPIC_HEADERS = {"x-api-key": MASTER_KEY, "anthropic-version": "2023-06-01", "anthropic-beta": "beta-one"}


def chat(model: str, **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": USER, **more}


def message(model: str, **more: Any) -> dict[str, Any]:
    return chat(model, max_tokens=9, **more)


def test_anthropic(case: Case) -> None:
    case.script({"claude-pass": [ok("hello")]})
    answer = case.post("/anthropic/v1/messages?beta=true", message("claude-pass"), key=None, headers=ANTHROPIC_HEADERS)
    case.assert_same_as_recorded(headers=[*OWN_HEADERS, "request-id"])
    assert answer.status == 200
    assert answer.json["content"] == [{"type": "text", "text": "hello"}]
    [call] = case.journal()
    assert (call.path, call.query) == ("/v1/messages", {"beta": "true"})
    assert call.headers["x-api-key"] == "sk-ant-up"
    assert call.headers["anthropic-beta"] == "beta-one"


def test_a_stream_of_anthropic(case: Case) -> None:
    case.script({"claude-stream": [ok(["one ", "two"])]})
    answer = case.post(
        "/anthropic/v1/messages", message("claude-stream", stream=True), key=None, headers=ANTHROPIC_HEADERS
    )
    case.assert_same_as_recorded(headers=OWN_HEADERS)
    assert answer.status == 200
    assert [event.event for event in answer.sse][-1] == "message_stop"
    assert "x-litellm-model-api-base" not in answer.headers


def test_the_gateways_key_stays_here(case: Case) -> None:
    """The reference sends the caller's key for the gateway to Anthropic."""
    case.script({"claude-private": []})
    answer = case.post("/anthropic/v1/messages", message("claude-private"))
    [call] = case.journal()
    assert answer.status == 200

    def as_recorded(call: Any) -> None:
        assert call.headers["authorization"] == f"Bearer {MASTER_KEY}"

    def required(call: Any) -> None:
        assert "authorization" not in call.headers
        assert MASTER_KEY not in str(call.headers)

    case.deviates(call, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("path", ["/openai", "/openai_passthrough"])
def test_openai(case: Case, path: str) -> None:
    case.script({"openai-pass": [ok("hello")]})
    answer = case.post(f"{path}/v1/moderations/chat/completions", chat("openai-pass", unheard_of=1))
    case.assert_same_as_recorded(headers=[*OWN_HEADERS, "x-request-id"])
    assert answer.status == 200
    [call] = case.journal()
    assert call.path == "/u/openai/v1/moderations/chat/completions"
    assert call.headers["authorization"] == "Bearer sk-openai-up"
    assert call.body == chat("openai-pass", unheard_of=1)


def test_openais_responses_are_passed_on(case: Case) -> None:
    case.script({"openai-responses": [ok("hello")]})
    answer = case.post("/openai_passthrough/v1/responses", {"model": "openai-responses", "input": "hello"})
    case.assert_same_as_recorded(headers=OWN_HEADERS)
    assert answer.status == 200
    assert answer.json["id"].startswith("resp_up")
    assert case.journal().paths == ["/u/openai/v1/responses"]


def test_assistants_are_a_beta(case: Case) -> None:
    case.script({"openai-assistant": []})
    answer = case.post("/openai_passthrough/v1/assistants/chat/completions", chat("openai-assistant"))
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert case.journal()[0].headers["openai-beta"] == "assistants=v2"


def test_native_routes_win_over_openais(case: Case) -> None:
    case.script({"native-upstream": [ok("hello")]})
    answer = case.post("/openai/deployments/native-group/chat/completions", chat("native-group"))
    case.assert_same_as_recorded(headers=["x-litellm-model-group"])
    assert answer.json["model"] == "native-group"
    assert case.journal()[0].headers["authorization"] == "Bearer sk-up"


@contract("A1", config="A1/vendors.yaml", depends_on="A2")
def test_native_responses_win_over_openais(case: Case) -> None:
    case.script({"native-upstream": [ok("hello")]})
    answer = case.post("/openai/v1/responses", {"model": "native-group", "input": "hello"})
    assert answer.status == 200
    assert not answer.json["id"].startswith("resp_up")
    assert case.journal()[0].headers["authorization"] == "Bearer sk-up"
    case.assert_same_as_recorded()


@pytest.mark.parametrize("in_query", [True, False])
def test_gemini(case: Case, in_query: bool) -> None:
    case.script({"gemini-pass": [ok("hello")]})
    path = "/gemini/v1beta/models/gemini-pass:generateContent"
    headers = {} if in_query else {"x-goog-api-key": MASTER_KEY}
    query = f"?key={MASTER_KEY}" if in_query else ""
    answer = case.post(path + query, {"contents": [{"parts": [{"text": "hi"}]}]}, key=None, headers=headers)
    case.assert_same_as_recorded(headers=OWN_HEADERS)
    assert answer.status == 200
    assert answer.json["candidates"][0]["content"]["parts"] == [{"text": "hello"}]
    [call] = case.journal()
    assert call.query == {"key": "gm-up"}
    assert MASTER_KEY not in str(call.headers)


def test_a_stream_of_gemini(case: Case) -> None:
    case.script({"gemini-stream": [ok(["one ", "two"])]})
    path = f"/gemini/v1beta/models/gemini-stream:streamGenerateContent?alt=sse&key={MASTER_KEY}"
    answer = case.post(path, {"contents": [{"parts": [{"text": "hi"}]}]}, key=None)
    case.assert_same_as_recorded(headers=OWN_HEADERS)
    assert [event["candidates"][0]["content"]["parts"][0]["text"] for event in answer.events] == ["one ", "two", ""]
    assert case.journal()[0].query == {"alt": "sse", "key": "gm-up"}


def test_gemini_does_not_look_for_bearers(case: Case) -> None:
    """The key is looked for where Google's SDKs put it; the reference takes none for a wrong one."""
    case.script({"gemini-bearer": []})
    answer = case.post("/gemini/v1beta/models/gemini-bearer:generateContent", {"contents": []})
    assert len(case.journal()) == 0

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 400
        assert answer.json["error"]["type"] == "no_db_connection"

    def required(answer: Exchange) -> None:
        assert answer.status == 401
        assert answer.json["error"]["message"] == "Authentication Error, No api key passed in."

    case.deviates(answer, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize(("path", "key"), [("/cohere", "co-up"), ("/mistral", "mi-up")])
def test_vendors_with_a_bearer(case: Case, path: str, key: str) -> None:
    case.script({"bearer-pass": [ok("hello")]})
    answer = case.post(f"{path}/v1/chat/completions?a=1&b=%20x", chat("bearer-pass"))
    case.assert_same_as_recorded(headers=OWN_HEADERS)
    assert answer.status == 200
    [call] = case.journal()
    assert call.headers["authorization"] == f"Bearer {key}"
    assert call.query == {"a": "1", "b": " x"}


def test_langfuse(case: Case) -> None:
    case.script({"langfuse-pass": [ok("hello")]})
    pair = {"authorization": "Basic YW55dGhpbmc6c2stMTIzNA=="}  # anything:sk-1234
    answer = case.post("/langfuse/api/public/chat/completions?a=1", chat("langfuse-pass"), key=None, headers=pair)
    case.assert_same_as_recorded(headers=OWN_HEADERS)
    assert answer.status == 200
    [call] = case.journal()
    assert call.path == "/api/public/chat/completions"
    assert call.headers["authorization"] == "Basic cGstdXA6c2stbGYtdXA="


def test_assemblyai(case: Case) -> None:
    case.script({"assembly-pass": [ok("hello")]})
    answer = case.post("/assemblyai/v2/chat/completions", chat("assembly-pass"))
    case.assert_same_as_recorded(headers=OWN_HEADERS)
    assert answer.status == 200
    [call] = case.journal()
    assert call.headers["authorization"] == "as-up"
    assert call.entry["host"] == "api.assemblyai.com"


def test_assemblyai_in_europe(case: Case) -> None:
    """The reference takes what is meant for Europe to the United States."""
    case.script({"assembly-europe": [ok("hello")]})
    answer = case.post("/eu.assemblyai/v2/chat/completions", chat("assembly-europe"))
    [call] = case.journal()
    assert answer.status == 200

    def as_recorded(call: Any) -> None:
        assert call.entry["host"] == "api.assemblyai.com"

    def required(call: Any) -> None:
        assert call.entry["host"] == "api.eu.assemblyai.com"

    case.deviates(call, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_methods(case: Case, method: str) -> None:
    case.script({"method-pass": []})
    content = None if method == "GET" else b'{"given":[1]}'
    answer = case.request(method, "/mistral/v1/model/method-pass/echo?x=1", content=content)
    case.assert_same_as_recorded(headers=OWN_HEADERS, ignore=OF_THE_CLIENT if method == "GET" else [])
    assert answer.status == 200
    assert answer.body == (content or b"")
    [call] = case.journal()
    assert (call.method, call.query) == (method, {"x": "1"})


@pytest.mark.parametrize("method", ["OPTIONS", "HEAD"])
def test_methods_that_are_not_passed_on(case: Case, method: str) -> None:
    case.script({"method-refused": []})
    answer = case.request(method, "/mistral/v1/model/method-refused/echo")
    case.assert_same_as_recorded()
    assert answer.status == 405
    assert len(case.journal()) == 0


@pytest.mark.parametrize("vendor", ["anthropic", "openai_passthrough", "cohere", "mistral", "azure", "bedrock", "vllm"])
def test_a_key_is_needed(case: Case, vendor: str) -> None:
    case.script({"keyless-pass": []})
    answer = case.post(f"/{vendor}/v1/chat/completions", chat("keyless-pass"), key=None)
    case.assert_same_as_recorded()
    assert answer.status == 401
    assert answer.json["error"]["message"] == "Authentication Error, No api key passed in."
    assert len(case.journal()) == 0


def test_a_wrong_key(case: Case) -> None:
    case.script({"wrong-pass": []})
    answer = case.post("/mistral/v1/chat/completions", chat("wrong-pass"), key="sk-wrong")
    case.assert_same_as_recorded()
    assert answer.status == 400
    assert answer.json["error"]["type"] == "no_db_connection"
    assert len(case.journal()) == 0
