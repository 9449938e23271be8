"""A2: responses as streams of typed events."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import Reply, ok, stream, tool

pytestmark = contract("A2", config="A2/main.yaml")

HEADERS = ["x-litellm-model-id", "x-litellm-model-api-base", "x-litellm-model-group", "x-litellm-attempted-fallbacks"]
OF_A_TEXT = [
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.completed",
]


def respond(
    case: Case, model: str = "native", *, path: str = "/v1/responses", taped: bool = False, **body: Any
) -> Exchange:
    return case.post(path, {"model": model, "input": "hello", "stream": True, **body}, taped=taped)


def kinds(answer: Exchange) -> list[str]:
    return [event if isinstance(event, str) else event["type"] for event in answer.events]


def test_events(case: Case) -> None:
    case.script({"upstream-native": [stream(["Good", " day."])]})
    answer = respond(case)
    case.assert_same_as_recorded(headers=HEADERS)
    assert kinds(answer) == [*OF_A_TEXT, "[DONE]"]
    *events, _ = answer.events
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert {event["model"] for event in events} == {"native"}
    ids = {event["response"]["id"] for event in events if "response" in event}
    assert all(name.startswith("resp_") and "resp_up" not in name for name in ids)
    assert b"event:" not in answer.body


OUTPUTS: dict[str, Reply] = {
    "call": ok(tool_calls=[tool("weather", city="Rome")]),
    "text-and-calls": ok(["look", " around"], tool_calls=[tool("weather", city="Rome"), tool("weather", city="Paris")]),
    "incomplete": ok("cut", finish_reason="length"),
    "failed": ok("oh", finish_reason="failed"),
    "no-usage": ok("hm", usage=None),
}
LAST = {"incomplete": "response.incomplete", "failed": "response.failed"}


@pytest.mark.parametrize("kind", OUTPUTS)
def test_every_kind_of_event(case: Case, kind: str) -> None:
    case.script({"upstream-native": [OUTPUTS[kind]]})
    answer = respond(case, reasoning={"effort": "low", "summary": "auto"})
    case.assert_same_as_recorded(headers=HEADERS)
    assert kinds(answer)[-2:] == [LAST.get(kind, "response.completed"), "[DONE]"]
    assert "response.reasoning_summary_text.delta" in kinds(answer)


def test_events_that_nobody_knows(case: Case) -> None:
    events = [
        {"type": "response.created", "response": {"id": "resp_up:upstream-native", "created_at": 1, "output": []}},
        {"type": "response.hologram.delta", "data": [1, 2], "nothing": "no", "sequence_number": 1},
        {"type": "response.completed", "response": {"id": "resp_up:upstream-native", "created_at": 1, "output": []}},
    ]
    case.script({"upstream-native": [Reply(events=events)]})
    answer = respond(case)
    case.assert_same_as_recorded()
    assert answer.events[1]["data"] == [1, 2]


def test_an_error_of_the_vendor_within(case: Case) -> None:
    error = '{"type":"error","code":"server_error","message":"it broke","param":null,"sequence_number":4}'
    case.script({"upstream-native": [Reply(content=["a", "b"], end_after=4, tail=f"event: error\ndata: {error}\n\n")]})
    answer = respond(case)
    case.assert_same_as_recorded()
    assert answer.events[-2]["message"] == "it broke"
    assert answer.events[-1] == "[DONE]"


@pytest.mark.parametrize("how", ["ended", "closed"])
def test_a_stream_that_breaks_is_told_to_be_broken(case: Case, how: str) -> None:
    broken = stream(["a", "b"], end_after=5) if how == "ended" else stream(["a", "b"], cut_after=5, pace=0.02)
    case.script({"upstream-native": [broken]})
    answer = respond(case)

    def as_recorded(answer: Exchange) -> None:
        assert kinds(answer)[-1] == "[DONE]"

    def required(answer: Exchange) -> None:
        last = answer.events[-1]
        assert last["type"] == "error"
        assert last["message"]
        assert "[DONE]" not in kinds(answer)

    case.deviates(answer, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("path", ["/responses", "/openai/v1/responses"])
def test_ids_are_sealed_on_every_path(case: Case, path: str) -> None:
    case.script({"upstream-native": []})
    answer = respond(case, path=path)
    assert answer.status == 200
    assert kinds(answer)[-2:] == ["response.completed", "[DONE]"]
    name = answer.events[0]["response"]["id"]

    def as_recorded(name: str) -> None:
        assert name.startswith("resp_bGl0ZWxsbTpjdXN0b21fbGxtX3Byb3ZpZGVy")

    def required(name: str) -> None:
        assert name.startswith("resp_")
        assert "bGl0ZWxsbTpjdXN0b21fbGxtX3Byb3ZpZGVy" not in name

    case.deviates(name, as_recorded=as_recorded, required=required)


def test_a_refusal_before_the_first_event(case: Case) -> None:
    case.script({"refused-400": [Reply(status=400, body={"error": {"message": "no"}})]})
    answer = respond(case, "refused-400")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/json"


def test_a_client_that_leaves_is_not_served_on(case: Case) -> None:
    case.script({"upstream-native": [stream(["a", "b", "c", "d"] * 20, pace=0.05)]})
    case.post("/v1/responses", {"model": "native", "input": "hello", "stream": True}, close_after=5)
    [call] = case.journal(calls=1, within=2)

    def as_recorded(end: str) -> None:
        assert end in ("open", "done")

    def required(end: str) -> None:
        assert end == "client-closed"

    case.deviates(call.end, as_recorded=as_recorded, required=required)
