"""D1: who may add, change and see models of the database."""

import pytest

from contracts.D.test_D1_models_changes import PARAMS, new_model
from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

pytestmark = contract("D1", config="D1/models.yaml")


def user_key(case: Case, user: str, **fields: object) -> str:
    """A key of an internal user of its own."""
    case.post("/user/new", {"user_id": user, "user_role": "internal_user", "auto_create_key": False})
    key: str = case.post("/key/generate", {"user_id": user, **fields}).json["key"]
    return key


def test_an_internal_user_adds_no_model(case: Case) -> None:
    key = user_key(case, "model-adder")
    answer = case.post("/model/new", new_model("unwanted"), key=key)
    case.assert_same_as_recorded()
    assert answer.status == 403
    assert "User does not have permission to make this model call" in answer.json["error"]["message"]


@pytest.mark.parametrize("path", ["/model/update", "/model/delete", "patch"])
def test_an_internal_user_changes_no_model(case: Case, path: str) -> None:
    name = f"guarded-{path.rpartition('/')[2]}"
    key = user_key(case, f"{name}-user")
    case.post("/model/new", new_model(name))
    body = {"id": f"{name}-id", "model_info": {"id": f"{name}-id"}, "litellm_params": {"api_key": "sk-mine"}}
    if path == "patch":
        answer = case.request("PATCH", f"/model/{name}-id/update", json=body, key=key)
    else:
        answer = case.post(path, body, key=key)
    found = case.get(f"/model/info?litellm_model_id={name}-id")
    case.assert_same_as_recorded(ignore=PARAMS)
    assert answer.status == 403
    assert found.status == 200


def test_no_key_no_model(case: Case) -> None:
    answer = case.post("/model/new", new_model("keyless"), key=None)
    case.assert_same_as_recorded()
    assert answer.status == 401


def test_a_key_calls_only_the_stored_models_that_it_may(case: Case) -> None:
    case.script({"permitted-upstream": [], "forbidden-upstream": []})
    for name in ("permitted", "forbidden"):
        case.post("/model/new", new_model(name))
    key = case.post("/key/generate", {"models": ["permitted"]}).json["key"]
    allowed, refused = (case.chat(name, options={"key": key}) for name in ("permitted", "forbidden"))
    listed = case.get("/v1/models", key=key)
    case.assert_same_as_recorded(ignore=PARAMS)
    assert allowed.status == 200
    assert refused.status == 401
    assert [model["id"] for model in listed.json["data"]] == ["permitted"]
    assert case.journal().models == ["permitted-upstream"]


def test_a_model_of_a_team_that_is_not_there(case: Case) -> None:
    body = new_model("of-no-team")
    body["model_info"] = {"id": "of-no-team-id", "team_id": "no-such-team"}
    answer = case.post("/model/new", body)
    case.assert_same_as_recorded()
    assert answer.status == 400
    assert "Team id=no-such-team does not exist in db" in answer.json["error"]["message"]


def test_models_of_a_team(case: Case) -> None:
    """Behind a licence in the reference."""
    case.script({"teamwork-upstream": []})
    case.post("/team/new", {"team_id": "teamwork-team", "models": ["models-of-config"]})
    body = new_model("teamwork")
    body["model_info"] = {"id": "teamwork-id", "team_id": "teamwork-team"}
    answer = case.post("/model/new", body)
    key = case.post("/key/generate", {"team_id": "teamwork-team"}).json["key"]
    stranger = case.post("/key/generate", {}).json["key"]
    calls = [case.chat("teamwork", options={"key": key}), case.chat("teamwork", options={"key": stranger})]

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 403
        assert "Enterprise" in answer.text or "premium" in answer.text.lower()

    def required(answer: Exchange) -> None:
        assert answer.status == 200
        assert answer.json["model_name"].startswith("model_name_teamwork-team_")
        assert answer.json["model_info"]["team_public_model_name"] == "teamwork"
        assert [call.status for call in calls] == [200, 400]
        assert case.journal().models == ["teamwork-upstream"]

    case.deviates(answer, as_recorded=as_recorded, required=required)
