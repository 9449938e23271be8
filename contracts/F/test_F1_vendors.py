"""F1: with ``call_endpoint=true`` vendors that count tokens are asked; if they fail, it is counted here."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import Reply, status

pytestmark = contract("F1", config="F1/counting.yaml")

HELLO = {"role": "user", "content": "Hello, how are you today?"}
SYSTEM = {"role": "system", "content": "You are helpful."}
COUNTED = Reply(body={"inputTokens": 10})


def ask(case: Case, model: str, **body: Any) -> Exchange:
    return case.post("/utils/token_counter?call_endpoint=true", {"model": model, **(body or {"messages": [HELLO]})})


def test_bedrock_is_asked(case: Case) -> None:
    case.script({"upstream-rock": [COUNTED]})
    answer = ask(case, "count-rock", messages=[SYSTEM, HELLO])
    case.assert_same_as_recorded()
    assert answer.json["total_tokens"] == 10
    assert answer.json["tokenizer_type"] == "bedrock_api"
    assert answer.json["original_response"] == {"input_tokens": 10}
    [call] = case.journal()
    assert call.path.endswith("/count-tokens")
    assert call.body["input"]["converse"]["messages"][0]["role"] == "user"


@pytest.mark.parametrize("code", [400, 429, 500])
def test_it_is_counted_here_when_bedrock_fails(case: Case, code: int) -> None:
    case.script({"upstream-refused": [status(code)]})
    answer = ask(case, "count-refused")
    case.assert_same_as_recorded()
    assert answer.json["total_tokens"] == 14
    assert answer.json["tokenizer_type"] == "openai_tokenizer"
    assert len(case.journal()) == 1


@pytest.mark.parametrize("model", ["count-four", "unknown-model"])
def test_others_do_not_count(case: Case, model: str) -> None:
    case.script({"gpt-4o": []})
    answer = ask(case, model)
    case.assert_same_as_recorded()
    assert answer.json["total_tokens"] == 14
    assert case.journal().models == []


def test_vendors_are_not_asked_for_prompts(case: Case) -> None:
    case.script({"upstream-rock": [COUNTED]})
    answer = ask(case, "count-rock", prompt="hi")
    case.assert_same_as_recorded()
    assert answer.json["total_tokens"] == 1
    assert case.journal().models == []


def test_anthropic_is_asked_where_the_deployment_is(case: Case) -> None:
    case.script({"upstream-counted": []})
    answer = ask(case, "count-claude", messages=[SYSTEM, HELLO])

    def as_recorded(answer: Exchange) -> None:
        assert answer.json["total_tokens"] == 22
        assert answer.json["tokenizer_type"] == "openai_tokenizer"
        assert len(case.journal()) == 0

    def required(answer: Exchange) -> None:
        assert answer.json["total_tokens"] == 10
        assert answer.json["tokenizer_type"] == "anthropic_api"
        [call] = case.journal()
        assert call.path == "/v1/messages/count_tokens"
        assert call.body == {
            "model": "upstream-counted",
            "messages": [HELLO],
            "system": [{"type": "text", "text": "You are helpful."}],
        }

    case.deviates(answer, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("body", ["messages", "contents"])
def test_gemini_is_asked(case: Case, body: str) -> None:
    contents = [{"role": "user", "parts": [{"text": "Hello, how are you today?"}]}]
    case.script({"upstream-gemini": []})
    answer = ask(case, "count-gemini", **({"messages": [HELLO]} if body == "messages" else {"contents": contents}))

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500
        assert len(case.journal()) == 0

    def required(answer: Exchange) -> None:
        assert answer.json["total_tokens"] == 10
        assert answer.json["tokenizer_type"] == "gemini_api"
        [call] = case.journal()
        assert call.path == "/v1beta/models/upstream-gemini:countTokens"
        assert call.body == {"contents": contents}

    case.deviates(answer, as_recorded=as_recorded, required=required)
