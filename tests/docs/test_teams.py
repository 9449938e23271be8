"""The page on teams: its calls, in order, on its config."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.docs.pages import after_its_calls
from tests.gateways import Gateway


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with after_its_calls("teams", tmp_path_factory.mktemp("teams")) as served:
        yield served


def _asked(gateway: Gateway, path: str) -> Any:
    answer = httpx.get(f"http://127.0.0.1:{gateway.port}{path}", headers={"authorization": "Bearer sk-1234"})
    assert answer.status_code == 200
    return answer.json()


def test_the_team_has_members_with_budgets_and_a_key(gateway: Gateway) -> None:
    found = _asked(gateway, "/team/info?team_id=search")
    assert found["team_info"]["max_budget"] == 100.0
    roles = {member["user_id"]: member["role"] for member in found["team_info"]["members_with_roles"]}
    assert roles["ada"] == "admin"
    assert [row["litellm_budget_table"]["max_budget"] for row in found["team_memberships"]] == [20.0, 20.0]
    assert len(found["keys"]) == 1


def test_the_organization_has_an_admin(gateway: Gateway) -> None:
    found = _asked(gateway, "/organization/info?organization_id=research")
    assert [(member["user_id"], member["user_role"]) for member in found["members"]] == [("ada", "org_admin")]


def test_paths_that_are_named_exist(gateway: Gateway) -> None:
    for path in ("/team/list", "/v2/team/list", "/project/list", "/access_group/list", "/v1/access_group"):
        _asked(gateway, path)
