"""D1: organizations are made, looked up, changed and deleted."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

pytestmark = contract("D1", config="D1/organizations.yaml")


def test_an_organization_with_defaults(case: Case) -> None:
    made = case.post("/organization/new", {"organization_alias": "Plain", "organization_id": "plain-organization"})
    found = case.get("/organization/info?organization_id=plain-organization")
    case.assert_same_as_recorded()
    assert made.json["organization_id"] == "plain-organization"
    assert made.json["models"] == []
    assert found.json["members"] == []
    assert found.json["spend"] == 0.0


def test_an_organization_with_many_fields(case: Case) -> None:
    made = case.post(
        "/organization/new",
        {
            "organization_alias": "Full",
            "organization_id": "full-organization",
            "models": ["organized-group"],
            "max_budget": 100,
            "soft_budget": 50.5,
            "tpm_limit": 1000,
            "rpm_limit": 10,
            "max_parallel_requests": 5,
            "budget_duration": "30d",
            "metadata": {"cost_center": "R&D"},
            "model_rpm_limit": {"organized-group": 3},
            "object_permission": {"vector_stores": ["store-1"]},
        },
    )
    found = case.get("/organization/info?organization_id=full-organization")
    case.assert_same_as_recorded()
    assert made.status == 200
    assert made.json["metadata"]["model_rpm_limit"] == {"organized-group": 3}
    assert found.json["litellm_budget_table"]["max_budget"] == 100.0
    assert found.json["litellm_budget_table"]["tpm_limit"] == 1000
    assert found.json["object_permission"]["vector_stores"] == ["store-1"]


def test_an_organization_with_a_known_budget(case: Case) -> None:
    case.post("/budget/new", {"budget_id": "known-budget", "max_budget": 7})
    made = case.post(
        "/organization/new",
        {"organization_alias": "Budgeted", "organization_id": "budgeted-organization", "budget_id": "known-budget"},
    )
    found = case.get("/organization/info?organization_id=budgeted-organization")
    case.assert_same_as_recorded()
    assert made.json["budget_id"] == "known-budget"
    assert found.json["litellm_budget_table"]["max_budget"] == 7.0


def test_an_organization_is_changed(case: Case) -> None:
    case.post(
        "/organization/new",
        {"organization_alias": "Before", "organization_id": "changed-organization", "metadata": {"kept": 1}},
    )
    changed = case.request(
        "PATCH",
        "/organization/update",
        json={
            "organization_id": "changed-organization",
            "organization_alias": "After",
            "models": ["organized-group"],
            "metadata": {"new": 2},
            "max_budget": 9,
            "rpm_limit": 4,
        },
    )
    nested = case.request(
        "PATCH",
        "/organization/update",
        json={"organization_id": "changed-organization", "litellm_budget_table": {"max_budget": 11}},
    )
    case.assert_same_as_recorded()
    assert changed.json["organization_alias"] == "After"
    assert changed.json["metadata"] == {"kept": 1, "new": 2}
    assert changed.json["litellm_budget_table"]["rpm_limit"] == 4
    assert nested.json["litellm_budget_table"]["max_budget"] == 11.0
    assert nested.json["organization_alias"] == "After"


def test_organizations_are_listed(case: Case) -> None:
    case.post("/organization/new", {"organization_alias": "Listed Alias", "organization_id": "listed-organization"})
    case.post("/team/new", {"team_id": "listed-organization-team", "organization_id": "listed-organization"})
    member = {"role": "internal_user", "user_id": "listed-organization-member"}
    case.post("/organization/member_add", {"organization_id": "listed-organization", "member": member})
    by_id = case.get("/organization/list?org_id=listed-organization")
    by_alias = case.get("/organization/list?org_alias=listed+ALIAS")
    none = case.get("/organization/list?org_id=nowhere")
    older = case.post("/organization/info", {"organizations": ["listed-organization", "nowhere"]})
    case.assert_same_as_recorded()
    assert [row["organization_id"] for row in by_id.json] == ["listed-organization"]
    assert [team["team_id"] for team in by_id.json[0]["teams"]] == ["listed-organization-team"]
    assert [member["user_id"] for member in by_id.json[0]["members"]] == ["listed-organization-member"]
    assert [row["organization_id"] for row in by_alias.json] == ["listed-organization"]
    assert none.json == []
    assert [row["organization_id"] for row in older.json] == ["listed-organization"]


def test_a_deleted_organization_takes_its_teams_along(case: Case) -> None:
    case.post("/organization/new", {"organization_alias": "Doomed", "organization_id": "doomed-organization"})
    case.post("/team/new", {"team_id": "doomed-organization-team", "organization_id": "doomed-organization"})
    deleted = case.request("DELETE", "/organization/delete", json={"organization_ids": ["doomed-organization"]})
    gone = case.get("/organization/info?organization_id=doomed-organization")
    team = case.get("/team/info?team_id=doomed-organization-team")
    case.assert_same_as_recorded()
    assert [row["organization_id"] for row in deleted.json] == ["doomed-organization"]
    assert gone.status == team.status == 404


def test_keys_of_a_deleted_organization_stop(case: Case) -> None:
    case.script({"organized-upstream": []})
    case.post("/organization/new", {"organization_alias": "Ended", "organization_id": "ended-organization"})
    case.post("/team/new", {"team_id": "ended-team", "organization_id": "ended-organization"})
    key = case.post("/key/generate", {"team_id": "ended-team"}).json["key"]
    before = case.chat("organized-group", options={"key": key})
    case.request("DELETE", "/organization/delete", json={"organization_ids": ["ended-organization"]})
    after = case.chat("organized-group", options={"key": key})
    assert before.status == 200

    def as_recorded(after: Exchange) -> None:
        assert after.status == 200

    def required(after: Exchange) -> None:
        assert after.status == 401

    case.deviates(after, as_recorded=as_recorded, required=required)


def test_an_organization_that_is_not_there(case: Case) -> None:
    answers = [
        case.get("/organization/info?organization_id=nowhere"),
        case.request("DELETE", "/organization/delete", json={"organization_ids": ["nowhere"]}),
        case.post("/organization/info", {"organizations": []}),
    ]
    case.assert_same_as_recorded()
    assert [answer.status for answer in answers] == [404, 404, 400]


def test_an_unknown_organization_cannot_be_changed(case: Case) -> None:
    answer = case.request("PATCH", "/organization/update", json={"organization_id": "nowhere", "models": []})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 404
        assert "nowhere" in answer.json["detail"]["error"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_an_id_is_taken_once(case: Case) -> None:
    body = {"organization_id": "taken-organization", "organization_alias": "First"}
    case.post("/organization/new", body)
    answer = case.post("/organization/new", body)

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 400
        assert "taken-organization" in answer.json["detail"]["error"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_a_budget_that_is_not_there(case: Case) -> None:
    answer = case.post("/organization/new", {"organization_alias": "Lost", "budget_id": "no-such-budget"})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 400
        assert "no-such-budget" in answer.json["detail"]["error"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        pytest.param("POST", "/organization/new", {}, id="new"),
        pytest.param("POST", "/organization/new", {"organization_alias": "x", "max_budget": "much"}, id="new-budget"),
        pytest.param("POST", "/organization/new", {"organization_alias": "x", "models": "all"}, id="new-models"),
        pytest.param("DELETE", "/organization/delete", {}, id="delete"),
        pytest.param("POST", "/organization/info", {}, id="info"),
        pytest.param("POST", "/organization/member_add", {"organization_id": "x"}, id="member_add"),
        pytest.param("PATCH", "/organization/member_update", {"organization_id": "x"}, id="member_update"),
        pytest.param(
            "PATCH",
            "/organization/member_update",
            {"organization_id": "x", "user_id": "u", "role": "proxy_admin"},
            id="member_update-role",
        ),
        pytest.param("DELETE", "/organization/member_delete", {"user_id": "x"}, id="member_delete"),
    ],
)
def test_bodies_that_are_none(case: Case, method: str, path: str, body: Any) -> None:
    answer = case.request(method, path, json=body)
    case.assert_same_as_recorded()
    assert answer.status == 422
    assert answer.json["detail"][0]["loc"][0] == "body"


def test_budgets_of_organizations_are_positive(case: Case) -> None:
    case.post("/organization/new", {"organization_alias": "Positive", "organization_id": "positive-organization"})
    answers = [
        case.post("/organization/new", {"organization_alias": "x", "max_budget": -1}),
        case.post("/organization/new", {"organization_alias": "x", "soft_budget": -0.1}),
        case.request(
            "PATCH", "/organization/update", json={"organization_id": "positive-organization", "max_budget": -2}
        ),
    ]
    missing = case.get("/organization/info")
    case.assert_same_as_recorded()
    assert [answer.status for answer in answers] == [400, 400, 400]
    assert answers[0].json["detail"]["error"] == "max_budget cannot be negative. Received: -1.0"
    assert missing.status == 422
