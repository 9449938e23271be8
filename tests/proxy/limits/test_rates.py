"""The limits of callers: of rows of a database, and of records that users' own functions return."""

from typing import Any

import pytest

from proxy.auth.rates import rates_of_record
from proxy.compat.identity import UserAPIKeyAuth
from proxy.rates import ModelRates, Rate, Rates, models_of


def record(**fields: Any) -> Rates | None:
    return rates_of_record(UserAPIKeyAuth(**fields))


def test_who_has_no_limits_has_none() -> None:
    assert record(api_key="key", user_id="u", team_id="t", org_id="o", end_user_id="e") is None


def test_every_holder_of_a_record() -> None:
    rates = record(
        api_key="key",
        rpm_limit=1,
        max_parallel_requests=2,
        user_id="u",
        user_tpm_limit=3,
        team_id="t",
        team_rpm_limit=4,
        team_member_rpm_limit=5,
        org_id="o",
        organization_tpm_limit=6,
        end_user_id="e",
        end_user_rpm_limit=7,
    )
    assert rates is not None
    assert rates.fixed == (
        Rate("api_key", "key", requests=1, parallel=2),
        Rate("user", "u", tokens=3),
        Rate("team", "t", requests=4),
        Rate("team_member", "t:u", requests=5),
        Rate("organization", "o", tokens=6),
        Rate("end_user", "e", requests=7),
    )


def test_limits_of_one_model() -> None:
    rates = record(
        api_key="key",
        metadata={"model_rpm_limit": {"a": 1}},
        team_id="t",
        team_metadata={"model_tpm_limit": {"b": 2}},
        org_id="o",
        organization_metadata={"model_rpm_limit": {"a": 3}},
    )
    assert rates is not None
    of_key, of_team = Rate("model_per_key", "key:a", requests=1), Rate("model_per_team", "t:b", tokens=2)
    assert list(rates.of("a", "a")) == [of_key, Rate("model_per_organization", "o:a", requests=3)]
    assert list(rates.of("b", "b")) == [of_team]
    assert list(rates.of("c", "c")) == []


def test_a_limit_of_nothing_is_a_limit() -> None:
    rates = record(api_key="key", rpm_limit=0, metadata={"model_rpm_limit": {"a": 0}})
    assert rates is not None
    assert [rate.requests for rate in (*rates.fixed, *rates.of("a", "a"))] == [0, 0]


@pytest.mark.parametrize("limits", [None, [], "all", {"a": "many"}, {"a": None}])
def test_what_is_no_number_limits_nothing(limits: Any) -> None:
    assert not models_of("model_per_key", "key", {"model_rpm_limit": limits})


def test_budgets_by_model_limit_where_metadata_does_not() -> None:
    budgets = {"a": {"rpm_limit": 1, "max_budget": 5}, "b": {"max_budget": 5}, "c": None}
    assert models_of("model_per_key", "key", {}, budgets) == ModelRates("model_per_key", "key", {"a": 1}, {})
    other = models_of("model_per_key", "key", {"model_rpm_limit": {"z": 9}}, budgets)
    assert other.requests == {"z": 9}


@pytest.mark.parametrize(
    ("key", "team", "priority"),
    [
        ({"priority": "dev"}, {}, "dev"),
        ({"priority": "dev"}, {"priority": "prod"}, "prod"),
        ({"priority": 3}, None, "3"),
    ],
)
def test_the_priority_of_a_caller(key: dict[str, Any], team: dict[str, Any] | None, priority: str) -> None:
    rates = record(api_key="key", metadata=key, team_metadata=team)
    assert rates is not None
    assert rates.priority == priority


def test_lenient_limits() -> None:
    rates = record(api_key="key", rpm_limit=1, metadata={"rpm_limit_type": "dynamic", "tpm_limit_type": "other"})
    assert rates is not None
    assert rates.lenient == {"requests"}
