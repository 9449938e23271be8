"""D1: what operations on keys, budgets and the audit log answer without a database."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

pytestmark = contract("D1", config="D1/no_database.yaml")

KEY = "sk-of-no-database"
CALLS: dict[str, tuple[int, str, str, Any]] = {
    "generate": (500, "POST", "/key/generate", {}),
    "generate-words": (422, "POST", "/key/generate", {"max_budget": "x"}),
    "service-account": (500, "POST", "/key/service-account/generate", {}),
    "update": (400, "POST", "/key/update", {"key": KEY}),
    "update-nothing": (422, "POST", "/key/update", {}),
    "bulk-update": (500, "POST", "/key/bulk_update", {"keys": [{"key": KEY}]}),
    "delete": (500, "POST", "/key/delete", {"keys": [KEY]}),
    "delete-nothing": (422, "POST", "/key/delete", {}),
    "info": (500, "GET", "/key/info", None),
    "infos": (500, "POST", "/v2/key/info", {"keys": [KEY]}),
    "list": (500, "GET", "/key/list", None),
    "aliases": (500, "GET", "/key/aliases", None),
    "health": (200, "POST", "/key/health", None),
    "reset-spend": (500, "POST", f"/key/{KEY}/reset_spend", {"reset_to": 0}),
    "budget-new": (500, "POST", "/budget/new", {}),
    "budget-update": (500, "POST", "/budget/update", {"budget_id": "any"}),
    "budget-info": (500, "POST", "/budget/info", {"budgets": ["any"]}),
    "budget-list": (400, "GET", "/budget/list", None),
    "budget-settings": (400, "GET", "/budget/settings?budget_id=any", None),
    "budget-delete": (500, "POST", "/budget/delete", {"id": "any"}),
    "audit": (500, "GET", "/audit", None),
    "audit-entry": (500, "GET", "/audit/any", None),
}


@pytest.mark.parametrize("call", CALLS)
def test_it_says_so(case: Case, call: str) -> None:
    status, method, path, body = CALLS[call]
    answer = case.request(method, path, json=body) if body is not None else case.request(method, path)
    case.assert_same_as_recorded()
    assert answer.status == status


@pytest.mark.parametrize("route", ["block", "unblock"])
def test_the_reason_is_told(case: Case, route: str) -> None:
    answer = case.post(f"/key/{route}", {"key": KEY})

    def as_recorded(answer: Exchange) -> None:
        assert answer.text == "Internal Server Error"

    def required(answer: Exchange) -> None:
        assert answer.status == 500
        assert "DB not connected" in answer.json["error"]["message"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_a_key_is_not_regenerated(case: Case) -> None:
    answer = case.post(f"/key/{KEY}/regenerate", {})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500
        assert "Enterprise feature" in answer.json["error"]["message"]

    def required(answer: Exchange) -> None:
        assert answer.status == 500
        assert "DB not connected" in answer.json["error"]["message"]

    case.deviates(answer, as_recorded=as_recorded, required=required)
