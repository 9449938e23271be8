"""What the vendor receives: the client's fields, the deployment's defaults, and nothing of the gateway's own."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import ok, tool

pytestmark = contract("core", config="core/calls.yaml")

WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
PASSED_ON: dict[str, Any] = {
    "temperature": 0,
    "top_p": 0.5,
    "max_tokens": 17,
    "max_completion_tokens": 17,
    "stop": ["end"],
    "seed": 3,
    "presence_penalty": 0.1,
    "frequency_penalty": 0.2,
    "logit_bias": {"50256": -100},
    "logprobs": True,
    "top_logprobs": 2,
    "n": 2,
    "tools": [WEATHER],
    "tool_choice": {"type": "function", "function": {"name": "weather"}},
    "parallel_tool_calls": False,
    "functions": [WEATHER["function"]],
    "function_call": "none",
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "answer", "strict": True, "schema": {"type": "object", "properties": {}}},
    },
    "modalities": ["text"],
    "prediction": {"type": "content", "content": "hello"},
    "service_tier": "flex",
    "web_search_options": {},
    "safety_identifier": "safe",
    "unheard_of": {"nested": [1, None]},
    "extra_body": {"vendor": 1},
    "top_k": 5,
}


@pytest.mark.parametrize("field", PASSED_ON)
def test_a_field_of_the_client(case: Case, field: str) -> None:
    case.script({"upstream-sent": []})
    answer = case.chat("sent-chat", **{field: PASSED_ON[field]})
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert case.journal().models == ["upstream-sent"]


LOST: dict[str, Any] = {"user": "somebody", "store": True, "verbosity": "low", "prompt_cache_key": "cached"}


@pytest.mark.parametrize("field", LOST)
def test_no_field_of_the_client_is_lost(case: Case, field: str) -> None:
    case.script({"upstream-sent": []})
    answer = case.chat("sent-chat", **{field: LOST[field]})
    [body] = case.journal().bodies

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 200
        assert field not in body

    def required(answer: Exchange) -> None:
        assert answer.status == 200
        assert body[field] == LOST[field]

    case.deviates(answer, as_recorded=as_recorded, required=required)


KEPT_BACK: dict[str, Any] = {
    "metadata": {"tags": ["blue"], "trace": "t-1"},
    "tags": ["blue"],
    "fallbacks": [],
    "num_retries": 1,
    "timeout": 9,
    "stream_timeout": 9,
    "guardrails": [],
    "cache": {"no-cache": True},
    "caching": False,
    "priority": 1,
    "no-log": True,
    "litellm_session_id": "s-1",
    "litellm_metadata": {"a": "b"},
    "ttl": 5,
    "drop_params": True,
    "max_retries": 0,
    "max_fallbacks": 1,
    "disable_fallbacks": True,
}


@pytest.mark.parametrize("field", KEPT_BACK)
def test_a_field_for_the_gateway(case: Case, field: str) -> None:
    case.script({"upstream-sent": []})
    answer = case.chat("sent-chat", **{field: KEPT_BACK[field]})
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert set(case.journal().bodies[0]) == {"model", "messages"}


def test_images_and_sounds(case: Case) -> None:
    content = [
        {"type": "text", "text": "what is it?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo=", "detail": "low"}},
        {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
        {"type": "file", "file": {"file_id": "file-1"}},
    ]
    case.script({"upstream-sent": []})
    answer = case.chat("sent-chat", messages=[{"role": "user", "content": content}])
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert case.journal().bodies[0]["messages"][0]["content"] == content


def test_a_conversation_with_tools(case: Case) -> None:
    messages = [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "rain?", "name": "anna"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": '{"rain": false}'},
        {"role": "developer", "content": "in German"},
    ]
    case.script({"upstream-sent": [ok(tool_calls=[tool("weather", city="Bonn"), tool("weather", city="Kiel")])]})
    answer = case.chat("sent-chat", messages=messages, tools=[WEATHER])
    # the reference leaves `content: null` out; vendors take both
    case.assert_same_as_recorded(ignore=["journal[0].body.messages[2].content"])
    calls = answer.json["choices"][0]["message"]["tool_calls"]
    assert [call["function"]["arguments"] for call in calls] == ['{"city":"Bonn"}', '{"city":"Kiel"}']
    assert answer.json["choices"][0]["finish_reason"] == "tool_calls"
    assert case.journal().bodies[0]["messages"][3] == messages[3]


def test_the_deployments_defaults(case: Case) -> None:
    case.script({"upstream-default": []})
    case.chat("default-chat")
    case.chat("default-chat", temperature=0.1, max_tokens=5)
    case.assert_same_as_recorded()
    first, second = case.journal().bodies
    assert (first["temperature"], first["max_tokens"], first["seed"]) == (0.7, 99, 7)
    assert (second["temperature"], second["max_tokens"], second["seed"]) == (0.1, 5, 7)


def test_headers_and_fields_of_the_deployment(case: Case) -> None:
    case.script({"upstream-extra": []})
    case.chat("extra-chat")
    case.assert_same_as_recorded()
    [call] = case.journal()
    assert call.headers["x-tenant"] == "blue"
    assert call.headers["openai-organization"] == "org-config"
    assert call.body["vendor_flag"] is True


def test_headers_of_the_client_for_the_vendor(case: Case) -> None:
    case.script({"upstream-sent": []})
    case.chat("sent-chat", extra_headers={"x-tenant": "green"})
    case.assert_same_as_recorded()
    [call] = case.journal()
    assert call.headers["x-tenant"] == "green"
    assert "extra_headers" not in call.body


def test_headers_of_the_client_stay_here(case: Case) -> None:
    case.script({"upstream-sent": []})
    sent = {"x-tenant": "red", "cookie": "a=b", "openai-organization": "org-client", "x-forwarded-for": "10.0.0.1"}
    answer = case.chat("sent-chat", options={"headers": sent})
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert not set(sent) & set(case.journal()[0].headers)


def test_a_key_from_the_environment(case: Case) -> None:
    case.script({"upstream-keyed": []})
    answer = case.chat("keyed-chat")
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert case.journal()[0].headers["authorization"] == "Bearer sk-from-environment"


@contract("core", config="core/variables.yaml")
def test_an_included_file(case: Case) -> None:
    case.script({"upstream-included": []})
    answer = case.chat("included-chat", options={"key": "sk-variable"})
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert case.journal()[0].headers["authorization"] == "Bearer sk-included"


@pytest.mark.parametrize("model", ["reasoning-chat", "dropping-chat"])
@pytest.mark.parametrize("field", ["temperature", "top_p", "reasoning_effort", "presence_penalty", "logprobs"])
def test_a_parameter_that_the_model_does_not_take(case: Case, model: str, field: str) -> None:
    value = {"reasoning_effort": "low", "logprobs": True}.get(field, 0.5)
    case.script({"o3-mini": []})
    answer = case.chat(model, **{field: value})
    case.assert_same_as_recorded()
    assert answer.status in (200, 400)
    assert len(case.journal()) == (1 if answer.status == 200 else 0)


@pytest.mark.parametrize(
    "allowed", [{}, {"allowed_openai_params": ["reasoning_effort"]}, {"drop_params": True}], ids=["no", "yes", "drop"]
)
def test_a_parameter_that_is_not_for_every_vendor(case: Case, allowed: dict[str, Any]) -> None:
    case.script({"upstream-sent": []})
    answer = case.chat("sent-chat", reasoning_effort="low", **allowed)
    case.assert_same_as_recorded()
    assert answer.status == (200 if allowed else 400)
    sent = [body.get("reasoning_effort") for body in case.journal().bodies]
    assert sent == ({True: ["low"], False: [None]}["allowed_openai_params" in allowed] if allowed else [])


@pytest.mark.parametrize("allowed", [{}, {"drop_params": True}], ids=["no", "drop"])
def test_dimensions_are_not_for_every_vendor(case: Case, allowed: dict[str, Any]) -> None:
    case.script({"upstream-vector": []})
    answer = case.embed("sent-vector", dimensions=4, **allowed)
    case.assert_same_as_recorded()
    assert answer.status == 400
    assert len(case.journal()) == 0


@pytest.mark.parametrize("model", ["reasoning-chat", "modern-chat"])
def test_a_reasoning_model_counts_its_tokens_otherwise(case: Case, model: str) -> None:
    upstream = {"reasoning-chat": "o3-mini", "modern-chat": "gpt-5-mini"}[model]
    case.script({upstream: []})
    answer = case.chat(model, max_tokens=17, temperature=1)
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert case.journal().bodies[0]["max_completion_tokens"] == 17


@pytest.mark.parametrize("field", ["temperature", "stop", "top_p", "reasoning_effort", "logprobs"])
def test_a_parameter_of_a_modern_model(case: Case, field: str) -> None:
    value = {"reasoning_effort": "low", "logprobs": True, "stop": "end"}.get(field, 0.5)
    case.script({"gpt-5-mini": []})
    answer = case.chat("modern-chat", **{field: value})
    case.assert_same_as_recorded()
    assert answer.status == (200 if field == "reasoning_effort" else 400)


def test_parameters_that_a_deployment_drops(case: Case) -> None:
    case.script({"upstream-dropped": []})
    case.chat("dropped-chat", temperature=0.5, top_p=0.5, response_format={"type": "json_object"})
    case.assert_same_as_recorded()
    body = case.journal().bodies[0]
    assert "temperature" not in body
    assert "response_format" not in body
    assert body["top_p"] == 0.5


def test_the_user_of_a_known_model(case: Case) -> None:
    case.script({"gpt-4o-mini": []})
    case.chat("gpt-4o-mini", user="somebody")
    case.assert_same_as_recorded()
    assert case.journal().bodies[0]["user"] == "somebody"
