"""D1: access groups, of models in the database and of everything."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

pytestmark = contract("D1", config="D1/access_groups.yaml")


def _model(case: Case, name: str) -> None:
    params = {"model": f"openai/{name}-upstream", "api_base": "http://upstream.test/v1", "api_key": "sk-up"}
    made = case.post(
        "/model/new", {"model_name": name, "litellm_params": params, "model_info": {"id": f"{name}-stored"}}
    )
    assert made.status == 200


def test_a_group_of_models(case: Case) -> None:
    _model(case, "grouped-one")
    _model(case, "grouped-two")
    case.until(
        lambda: case.get("/models"),
        lambda found: {"grouped-one", "grouped-two"} <= {m["id"] for m in found.json["data"]},
    )
    case.assert_same_as_recorded(ignore=["body.*"])
    made = case.post("/access_group/new", {"access_group": "made-group", "model_names": ["grouped-one"]})
    again = case.post("/access_group/new", {"access_group": "made-group", "model_names": ["grouped-one"]})
    found = case.get("/access_group/made-group/info")
    changed = case.request("PUT", "/access_group/made-group/update", json={"model_names": ["grouped-two"]})
    after = case.get("/access_group/made-group/info")
    deleted = case.request("DELETE", "/access_group/made-group/delete")
    gone = case.get("/access_group/made-group/info")
    case.assert_same_as_recorded()
    assert made.json["models_updated"] == 1
    assert again.status == 409
    assert found.json == {"access_group": "made-group", "model_names": ["grouped-one"], "deployment_count": 1}
    assert changed.json["model_names"] == after.json["model_names"] == ["grouped-two"]
    assert deleted.json["models_updated"] == 1
    assert gone.status == 404


def test_groups_are_listed(case: Case) -> None:
    _model(case, "listed-model")
    case.until(lambda: case.get("/models"), lambda found: "listed-model" in {m["id"] for m in found.json["data"]})
    case.assert_same_as_recorded(ignore=["body.*"])
    case.post("/access_group/new", {"access_group": "listed-models", "model_names": ["listed-model"]})
    listed = case.get("/access_group/list")
    case.request("DELETE", "/access_group/listed-models/delete")
    case.assert_same_as_recorded(ignore=["body.access_groups*"])
    assert {"access_group": "listed-models", "model_names": ["listed-model"], "deployment_count": 1} in listed.json[
        "access_groups"
    ]


def test_groups_that_cannot_be(case: Case) -> None:
    answers = [
        case.post("/access_group/new", {"access_group": " ", "model_names": ["configured-group"]}),
        case.post("/access_group/new", {"access_group": "empty", "model_names": []}),
        case.post("/access_group/new", {"access_group": "unknown", "model_names": ["no-such-model", "nor-this"]}),
        case.post("/access_group/new", {"access_group": "configured", "model_names": ["configured-group"]}),
        case.get("/access_group/nowhere/info"),
        case.request("PUT", "/access_group/nowhere/update", json={"model_names": ["configured-group"]}),
        case.request("PUT", "/access_group/nowhere/update", json={"model_names": []}),
        case.request("DELETE", "/access_group/nowhere/delete"),
        case.post("/access_group/new", {}),
    ]
    case.assert_same_as_recorded()
    assert [answer.status for answer in answers] == [400, 400, 400, 400, 404, 404, 400, 404, 422]
    assert answers[2].json["detail"]["error"] == "Model(s) not found: no-such-model, nor-this"


@pytest.mark.parametrize("path", ["/v1/access_group", "/v1/unified_access_group"])
def test_a_group_of_everything(case: Case, path: str) -> None:
    name = path.rpartition("/")[2].replace("_", "-")
    made = case.post(path, {"access_group_name": name, "access_model_names": ["configured-group"]})
    identifier = made.json["access_group_id"]
    again = case.post(path, {"access_group_name": name})
    found = case.get(f"{path}/{identifier}")
    changed = case.request(
        "PUT", f"{path}/{identifier}", json={"description": "Changed", "assigned_team_ids": ["some-team"]}
    )
    listed = case.get(path)
    case.assert_same_as_recorded(ignore=["body[[]*"])
    deleted = case.request("DELETE", f"{path}/{identifier}")
    gone = case.get(f"{path}/{identifier}")
    case.assert_same_as_recorded()
    assert made.status == 201
    assert again.status == 409
    assert found.json["access_model_names"] == ["configured-group"]
    assert changed.json["description"] == "Changed"
    assert changed.json["access_model_names"] == ["configured-group"]
    assert identifier in {row["access_group_id"] for row in listed.json}
    assert (deleted.status, deleted.body) == (204, b"")
    assert gone.status == 404


def test_a_deleted_group_is_taken_from_teams_and_keys(case: Case) -> None:
    made = case.post("/v1/access_group", {"access_group_name": "assigned-group"})
    identifier = made.json["access_group_id"]
    case.post("/team/new", {"team_id": "assigned-team", "access_group_ids": [identifier, "another"]})
    key = case.post("/key/generate", {"access_group_ids": [identifier]}).json["key"]
    case.request("DELETE", f"/v1/access_group/{identifier}")
    team = case.get("/team/info?team_id=assigned-team")
    info = case.get(f"/key/info?key={key}")
    case.assert_same_as_recorded()
    assert team.json["team_info"]["access_group_ids"] == ["another"]
    assert info.json["info"]["access_group_ids"] == []


def test_names_of_groups_are_unique(case: Case) -> None:
    case.post("/v1/access_group", {"access_group_name": "first-name"})
    second = case.post("/v1/access_group", {"access_group_name": "second-name"}).json["access_group_id"]
    renamed = case.request("PUT", f"/v1/access_group/{second}", json={"access_group_name": "first-name"})
    missing = [
        case.request("PUT", "/v1/access_group/nowhere", json={"description": "x"}),
        case.request("DELETE", "/v1/access_group/nowhere"),
        case.post("/v1/access_group", {}),
    ]
    case.assert_same_as_recorded()
    assert renamed.status == 409
    assert [answer.status for answer in missing] == [404, 404, 422]


@pytest.mark.parametrize("field", ["access_model_names", "access_group_name"])
def test_nulls_change_nothing(case: Case, field: str) -> None:
    name = f"null-{field.replace('_', '-')}"
    body: dict[str, Any] = {"access_group_name": name, "access_model_names": ["configured-group"]}
    identifier = case.post("/v1/access_group", body).json["access_group_id"]
    changed = case.request("PUT", f"/v1/access_group/{identifier}", json={field: None})

    def as_recorded(changed: Exchange) -> None:
        assert changed.status == 500

    def required(changed: Exchange) -> None:
        assert changed.status == 200
        assert (changed.json["access_group_name"], changed.json["access_model_names"]) == (name, ["configured-group"])

    case.deviates(changed, as_recorded=as_recorded, required=required)
