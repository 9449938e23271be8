"""Amazon Bedrock's ``/invoke``: Anthropic's own format for models that Converse is not asked for, and embeddings."""

import base64
from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.bedrock_replies import refused
from fixtures.replies import Reply, ok, stream, tool

pytestmark = contract("core", config="vendors/bedrock.yaml")

MODELS = {
    "rock-invoke": "anthropic.claude-3-7-sonnet-20250219-v1:0",
    "rock-unknown": "anthropic.claude-unheard-of-v1:0",
}
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "p", "schema": {"type": "object", "properties": {}}}}
FIELDS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "parameters": {"temperature": 0.5, "top_p": 0.9, "max_tokens": 17, "stop": ["end"], "top_k": 5},
    "tools": {"tools": [WEATHER], "tool_choice": "required"},
    "schema": {"response_format": SCHEMA},
    "unheard-of": {"unheard_of": 1},
    "user": {"user": "somebody"},
    "system": {"messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}]},
}


@pytest.mark.parametrize("fields", FIELDS)
@pytest.mark.parametrize("model", MODELS)
def test_what_is_invoked(case: Case, model: str, fields: str) -> None:
    case.script({MODELS[model]: []})
    answer = case.chat(model, **FIELDS[fields])
    case.assert_same_as_recorded(headers=["llm_provider-x-amzn-requestid"])
    assert answer.status == 200
    [call] = case.journal()
    assert call.path == f"/model/{MODELS[model]}/invoke"
    assert call.body["anthropic_version"] == "bedrock-2023-05-31"


def test_thinking(case: Case) -> None:
    case.script({MODELS["rock-invoke"]: []})
    answer = case.chat("rock-invoke", reasoning_effort="low")
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert answer.json["choices"][0]["message"]["reasoning_content"]


def test_tools_that_are_called(case: Case) -> None:
    case.script({MODELS["rock-invoke"]: [ok(tool_calls=[tool("weather", city="Bonn"), tool("clock")])]})
    answer = case.chat("rock-invoke", tools=[WEATHER])
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert len(answer.json["choices"][0]["message"]["tool_calls"]) == 2


SHAPES: dict[str, Reply] = {
    "texts": stream(["one ", "two"]),
    "tools": ok(tool_calls=[tool("weather", city="Bonn")]),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_stream(case: Case, shape: str) -> None:
    case.script({MODELS["rock-invoke"]: [SHAPES[shape]]})
    answer = case.stream("rock-invoke", tools=[WEATHER], stream_options={"include_usage": True})
    case.assert_same_as_recorded(headers=["x-litellm-model-api-base"])
    assert answer.events[-1] == "[DONE]"
    assert case.journal().paths == [f"/model/{MODELS['rock-invoke']}/invoke-with-response-stream"]


@pytest.mark.parametrize("number", [400, 403, 429, 500, 503])
@pytest.mark.parametrize("streamed", [False, True])
def test_an_error(case: Case, number: int, streamed: bool) -> None:
    case.script({MODELS["rock-invoke"]: [refused(number)]})
    answer = case.chat("rock-invoke", stream=streamed)
    case.assert_same_as_recorded(ignore=["body.error.message"] if streamed else [])
    assert answer.status == {403: 500, 500: 503}.get(number, number)


# --- embeddings ------------------------------------------------------------------------------------------------------

#: Whose library is calling: not ours.
CALLER = "journal*.headers.request-source"
VECTORS = {
    "rock-vector": "amazon.titan-embed-text-v2:0",
    "rock-vector-one": "amazon.titan-embed-text-v1",
    "rock-vector-cohere": "cohere.embed-english-v3",
}


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("model", VECTORS)
def test_embeddings(case: Case, model: str, several: bool) -> None:
    case.script({VECTORS[model]: []})
    answer = case.embed(model, input=["one", "two"] if several else "one")
    case.assert_same_as_recorded(ignore=["body.usage", CALLER])
    assert answer.status == 200
    assert len(answer.json["data"]) == 1 + several
    assert len(answer.json["data"][0]["embedding"]) == 16
    assert answer.json["usage"]["prompt_tokens"] > 0


OPTIONS: dict[str, dict[str, Any]] = {
    "dimensions": {"dimensions": 256},
    "input_type": {"input_type": "search_query"},
    "user": {"user": "somebody"},
}


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("model", VECTORS)
def test_an_option_of_embeddings(case: Case, model: str, option: str) -> None:
    case.script({VECTORS[model]: []})
    answer = case.embed(model, **OPTIONS[option])
    case.assert_same_as_recorded(ignore=["body.usage", CALLER])
    assert answer.status in (200, 400)
    assert len(case.journal()) == (answer.status == 200)


def test_numbers_are_asked_for(case: Case) -> None:
    case.script({VECTORS["rock-vector"]: []})
    answer = case.embed("rock-vector", encoding_format="float")
    case.assert_same_as_recorded()
    assert len(answer.json["data"][0]["embedding"]) == 16
    assert case.journal().bodies[0]["embeddingTypes"] == ["float"]


@pytest.mark.parametrize("model", ["rock-vector-one", "rock-vector-cohere"])
def test_numbers_are_asked_for_where_there_is_nothing_else(case: Case, model: str) -> None:
    case.script({VECTORS[model]: []})
    answer = case.embed(model, encoding_format="float")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 400

    def required(answer: Exchange) -> None:
        assert len(answer.json["data"][0]["embedding"]) == 16

    case.deviates(answer, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("model", VECTORS)
def test_base64_is_asked_for(case: Case, model: str) -> None:
    """As the openai SDK does unless it is told otherwise."""
    case.script({VECTORS[model]: []})
    answer = case.embed(model, encoding_format="base64")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 400 or set(answer.json["data"][0]["embedding"]) <= {0, 1}

    def required(answer: Exchange) -> None:
        assert len(base64.b64decode(answer.json["data"][0]["embedding"])) == 16 * 4

    case.deviates(answer, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("number", [400, 429, 500])
@pytest.mark.parametrize("model", VECTORS)
def test_an_error_of_embeddings(case: Case, model: str, number: int) -> None:
    case.script({VECTORS[model]: [refused(number)]})
    answer = case.embed(model)
    case.assert_same_as_recorded(ignore=[CALLER])
    assert answer.status in (400, 429, 500, 503)


@contract("core", config="vendors/bedrock.yaml", provenance="documented")
def test_embeddings_of_a_chat_model(case: Case) -> None:
    case.script({"upstream-rock": []})
    answer = case.embed("rock-chat")
    assert answer.status == 400
    assert len(case.journal()) == 0
