"""D1: users, customers, invitations and tags without a database."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.mark import contract

pytestmark = contract("D1", config="D1/no_database.yaml")

POSTS: dict[str, dict[str, Any]] = {
    "/user/new": {},
    "/user/update": {"user_id": "anybody"},
    "/user/delete": {"user_ids": ["anybody"]},
    "/user/bulk_update": {"users": [{"user_id": "anybody"}]},
    "/customer/new": {"user_id": "anybody"},
    "/customer/update": {"user_id": "anybody"},
    "/customer/delete": {"user_ids": ["anybody"]},
    "/customer/block": {"user_ids": ["anybody"]},
    "/end_user/new": {"user_id": "anybody"},
    "/invitation/new": {"user_id": "anybody"},
    "/invitation/update": {"invitation_id": "any", "is_accepted": True},
    "/invitation/delete": {"invitation_id": "any"},
    "/onboarding/claim_token": {"invitation_link": "any", "user_id": "anybody", "password": "open sesame"},
    "/tag/new": {"name": "any"},
    "/tag/update": {"name": "any"},
    "/tag/info": {"names": ["any"]},
    "/tag/delete": {"name": "any"},
}
GETS = (
    "/user/info",
    "/user/info?user_id=anybody",
    "/user/list",
    "/user/available_users",
    "/user/filter/ui",
    "/customer/info?end_user_id=anybody",
    "/customer/list",
    "/end_user/list",
    "/invitation/info?invitation_id=any",
    "/onboarding/get_token?invite_link=any",
    "/tag/list",
    "/tag/summary?start_date=2026-01-01&end_date=2026-01-02",
    "/tag/dau",
    "/tag/wau",
    "/tag/mau",
    "/tag/distinct",
    "/tag/user-agent/per-user-analytics",
)


@pytest.mark.parametrize("path", POSTS)
def test_changes(case: Case, path: str) -> None:
    answer = case.post(path, POSTS[path])
    case.assert_same_as_recorded()
    assert answer.status in (400, 500)


@pytest.mark.parametrize("path", GETS)
def test_questions(case: Case, path: str) -> None:
    answer = case.get(path)
    case.assert_same_as_recorded()
    assert answer.status in (400, 500)


def test_what_is_wrong_is_said_first(case: Case) -> None:
    answer = case.post("/user/new", {"max_budget": "x"})
    case.assert_same_as_recorded()
    assert answer.status == 422


def test_roles_are_known(case: Case) -> None:
    answer = case.get("/user/available_roles")
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert "proxy_admin" in answer.json


def test_settings_of_new_users(case: Case) -> None:
    answer = case.get("/get/internal_user_settings")
    changed = case.request("PATCH", "/update/internal_user_settings", json={})
    case.assert_same_as_recorded()
    assert answer.json["values"]["user_role"] == "internal_user"
    assert changed.status == 500
