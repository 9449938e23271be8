"""F1: chats that no deployment has room for are refused before anybody is called (``enable_pre_call_checks``)."""

from contracts.harness.case import Case
from contracts.harness.mark import contract

pytestmark = contract("F1", config="F1/counting.yaml")

LONG = {"role": "user", "content": "word " * 100}


def test_nobody_has_room(case: Case) -> None:
    case.script({"upstream-smallonly": []})
    answer = case.chat("small-only", messages=[LONG])
    case.assert_same_as_recorded()
    assert answer.status == 400
    assert "Max Input Tokens=20, Got=108" in answer.json["error"]["message"]
    assert case.journal().models == []


def test_what_is_short_goes_through(case: Case) -> None:
    case.script({"upstream-smallonly": []})
    answer = case.chat("small-only")
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert case.journal().models == ["upstream-smallonly"]


def test_another_deployment_has_room(case: Case) -> None:
    case.script({"upstream-small": [], "upstream-large": []})
    answers = [case.chat("small-or-large", messages=[LONG]) for _ in range(4)]
    case.assert_same_as_recorded(headers=["x-litellm-model-id"])
    assert {answer.headers["x-litellm-model-id"] for answer in answers} == {"small-or-large-2"}
    assert case.journal().models == ["upstream-large"] * 4


def test_what_cannot_be_counted_goes_through(case: Case) -> None:
    case.script({"upstream-smallonly": []})
    audio = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
    answer = case.chat("small-only", messages=[LONG, {"role": "user", "content": [audio]}])
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert case.journal().models == ["upstream-smallonly"]


def test_a_fallback_has_room(case: Case) -> None:
    case.script({"upstream-smallonly": [], "meta-llama/upstream-llama": []})
    backed = {"context_window_fallbacks": [{"small-only": ["count-llama"]}]}
    answer = case.chat("small-only", messages=[LONG], **backed)
    case.assert_same_as_recorded(headers=["x-litellm-model-id", "x-litellm-attempted-fallbacks"])
    assert answer.status == 200
    assert answer.headers["x-litellm-model-id"] == "count-llama-1"
    assert case.journal().models == ["meta-llama/upstream-llama"]


def test_a_stream_is_refused_before_it_begins(case: Case) -> None:
    case.script({"upstream-smallonly": []})
    answer = case.stream("small-only", messages=[LONG])
    case.assert_same_as_recorded()
    assert answer.status == 400
    assert case.journal().models == []


def test_messages_in_anthropics_format_are_counted_too(case: Case) -> None:
    case.script({"upstream-smallonly": []})
    body = {"model": "small-only", "max_tokens": 5, "messages": [LONG]}
    answer = case.post("/v1/messages", body)
    case.assert_same_as_recorded(ignore=["body"])
    assert answer.status == 400
    assert "Max Input Tokens=20, Got=108" in answer.text
    assert case.journal().models == []


def test_a_prompt_is_counted_as_a_message(case: Case) -> None:
    case.script({"upstream-smallonly": []})
    answer = case.completion("small-only", prompt=LONG["content"])
    case.assert_same_as_recorded()
    assert answer.status == 400
    assert "Got=108" in answer.json["error"]["message"]
    assert case.journal().models == []


def test_other_calls_go_through(case: Case) -> None:
    case.script({"upstream-smallonly": []})
    answer = case.embed("small-only", input=LONG["content"])
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert case.journal().models == ["upstream-smallonly"]
