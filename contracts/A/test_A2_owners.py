"""A2: a response is for its owner."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import stream

pytestmark = contract("A2", config="A2/owners.yaml")

FORBIDDEN = "Forbidden. The response id is not associated with the {}, who this key belongs to."
NO_BODY = ["journal[*].headers.content-type"]


def respond(case: Case, key: str, model: str = "owned", **body: Any) -> Exchange:
    return case.post("/v1/responses", {"model": model, "input": "hello", **body}, key=key)


def ask(case: Case, question: str, name: str, key: str) -> Exchange:
    if question == "previous":
        return respond(case, key, previous_response_id=name)
    method = {"delete": "DELETE", "cancel": "POST"}.get(question, "GET")
    end = f"/{question}" if question in ("cancel", "input_items") else ""
    return case.request(method, f"/v1/responses/{name}{end}", key=key)


@pytest.mark.parametrize("question", ["retrieve", "delete", "cancel", "previous"])
def test_somebody_elses(case: Case, question: str) -> None:
    case.script({"upstream-owned": []})
    name = respond(case, "sk-alice").json["id"]
    answer = ask(case, question, name, "sk-bob")
    case.assert_same_as_recorded()
    assert answer.status == 403
    assert answer.json["error"]["message"].startswith(FORBIDDEN.format("user"))
    assert len(case.journal()) == 1


@pytest.mark.parametrize("question", ["retrieve", "delete", "previous"])
def test_ones_own(case: Case, question: str) -> None:
    case.script({"upstream-owned": []})
    name = respond(case, "sk-alice").json["id"]
    answer = ask(case, question, name, "sk-alice")
    case.assert_same_as_recorded(ignore=NO_BODY)
    assert answer.status == 200
    assert len(case.journal()) == 2


def test_an_admin_may_read_all(case: Case) -> None:
    case.script({"upstream-owned": []})
    answer = ask(case, "retrieve", respond(case, "sk-alice").json["id"], "sk-1234")
    case.assert_same_as_recorded(ignore=NO_BODY)
    assert answer.status == 200


def test_nobody_reads_an_admins(case: Case) -> None:
    case.script({"upstream-owned": []})
    answer = ask(case, "retrieve", respond(case, "sk-1234").json["id"], "sk-bob")
    case.assert_same_as_recorded()
    assert answer.status == 403


def test_a_teams(case: Case) -> None:
    case.script({"upstream-owned": []})
    name = respond(case, "sk-red-1").json["id"]
    same, other = (ask(case, "retrieve", name, key) for key in ("sk-red-2", "sk-blue"))
    case.assert_same_as_recorded(ignore=NO_BODY)
    assert same.status == 200
    assert other.status == 403
    assert other.json["error"]["message"].startswith(FORBIDDEN.format("team"))


def test_input_items_of_somebody_elses(case: Case) -> None:
    case.script({"upstream-owned": []})
    answer = ask(case, "input_items", respond(case, "sk-alice").json["id"], "sk-bob")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status in (400, 500)

    def required(answer: Exchange) -> None:
        assert answer.status == 403

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_an_id_that_somebody_made_up(case: Case) -> None:
    # litellm:custom_llm_provider:openai;model_id:owned-1;response_id:resp_up:upstream-owned
    name = (
        "resp_bGl0ZWxsbTpjdXN0b21fbGxtX3Byb3ZpZGVyOm9wZW5haTttb2RlbF9pZDpvd25lZC0xO3Jlc3BvbnNlX2lkOnJlc3BfdXA6dXBzdHJl"
        "YW0tb3duZWQ="
    )
    case.script({"upstream-owned": []})
    answer = ask(case, "retrieve", name, "sk-bob")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 200

    def required(answer: Exchange) -> None:
        assert answer.status == 404
        assert case.journal().calls == []

    case.deviates(answer, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("question", ["retrieve", "delete", "cancel"])
def test_a_background_response_of_somebody_else(case: Case, question: str) -> None:
    case.script({"upstream-owned": [stream(["a", "b"], pace=0.1)]})
    name = respond(case, "sk-alice", background=True).json["id"]
    case.wait(2)
    answer = ask(case, question, name, "sk-bob")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 200

    def required(answer: Exchange) -> None:
        assert answer.status == 403
        assert answer.json["error"]["message"].startswith(FORBIDDEN.format("user"))
        mine = ask(case, "retrieve", name, "sk-alice")
        assert mine.json["status"] == "completed"

    case.deviates(answer, as_recorded=as_recorded, required=required)


@contract("A2", config="A2/owners.yaml", provenance="documented")
def test_a_kept_response_of_somebody_else(case: Case) -> None:
    case.script({"upstream-owned-claude": []})
    name = respond(case, "sk-alice", "owned-claude").json["id"]
    for question in ("retrieve", "delete", "input_items"):
        assert ask(case, question, name, "sk-bob").status == 403
    assert respond(case, "sk-bob", "owned-claude", previous_response_id=name).status == 403
    assert ask(case, "retrieve", name, "sk-alice").json["output"][0]["content"][0]["text"]
    assert len(case.journal()) == 1
