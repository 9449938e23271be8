"""A2: ids lead to deployments, and conversations go on where they began."""

import base64
from typing import Any

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import status

pytestmark = contract("A2", config="A2/main.yaml")


def respond(case: Case, model: str = "native", **body: Any) -> Exchange:
    return case.post("/v1/responses", {"model": model, "input": "hello", **body})


def test_a_turn_follows_another(case: Case) -> None:
    case.script({"upstream-native": []})
    first = respond(case)
    answer = respond(case, previous_response_id=first.json["id"])
    case.assert_same_as_recorded()
    assert answer.json["previous_response_id"] == "resp_up:upstream-native"
    assert case.journal().bodies[1]["previous_response_id"] == "resp_up:upstream-native"


def test_the_vendors_own_id(case: Case) -> None:
    case.script({"upstream-native": []})
    answer = respond(case, previous_response_id="resp_of_the_vendor")
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert case.journal().bodies[0]["previous_response_id"] == "resp_of_the_vendor"


def test_ids_never_repeat(case: Case) -> None:
    case.script({"upstream-native": []})
    names = [respond(case).json["id"] for _ in range(2)]
    case.assert_same_as_recorded()
    assert len(set(names)) == 2
    assert len(case.journal()) == 2


@contract("A2", config="A2/unsealed.yaml")
def test_unsealed(case: Case) -> None:
    case.script({"upstream-plain-ids": []})
    first = respond(case, "plain-ids")
    answer = case.get(f"/v1/responses/{first.json['id']}")
    streamed = respond(case, "plain-ids", stream=True, previous_response_id=first.json["id"])
    case.assert_same_as_recorded(ignore=["journal[*].headers.content-type"])
    way = base64.b64decode(first.json["id"].removeprefix("resp_")).decode()
    assert way.startswith("litellm:custom_llm_provider:openai;model_id:plain-ids-1;response_id:resp_up:")
    assert answer.json["id"] == first.json["id"]
    assert streamed.events[0]["response"]["id"] == first.json["id"]
    assert case.journal().bodies[2]["previous_response_id"] == "resp_up:upstream-plain-ids"


@contract("A2", config="A2/main.yaml", provenance="documented")
def test_a_conversation_stays_with_the_deployment_that_began_it(case: Case) -> None:
    case.script({"upstream-twin-a": [], "upstream-twin-b": []})
    first = respond(case, "twins")
    began = case.journal().models[0]
    for _ in range(12):
        respond(case, "twins", previous_response_id=first.json["id"])
    models = case.journal().models
    assert models == [began] * 13


@contract("A2", config="A2/main.yaml", provenance="documented")
def test_and_is_never_answered_elsewhere_without_what_was_said(case: Case) -> None:
    case.script({"first-native": [status(200), status(500)], "then-claude": []})
    first = case.post("/v1/responses", {"model": "first-choice", "input": "hello"})
    assert first.status == 200
    case.script({"first-native": [], "then-claude": []})
    first = respond(case, "first-native")
    case.script({"first-native": [status(500)], "then-claude": []})
    answer = respond(case, "first-native", previous_response_id=first.json["id"])
    assert answer.status == 500
    assert "cannot go on from that response" in answer.json["error"]["message"]
    assert case.journal().models == ["first-native"]
