"""What the vendors of OpenAI's dialect receive, and what their answers and errors become."""

import re
from pathlib import Path
from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import Reply, ok, status

pytestmark = contract("core", config="vendors/compatible.yaml")

CONFIG = Path(__file__).parents[2] / "fixtures" / "configs" / "vendors" / "compatible.yaml"
VENDORS = re.findall(r"model_name: talk-(\S+)", CONFIG.read_text())
UNMAPPED = (
    *("abliteration", "amazon_nova", "compactifai", "gmi", "heroku", "llamagate", "minimax", "ovhcloud"),
    *("sarvam", "scaleway", "veniceai", "xiaomi_mimo"),
)
"""The reference does not map their errors: they are 500 whatever the vendor says."""
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "strict": True,
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "additionalProperties": False},
    },
}
MESSAGES = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hello", "name": "anna"}]
PARAMETERS: dict[str, Any] = {
    "temperature": 0.5,
    "top_p": 0.9,
    "max_tokens": 17,
    "stop": ["end"],
    "n": 1,
    "seed": 3,
    "presence_penalty": 0.1,
    "frequency_penalty": 0.2,
    "logit_bias": {"50256": -100},
    "logprobs": True,
    "user": "somebody",
    "tools": [TOOL],
    "tool_choice": "auto",
    "parallel_tool_calls": False,
}
OF_GROQ = {
    "id": "chatcmpl-up1",
    "object": "chat.completion",
    "created": 1_700_000_000,
    "model": "upstream-groq",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    "service_tier": "auto",
}

#: The reference lays out the answers of the vendors that it asks without OpenAI's SDK a little otherwise.
LAYOUT = ("body.choices*.provider_specific_fields", "events*.system_fingerprint")


def upstream(vendor: str) -> str:
    """What the vendor calls its model."""
    return "accounts/fireworks/models/" * (vendor == "fireworks_ai") + f"upstream-{vendor}"


def reply(vendor: str) -> Reply:
    """An ordinary answer; the reference reads none of Groq's that lacks ``service_tier``."""
    return Reply(body=OF_GROQ) if vendor == "groq" else ok("hello")


@pytest.mark.parametrize("vendor", VENDORS)
def test_what_a_vendor_receives(case: Case, vendor: str) -> None:
    case.script({upstream(vendor): [reply(vendor)]})
    answer = case.chat(f"talk-{vendor}", messages=MESSAGES, drop_params=True, **PARAMETERS)
    case.assert_same_as_recorded(ignore=LAYOUT)
    assert answer.status == 200
    assert answer.content == "hello"
    [call] = case.journal()
    assert call.path == "/v1/chat/completions"
    assert call.headers["authorization"] == "Bearer sk-up"
    assert call.body["model"] == upstream(vendor)


def test_a_signature_of_googles_in_the_id_of_a_call_is_sent_to_nobody_else(case: Case) -> None:
    signed = "call_1__thought__c2ln"
    call = {"id": signed, "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    turns = [{"role": "assistant", "content": "", "tool_calls": [call]}]
    turns += [{"role": "tool", "tool_call_id": signed, "content": "rain"}]
    case.script({upstream("nebius"): [reply("nebius")]})
    answer = case.chat("talk-nebius", messages=[*MESSAGES, *turns])
    case.assert_same_as_recorded(ignore=LAYOUT)
    assert answer.status == 200
    [said, result] = case.journal().bodies[0]["messages"][-2:]
    assert said["tool_calls"][0]["id"] == result["tool_call_id"] == "call_1"


@pytest.mark.parametrize("vendor", VENDORS)
def test_parameters_that_a_vendor_does_not_take_are_refused(case: Case, vendor: str) -> None:
    case.script({upstream(vendor): [reply(vendor)]})
    answer = case.chat(f"talk-{vendor}", messages=MESSAGES, **PARAMETERS)
    case.assert_same_as_recorded(ignore=LAYOUT)
    assert answer.status in (200, 400)
    assert len(case.journal()) == (1 if answer.status == 200 else 0)


@pytest.mark.parametrize("vendor", VENDORS)
def test_two_limits_for_the_length(case: Case, vendor: str) -> None:
    case.script({upstream(vendor): [reply(vendor)]})
    answer = case.chat(f"talk-{vendor}", max_tokens=17, max_completion_tokens=18, drop_params=True)
    case.assert_same_as_recorded(ignore=LAYOUT)
    assert answer.status == 200
    assert len(case.journal()) == 1


@pytest.mark.parametrize("vendor", [vendor for vendor in VENDORS if vendor != "amazon_nova"])
def test_a_stream_of_a_vendor(case: Case, vendor: str) -> None:
    case.script({upstream(vendor): [ok(["hel", "lo"])]})
    answer = case.stream(f"talk-{vendor}")
    case.assert_same_as_recorded(ignore=LAYOUT)
    assert answer.content == "hello"
    assert case.journal().bodies[0]["stream"] is True


@pytest.mark.parametrize("vendor", [vendor for vendor in VENDORS if vendor not in UNMAPPED])
def test_an_error_of_a_vendor(case: Case, vendor: str) -> None:
    case.script({upstream(vendor): [status(400)]})
    answer = case.chat(f"talk-{vendor}")
    case.assert_same_as_recorded()
    assert answer.status == 400
    assert len(case.journal()) == 1


@pytest.mark.parametrize("vendor", UNMAPPED)
def test_an_error_keeps_its_status_whoever_the_vendor_is(case: Case, vendor: str) -> None:
    case.script({upstream(vendor): [status(429)]})
    answer = case.chat(f"talk-{vendor}")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 429

    case.deviates(answer, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("model", ["able-together", "able-fireworks"])
def test_a_model_that_is_known_to_call_functions(case: Case, model: str) -> None:
    named = {
        "able-together": "meta-llama/Llama-3.3-70B-Instruct-Turbo",
        "able-fireworks": "accounts/fireworks/models/glm-4p6",
    }
    case.script({named[model]: [ok("hello")]})
    answer = case.chat(model, tools=[TOOL], tool_choice="required", max_tokens=5)
    case.assert_same_as_recorded(ignore=LAYOUT)
    assert answer.status == 200
    assert case.journal().bodies[0]["tools"][0]["function"]["name"] == "weather"


@pytest.mark.parametrize("vendor", ["novita", "xai", "zai", "aiml", "litellm_proxy", "openrouter"])
def test_marks_for_a_cache_reach_those_who_know_them(case: Case, vendor: str) -> None:
    marked = {"type": "text", "text": "hello", "cache_control": {"type": "ephemeral"}}
    case.script({upstream(vendor): [ok("hello")]})
    answer = case.chat(f"talk-{vendor}", messages=[{"role": "user", "content": [marked]}])
    case.assert_same_as_recorded(ignore=LAYOUT)
    assert answer.status == 200
    known = vendor in ("zai", "aiml", "litellm_proxy")
    assert ("cache_control" in case.journal().bodies[0]["messages"][0]["content"][0]) == known
