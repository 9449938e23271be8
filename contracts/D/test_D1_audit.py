"""D1: changes are recorded, and who made them. The reference records none without a licence."""

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

pytestmark = contract("D1", config="D1/keys_audit.yaml")


def test_no_changes(case: Case) -> None:
    answer = case.get("/audit?object_id=never-changed&page_size=5")
    case.assert_same_as_recorded()
    assert answer.json == {"audit_logs": [], "total": 0, "page": 1, "page_size": 5, "total_pages": 0}


def test_an_unknown_change(case: Case) -> None:
    answer = case.get("/audit/no-such-change")
    case.assert_same_as_recorded()
    assert answer.status == 404


@pytest.mark.parametrize("query", ["page=0", "page_size=101"])
def test_what_cannot_be_listed(case: Case, query: str) -> None:
    answer = case.get(f"/audit?{query}")
    case.assert_same_as_recorded()
    assert answer.status == 422


@pytest.mark.parametrize("query", ["sort_by=password", "start_date=yesterday", "sort_order=up"])
def test_a_mistake_of_the_client_is_told(case: Case, query: str) -> None:
    answer = case.get(f"/audit?{query}")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 400

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_a_key_of_which_changes_are_recorded_must_be_known(case: Case) -> None:
    answer = case.post("/key/block", {"key": "sk-unknown-to-everybody"})
    case.assert_same_as_recorded()
    assert answer.status == 404


@contract("D1", config="D1/keys_audit.yaml", provenance="documented")
def test_changes_of_a_key_are_recorded(case: Case) -> None:
    made = case.post("/key/generate", {"key_alias": "watched", "max_budget": 1}).json
    case.post("/key/update", {"key": made["key"], "max_budget": 2})
    case.post("/key/block", {"key": made["key"]})
    case.request("POST", "/key/delete", json={"keys": [made["key"]]}, headers={"litellm-changed-by": "somebody"})
    found = case.get(f"/audit?object_id={made['token']}&sort_by=updated_at&sort_order=asc").json
    assert [entry["action"] for entry in found["audit_logs"]] == ["created", "updated", "blocked", "deleted"]
    created, updated, _, deleted = found["audit_logs"]
    assert created["table_name"] == "LiteLLM_VerificationToken"
    assert updated["before_value"]["max_budget"] == 1.0
    assert updated["updated_values"]["max_budget"] == 2.0
    assert deleted["changed_by"] == "somebody"
    assert made["key"] not in str(found)
    one = case.get(f"/audit/{created['id']}")
    assert one.json == created
    deletions = case.get(f"/audit?object_id={made['token']}&action=deleted&start_date=2020-01-01").json
    assert deletions["total"] == 1
