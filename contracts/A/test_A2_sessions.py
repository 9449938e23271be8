"""A2: conversations with vendors that keep nothing: this gateway remembers them."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import ok, tool

pytestmark = contract("A2", config="A2/main.yaml")

WEATHER = {"type": "function", "name": "weather", "parameters": {"type": "object"}}
NOTHING = "resp_of_somewhere_else"


def respond(case: Case, model: str = "bridged", **body: Any) -> Exchange:
    return case.post("/v1/responses", {"model": model, "input": "hello", **body})


def name_of(answer: Exchange) -> str:
    name: str = answer.events[-2]["response"]["id"] if answer.events else answer.json["id"]
    return name


@pytest.mark.parametrize("how", ["whole", "streamed"])
def test_a_conversation_goes_on(case: Case, how: str) -> None:
    case.script({"upstream-bridged": [ok("My name is Ada."), ok("Ada.")]})
    first = respond(case, input="who are you?", stream=how == "streamed")
    answer = respond(case, input="say it again", previous_response_id=name_of(first))
    messages = case.journal().bodies[1]["messages"]

    def as_recorded(answer: Exchange, messages: Any) -> None:
        assert answer.status == 200
        assert len(messages) == 1

    def required(answer: Exchange, messages: Any) -> None:
        assert answer.status == 200
        assert [message["role"] for message in messages] == ["user", "assistant", "user"]
        assert messages[0]["content"][0]["text"] == "who are you?"
        assert messages[1]["content"][0]["text"] == "My name is Ada."

    case.deviates(answer, messages, as_recorded=as_recorded, required=required)


@contract("A2", config="A2/main.yaml", provenance="documented")
def test_and_on_with_the_output_of_a_tool(case: Case) -> None:
    case.script({"upstream-bridged": [ok("hi"), ok(tool_calls=[tool("weather", city="Rome")]), ok("Rain.")]})
    first = respond(case)
    second = respond(case, input="weather?", tools=[WEATHER], previous_response_id=first.json["id"])
    [call] = [item for item in second.json["output"] if item["type"] == "function_call"]
    output = {"type": "function_call_output", "call_id": call["call_id"], "output": "rain"}
    third = respond(case, input=[output], tools=[WEATHER], previous_response_id=second.json["id"])
    assert third.json["output"][0]["content"][0]["text"] == "Rain."
    messages = case.journal().bodies[2]["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "user", "assistant", "user"]
    assert messages[3]["content"][0]["input"] == {"city": "Rome"}
    assert messages[4]["content"][0]["tool_use_id"] == messages[3]["content"][0]["id"]


@contract("A2", config="A2/main.yaml", provenance="documented")
def test_and_at_another_vendor(case: Case) -> None:
    case.script({"upstream-bridged": [ok("My name is Ada.")], "upstream-native": []})
    first = respond(case, input="who are you?")
    answer = respond(case, "native", input="say it again", previous_response_id=first.json["id"])
    assert answer.status == 200
    body = case.journal().bodies[1]
    assert "previous_response_id" not in body
    assert [item["role"] for item in body["input"]] == ["user", "assistant", "user"]


@pytest.mark.parametrize("question", ["retrieve", "input_items", "delete", "cancel"])
def test_what_is_kept_can_be_asked_about(case: Case, question: str) -> None:
    case.script({"upstream-bridged": [ok("My name is Ada.")]})
    name = respond(case, input="who are you?").json["id"]
    method = {"delete": "DELETE", "cancel": "POST"}.get(question, "GET")
    end = f"/{question}" if question in ("cancel", "input_items") else ""
    answer = case.request(method, f"/v1/responses/{name}{end}")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status in (400, 500)
        assert "Cannot cancel a synchronous response." not in answer.text

    def required(answer: Exchange) -> None:
        if question == "cancel":
            assert answer.status == 400
            assert answer.json["error"]["message"] == "Cannot cancel a synchronous response."
            return
        assert answer.status == 200
        if question == "retrieve":
            assert answer.json["output"][0]["content"][0]["text"] == "My name is Ada."
        elif question == "input_items":
            assert answer.json["data"][0]["content"][0]["text"] == "who are you?"
        else:
            assert answer.json["deleted"] is True
            assert case.get(f"/v1/responses/{name}").status == 404

    case.deviates(answer, as_recorded=as_recorded, required=required)


@contract("A2", config="A2/main.yaml", provenance="documented")
def test_nothing_is_kept_that_is_not_to_be(case: Case) -> None:
    case.script({"upstream-bridged": []})
    name = respond(case, store=False).json["id"]
    assert case.get(f"/v1/responses/{name}").status == 404
    answer = respond(case, previous_response_id=name)
    assert answer.status == 400
    assert "not found" in answer.json["error"]["message"]


def test_what_nobody_remembers(case: Case) -> None:
    case.script({"upstream-bridged": []})
    answer = respond(case, previous_response_id=NOTHING)

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 200

    def required(answer: Exchange) -> None:
        assert answer.status == 400
        assert "previous_response_id" in answer.json["error"]["message"]
        assert case.journal().calls == []

    case.deviates(answer, as_recorded=as_recorded, required=required)


@contract("A2", config="A2/main.yaml", provenance="documented")
def test_input_items_in_pages(case: Case) -> None:
    case.script({"upstream-bridged": []})
    items = [{"role": "user", "content": f"number {n}"} for n in range(5)]
    name = respond(case, input=items).json["id"]
    first = case.get(f"/v1/responses/{name}/input_items?order=asc&limit=2").json
    assert [item["content"][0]["text"] for item in first["data"]] == ["number 0", "number 1"]
    assert first["has_more"] is True
    rest = case.get(f"/v1/responses/{name}/input_items?order=asc&after={first['last_id']}").json
    assert [item["content"][0]["text"] for item in rest["data"]] == ["number 2", "number 3", "number 4"]
    assert rest["has_more"] is False
