"""B1: calls for a customer stay in the region that the database has for it."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.mark import contract
from fixtures.replies import Reply

pytestmark = contract("B1", config="B1/customers.yaml")

EVERYWHERE: dict[str, list[Reply]] = {"bound-us": [], "bound-eu": []}


def _for(case: Case, customer: str) -> dict[str, Any]:
    """How a call for a customer is sent."""
    key = case.post("/key/generate", {"key_alias": customer}).json["key"]
    return {"key": key, "headers": {"x-litellm-customer-id": customer}}


@pytest.mark.parametrize("region", ["us", "eu"])
def test_a_customers_region_replaces_what_is_asked(case: Case, region: str) -> None:
    case.script(EVERYWHERE)
    made = case.post("/customer/new", {"user_id": f"bound-to-{region}", "allowed_model_region": region})
    options = _for(case, f"bound-to-{region}")
    other = "us" if region == "eu" else "eu"
    for _ in range(3):
        case.chat("bound-chat", options=options)
        case.chat("bound-chat", allowed_model_region=other, options=options)
    case.assert_same_as_recorded(headers=["x-litellm-model-id"])
    assert made.json["allowed_model_region"] == region
    assert case.journal().models == [f"bound-{region}"] * 6


def test_a_customer_is_refused_elsewhere(case: Case) -> None:
    case.script({"abroad-us": []})
    case.post("/customer/new", {"user_id": "bound-and-refused", "allowed_model_region": "eu"})
    answer = case.chat("abroad-chat", options=_for(case, "bound-and-refused"))
    case.assert_same_as_recorded()
    assert answer.status == 429
    assert len(case.journal()) == 0


def test_customers_without_a_region_go_where_they_like(case: Case) -> None:
    case.script(EVERYWHERE)
    case.post("/customer/new", {"user_id": "free-customer"})
    options = _for(case, "free-customer")
    for _ in range(3):
        case.chat("bound-chat", allowed_model_region="eu", options=options)
    case.assert_same_as_recorded(headers=["x-litellm-model-id"])
    assert case.journal().models == ["bound-eu"] * 3


def test_a_customer_of_the_admin(case: Case) -> None:
    case.script(EVERYWHERE)
    case.post("/customer/new", {"user_id": "bound-with-admin", "allowed_model_region": "eu"})
    for _ in range(4):
        case.chat("bound-chat", user="bound-with-admin", allowed_model_region="us")
    assert case.journal().models == ["bound-eu"] * 4
