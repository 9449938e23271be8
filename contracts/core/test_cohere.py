"""What Cohere receives for a chat completion, and what its answers and errors become."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.cohere_replies import refused, said
from fixtures.replies import Reply, broken_json, html, ok, slow, tool

pytestmark = contract("core", config="vendors/cohere.yaml")

#: Whose library is calling: not ours.
CALLER = "journal*.headers.request-source"
HI = {"role": "user", "content": "hi"}
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = {"type": "function", "function": {"name": "weather", "description": "How it is", "parameters": PARAMETERS}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Bonn"}'}}
WAYS = {
    "coral-talk": "upstream-coral",
    "coral-chat": "command-r-08-2024",
    "coral-second": "upstream-second",
    "coral-headers": "upstream-headers",
    "coral-keyless": "upstream-keyless",
}


@pytest.mark.parametrize("model", [model for model in WAYS if model != "coral-keyless"])
def test_the_way_to_cohere(case: Case, model: str) -> None:
    case.script({WAYS[model]: [ok("hello")]})
    answer = case.chat(model)
    case.assert_same_as_recorded(headers=["x-litellm-model-api-base"], ignore=[CALLER])
    assert answer.content == "hello"
    [call] = case.journal()
    assert call.path == "/v2/chat"
    assert call.body["model"] == WAYS[model]
    assert call.headers["authorization"] == "Bearer sk-up"


def test_no_key(case: Case) -> None:
    case.script({"upstream-keyless": []})
    answer = case.chat("coral-keyless")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 200

    def required(answer: Exchange) -> None:
        assert answer.status == 401
        assert "COHERE_API_KEY" in answer.json["error"]["message"]
        assert len(case.journal()) == 0

    case.deviates(answer, as_recorded=as_recorded, required=required)


CONVERSATIONS: dict[str, list[Any]] = {
    "system": [{"role": "system", "content": "be brief"}, HI],
    "both-sides": [HI, {"role": "assistant", "content": "a"}, HI],
    "parts": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}],
    "image": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]}],
    "image-as-text": [{"role": "user", "content": [{"type": "image_url", "image_url": "data:image/png;base64,AA=="}]}],
    "tool-call": [
        HI,
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
    ],
    "cached": [
        {"role": "user", "content": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}]},
    ],
    "named": [{**HI, "name": "anna"}],
}


@pytest.mark.parametrize("conversation", CONVERSATIONS)
def test_a_conversation(case: Case, conversation: str) -> None:
    case.script({"upstream-coral": []})
    answer = case.chat("coral-talk", messages=CONVERSATIONS[conversation], tools=[WEATHER])
    case.assert_same_as_recorded(ignore=[CALLER])
    assert answer.status == 200
    assert len(case.journal().bodies[0]["messages"]) == len(CONVERSATIONS[conversation])


FIELDS: dict[str, Any] = {
    "temperature": 0.5,
    "top_p": 0.9,
    "max_tokens": 17,
    "stop": ["end"],
    "n": 2,
    "seed": 3,
    "presence_penalty": 0.1,
    "frequency_penalty": 0.2,
    "tools": [WEATHER],
    "logit_bias": {"50256": -100},
    "logprobs": True,
    "user": "somebody",
    "parallel_tool_calls": False,
    "reasoning_effort": "low",
    "service_tier": "flex",
    "unheard_of": {"x": 1},
    "documents": [{"data": {"text": "rain"}}],
}


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("model", ["coral-talk", "coral-dropping"])
def test_a_parameter(case: Case, model: str, field: str) -> None:
    case.script({"upstream-coral": [], "upstream-dropping": []})
    answer = case.chat(model, **{field: FIELDS[field]})
    case.assert_same_as_recorded(ignore=[CALLER])
    assert len(case.journal()) == (answer.status == 200)
    assert answer.status == 200 or model == "coral-talk"


@pytest.mark.parametrize("model", ["coral-talk", "coral-dropping"])
def test_the_newer_name_of_a_limit(case: Case, model: str) -> None:
    case.script({"upstream-coral": [], "upstream-dropping": []})
    answer = case.chat(model, max_completion_tokens=17)
    told = [body.get("max_tokens") for body in case.journal().bodies]

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 400 or told == [None]

    def required(answer: Exchange) -> None:
        assert told == [17]

    case.deviates(answer, as_recorded=as_recorded, required=required)


CHOICES: dict[str, Any] = {"required": "REQUIRED", "none": "NONE"}


@pytest.mark.parametrize("choice", CHOICES)
def test_a_choice_among_tools(case: Case, choice: str) -> None:
    case.script({"upstream-coral": []})
    answer = case.chat("coral-talk", tools=[WEATHER], tool_choice=choice)
    told = case.journal().bodies[0].get("tool_choice")

    def as_recorded(answer: Exchange) -> None:
        assert told is None

    def required(answer: Exchange) -> None:
        assert told == CHOICES[choice]

    case.deviates(answer, as_recorded=as_recorded, required=required)


FORMATS: dict[str, Any] = {
    "object": {"type": "json_object"},
    "schema": {"type": "json_schema", "json_schema": {"name": "p", "schema": PARAMETERS}},
}


@pytest.mark.parametrize("wanted", FORMATS)
def test_json_is_asked_for(case: Case, wanted: str) -> None:
    case.script({"upstream-coral": [ok('{"city": "Bonn"}')]})
    answer = case.chat("coral-talk", response_format=FORMATS[wanted])

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 400

    def required(answer: Exchange) -> None:
        assert answer.content == '{"city": "Bonn"}'
        told = {"type": "json_object"} | ({"schema": PARAMETERS} if wanted == "schema" else {})
        assert case.journal().bodies[0]["response_format"] == told

    case.deviates(answer, as_recorded=as_recorded, required=required)


# --- answers ---------------------------------------------------------------------------------------------------------

SOURCES = [
    {"type": "document", "id": "d1", "document": {"title": "weather", "snippet": "rain"}},
    {"type": "tool", "id": "t1", "tool_output": {}},
]
CITATION = {"start": 0, "end": 4, "text": "rain", "sources": SOURCES, "type": "TEXT_CONTENT"}
ANSWERS: dict[str, Reply] = {
    "ordinary": ok("hello"),
    "two-texts": said({"type": "text", "text": "a"}, {"type": "text", "text": "b"}),
    "nothing": said(),
    "tools": ok(tool_calls=[tool("weather", city="Bonn"), tool("clock")]),
    "citations": said({"type": "text", "text": "rain"}, citations=[CITATION]),
}


@pytest.mark.parametrize("shape", ANSWERS)
def test_an_answer(case: Case, shape: str) -> None:
    case.script({"upstream-coral": [ANSWERS[shape]]})
    answer = case.chat("coral-talk", tools=[WEATHER])
    case.assert_same_as_recorded(ignore=[CALLER, "body.choices*.finish_reason"])
    message = answer.json["choices"][0]["message"]
    assert len(message.get("tool_calls") or []) == (2 if shape == "tools" else 0)
    assert answer.json["usage"]["total_tokens"] == 15


REASONS = {
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
}


def test_an_answer_that_ends_with_a_stop_sequence(case: Case) -> None:
    case.script({"upstream-coral": [said({"type": "text", "text": "hi"}, finish_reason="STOP_SEQUENCE")]})
    answer = case.chat("coral-talk")
    case.assert_same_as_recorded(ignore=[CALLER])
    assert answer.json["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize("reason", REASONS)
def test_why_an_answer_ends(case: Case, reason: str) -> None:
    case.script({"upstream-coral": [said({"type": "text", "text": "hi"}, finish_reason=reason)]})
    answer = case.chat("coral-talk")

    def as_recorded(answer: Exchange) -> None:
        assert answer.json["choices"][0]["finish_reason"] == "stop"

    def required(answer: Exchange) -> None:
        assert answer.json["choices"][0]["finish_reason"] == REASONS[reason]

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_an_answer_that_the_vendor_has_not(case: Case) -> None:
    case.script({"upstream-coral-failing": [said({"type": "text", "text": "h"}, finish_reason="ERROR")]})
    answer = case.chat("coral-error")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 200

    def required(answer: Exchange) -> None:
        assert answer.status == 500

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_thinking(case: Case) -> None:
    thinking = said({"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "hi"})
    case.script({"upstream-coral": [thinking]})
    answer = case.chat("coral-talk")

    def as_recorded(answer: Exchange) -> None:
        assert answer.content == "hi"
        assert "reasoning_content" not in answer.json["choices"][0]["message"]

    def required(answer: Exchange) -> None:
        assert answer.content == "hi"
        assert answer.json["choices"][0]["message"]["reasoning_content"] == "hm"

    case.deviates(answer, as_recorded=as_recorded, required=required)


# --- errors ----------------------------------------------------------------------------------------------------------

FAILURES = (400, 408, 498, 500)
UNMAPPED = (401, 403, 404, 422, 429, 501, 503, 504)


@pytest.mark.parametrize("number", FAILURES)
def test_an_error(case: Case, number: int) -> None:
    case.script({"upstream-coral-failing": [refused(number)]})
    answer = case.chat("coral-error")
    case.assert_same_as_recorded(headers=["retry-after"], ignore=[CALLER])
    assert answer.status >= 400
    assert len(case.journal()) == 1


@pytest.mark.parametrize("number", UNMAPPED)
def test_an_error_keeps_its_status(case: Case, number: int) -> None:
    case.script({"upstream-coral-failing": [refused(number)]})
    answer = case.chat("coral-error")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == number
        assert f"upstream says {number}" in answer.json["error"]["message"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


WORDS = {
    "token": (401, "invalid api token"),
    "parameter": (422, "invalid type: parameter temperature is of type string"),
    "too-long": (400, "too many tokens: size limit exceeded by 100 tokens"),
    "internal": (500, "Internal Server Error, this is a bug on our side"),
}


@pytest.mark.parametrize("words", WORDS)
def test_what_the_words_of_an_error_mean(case: Case, words: str) -> None:
    number, text = WORDS[words]
    case.script({"upstream-coral-failing": [refused(number, message=text)]})
    answer = case.chat("coral-error")
    case.assert_same_as_recorded(ignore=[CALLER])
    assert text in answer.json["error"]["message"]
    assert answer.status == number


BROKEN = {"no-json": broken_json(), "page": html(200), "another-shape": Reply(body={"hello": "you"})}


@pytest.mark.parametrize("shape", BROKEN)
def test_an_answer_that_is_none(case: Case, shape: str) -> None:
    case.script({"upstream-coral-failing": [BROKEN[shape]]})
    answer = case.chat("coral-error")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500
        assert "InternalServerError" not in answer.text

    def required(answer: Exchange) -> None:
        assert answer.status == 500
        assert "litellm.InternalServerError: CohereException" in answer.json["error"]["message"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_no_connection(case: Case) -> None:
    answer = case.chat("coral-gone")
    case.assert_same_as_recorded(ignore=["body.error.message"])
    assert answer.status == 500


def test_a_time_that_is_up(case: Case) -> None:
    case.script({"upstream-short": [slow(2)]})
    answer = case.chat("coral-short")
    case.assert_same_as_recorded(ignore=["body.error.message", CALLER])
    assert answer.status == 408
