"""D1: a team that anybody may join gives nobody more than that."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

pytestmark = contract("D1", config="D1/teams_open.yaml")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"member": {"role": "user", "user_id": "somebody-else"}}, id="else"),
        pytest.param({"member": {"role": "user", "user_id": "opening-budget"}, "max_budget_in_team": 99}, id="budget"),
    ],
)
def test_only_oneself_and_no_more(case: Case, body: Any, request: pytest.FixtureRequest) -> None:
    name = request.node.callspec.id
    case.post("/team/new", {"team_id": "open-to-all"})
    key = case.post("/user/new", {"user_id": f"opening-{name}", "user_role": "internal_user"}).json["key"]
    answer = case.post("/team/member_add", {"team_id": "open-to-all", **body}, key=key)

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 200

    def required(answer: Exchange) -> None:
        assert answer.status == 403

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_nobody_rules_it(case: Case) -> None:
    case.post("/team/new", {"team_id": "open-to-all"})
    key = case.post("/user/new", {"user_id": "ruling-user", "user_role": "internal_user"}).json["key"]
    body = {"team_id": "open-to-all", "team_member_permissions": ["/key/delete"]}
    answer = case.post("/team/permissions_update", body, key=key)

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 200

    def required(answer: Exchange) -> None:
        assert answer.status == 403

    case.deviates(answer, as_recorded=as_recorded, required=required)
