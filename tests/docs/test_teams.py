"""The page on teams: its calls, in order, on its config."""

import subprocess
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import yaml

from tests.docs.test_examples import ROOT, blocks
from tests.gateways import Gateway, running

PAGE = (ROOT / "docs" / "teams.md").read_text()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("teams")
    config = yaml.safe_load(blocks("yaml", PAGE)[0])
    config["general_settings"]["database_url"] = f"sqlite:///{folder}/teams.db"
    with running(folder, config) as running_gateway:
        for command in blocks("sh", PAGE):
            here = command.replace("127.0.0.1:4000", f"127.0.0.1:{running_gateway.port}").replace("curl -s", "curl -sf")
            subprocess.run(["bash", "-ec", here], check=True, capture_output=True)
        yield running_gateway


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
