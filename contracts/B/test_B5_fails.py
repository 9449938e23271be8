"""B5: how many failures a deployment may have before it is left alone depends on the class of the errors."""

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import ok, status

pytestmark = contract("B5", config="B5/fails.yaml")


def _is_left_alone(answer: Exchange) -> bool:
    return answer.status == 429 and "No deployments available for selected model" in answer.json["error"]["message"]


@pytest.mark.parametrize(
    ("group", "code", "failures"),
    [("limited", 429, 3), ("locked", 401, 2), ("absent", 503, 4), ("late", 408, 4)],
    ids=["named", "named-too", "unnamed", "zero"],
)
def test_one_failure_too_many(case: Case, group: str, code: int, failures: int) -> None:
    case.script({group: [*[status(code)] * failures, ok("back again")]})
    answers = [case.chat(f"{group}-chat") for _ in range(failures)]
    refused = case.chat(f"{group}-chat")
    case.wait(1.3)
    back = case.chat(f"{group}-chat")
    case.assert_same_as_recorded()
    assert not any(map(_is_left_alone, answers))
    assert _is_left_alone(refused)
    assert back.content == "back again"
    assert len(case.journal()) == failures + 1


def test_internal_server_errors_are_limited(case: Case) -> None:
    case.script({"broken": [status(500)]})
    answers = [case.chat("broken-chat") for _ in range(5)]
    calls = len(case.journal())

    def as_recorded(answers: list[Exchange]) -> None:
        assert [_is_left_alone(answer) for answer in answers] == [False, False, False, False, True]
        assert calls == 4

    def required(answers: list[Exchange]) -> None:
        assert [_is_left_alone(answer) for answer in answers] == [False, False, True, True, True]
        assert calls == 2

    case.deviates(answers, as_recorded=as_recorded, required=required)
    case.wait(1.3)  # errors list who is cooling down, of all groups


def test_wrong_requests_count_nothing(case: Case) -> None:
    case.script({"wrong": [*[status(400)] * 5, ok("well")]})
    answers = [case.chat("wrong-chat") for _ in range(6)]
    case.assert_same_as_recorded()
    assert [answer.status for answer in answers] == [400] * 5 + [200]


def test_failures_of_all_classes_count_together(case: Case) -> None:
    case.script({"mixed": [status(503), status(503), status(429), ok("too early")]})
    answers = [case.chat("mixed-chat") for _ in range(4)]
    case.assert_same_as_recorded()
    assert [_is_left_alone(answer) for answer in answers] == [False, False, False, True]
    assert len(case.journal()) == 3


def test_a_success_takes_nothing_away(case: Case) -> None:
    case.script({"limited": [status(429), status(429), ok("between"), status(429), ok("too early")]})
    case.wait(1.3)
    answers = [case.chat("limited-chat") for _ in range(5)]
    case.assert_same_as_recorded()
    assert [_is_left_alone(answer) for answer in answers] == [False, False, False, False, True]


def test_failures_of_long_ago_are_forgotten(case: Case) -> None:
    case.script({"spaced": [status(429), status(429), status(429), status(429), ok("well")]})
    answers = [case.chat("spaced-chat") for _ in range(2)]
    case.wait(1.3)
    answers += [case.chat("spaced-chat") for _ in range(3)]
    case.assert_same_as_recorded()
    assert not any(map(_is_left_alone, answers))
    assert answers[-1].content == "well"


def test_one_of_several_is_given_as_many(case: Case) -> None:
    case.script({"pair": [*[status(429)] * 4, ok("well")]})
    answers = [case.chat("pair-chat") for _ in range(5)]
    assert [answer.status for answer in answers] == [429] * 4 + [200]
    assert not any(map(_is_left_alone, answers))
