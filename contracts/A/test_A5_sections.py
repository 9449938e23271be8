"""A5: the sections and spellings in which aliases may be configured."""

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import ok

pytestmark = contract("A5", config="A5/settings.yaml")

HEADERS = ["x-litellm-model-id", "x-litellm-model-group"]


@pytest.mark.parametrize("alias", ["alias-chat", "hidden-chat"])
def test_litellm_settings_may_hold_aliases(case: Case, alias: str) -> None:
    case.script({"upstream-chat": []})
    answer = case.chat(alias)

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 400
        assert f"Invalid model name passed in model={alias}" in answer.json["error"]["message"]

    def required(answer: Exchange) -> None:
        assert answer.status == 200
        assert answer.json["model"] == answer.headers["x-litellm-model-group"] == alias

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_aliases_of_litellm_settings_are_listed(case: Case) -> None:
    answer = case.get("/v1/models")

    def as_recorded(answer: Exchange) -> None:
        assert [model["id"] for model in answer.json["data"]] == ["target-chat"]

    def required(answer: Exchange) -> None:
        assert [model["id"] for model in answer.json["data"]] == ["alias-chat", "target-chat"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


@contract("A5", config="A5/both.yaml")
def test_router_settings_hide_the_aliases_of_litellm_settings(case: Case) -> None:
    case.script({"upstream-router": [ok("router's")], "upstream-settings": [ok("settings'")]})
    answers = [case.chat("alias-twice"), case.chat("alias-only-there")]
    case.assert_same_as_recorded(headers=HEADERS)
    assert answers[0].content == "router's"
    assert answers[1].status == 400
    assert case.journal().models == ["upstream-router"]


@contract("A5", config="A5/tianji.yaml", provenance="documented")
def test_tianji_settings_may_hold_aliases(case: Case) -> None:
    case.script({"upstream-chat": []})
    answers = [case.chat(alias) for alias in ("alias-chat", "shown-chat", "hidden-chat")]
    listed = case.get("/v1/models")
    assert [answer.json["model"] for answer in answers] == ["alias-chat", "shown-chat", "hidden-chat"]
    assert [model["id"] for model in listed.json["data"]] == ["alias-chat", "shown-chat", "target-chat"]
    assert case.journal().models == ["upstream-chat"] * 3
