"""B3: ``default_priority``, for requests without one of their own."""

from typing import Any

import pytest

from contracts.B.test_B3_priority import USED, after, texts
from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import ok

pytestmark = contract("B3", config="B3/default.yaml")


@pytest.mark.parametrize("fields", [{}, {"priority": 3}], ids=["default", "own"])
def test_a_chat_has_a_priority(case: Case, fields: dict[str, Any]) -> None:
    case.script({"ranked-plain": []})
    answer = case.chat("rank-plain", **fields)

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500
        assert "missing 1 required positional argument: 'priority'" in answer.json["error"]["message"]

    def required(answer: Exchange) -> None:
        assert (answer.status, answer.headers[USED]) == (200, "True")

    case.deviates(answer, as_recorded=as_recorded, required=required)


@contract("B3", config="B3/default.yaml", provenance="documented")
def test_the_default_has_its_place_between_the_others(case: Case) -> None:
    case.script({"ranked-short": [ok("slow").with_(delay=1.0), ok("one"), ok("two"), ok("three")]})
    answers = case.concurrently(
        [
            lambda: after(case, 0.0, "rank-short", "already there"),
            lambda: after(case, 0.3, "rank-short", "may wait", priority=6),
            lambda: after(case, 0.5, "rank-short", "has none"),
            lambda: after(case, 0.7, "rank-short", "hurries", priority=4),
        ]
    )
    assert [answer.headers[USED] for answer in answers] == ["True"] * 4
    assert texts(case) == ["already there", "hurries", "has none", "may wait"]
