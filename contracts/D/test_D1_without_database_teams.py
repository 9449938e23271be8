"""D1: what operations on teams, organizations, projects and access groups answer without a database."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

pytestmark = contract("D1", config="D1/no_database.yaml")

MEMBER = {"role": "user", "user_id": "any"}
CALLS: dict[str, tuple[int, str, str, Any]] = {
    "team-new": (500, "POST", "/team/new", {}),
    "team-update": (500, "POST", "/team/update", {"team_id": "any"}),
    "team-update-nothing": (422, "POST", "/team/update", {}),
    "team-delete": (500, "POST", "/team/delete", {"team_ids": ["any"]}),
    "team-info": (500, "GET", "/team/info?team_id=any", None),
    "team-list": (400, "GET", "/team/list", None),
    "team-list-v2": (500, "GET", "/v2/team/list", None),
    "team-available": (400, "GET", "/team/available", None),
    "team-filter": (500, "GET", "/team/filter/ui", None),
    "member-add": (500, "POST", "/team/member_add", {"team_id": "any", "member": MEMBER}),
    "member-add-nobody": (422, "POST", "/team/member_add", {"team_id": "any"}),
    "member-delete": (500, "POST", "/team/member_delete", {"team_id": "any", "user_id": "any"}),
    "member-update": (500, "POST", "/team/member_update", {"team_id": "any", "user_id": "any"}),
    "bulk-member-add": (500, "POST", "/team/bulk_member_add", {"team_id": "any", "members": [MEMBER]}),
    "model-add": (500, "POST", "/team/model/add", {"team_id": "any", "models": []}),
    "model-delete": (500, "POST", "/team/model/delete", {"team_id": "any", "models": []}),
    "permissions-list": (500, "GET", "/team/permissions_list?team_id=any", None),
    "permissions-update": (
        500,
        "POST",
        "/team/permissions_update",
        {"team_id": "any", "team_member_permissions": []},
    ),
    "callback-add": (500, "POST", "/team/any/callback", {"callback_name": "langfuse", "callback_vars": {}}),
    "callback-get": (500, "GET", "/team/any/callback", None),
    "logging": (500, "POST", "/team/any/disable_logging", None),
    "default-teams": (200, "GET", "/get/default_team_settings", None),
    "default-teams-update": (500, "PATCH", "/update/default_team_settings", {}),
    "organization-new": (500, "POST", "/organization/new", {"organization_alias": "any"}),
    "organization-new-nothing": (422, "POST", "/organization/new", {}),
    "organization-update": (500, "PATCH", "/organization/update", {"organization_id": "any"}),
    "organization-delete": (500, "DELETE", "/organization/delete", {"organization_ids": ["any"]}),
    "organization-list": (500, "GET", "/organization/list", None),
    "organization-info": (500, "GET", "/organization/info?organization_id=any", None),
    "organization-infos": (500, "POST", "/organization/info", {"organizations": ["any"]}),
    "organization-member-add": (
        500,
        "POST",
        "/organization/member_add",
        {"organization_id": "any", "member": {"role": "internal_user", "user_id": "any"}},
    ),
    "organization-member-update": (
        500,
        "PATCH",
        "/organization/member_update",
        {"organization_id": "any", "user_id": "any"},
    ),
    "organization-member-delete": (
        500,
        "DELETE",
        "/organization/member_delete",
        {"organization_id": "any", "user_id": "any"},
    ),
    "project-info": (500, "GET", "/project/info?project_id=any", None),
    "project-list": (500, "GET", "/project/list", None),
    "access-group-new": (
        500,
        "POST",
        "/access_group/new",
        {"access_group": "any", "model_names": ["stateless-group"]},
    ),
    "access-group-new-unknown": (400, "POST", "/access_group/new", {"access_group": "any", "model_names": ["x"]}),
    "access-group-list": (500, "GET", "/access_group/list", None),
    "access-group-info": (500, "GET", "/access_group/any/info", None),
    "access-group-update": (500, "PUT", "/access_group/any/update", {"model_names": ["x"]}),
    "access-group-delete": (500, "DELETE", "/access_group/any/delete", None),
    "v1-access-group-new": (500, "POST", "/v1/access_group", {"access_group_name": "any"}),
    "v1-access-group-list": (500, "GET", "/v1/access_group", None),
    "v1-access-group-get": (500, "GET", "/v1/access_group/any", None),
    "v1-access-group-update": (500, "PUT", "/v1/access_group/any", {}),
    "v1-access-group-delete": (500, "DELETE", "/v1/access_group/any", None),
}


@pytest.mark.parametrize("call", CALLS)
def test_without_a_database(case: Case, call: str) -> None:
    status, method, path, body = CALLS[call]
    options = {} if body is None else {"json": body}
    answer = case.request(method, path, **options)
    case.assert_same_as_recorded()
    assert answer.status == status


@pytest.mark.parametrize("call", ["block", "unblock"])
def test_blocking_without_a_database(case: Case, call: str) -> None:
    answer = case.post(f"/team/{call}", {"team_id": "any"})

    def as_recorded(answer: Exchange) -> None:
        assert answer.text == "Internal Server Error"

    def required(answer: Exchange) -> None:
        assert answer.json == {"detail": {"error": "No db connected"}}

    assert answer.status == 500
    case.deviates(answer, as_recorded=as_recorded, required=required)
