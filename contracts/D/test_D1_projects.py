"""D1: projects of teams."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

pytestmark = contract("D1", config="D1/teams.yaml")


def _walled(*answers: Exchange) -> None:
    assert {answer.status for answer in answers} == {403}
    assert "Project management is an enterprise feature" in answers[0].json["error"]["message"]


def test_a_project_lives(case: Case) -> None:
    case.post("/team/new", {"team_id": "projecting-team", "models": ["teamed-group"], "max_budget": 10})
    made = case.post(
        "/project/new",
        {
            "project_id": "living-project",
            "project_alias": "Living",
            "description": "of a case",
            "team_id": "projecting-team",
            "models": ["teamed-group"],
            "max_budget": 5,
            "model_rpm_limit": {"teamed-group": 2},
            "metadata": {"use_case": "x"},
        },
    )
    changed = case.post("/project/update", {"project_id": "living-project", "project_alias": "Lively", "max_budget": 6})
    found = case.get("/project/info?project_id=living-project")
    listed = case.get("/project/list")
    deleted = case.request("DELETE", "/project/delete", json={"project_ids": ["living-project"]})
    gone = case.get("/project/info?project_id=living-project")

    def as_recorded(made: Exchange, changed: Exchange, found: Exchange, deleted: Exchange, *_: Any) -> None:
        _walled(made, changed, deleted)

    def required(made: Exchange, changed: Exchange, found: Exchange, deleted: Exchange, *rest: Exchange) -> None:
        assert made.status == changed.status == found.status == deleted.status == 200
        assert made.json["litellm_budget_table"]["max_budget"] == 5.0
        assert made.json["spend"] == 0.0
        assert found.json["project_alias"] == "Lively"
        assert found.json["litellm_budget_table"]["max_budget"] == 6.0
        assert found.json["metadata"]["model_rpm_limit"] == {"teamed-group": 2}
        assert [row["project_id"] for row in deleted.json] == ["living-project"]
        listed, gone = rest
        assert "living-project" in {row["project_id"] for row in listed.json}
        assert gone.status == 404

    case.deviates(made, changed, found, deleted, listed, gone, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        pytest.param({"team_id": "nowhere"}, 404, id="team"),
        pytest.param({"models": ["unteamed-group"]}, 400, id="models"),
        pytest.param({"max_budget": 11}, 400, id="budget"),
        pytest.param({"tpm_limit": 101}, 400, id="tpm"),
        pytest.param({"rpm_limit": 11}, 400, id="rpm"),
        pytest.param({"max_budget": -1}, 400, id="negative"),
        pytest.param({"max_budget": 5, "soft_budget": 5}, 400, id="soft"),
    ],
)
def test_a_project_keeps_within_its_team(case: Case, fields: Any, status: int) -> None:
    limits = {"models": ["teamed-group"], "max_budget": 10, "tpm_limit": 100, "rpm_limit": 10}
    case.post("/team/new", {"team_id": "limiting-project-team", **limits})
    answer = case.post("/project/new", {"team_id": "limiting-project-team", **fields})

    def as_recorded(answer: Exchange) -> None:
        _walled(answer)

    def required(answer: Exchange) -> None:
        assert answer.status == status
        assert answer.json["error"]["code"] == str(status)

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_a_project_that_is_not_there(case: Case) -> None:
    found = case.get("/project/info?project_id=nowhere")
    missing = case.get("/project/info")
    case.assert_same_as_recorded()
    assert found.status == 404
    assert missing.status == 422


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        pytest.param("POST", "/project/new", {}, id="new"),
        pytest.param("POST", "/project/new", {"team_id": "t", "models": 1}, id="new-models"),
        pytest.param("POST", "/project/update", {}, id="update"),
        pytest.param("DELETE", "/project/delete", {}, id="delete"),
    ],
)
def test_bodies_that_are_none(case: Case, method: str, path: str, body: Any) -> None:
    answer = case.request(method, path, json=body)
    case.assert_same_as_recorded()
    assert answer.status == 422
    assert answer.json["detail"][0]["loc"][0] == "body"
