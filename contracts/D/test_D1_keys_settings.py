"""D1: new keys get the defaults of the config and stay within its bounds."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

pytestmark = contract("D1", config="D1/keys_bounds.yaml")


def test_defaults_fill_what_is_missing(case: Case) -> None:
    answer = case.post("/key/generate", {"key_alias": "takes-defaults"})
    case.assert_same_as_recorded()
    assert answer.json["max_budget"] == 1.5
    assert answer.json["models"] == ["bounded-group"]
    assert answer.json["metadata"] == {"setting": "default"}
    assert answer.json["expires"] is not None
    assert answer.json["tpm_limit"] == 1000


def test_what_is_given_wins(case: Case) -> None:
    answer = case.post(
        "/key/generate",
        {"max_budget": 3, "models": ["other-group"], "metadata": {"own": 1}, "duration": "1d", "rpm_limit": 9},
    )
    case.assert_same_as_recorded()
    assert answer.json["max_budget"] == 3.0
    assert answer.json["models"] == ["other-group"]
    assert answer.json["metadata"] == {"own": 1}
    assert answer.json["rpm_limit"] == 9


BEYOND: dict[str, dict[str, Any]] = {
    "budget": {"max_budget": 100.5},
    "tokens": {"tpm_limit": 1001},
    "requests": {"rpm_limit": 101},
    "parallel": {"max_parallel_requests": 11},
    "duration": {"duration": "31d"},
    "for-ever": {"duration": "-1"},
    "period": {"budget_duration": "60d"},
}


@pytest.mark.parametrize("what", BEYOND)
def test_beyond_its_bound(case: Case, what: str) -> None:
    answer = case.post("/key/generate", BEYOND[what])
    case.assert_same_as_recorded()
    assert answer.status == 400
    assert "is over max limit set in config" in answer.json["error"]["message"]


def test_a_duration_that_is_none_has_no_bound(case: Case) -> None:
    answer = case.post("/key/generate", {"duration": "soon"})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 400

    case.deviates(answer, as_recorded=as_recorded, required=required)
