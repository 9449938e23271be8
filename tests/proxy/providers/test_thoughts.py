"""Ids of tool calls that came from Google, on their way to another vendor."""

from typing import Any

import msgspec
import pytest

from proxy.providers.openai.format import raw
from proxy.providers.thoughts import without_signatures
from tests.proxy.providers.sending import attempt, sent

AWS = {"other": {"aws_access_key_id": "AKID", "aws_secret_access_key": "secret-of-aws", "aws_region_name": "eu-west-1"}}
CLAUDE = "anthropic.claude-3-haiku-20240307-v1:0"
ID = "call_1__thought__c2ln"
TEXT = "what does __thought__ mean?"
CALL = {"id": ID, "type": "function", "function": {"name": "weather", "arguments": "{}"}}
BODY: dict[str, Any] = {
    "messages": [
        {"role": "user", "content": TEXT},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": ID, "content": "rain"},
    ],
    "tools": [
        {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
    ],
}


@pytest.mark.parametrize(
    ("model", "params"),
    [
        ("openai/gpt-4o", {"api_key": "k"}),
        ("azure/gpt-4o", {"api_key": "k", "api_base": "http://azure.test", "api_version": "2024-10-21"}),
        ("anthropic/claude-3-haiku-20240307", {"api_key": "k"}),
        (f"bedrock/{CLAUDE}", AWS),
        (f"bedrock/invoke/{CLAUDE}", AWS),
        ("cohere/command-r", {"api_key": "k"}),
    ],
)
def test_no_other_vendor_is_sent_a_signature(model: str, params: dict[str, Any]) -> None:
    content = sent(attempt(model, body=BODY, **params)).content.decode()
    assert TEXT in content
    assert "c2ln" not in content
    assert content.count('"call_1"') == 2


def test_googles_models_get_theirs_back_wherever_they_are_hosted() -> None:
    content = sent(attempt("openai/google/Gemini-2.5-flash", api_key="k", body=BODY)).content.decode()
    assert content.count(ID) == 2


@pytest.mark.parametrize(
    "messages",
    [
        ID,
        [ID, None, 1],
        [{"role": "assistant", "tool_calls": ID}, {"role": "assistant", "tool_calls": [ID, {"id": None}, {}]}],
        [{"role": "tool", "tool_call_id": [ID]}, {"role": "tool"}, {"role": "user", "tool_call_id": ID}],
    ],
)
def test_what_is_no_id_of_a_call_stays(messages: Any) -> None:
    body = without_signatures({"messages": raw(messages)}, "gpt-4o")
    assert msgspec.json.decode(body["messages"]) == messages
