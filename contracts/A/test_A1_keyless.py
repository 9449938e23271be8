"""A1: vendors whose key the gateway does not have, and one that cannot be reached."""

import pytest

from contracts.harness.case import USER, Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

pytestmark = contract("A1", config="A1/keyless/none.yaml")

GENERATE = "/gemini/v1beta/models/gemini-pass:generateContent?key=sk-1234"


@pytest.mark.parametrize(
    ("path", "variable"),
    [
        ("/openai_passthrough/v1/chat/completions", "OPENAI_API_KEY"),
        (GENERATE, "GEMINI_API_KEY"),
        ("/azure/openai/chat/completions", "AZURE_API_KEY"),
        ("/vllm/v1/chat/completions", "VLLM_API_BASE"),
    ],
    ids=["openai", "gemini", "azure", "vllm"],
)
def test_a_setting_is_missing(case: Case, path: str, variable: str) -> None:
    """The reference fails without a word."""
    answer = case.post(path, {"model": "unreachable", "messages": USER})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500
        assert answer.text == "Internal Server Error"

    def required(answer: Exchange) -> None:
        assert answer.status == 401
        assert f"{variable}" in answer.json["error"]["message"]
        assert "is not set" in answer.json["error"]["message"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize(
    ("path", "variable"),
    [("/anthropic/v1/messages", "ANTHROPIC_API_KEY"), ("/cohere/v1/chat", "COHERE_API_KEY")],
    ids=["anthropic", "cohere"],
)
def test_no_key_is_sent_where_there_is_none(case: Case, path: str, variable: str) -> None:
    """The reference sends the word None as the key, to the vendor's real address."""
    answer = case.post(path, {"model": "unreachable", "messages": USER})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500
        assert "is not set" not in answer.json["error"]["message"]

    def required(answer: Exchange) -> None:
        assert answer.status == 401
        assert answer.json["error"]["message"].startswith(f"{variable} is not set")

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_a_vendor_that_cannot_be_reached(case: Case) -> None:
    answer = case.post("/mistral/v1/chat/completions", {"model": "unreachable", "messages": USER})
    case.assert_same_as_recorded(
        headers=["x-litellm-call-id", "x-litellm-model-api-base", "x-litellm-key-spend"],
        ignore=["body.error.message"],
    )
    assert answer.status == 500
    assert answer.json["error"]["message"].startswith("Cannot connect to host 127.0.0.1:9")
    assert answer.json["error"]["code"] == "500"
