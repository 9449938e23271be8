"""Gemini on Vertex AI: where calls go, as whom, and what is told there only."""

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.google_replies import refused
from fixtures.replies import ok, tool

pytestmark = contract("core", config="google/vertex.yaml")

LABELS = {"labels": {"team": "blue"}}
"""Given in each call: else the reference adds the id of a user of the gateway."""
PLACES = {
    "vertex-chat": ("gemini-2.5-flash", "europe-west1-aiplatform.googleapis.com", "proj-2/locations/europe-west1"),
    "vertex-global": ("gemini-2.5-pro", "aiplatform.googleapis.com", "proj-2/locations/global"),
    "vertex-project": ("gemini-2.0-flash", "us-central1-aiplatform.googleapis.com", "proj-1/locations/us-central1"),
}


@pytest.mark.parametrize("group", PLACES)
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_where_a_chat_goes(case: Case, group: str, streamed: bool) -> None:
    upstream, host, place = PLACES[group]
    case.script({upstream: [ok("hi")]})
    answer = case.stream(group, **LABELS) if streamed else case.chat(group, **LABELS)
    case.assert_same_as_recorded(headers=["x-litellm-model-api-base"] if streamed else [])
    assert answer.content == "hi"
    [received] = case.journal()
    verb = "streamGenerateContent" if streamed else "generateContent"
    assert received.entry["host"] == host
    assert received.path == f"/v1/projects/{place}/publishers/google/models/{upstream}:{verb}"
    assert received.headers["authorization"] == "Bearer ya29.up1"
    assert received.body["labels"] == {"team": "blue"}


def test_an_address_of_its_own(case: Case) -> None:
    case.script({"gemini-2.5-flash-lite": [ok("hi")]})
    answer = case.chat("vertex-base", **LABELS)
    case.assert_same_as_recorded(headers=["x-litellm-model-api-base"])
    assert answer.content == "hi"
    assert case.journal()[0].path == "/models/gemini-2.5-flash-lite:generateContent"


def test_parameters_that_vertex_alone_takes(case: Case) -> None:
    case.script({"gemini-2.5-flash": []})
    answer = case.chat("vertex-chat", seed=4, logprobs=True, top_logprobs=2, **LABELS)
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert case.journal().bodies[0]["generationConfig"] == {"seed": 4, "responseLogprobs": True, "logprobs": 2}


def test_system_prompts_and_tools(case: Case) -> None:
    messages = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}]
    tool = {"type": "function", "function": {"name": "clock"}}
    case.script({"gemini-2.5-flash": []})
    answer = case.chat("vertex-chat", messages=messages, tools=[tool], **LABELS)
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert case.journal().bodies[0]["system_instruction"] == {"parts": [{"text": "be brief"}]}


def test_a_model_of_the_third_generation(case: Case) -> None:
    case.script({"gemini-3-pro-preview": []})
    case.chat("vertex-three", presence_penalty=0.5, drop_params=True, **LABELS)
    case.assert_same_as_recorded()
    assert case.journal().bodies[0]["generationConfig"] == {
        "temperature": 1.0,
        "thinkingConfig": {"thinkingLevel": "low"},
    }


IMAGES = {
    "by-its-name": ("https://pictures.test/cat.png", "image/png"),
    "by-its-name-before-a-query": ("https://pictures.test/cat.JPG?x=1", "image/jpeg"),
}


@pytest.mark.parametrize("address", IMAGES)
def test_an_image_at_an_address(case: Case, address: str) -> None:
    url, kind = IMAGES[address]
    part = {"type": "image_url", "image_url": {"url": url}}
    case.script({"gemini-2.5-flash": []})
    answer = case.chat("vertex-chat", messages=[{"role": "user", "content": [part]}], **LABELS)
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert case.journal().bodies[0]["contents"][0]["parts"][0] == {"file_data": {"mime_type": kind, "file_uri": url}}


def test_an_image_whose_kind_nobody_tells(case: Case) -> None:
    part = {"type": "image_url", "image_url": {"url": "http://upstream.test/u/private/cat"}}
    case.script({"gemini-2.5-flash": []})
    answer = case.chat("vertex-chat", messages=[{"role": "user", "content": [part]}], **LABELS)

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 400
        assert "Unable to fetch image" in answer.json["error"]["message"]

    def required(answer: Exchange) -> None:
        assert answer.status == 200
        stored = {"mime_type": "image/jpeg", "file_uri": "http://upstream.test/u/private/cat"}
        assert case.journal().bodies[0]["contents"][0]["parts"][0] == {"file_data": stored}

    case.deviates(answer, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("code", [400, 401, 403, 429, 500, 503])
def test_a_status(case: Case, code: int) -> None:
    case.script({"gemini-1.5-pro": [refused(code)]})
    answer = case.chat("vertex-old", **LABELS)
    case.assert_same_as_recorded()
    assert answer.status == code
    assert "Vertex_aiException" in answer.json["error"]["message"]
    case.wait(1.1)


def test_labels_of_the_metadata(case: Case) -> None:
    case.script({"gemini-2.5-flash": []})
    answer = case.chat("vertex-chat", metadata={"team": "blue", "floor": 3})
    assert answer.status == 200
    [body] = case.journal().bodies

    def as_recorded() -> None:
        assert body["labels"] == {"team": "blue", "user_api_key_user_id": "default_user_id"}

    def required() -> None:
        assert body["labels"] == {"team": "blue"}

    case.deviates(as_recorded=as_recorded, required=required)


def test_an_account_that_is_missing(case: Case) -> None:
    case.script({"gemini-1.5-flash": []})
    answer = case.chat("vertex-keyless", **LABELS)
    assert answer.status == 500
    assert len(case.journal()) == 0

    def as_recorded(answer: Exchange) -> None:
        assert "Traceback" in answer.json["error"]["message"]

    def required(answer: Exchange) -> None:
        assert "vertex_credentials" in answer.json["error"]["message"]
        assert "Traceback" not in answer.json["error"]["message"]

    case.deviates(answer, as_recorded=as_recorded, required=required)
    case.wait(1.1)


CLAUDE = "claude-sonnet-4-5@20250929"
"""The reference needs Google's own SDK for it, which it does not bring."""


@contract("core", config="google/vertex.yaml", provenance="documented")
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_claude(case: Case, streamed: bool) -> None:
    messages = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}]
    case.script({CLAUDE: [ok("hello")]})
    ask = case.stream if streamed else case.chat
    answer = ask("vertex-claude", messages=messages, max_tokens=9)
    assert answer.content == "hello"
    [received] = case.journal()
    verb = "streamRawPredict" if streamed else "rawPredict"
    place = "/v1/projects/proj-2/locations/europe-west1/publishers/anthropic/models/claude-sonnet-4-5@20250929"
    assert received.path == f"{place}:{verb}"
    assert received.headers["authorization"] == "Bearer ya29.up1"
    assert received.body["anthropic_version"] == "vertex-2023-10-16"
    assert received.body["system"] == [{"type": "text", "text": "be brief"}]
    assert "model" not in received.body
    assert received.body.get("stream", False) is streamed


@contract("core", config="google/vertex.yaml", provenance="documented")
def test_claude_answers_in_a_schema_by_a_tool(case: Case) -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "p", "schema": {"type": "object", "properties": {}}}}
    case.script({CLAUDE: [ok(tool_calls=[tool("json_tool_call", age=3)])]})
    answer = case.chat("vertex-claude", response_format=wanted)
    assert answer.content == '{"age": 3}'
    assert case.journal().bodies[0]["tools"][0]["name"] == "json_tool_call"
