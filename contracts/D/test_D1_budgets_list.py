"""D1: all budgets. A file of its own: nothing else may make budgets in its database."""

from contracts.harness.case import Case
from contracts.harness.mark import contract

pytestmark = contract("D1", config="D1/keys_aliases.yaml")


def test_budgets_are_listed(case: Case) -> None:
    for name in ("listed-first", "listed-second"):
        case.post("/budget/new", {"budget_id": name, "max_budget": 1})
    answer = case.get("/budget/list")
    case.assert_same_as_recorded()
    assert [budget["budget_id"] for budget in answer.json] == ["listed-first", "listed-second"]
