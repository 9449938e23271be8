"""What users of each role may call with their keys, and what they are told otherwise."""

from typing import Any

import pytest

from contracts.core.test_virtual_keys import generated, refusal
from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

pytestmark = contract("core", config="core/virtual_keys.yaml")

CALLS: dict[str, tuple[str, str, Any]] = {
    "generate": ("POST", "/key/generate", {}),
    "own-key": ("GET", "/key/info", None),
    "new-team": ("POST", "/team/new", {"team_alias": "of a role"}),
    "new-user": ("POST", "/user/new", {}),
    "new-budget": ("POST", "/budget/new", {"max_budget": 1}),
}


def called(case: Case, key: str, name: str) -> Exchange:
    method, path, body = CALLS[name]
    return case.request(method, path, json=body, key=key)


def key_of(case: Case, role: str | None, name: str) -> str:
    """A key of a new user of this role."""
    case.post("/user/new", {"user_id": name, "user_role": role, "auto_create_key": False})
    return generated(case, user_id=name)


@pytest.mark.parametrize("name", ["generate", "new-team", "new-user", "new-budget"])
def test_a_viewer_changes_nothing(case: Case, name: str) -> None:
    answer = called(case, key_of(case, "proxy_admin_viewer", f"vk-viewer-{name}"), name)
    case.assert_same_as_recorded(headers=["x-litellm-call-id"])
    assert refusal(answer) == (403, "auth_error")


@pytest.mark.parametrize("role", ["internal_user", "internal_user_viewer"])
@pytest.mark.parametrize("name", ["new-team", "new-user", "new-budget"])
def test_users_manage_no_others(case: Case, role: str, name: str) -> None:
    answer = called(case, key_of(case, role, f"vk-{role}-{name}"), name)
    case.assert_same_as_recorded()
    assert refusal(answer) == (401, "auth_error")
    assert f"Your role={role}. Your user_id=vk-int" in answer.json["error"]["message"]


def test_only_the_master_key_resets_spend(case: Case) -> None:
    key = key_of(case, "proxy_admin", "vk-second-admin")
    made = case.post("/team/new", {"team_id": "vk-of-second-admin"}, key=key)
    reset = case.request("POST", "/global/spend/reset", key=key)
    case.assert_same_as_recorded()
    assert made.status == 200
    assert refusal(reset) == (401, "auth_error")


def test_short_names_are_not_shown(case: Case) -> None:
    answer = called(case, key_of(case, "internal_user", "vk-a"), "new-user")
    case.assert_same_as_recorded()
    assert answer.json["error"]["message"].endswith("Your user_id=***")


@pytest.mark.parametrize("path", ["/organization/info", "/organization/member_add"])
def test_organizations_are_their_admins(case: Case, path: str) -> None:
    user = f"vk-stranger-{path.rpartition('/')[2]}"
    key = key_of(case, "internal_user", user)
    without, other = case.post(path, {}, key=key), case.post(path, {"organization_id": "vk-another"}, key=key)
    case.assert_same_as_recorded()
    assert [refusal(answer) for answer in (without, other)] == [(401, "auth_error")] * 2
    assert without.json["error"]["param"] == other.json["error"]["param"] == "organization_id"


def test_only_admins_make_organizations(case: Case) -> None:
    key = key_of(case, "internal_user", "vk-founder")
    answer = case.post("/organization/new", {"organization_alias": "vk-founded"}, key=key)
    case.assert_same_as_recorded()
    assert answer.json["error"]["message"] == "Only proxy admins can create new organizations. You are internal_user"


def test_an_admin_of_an_organization(case: Case) -> None:
    key = key_of(case, "internal_user", "vk-org-admin")
    made = case.post("/organization/new", {"organization_alias": "vk-administered", "models": []})
    organization = made.json["organization_id"]
    case.post(
        "/organization/member_add",
        {"organization_id": organization, "member": {"role": "org_admin", "user_id": "vk-org-admin"}},
    )
    key = generated(case, user_id="vk-org-admin")
    own = case.post("/team/new", {"team_id": "vk-own-team", "organization_id": organization}, key=key)
    none = case.post("/team/new", {"team_id": "vk-no-team"}, key=key)
    other = case.post("/team/new", {"team_id": "vk-other-team", "organization_id": "vk-not-mine"}, key=key)
    case.assert_same_as_recorded(ignore=["body"])
    assert own.status == 200
    assert [refusal(answer) for answer in (none, other)] == [(401, "auth_error")] * 2
