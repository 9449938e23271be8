"""A2: responses are made by the vendors that make them."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import Reply, ok, tool

pytestmark = contract("A2", config="A2/main.yaml")

HEADERS = [
    "x-litellm-model-id",
    "x-litellm-model-group",
    "x-litellm-model-api-base",
    "x-litellm-attempted-retries",
    "x-litellm-attempted-fallbacks",
    "x-litellm-version",
    "x-ratelimit-remaining-requests",
]
WEATHER = {"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {}}, "strict": True}


def respond(case: Case, model: str = "native", *, path: str = "/v1/responses", **body: Any) -> Exchange:
    return case.post(path, {"model": model, "input": "hello", **body})


def test_a_response(case: Case) -> None:
    case.script({"upstream-native": [ok("Good day.")]})
    answer = respond(case)
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 200
    assert answer.json["id"].startswith("resp_")
    assert "resp_up" not in answer.json["id"]
    assert answer.json["model"] == "native"
    assert answer.json["output"][0]["content"][0]["text"] == "Good day."
    [call] = case.journal()
    assert (call.method, call.path, call.model) == ("POST", "/v1/responses", "upstream-native")
    assert call.headers["authorization"] == "Bearer sk-up"


@pytest.mark.parametrize("path", ["/responses", "/openai/v1/responses"])
def test_another_path(case: Case, path: str) -> None:
    case.script({"upstream-native": []})
    answer = respond(case, path=path)
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.json["object"] == "response"
    assert case.journal().paths == ["/v1/responses"]


FIELDS: dict[str, Any] = {
    "instructions": "be brief",
    "max_output_tokens": 17,
    "max_tool_calls": 2,
    "metadata": {"order": "7"},
    "parallel_tool_calls": False,
    "include": ["reasoning.encrypted_content"],
    "prompt": {"id": "pmpt_1"},
    "prompt_cache_key": "k",
    "reasoning": {"effort": "low"},
    "safety_identifier": "s-1",
    "service_tier": "flex",
    "store": False,
    "stream_options": {"include_obfuscation": False},
    "temperature": 0.5,
    "text": {"format": {"type": "json_schema", "name": "city", "schema": {"type": "object"}, "strict": True}},
    "tool_choice": {"type": "function", "name": "weather"},
    "tools": [WEATHER],
    "top_logprobs": 2,
    "top_p": 0.5,
    "truncation": "auto",
    "user": "u-1",
    "context_management": [{"type": "compaction", "compact_threshold": 2000}],
}


@pytest.mark.parametrize("field", FIELDS)
def test_a_field(case: Case, field: str) -> None:
    case.script({"upstream-native": []})
    answer = respond(case, **{field: FIELDS[field]})
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert case.journal().bodies[0][field] == FIELDS[field]


OTHERS: dict[str, Any] = {
    "unheard_of": 1,
    "tags": ["blue"],
    "temperature": None,
    "num_retries": 0,
    "metadata": {"text": "a", "number": 1},
    "litellm_metadata": {"tags": ["blue"]},
}


@pytest.mark.parametrize("field", OTHERS)
def test_another_field(case: Case, field: str) -> None:
    case.script({"upstream-native": []})
    answer = respond(case, **{field: OTHERS[field]})
    case.assert_same_as_recorded()
    assert answer.status == 200
    body = case.journal().bodies[0]
    assert {name: value for name, value in body.items() if name != "metadata"} == {
        "model": "upstream-native",
        "input": "hello",
    }


def test_what_the_client_wants_sent_whatever_it_is(case: Case) -> None:
    case.script({"upstream-native": []})
    respond(case, extra_body={"house": 7})
    case.assert_same_as_recorded()
    assert case.journal().bodies[0]["house"] == 7


def test_defaults_of_the_deployment(case: Case) -> None:
    case.script({"upstream-defaults": []})
    answer = respond(case, "defaults")
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert case.journal().bodies[0]["temperature"] == 0.25
    assert case.journal().bodies[0]["reasoning"] == {"effort": "low"}


INPUTS: dict[str, Any] = {
    "parts": [{"role": "user", "content": [{"type": "input_text", "text": "what is this?"}]}],
    "image": [{"role": "user", "content": [{"type": "input_image", "image_url": "https://images.test/a.png"}]}],
    "file": [{"role": "user", "content": [{"type": "input_file", "file_id": "file-1"}]}],
    "turns": [
        {"role": "developer", "content": "be brief"},
        {"role": "user", "content": "weather?"},
        {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "rain"},
    ],
    "reasoning": [
        {"type": "reasoning", "id": "rs_1", "summary": [], "status": None, "encrypted_content": None},
        {"role": "user", "content": "go on"},
    ],
    "unheard_of": [{"type": "hologram", "data": [1, None]}],
}


@pytest.mark.parametrize("kind", INPUTS)
def test_input_goes_through(case: Case, kind: str) -> None:
    case.script({"upstream-native": []})
    answer = respond(case, input=INPUTS[kind])
    case.assert_same_as_recorded()
    assert answer.status == 200
    [body] = case.journal().bodies
    assert body["input"][-1] == INPUTS[kind][-1]


OUTPUTS: dict[str, Reply] = {
    "call": ok(tool_calls=[tool("weather", city="Rome")]),
    "calls": ok("looking", tool_calls=[tool("weather", city="Rome"), tool("weather", city="Paris")]),
    "incomplete": ok("cut", finish_reason="length"),
    "failed": ok(finish_reason="failed"),
    "no-usage": ok(usage=None),
    "cached": ok(
        usage={
            "input_tokens": 20,
            "input_tokens_details": {"cached_tokens": 15},
            "output_tokens": 9,
            "output_tokens_details": {"reasoning_tokens": 4},
            "total_tokens": 29,
        }
    ),
}


@pytest.mark.parametrize("kind", OUTPUTS)
def test_output_comes_through(case: Case, kind: str) -> None:
    case.script({"upstream-native": [OUTPUTS[kind]]})
    answer = respond(case, tools=[WEATHER], reasoning={"effort": "low", "summary": "auto"})
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 200
    assert answer.json["status"] == {"incomplete": "incomplete", "failed": "failed"}.get(kind, "completed")


@pytest.mark.parametrize("model", ["azure-named", "azure-general", "another-proxy"])
def test_other_vendors_have_it_too(case: Case, model: str) -> None:
    upstream = {"azure-named": "upstream-azure", "azure-general": "upstream-general"}
    case.script({upstream.get(model, "upstream-proxied"): []})
    turn = [{"type": "message", "role": "assistant", "status": "completed", "content": "hello"}]
    answer = respond(case, model, input=[*turn, {"role": "user", "content": "and now?"}], temperature=0.5)
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.json["object"] == "response"
    assert answer.json["model"] == model
    [call] = case.journal()
    assert call.path in ("/openai/responses", "/openai/v1/responses", "/v1/responses")


def test_a_prefix_is_no_part_of_the_models_name(case: Case) -> None:
    case.script({"responses/upstream-prefixed": [], "upstream-prefixed": []})
    respond(case, "prefixed")
    models = case.journal().models

    def as_recorded(models: list[str]) -> None:
        assert models == ["responses/upstream-prefixed"]

    def required(models: list[str]) -> None:
        assert models == ["upstream-prefixed"]

    case.deviates(models, as_recorded=as_recorded, required=required)


def test_xai_takes_neither_metadata_nor_what_tools_of_openai_have(case: Case) -> None:
    case.script({"upstream-grok": []})
    tools = [
        {"type": "web_search", "search_context_size": "low"},
        {"type": "code_interpreter", "container": {"type": "auto"}},
    ]
    answer = respond(case, "grok-made", metadata={"a": "b"}, tools=tools)
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 200
    assert case.journal().bodies[0]["tools"] == [{"type": "web_search"}, {"type": "code_interpreter"}]


def test_the_name_of_an_alias(case: Case) -> None:
    case.script({"upstream-native": []})
    answer = respond(case, "nickname")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.json["model"] == "nickname"


def test_compacted(case: Case) -> None:
    case.script({"upstream-native": []})
    answer = respond(case, path="/v1/responses/compact", instructions="be brief")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.json["object"] == "response.compaction"
    assert answer.json["output"][0]["encrypted_content"] == "Y29tcGFjdGVk"
    assert case.journal().paths == ["/v1/responses/compact"]


def test_a_mocked_response_needs_no_vendor(case: Case) -> None:
    case.script({"upstream-native": []})
    answer = respond(case, mock_response="as told")
    case.assert_same_as_recorded(ignore=["body"])
    assert answer.json["output"][0]["content"][0]["text"] == "as told"
    assert case.journal().calls == []
