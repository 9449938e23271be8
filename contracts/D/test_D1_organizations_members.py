"""D1: users become members of organizations, change there, and leave."""

from typing import Any

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

pytestmark = contract("D1", config="D1/organizations.yaml")


def _organization(case: Case, name: str) -> None:
    case.post("/organization/new", {"organization_alias": name, "organization_id": name})


def test_members_are_added(case: Case) -> None:
    _organization(case, "joined-organization")
    one = case.post(
        "/organization/member_add",
        {
            "organization_id": "joined-organization",
            "member": {"role": "internal_user", "user_id": "joined-one"},
        },
    )
    two = case.post(
        "/organization/member_add",
        {
            "organization_id": "joined-organization",
            "member": [
                {"role": "org_admin", "user_id": "joined-two"},
                {"role": "internal_user_viewer", "user_id": "joined-three"},
            ],
        },
    )
    found = case.get("/organization/info?organization_id=joined-organization")
    case.assert_same_as_recorded()
    assert one.json["updated_users"][0]["user_id"] == "joined-one"
    assert [row["user_role"] for row in two.json["updated_organization_memberships"]] == [
        "org_admin",
        "internal_user_viewer",
    ]
    assert len(found.json["members"]) == 3


def test_a_member_is_added_with_a_budget(case: Case) -> None:
    _organization(case, "paying-organization")
    member = {"role": "internal_user", "user_id": "paying-one"}
    added = case.post(
        "/organization/member_add",
        {"organization_id": "paying-organization", "member": member, "max_budget_in_organization": 5},
    )
    [membership] = added.json["updated_organization_memberships"]

    def as_recorded(membership: Any) -> None:
        assert membership["litellm_budget_table"] is None

    def required(membership: Any) -> None:
        assert membership["litellm_budget_table"]["max_budget"] == 5.0

    case.deviates(membership, as_recorded=as_recorded, required=required)


def test_a_member_is_added_by_address(case: Case) -> None:
    _organization(case, "addressed-organization")
    member = {"role": "internal_user", "user_email": "new@organized.test"}
    added = case.post("/organization/member_add", {"organization_id": "addressed-organization", "member": member})

    def as_recorded(added: Exchange) -> None:
        assert added.status == 500

    def required(added: Exchange) -> None:
        assert added.status == 200
        assert added.json["updated_users"][0]["user_email"] == "new@organized.test"

    case.deviates(added, as_recorded=as_recorded, required=required)


def test_a_member_is_added_once(case: Case) -> None:
    _organization(case, "small-organization")
    body = {"organization_id": "small-organization", "member": {"role": "internal_user", "user_id": "small-one"}}
    case.post("/organization/member_add", body)
    again = case.post("/organization/member_add", body)

    def as_recorded(again: Exchange) -> None:
        assert again.status == 500

    def required(again: Exchange) -> None:
        assert again.status == 400
        assert "small-one" in again.json["error"]["message"]

    case.deviates(again, as_recorded=as_recorded, required=required)


def test_a_member_is_changed(case: Case) -> None:
    _organization(case, "moving-organization")
    member = {"role": "internal_user", "user_id": "moving-one"}
    case.post("/organization/member_add", {"organization_id": "moving-organization", "member": member})
    changed = case.request(
        "PATCH",
        "/organization/member_update",
        json={
            "organization_id": "moving-organization",
            "user_id": "moving-one",
            "role": "org_admin",
            "max_budget_in_organization": 3,
        },
    )
    again = case.request(
        "PATCH",
        "/organization/member_update",
        json={"organization_id": "moving-organization", "user_id": "moving-one", "max_budget_in_organization": 4},
    )
    case.assert_same_as_recorded()
    assert changed.json["user_role"] == "org_admin"
    assert changed.json["litellm_budget_table"]["max_budget"] == 3.0
    assert again.json["litellm_budget_table"]["max_budget"] == 4.0
    assert again.json["user_role"] == "org_admin"


def test_a_member_leaves(case: Case) -> None:
    _organization(case, "left-organization")
    member = {"role": "internal_user", "user_id": "leaving-one"}
    case.post("/organization/member_add", {"organization_id": "left-organization", "member": member})
    body = {"organization_id": "left-organization", "user_id": "leaving-one"}
    left = case.request("DELETE", "/organization/member_delete", json=body)
    found = case.get("/organization/info?organization_id=left-organization")
    case.assert_same_as_recorded()
    assert left.json["user_id"] == "leaving-one"
    assert found.json["members"] == []


def test_who_is_no_member(case: Case) -> None:
    _organization(case, "closed-organization")
    nobody = {"organization_id": "closed-organization", "user_id": "a-stranger"}
    answers = [
        case.request("PATCH", "/organization/member_update", json={**nobody, "role": "org_admin"}),
        case.request("PATCH", "/organization/member_update", json={"organization_id": "nowhere", "user_id": "x"}),
        case.post(
            "/organization/member_add",
            {"organization_id": "nowhere", "member": {"role": "internal_user", "user_id": "x"}},
        ),
        case.request("DELETE", "/organization/member_delete", json=nobody),
    ]
    case.assert_same_as_recorded()
    assert [answer.status for answer in answers[:3]] == [404, 400, 404]


def test_roles_within_an_organization(case: Case) -> None:
    _organization(case, "strict-organization")
    answer = case.post(
        "/organization/member_add",
        {"organization_id": "strict-organization", "member": {"role": "proxy_admin", "user_id": "strict-one"}},
    )
    case.assert_same_as_recorded()
    assert answer.status == 422
