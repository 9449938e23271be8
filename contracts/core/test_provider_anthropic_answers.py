"""What the client gets from Anthropic: complete answers, refusals and failures."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.anthropic_replies import message, overloaded, prompt_too_long, refused
from fixtures.replies import Reply, broken_json, closed, html, ok, reset, tool, truncated

pytestmark = contract("core", config="core/anthropic.yaml")

HEADERS = ["x-litellm-model-id", "x-litellm-model-api-base", "llm_provider-request-id", "x-ratelimit-limit-tokens"]
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}]
SCHEMA = {"type": "json_schema", "json_schema": {"name": "p", "schema": {"type": "object", "properties": {}}}}


def text(said: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": said, **more}


def calls(name: str, index: int = 1, **given: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": f"toolu_{index}", "name": name, "input": given}


CITATION = {
    "type": "char_location",
    "cited_text": "rain",
    "document_index": 0,
    "start_char_index": 0,
    "end_char_index": 4,
}
ANSWERS: dict[str, Reply] = {
    "ordinary": ok(),
    "stopped": message(text("hi"), stop_reason="stop_sequence", stop_sequence="end"),
    "full": message(text("hi"), stop_reason="max_tokens"),
    "refusal": message(text("no"), stop_reason="refusal"),
    "paused": message(text("hm"), stop_reason="pause_turn"),
    "window-full": message(text("hi"), stop_reason="model_context_window_exceeded"),
    "several-texts": message(text("one "), text("two")),
    "nothing": message(),
    "tool": ok(tool_calls=[tool("weather", city="Bonn")]),
    "tools": ok("let me see", tool_calls=[tool("weather", city="Bonn"), tool("weather", city="Kiel")]),
    "tool-without-input": ok(tool_calls=[tool("clock")]),
    "tool-with-unicode": message(calls("weather", city="Köln"), stop_reason="tool_use"),
    "called-by-code": message(calls("weather") | {"caller": {"type": "direct"}}, stop_reason="tool_use"),
    "thinking": message(
        {"type": "thinking", "thinking": "The user said hi.", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "c2VjcmV0"},
        text("hi"),
    ),
    "redacted": message({"type": "redacted_thinking", "data": "c2VjcmV0"}, text("hi")),
    "citations": message(text("it rains", citations=[CITATION]), text(" now", citations=[CITATION])),
    "web-search": message(
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "rain"}},
        {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []},
        text("rain"),
        usage={"input_tokens": 10, "output_tokens": 5, "server_tool_use": {"web_search_requests": 1}},
    ),
    "code-execution": message(
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "bash_code_execution", "input": {}},
        {"type": "bash_code_execution_tool_result", "tool_use_id": "srvtoolu_1", "content": {"stdout": "1"}},
        text("1"),
        container={"id": "container_1"},
    ),
    "tool-search": message(
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "tool_search_tool_regex", "input": {"query": "w"}},
        {"type": "tool_search_tool_result", "tool_use_id": "srvtoolu_1", "content": {}},
        calls("weather"),
        stop_reason="tool_use",
    ),
    "compaction": message({"type": "compaction", "content": "so far"}, text("hi"), stop_reason="compaction"),
    "context-management": message(text("hi"), context_management={"applied_edits": []}),
    "cached": message(
        text("hi"),
        usage={
            "input_tokens": 10,
            "output_tokens": 5,
            "cache_creation_input_tokens": 7,
            "cache_read_input_tokens": 3,
            "cache_creation": {"ephemeral_5m_input_tokens": 4, "ephemeral_1h_input_tokens": 3},
            "service_tier": "standard",
            "inference_geo": "eu",
        },
    ),
    "null-counts": message(
        text("hi"),
        usage={"input_tokens": 10, "output_tokens": None, "cache_read_input_tokens": None, "cache_creation": None},
    ),
}


@pytest.mark.parametrize("shape", ANSWERS)
def test_an_answer(case: Case, shape: str) -> None:
    case.script({"upstream-claude": [ANSWERS[shape]]})
    answer = case.chat("claude-chat", tools=TOOLS)
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 200
    [choice] = answer.json["choices"]
    reasons = {"full": "length", "window-full": "model_context_window_exceeded", "compaction": "length"}
    reasons |= {
        "refusal": "refusal",
        "paused": "pause_turn",
        "tool-search": "tool_calls",
        "called-by-code": "tool_calls",
    }
    reasons |= dict.fromkeys(("tool", "tools", "tool-without-input", "tool-with-unicode"), "tool_calls")
    assert choice["finish_reason"] == reasons.get(shape, "stop")
    if shape == "cached":
        assert answer.json["usage"]["prompt_tokens"] == 20
        assert answer.json["usage"]["prompt_tokens_details"]["cached_tokens"] == 3


@pytest.mark.parametrize("cached", ["read", "written", "both"])
def test_the_cost_of_cached_tokens(case: Case, cached: str) -> None:
    usage = {"input_tokens": 100, "output_tokens": 50}
    usage |= {} if cached == "written" else {"cache_read_input_tokens": 300}
    usage |= {} if cached == "read" else {"cache_creation_input_tokens": 700}
    case.script({"claude-3-7-sonnet-20250219": [message(text("hi"), usage=usage)]})
    answer = case.chat("claude-thinker")
    case.assert_same_as_recorded(headers=["x-litellm-response-cost"])
    dollars = {"read": 0.00114, "written": 0.003675, "both": 0.003765}[cached]
    assert float(answer.headers["x-litellm-response-cost"]) == pytest.approx(dollars)


JSON_ANSWERS: dict[str, Reply] = {
    "object": message(calls("json_tool_call", age=3), stop_reason="tool_use"),
    "values": message(calls("json_tool_call", values=[{"age": 3}]), stop_reason="tool_use"),
    "unicode": message(calls("json_tool_call", city="Köln"), stop_reason="tool_use"),
    "text": message(text("I may not")),
    "text-and-object": message(text("Here:"), calls("json_tool_call", age=3), stop_reason="tool_use"),
    "other-tool": message(calls("weather", city="Bonn"), stop_reason="tool_use"),
    "two": message(calls("json_tool_call", age=3), calls("json_tool_call", 2, age=4), stop_reason="tool_use"),
}


@pytest.mark.parametrize("shape", JSON_ANSWERS)
def test_an_answer_in_a_schema(case: Case, shape: str) -> None:
    case.script({"upstream-claude": [JSON_ANSWERS[shape]]})
    answer = case.chat("claude-chat", response_format=SCHEMA)
    case.assert_same_as_recorded()
    assert answer.status == 200
    message = answer.json["choices"][0]["message"]
    assert bool(message.get("tool_calls")) is (shape in ("other-tool", "two"))


def test_a_prefilled_answer(case: Case) -> None:
    prefill = {"role": "assistant", "content": "Hello", "prefix": True}
    case.script({"upstream-claude": [message(text(" world")), message(text("Hello there"))]})
    first = case.chat("claude-chat", messages=[{"role": "user", "content": "hi"}, prefill])
    second = case.chat("claude-chat", messages=[{"role": "user", "content": "hi"}, prefill])
    case.assert_same_as_recorded()
    assert (first.content, second.content) == ("Hello world", "Hello there")


def test_the_model_of_an_answer_after_a_fallback(case: Case) -> None:
    case.script({"upstream-first": [refused(500)], "upstream-second": []})
    answer = case.chat("claude-first", fallbacks=["claude-second"])
    case.assert_same_as_recorded(headers=["x-litellm-attempted-fallbacks", "x-litellm-model-id"])
    assert answer.json["model"] == "upstream-second"


def test_from_anthropic_to_another_vendor(case: Case) -> None:
    case.script({"upstream-first": [overloaded()], "upstream-other": []})
    answer = case.chat("claude-first", fallbacks=["other-vendor"], max_tokens=9)
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert case.journal().paths == ["/v1/messages", "/v1/chat/completions"]


REFUSALS: dict[str, tuple[Reply, int]] = {
    "400": (refused(400), 400),
    "401": (refused(401, message="invalid x-api-key"), 401),
    "404": (refused(404, message="model: upstream-failing"), 404),
    "408": (refused(408), 408),
    "413": (refused(413), 400),
    "429": (refused(429, headers={"retry-after": "3"}), 429),
    "500": (refused(500), 500),
    "502": (refused(502), 502),
    "503": (refused(503), 503),
    "504": (refused(504), 504),
    "529": (refused(529), 500),
    "overloaded": (overloaded(), 500),
    "too-long": (prompt_too_long(), 400),
    "filtered": (refused(400, message="Output blocked by content filtering policy"), 400),
    "html": (html(502), 502),
    "text": (Reply(status=500, text="upstream connect error"), 500),
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refusal(case: Case, refusal: str) -> None:
    reply, expected = REFUSALS[refusal]
    case.script({"upstream-failing": [reply]})
    answer = case.chat("claude-error")
    case.assert_same_as_recorded(headers=["retry-after", "x-litellm-model-id"])
    assert answer.status == expected
    assert "Anthropic" in answer.json["error"]["message"]
    assert case.journal().models == ["upstream-failing"]
    case.wait(1.1)


@pytest.mark.parametrize("code", [403, 409, 422])
def test_a_refusal_without_a_class_of_its_own(case: Case, code: int) -> None:
    case.script({"upstream-failing": [refused(code)]})
    answer = case.chat("claude-error")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500
        assert answer.json["error"]["message"].startswith("litellm.APIConnectionError: AnthropicException - ")

    def required(answer: Exchange) -> None:
        assert answer.status == code
        assert "AnthropicException - " in answer.json["error"]["message"]

    case.deviates(answer, as_recorded=as_recorded, required=required)
    case.wait(1.1)


@pytest.mark.parametrize("refusal", ["400", "429", "overloaded", "too-long", "html"])
def test_a_refused_stream(case: Case, refusal: str) -> None:
    reply, expected = REFUSALS[refusal]
    case.script({"upstream-failing": [reply]})
    answer = case.stream("claude-error")
    assert answer.status == expected
    assert answer.headers["content-type"] == "application/json"
    assert case.journal().models == ["upstream-failing"]
    case.wait(1.1)


def test_a_prompt_that_is_too_long_goes_to_its_fallback(case: Case) -> None:
    case.script({"upstream-first": [prompt_too_long()], "upstream-second": []})
    answer = case.chat("claude-first", context_window_fallbacks=[{"claude-first": ["claude-second"]}])
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert case.journal().models == ["upstream-first", "upstream-second"]


@pytest.mark.parametrize("how", ["reset", "closed"])
def test_a_broken_connection(case: Case, how: str) -> None:
    case.script({"upstream-failing": [{"reset": reset(), "closed": closed()}[how]]})
    answer = case.chat("claude-error")
    assert answer.status == 500
    assert answer.json["error"]["message"].startswith("litellm.InternalServerError: ")
    case.wait(1.1)


def test_a_refused_connection(case: Case) -> None:
    answer = case.chat("claude-refused")
    assert answer.status == 500
    assert answer.json["error"]["code"] == "500"


def test_a_timeout(case: Case) -> None:
    case.script({"upstream-short": [ok().slow(1.5)]})
    answer = case.chat("claude-short")
    case.assert_same_as_recorded(ignore=["journal[0].end"])
    assert answer.status == 408


def test_a_deployment_without_a_key(case: Case) -> None:
    case.script({"upstream-keyless": []})
    answer = case.chat("claude-keyless")
    case.assert_same_as_recorded(ignore=["body.error.message"])
    assert answer.status == 401
    assert "`ANTHROPIC_API_KEY`" in answer.json["error"]["message"]
    assert len(case.journal()) == 0


BROKEN: dict[str, Reply] = {
    "half": truncated(40),
    "broken-json": broken_json('{"id": "msg_up1", "content": [{"ty'),
    "html": html(200),
}
SENSELESS: dict[str, Reply] = {
    "no-message": Reply(body={"type": "something"}),
    "list": Reply(body=[1, 2]),
    "content-that-is-none": message(stop_reason="end_turn", content="hi"),
    "block-without-type": message({"text": "hi"}),
    "no-usage": Reply(
        body={"id": "m", "type": "message", "model": "c", "content": [text("hi")], "stop_reason": "end_turn"}
    ),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_an_answer_that_is_none(case: Case, broken: str) -> None:
    case.script({"upstream-failing": [BROKEN[broken]]})
    answer = case.chat("claude-error")
    assert answer.status == 500
    assert "Anthropic" in answer.json["error"]["message"]
    case.wait(1.1)


@contract("core", config="core/anthropic.yaml", provenance="documented")
@pytest.mark.parametrize("broken", SENSELESS)
def test_an_answer_that_makes_no_sense(case: Case, broken: str) -> None:
    case.script({"upstream-failing": [SENSELESS[broken]]})
    answer = case.chat("claude-error")
    assert answer.status == 500
    assert "Anthropic" in answer.json["error"]["message"]
    case.wait(1.1)
