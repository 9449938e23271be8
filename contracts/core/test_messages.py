"""/v1/messages in front of Anthropic: what is asked goes through, what is answered comes back."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.anthropic_replies import fails_within, message, overloaded, prompt_too_long, refused
from fixtures.replies import Reply, broken_json, closed, html, ok, stream, tool

pytestmark = contract("core", config="core/anthropic.yaml")

HI = {"role": "user", "content": "hi"}
HEADERS = ["x-litellm-model-id"]
WEATHER = {"name": "weather", "description": "How it is", "input_schema": {"type": "object", "properties": {}}}


def ask(case: Case, model: str = "claude-chat", *, options: dict[str, Any] | None = None, **body: Any) -> Exchange:
    return case.post("/v1/messages", {"model": model, "max_tokens": 9, "messages": [HI], **body}, **(options or {}))


FIELDS: dict[str, Any] = {
    "max_tokens": 17,
    "system": "be brief",
    "temperature": 0.5,
    "top_p": 0.5,
    "top_k": 5,
    "stop_sequences": ["end"],
    "tools": [WEATHER],
    "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "output_config": {"effort": "low"},
    "output_format": {"type": "json_schema", "schema": {"type": "object"}},
    "context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]},
    "speed": "fast",
    "inference_geo": "eu",
}


@pytest.mark.parametrize("field", FIELDS)
def test_a_field(case: Case, field: str) -> None:
    case.script({"upstream-claude": []})
    answer = ask(case, **{field: FIELDS[field]})
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 200
    assert answer.json["type"] == "message"
    [call] = case.journal()
    assert call.path == "/v1/messages"
    assert call.body[field] == FIELDS[field]
    assert call.headers["x-api-key"] == "sk-up"


OTHERS: dict[str, Any] = {
    "metadata": {"user_id": "u-1"},
    "service_tier": "auto",
    "container": "container_1",
    "mcp_servers": [{"type": "url", "url": "https://mcp.test", "name": "house"}],
    "unheard_of": {"a": 1},
    "tags": ["blue"],
    "litellm_metadata": {"tags": ["blue"]},
    "num_retries": 0,
    "timeout": 9,
}


@pytest.mark.parametrize("field", OTHERS)
def test_another_field(case: Case, field: str) -> None:
    case.script({"upstream-claude": []})
    answer = ask(case, **{field: OTHERS[field]})
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert case.journal().models == ["upstream-claude"]


CONTENT: dict[str, Any] = {
    "blocks": [{"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}],
    "image": [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}],
    "unheard_of": [{"type": "hologram", "data": [1, None]}],
    "empty": "",
}


@pytest.mark.parametrize("content", CONTENT)
def test_messages_go_through_as_they_are(case: Case, content: str) -> None:
    case.script({"upstream-claude": []})
    answer = ask(case, messages=[{"role": "user", "content": CONTENT[content]}])
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert case.journal().bodies[0]["messages"] == [{"role": "user", "content": CONTENT[content]}]


@pytest.mark.parametrize("header", ["anthropic-beta", "anthropic-version", "unknown-beta", "x-tenant"])
def test_a_header(case: Case, header: str) -> None:
    sent = {
        "anthropic-beta": {"anthropic-beta": "context-1m-2025-08-07"},
        "anthropic-version": {"anthropic-version": "2099-01-01"},
        "unknown-beta": {"anthropic-beta": "unheard-of"},
        "x-tenant": {"x-tenant": "red", "cookie": "a=b"},
    }[header]
    case.script({"upstream-claude": []})
    answer = ask(case, options={"headers": sent})
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert "cookie" not in case.journal()[0].headers


@pytest.mark.parametrize("beta", ["context-1m-2025-08-07", "unheard-of"])
def test_a_beta_that_is_asked_for_with_a_chat(case: Case, beta: str) -> None:
    case.script({"upstream-claude": []})
    answer = case.chat("claude-chat", options={"headers": {"anthropic-beta": beta}})
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert case.journal()[0].headers.get("anthropic-beta", beta) == beta


def test_the_key_may_stand_where_the_sdk_puts_it(case: Case) -> None:
    case.script({"upstream-claude": []})
    answer = ask(case, options={"key": None, "headers": {"x-api-key": "sk-1234", "anthropic-version": "2023-06-01"}})
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert case.journal()[0].headers["x-api-key"] == "sk-up"


@pytest.mark.parametrize("path", ["/v1/messages?beta=true", "/v1/messages"])
def test_the_query_of_the_sdk(case: Case, path: str) -> None:
    case.script({"upstream-claude": []})
    answer = case.post(path, {"model": "claude-chat", "max_tokens": 9, "messages": [HI]})
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert case.journal().paths == ["/v1/messages"]


def test_the_deployments_defaults(case: Case) -> None:
    case.script({"upstream-default": []})
    answer = ask(case, "claude-default", max_tokens=5)
    case.assert_same_as_recorded()
    assert answer.status == 200
    [call] = case.journal()
    assert (call.body["max_tokens"], call.body["temperature"]) == (5, 0.7)
    assert call.headers["x-tenant"] == "blue"


def test_an_oauth_token(case: Case) -> None:
    case.script({"upstream-oauth": []})
    answer = ask(case, "claude-oauth")
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert case.journal()[0].headers["authorization"] == "Bearer sk-ant-oat01-abcdefgh"


ANSWERS: dict[str, Reply] = {
    "ordinary": ok(),
    "tools": ok("let me see", tool_calls=[tool("weather", city="Bonn")]),
    "unheard_of": message({"type": "hologram", "data": [1, None]}, stop_reason="bored", extra={"a": None}),
    "no-usage": ok().with_(usage=None),
    "cached": ok().with_(usage={"input_tokens": 10, "output_tokens": 5, "cache_read_input_tokens": 3}),
}


@pytest.mark.parametrize("shape", ANSWERS)
def test_an_answer_comes_back_as_it_is(case: Case, shape: str) -> None:
    case.script({"upstream-claude": [ANSWERS[shape]]})
    answer = ask(case)
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 200
    assert answer.json["id"] == "msg_up1"


def test_a_stream_comes_back_as_it_is(case: Case) -> None:
    case.script({"upstream-claude": [ok("one two", tool_calls=[tool("weather", city="Bonn")])]})
    answer = ask(case, stream=True)
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert [event.event for event in answer.sse[:3]] == ["message_start", "content_block_start", "ping"]
    assert answer.sse[-1].event == "message_stop"
    assert case.journal().bodies[0]["stream"] is True


REFUSALS: dict[str, tuple[Reply, int]] = {
    "400": (refused(400), 400),
    "401": (refused(401, message="invalid x-api-key"), 401),
    "404": (refused(404), 404),
    "429": (refused(429, headers={"retry-after": "3"}), 429),
    "500": (refused(500), 500),
    "503": (refused(503), 503),
    "overloaded": (overloaded(), 529),
    "too-long": (prompt_too_long(), 400),
    "html": (html(502), 502),
}


@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_a_refusal(case: Case, refusal: str, streamed: bool) -> None:
    reply, expected = REFUSALS[refusal]
    case.script({"upstream-failing": [reply]})
    answer = ask(case, "claude-error", **({"stream": True} if streamed else {}))
    case.assert_same_as_recorded(headers=["x-litellm-model-id"])
    assert answer.status == expected
    assert answer.headers["content-type"] == "application/json"
    assert answer.json["error"]["code"] == str(expected)
    case.wait(1.1)


@pytest.mark.parametrize("how", ["cut_after", "end_after"])
def test_a_stream_that_breaks_off(case: Case, how: str) -> None:
    case.script({"upstream-claude": [stream(["one ", "two ", "three"], **{how: 5})]})
    answer = ask(case, stream=True, options={"taped": True})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 200
        assert "error" not in answer.text
        assert "message_stop" not in answer.text

    def required(answer: Exchange) -> None:
        assert "one" in answer.text
        assert answer.sse[-1].event == "error"
        assert "message_stop" not in answer.text

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_an_error_event(case: Case) -> None:
    case.script({"upstream-claude": [fails_within(5)]})
    answer = ask(case, stream=True, options={"taped": True})
    assert answer.sse[-1].event == "error"
    assert answer.sse[-1].json["error"]["type"] == "overloaded_error"
    assert "message_stop" not in answer.text


@pytest.mark.parametrize("model", [{}, {"model": "nobody"}], ids=["none", "unknown"])
def test_a_call_for_no_model(case: Case, model: dict[str, str]) -> None:
    answer = case.post("/v1/messages", {"max_tokens": 9, "messages": [HI], **model})
    case.assert_same_as_recorded()
    assert answer.status == 400


@pytest.mark.parametrize("missing", ["messages", "max_tokens"])
def test_a_field_is_missing(case: Case, missing: str) -> None:
    body: dict[str, Any] = {"model": "claude-chat", "max_tokens": 9, "messages": [HI]}
    del body[missing]
    case.script({"upstream-claude": []})
    answer = case.post("/v1/messages", body)
    assert len(case.journal()) == 0

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 400
        assert missing in answer.json["error"]["message"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_a_call_without_a_key(case: Case) -> None:
    answer = ask(case, options={"key": None})
    case.assert_same_as_recorded()
    assert answer.status == 401


def test_a_fallback(case: Case) -> None:
    case.script({"upstream-first": [refused(500)], "upstream-second": []})
    answer = ask(case, "claude-first", fallbacks=["claude-second"])
    case.assert_same_as_recorded(ignore=["journal[1].body.metadata"])
    assert answer.status == 200
    assert case.journal().models == ["upstream-first", "upstream-second"]


def test_a_fallback_to_another_vendor(case: Case) -> None:
    case.script({"upstream-first": [refused(500)], "upstream-other": []})
    answer = ask(case, "claude-first", fallbacks=["other-vendor"])
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert answer.json["type"] == "message"
    assert case.journal().paths == ["/v1/messages", "/v1/chat/completions"]


@contract("core", config="core/anthropic.yaml", provenance="documented")
@pytest.mark.parametrize("how", ["closed", "broken-json", "html"])
def test_something_else_in_place_of_an_answer(case: Case, how: str) -> None:
    case.script({"upstream-failing": [{"closed": closed(), "broken-json": broken_json(), "html": html(200)}[how]]})
    answer = ask(case, "claude-error")
    assert answer.status == 500
    assert answer.json["error"]["message"]
    case.wait(1.1)


def test_counting_tokens(case: Case) -> None:
    case.script({"upstream-claude": []})
    answer = case.post("/v1/messages/count_tokens", {"model": "claude-chat", "messages": [HI], "system": "be brief"})

    def as_recorded(answer: Exchange) -> None:
        assert answer.json == {"input_tokens": 8}
        assert len(case.journal()) == 0

    def required(answer: Exchange) -> None:
        assert answer.json == {"input_tokens": 10}
        [call] = case.journal()
        assert call.path == "/v1/messages/count_tokens"
        assert call.body == {"model": "upstream-claude", "messages": [HI], "system": "be brief"}
        assert call.headers["x-api-key"] == "sk-up"

    case.deviates(answer, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("mistake", ["no-model", "no-messages", "unknown-model", "no-key"])
def test_counting_tokens_of_nothing(case: Case, mistake: str) -> None:
    body: dict[str, Any] = {"model": "claude-chat", "messages": [HI]}
    body |= {"no-messages": {"messages": []}, "unknown-model": {"model": "nobody"}}.get(mistake, {})
    if mistake == "no-model":
        del body["model"]
    answer = case.post("/v1/messages/count_tokens", body, **({"key": None} if mistake == "no-key" else {}))
    case.assert_same_as_recorded()
    assert answer.status == {"unknown-model": 200, "no-key": 401}.get(mistake, 400)
