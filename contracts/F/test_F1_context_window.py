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
