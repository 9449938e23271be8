"""A5: what the model lists say of aliases."""

from contracts.harness.case import Case
from contracts.harness.mark import contract

pytestmark = contract("A5", config="A5/aliases.yaml")


def _ids(answer: object) -> list[str]:
    return [model["id"] for model in answer.json["data"]]  # type: ignore[attr-defined]


def test_visible_aliases_come_first(case: Case) -> None:
    answer = case.get("/v1/models")
    case.assert_same_as_recorded()
    assert _ids(answer)[0] == "gpt-4"
    assert _ids(answer).index("alias-failing") < _ids(answer).index("target-chat")
    assert _ids(answer).count("real-group") == 1


def test_a_hidden_alias_is_not_listed(case: Case) -> None:
    answer = case.get("/models")
    case.assert_same_as_recorded()
    assert "hidden-chat" not in _ids(answer)
    assert "shown-chat" in _ids(answer)


def test_a_visible_alias_is_no_model_of_its_own(case: Case) -> None:
    answer = case.get("/v1/models/gpt-4")
    case.assert_same_as_recorded()
    assert (answer.status, answer.json) == (404, {"detail": "Model 'gpt-4' not found in router configuration"})


def test_a_hidden_alias_does_not_exist(case: Case) -> None:
    answer = case.get("/v1/models/hidden-chat")
    case.assert_same_as_recorded()
    assert answer.status == 404
    assert answer.json["detail"] == "The model `hidden-chat` does not exist or is not accessible"


def test_a_group_under_an_alias_of_its_name(case: Case) -> None:
    answer = case.get("/v1/models/real-group")
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert answer.json["id"] == "real-group"


def test_model_info_has_a_copy_under_the_alias(case: Case) -> None:
    answer = case.get("/model/info")
    case.assert_same_as_recorded()
    shown = [(model["model_name"], model["litellm_params"]["model"]) for model in answer.json["data"]]
    assert ("gpt-4", "openai/upstream-chat") in shown
    assert ("target-chat", "openai/upstream-chat") in shown
    assert "hidden-chat" not in {name for name, _ in shown}


def test_model_group_info_knows_an_alias(case: Case) -> None:
    answer = case.get("/model_group/info?model_group=gpt-4")
    case.assert_same_as_recorded()
    [group] = answer.json["data"]
    assert (group["model_group"], group["providers"]) == ("gpt-4", ["openai"])


def test_the_health_of_an_alias_is_that_of_its_target(case: Case) -> None:
    case.script({"upstream-vector": [], "upstream-chat": []})
    answer = case.get("/health?model=alias-vector")
    endpoint = "body.healthy_endpoints[0]"
    case.assert_same_as_recorded(
        ignore=[f"{endpoint}.litellm_metadata", f"{endpoint}.cache", "journal[0].body.messages"]
    )
    assert [endpoint["model"] for endpoint in answer.json["healthy_endpoints"]] == ["openai/upstream-vector"]
    assert case.journal().models == ["upstream-vector"]
