"""B6: without ``tag_filtering_match_any`` a deployment must have all tags of a call; and nothing counts when it is off."""

import pytest

from contracts.B.tagged import is_refused
from contracts.harness.case import Case
from contracts.harness.mark import contract

pytestmark = contract("B6", config="B6/all.yaml")

HEADERS = ["x-litellm-model-id"]


@pytest.mark.parametrize("tags", [["paid"], ["paid", "fast"], ["fast", "paid", "fast"]], ids=["one", "both", "twice"])
def test_all_tags_of_the_call_are_there(case: Case, tags: list[str]) -> None:
    case.script({"strict-free": [], "strict-paid": []})
    answers = [case.chat("strict-chat", metadata={"tags": tags}) for _ in range(8)]
    case.assert_same_as_recorded(headers=HEADERS)
    assert {answer.status for answer in answers} == {200}
    assert case.journal().models == ["strict-paid"] * 8


@pytest.mark.parametrize(
    "tags", [["paid", "zzz"], ["free", "paid"], ["zzz"]], ids=["one-unknown", "two-tiers", "unknown"]
)
def test_a_tag_is_missing(case: Case, tags: list[str]) -> None:
    case.script({"strict-free": [], "strict-paid": []})
    answer = case.chat("strict-chat", metadata={"tags": tags})
    case.assert_same_as_recorded()
    is_refused(answer, "strict-chat", tags)
    assert len(case.journal()) == 0


def test_tags_of_the_deployment_need_not_be_asked_for(case: Case) -> None:
    """The specification's second scenario, which says otherwise: the reference serves the call."""
    case.script({"cheap": []})
    answer = case.chat("cheap-chat", metadata={"tags": ["fast"]})
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 200
    assert case.journal().models == ["cheap"]


@pytest.mark.parametrize("tags", [[], ["paid", "zzz"], ["zzz"]], ids=["none", "of-two", "unknown"])
def test_who_serves_instead(case: Case, tags: list[str]) -> None:
    case.script({"spare-paid": [], "spare-default": []})
    answers = [case.chat("spare-chat", metadata={"tags": tags}) for _ in range(8)]
    case.assert_same_as_recorded(headers=HEADERS)
    assert {answer.status for answer in answers} == {200}
    assert case.journal().models == ["spare-default"] * 8


@contract("B6", config="B6/off.yaml")
@pytest.mark.parametrize("tags", [["free"], ["zzz"], []], ids=["known", "unknown", "none"])
def test_nobody_looks_at_tags_unless_asked_to(case: Case, tags: list[str]) -> None:
    case.script({"loose-free": [], "loose-default": []})
    answers = [case.chat("loose-chat", metadata={"tags": tags}) for _ in range(16)]
    assert {answer.status for answer in answers} == {200}
    assert set(case.journal().models) == {"loose-free", "loose-default"}
