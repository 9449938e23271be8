"""A3: who may sign in (`ui_access_mode`), which teams they join, and what an operator's own function says of them."""

from typing import Any

import pytest

from contracts.A.browser import Browser, leave, session
from contracts.harness.case import Case
from contracts.harness.mark import contract


def _claims(name: str, groups: list[str]) -> dict[str, Any]:
    return {"preferred_username": name, "email": f"{name}@example.com", "org": {"groups": groups}}


@contract("A3", config="A3/restricted.yaml")
def test_who_is_in_the_group(case: Case) -> None:
    answer = Browser(case).sign_in("code-of-abel", _claims("abel", ["others", "insiders"]))
    case.assert_same_as_recorded()
    assert session(answer)["user_id"] == "abel"
    leave(case, "abel")


@pytest.mark.parametrize("groups", [["others"], []], ids=["of-others", "of-none"])
@contract("A3", config="A3/restricted.yaml")
def test_who_is_not_in_the_group(case: Case, groups: list[str]) -> None:
    answer = Browser(case).sign_in(f"code-of-cain-{len(groups)}", _claims("cain", groups))
    case.assert_same_as_recorded()
    assert answer.status == 403
    assert answer.json["error"]["param"] == "restricted_sso_group"
    assert answer.json["error"]["message"].startswith("User is not in the restricted SSO group: insiders.")


@contract("A3", config="A3/restricted.yaml")
def test_groups_are_teams(case: Case) -> None:
    case.post("/team/new", {"team_id": "team-of-ruth", "team_alias": "ruths"})
    Browser(case).sign_in("code-of-ruth", _claims("ruth", ["insiders", "team-of-ruth", "no-team"]))
    found = case.until(
        lambda: case.get("/team/info?team_id=team-of-ruth"),
        lambda found: any(member["user_id"] == "ruth" for member in found.json["team_info"]["members_with_roles"]),
    )
    members = [(member["user_id"], member["role"]) for member in found.json["team_info"]["members_with_roles"]]
    assert ("ruth", "user") in members
    leave(case, "ruth")
    case.post("/team/delete", {"team_ids": ["team-of-ruth"]})


@contract("A3", config="A3/admin_only.yaml")
def test_administrators_alone(case: Case) -> None:
    answer = Browser(case).sign_in(
        "code-of-saul", {"preferred_username": "saul", "email": "saul@example.com", "role": "internal_user"}
    )
    case.assert_same_as_recorded()
    assert answer.status == 401
    assert "User not allowed to access proxy. User role=internal_user" in answer.json["detail"]["error"]
    leave(case, "saul")


@contract("A3", config="A3/admin_only.yaml")
def test_an_administrator_may(case: Case) -> None:
    answer = Browser(case).sign_in(
        "code-of-david", {"preferred_username": "david", "email": "david@example.com", "role": "proxy_admin_viewer"}
    )
    case.assert_same_as_recorded()
    assert session(answer)["user_role"] == "proxy_admin_viewer"
    leave(case, "david")


@pytest.mark.parametrize(("name", "role"), [("chief-joab", "proxy_admin"), ("joel", "internal_user")])
@contract("A3", config="A3/custom.yaml")
def test_an_operators_function_says_who_it_is(case: Case, name: str, role: str) -> None:
    answer = Browser(case).sign_in(f"code-of-{name}", {"preferred_username": "anybody", "email": f"{name}@example.com"})
    case.assert_same_as_recorded()
    assert session(answer)["user_id"] == f"custom-{name}"
    assert session(answer)["user_role"] == role
    leave(case, f"custom-{name}")
