"""A2: responses in the background, which are polled."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract, slow
from fixtures.replies import Reply, ok, status, stream, tool

pytestmark = contract("A2", config="A2/background.yaml")

WORDS = ["one", " two", " three", " four", " five", " six", " seven", " eight"]
POLL = re.compile(r"litellm_poll_[0-9a-f-]{36}")
VARYING = ["body.output", "body.status"]
"""How far a response is when it is looked up depends on the machine."""


def begin(case: Case, model: str = "polled", **body: Any) -> Exchange:
    return case.post("/v1/responses", {"model": model, "input": "hello", "background": True, **body})


def poll(case: Case, begun: Exchange) -> Exchange:
    return case.get(f"/v1/responses/{begun.json['id']}")


def text(answer: Exchange) -> str:
    return "".join(
        part["text"] for item in answer.json["output"] for part in item.get("content", ()) if item["type"] == "message"
    )


def polled_until(case: Case, begun: Exchange, ready: Callable[[Exchange], bool]) -> Exchange:
    """Asks often, unrecorded targets only: the number of questions is the machine's."""
    deadline = time.monotonic() + 10
    while not ready(answer := poll(case, begun)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return answer


@slow("the vendor writes slowly")
def test_queued_then_partly_then_all(case: Case) -> None:
    case.script({"upstream-polled": [stream(WORDS, pace=0.3)]})
    begun = begin(case, metadata={"order": "7"})
    case.wait(2)
    half = poll(case, begun)
    case.wait(5)
    whole = poll(case, begun)
    case.assert_same_as_recorded(ignore=["body.output[0].content[0].text"])
    assert begun.json["status"] == "queued"
    assert POLL.fullmatch(begun.json["id"])
    assert half.json["status"] == "in_progress"
    assert "".join(WORDS).startswith(text(half))
    assert 0 < len(text(half)) < len("".join(WORDS))
    assert whole.json["status"] == "completed"
    assert text(whole) == "".join(WORDS)
    assert whole.json["usage"]["total_tokens"] == 15
    assert whole.json["id"] == begun.json["id"]
    [call] = case.journal()
    assert call.body["stream"] is True
    assert "background" not in call.body


def test_streamed_all_the_same(case: Case) -> None:
    case.script({"upstream-polled": []})
    begun = begin(case, stream=True)
    case.wait(1)
    done = poll(case, begun)
    case.assert_same_as_recorded()
    assert begun.headers["content-type"] == "application/json"
    assert begun.json["status"] == "queued"
    assert done.json["status"] == "completed"


OUTPUTS: dict[str, Reply] = {
    "call": ok(tool_calls=[tool("weather", city="Rome")]),
    "text-and-call": ok("look", tool_calls=[tool("weather", city="Rome")]),
}


@pytest.mark.parametrize("kind", OUTPUTS)
def test_every_kind_of_output(case: Case, kind: str) -> None:
    case.script({"upstream-polled": [OUTPUTS[kind]]})
    begun = begin(case, reasoning={"effort": "low", "summary": "auto"})
    case.wait(1)
    done = poll(case, begun)
    case.assert_same_as_recorded()
    assert done.json["status"] == "completed"
    assert done.json["output"][0]["type"] == "reasoning"
    assert done.json["output"][-1]["name"] == "weather"


@pytest.mark.parametrize("kind", ["incomplete", "failed"])
def test_an_end_that_is_no_success(case: Case, kind: str) -> None:
    case.script({"upstream-polled": [ok("cut", finish_reason="length" if kind == "incomplete" else "failed")]})
    begun = begin(case)
    case.wait(1)
    done = poll(case, begun)

    def as_recorded(done: Exchange) -> None:
        assert done.json["status"] == "completed"

    def required(done: Exchange) -> None:
        assert done.json["status"] == kind
        assert done.json["incomplete_details" if kind == "incomplete" else "error"]

    case.deviates(done, as_recorded=as_recorded, required=required)


def test_a_refusal_of_the_vendor(case: Case) -> None:
    case.script({"polled-broken": [status(400)]})
    begun = begin(case, "polled-broken")
    case.wait(1)
    done = poll(case, begun)
    case.assert_same_as_recorded(ignore=["body.error.message"])
    assert begun.json["status"] == "queued"
    assert done.json["status"] == "failed"
    assert done.json["error"]["code"] == "background_streaming_error"
    assert "upstream says 400" in done.json["error"]["message"]


def test_a_stream_that_breaks(case: Case) -> None:
    case.script({"upstream-polled": [stream(["a", "b"], end_after=5)]})
    begun = begin(case)
    case.wait(1)
    done = poll(case, begun)

    def as_recorded(done: Exchange) -> None:
        assert done.json["status"] == "completed"

    def required(done: Exchange) -> None:
        assert done.json["status"] == "failed"
        assert done.json["error"]["message"]

    case.deviates(done, as_recorded=as_recorded, required=required)


def test_a_fallback_makes_it(case: Case) -> None:
    case.script({"polled-first": [status(500)], "polled-second": [ok("from the second")]})
    begun = begin(case, "polled-first")
    case.wait(1)
    done = poll(case, begun)
    case.assert_same_as_recorded(ignore=["journal[1].body.metadata"])
    assert done.json["status"] == "completed"
    assert text(done) == "from the second"
    assert case.journal().models == ["polled-first", "polled-second"]


@pytest.mark.parametrize("body", ["unknown-model", "no-input"])
def test_a_mistake_is_told_at_once(case: Case, body: str) -> None:
    wrong = {"unknown-model": {"model": "nowhere", "input": "hello"}, "no-input": {"model": "polled"}}
    answer = case.post("/v1/responses", {**wrong[body], "background": True})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 200
        assert answer.json["status"] == "queued"

    def required(answer: Exchange) -> None:
        assert answer.status == 400

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_deleted(case: Case) -> None:
    case.script({"upstream-polled": []})
    begun = begin(case)
    case.wait(1)
    deleted = case.request("DELETE", f"/v1/responses/{begun.json['id']}")
    gone = poll(case, begun)
    case.assert_same_as_recorded()
    assert deleted.json == {"id": begun.json["id"], "object": "response", "deleted": True}
    assert gone.status == 404


@pytest.mark.parametrize("question", ["retrieve", "delete", "cancel"])
def test_an_unknown_id(case: Case, question: str) -> None:
    method = {"delete": "DELETE", "cancel": "POST"}.get(question, "GET")
    answer = case.request(method, f"/v1/responses/litellm_poll_1{'/cancel' if question == 'cancel' else ''}")
    case.assert_same_as_recorded()
    assert answer.status == 404
    assert answer.json["detail"].startswith("Polling response litellm_poll_1 not found")


@slow("the vendor writes slowly")
def test_cancelled_at_once(case: Case) -> None:
    case.script({"upstream-polled": [stream(WORDS, pace=0.3)]})
    begun = begin(case)
    case.wait(1.5)
    cancelled = case.post(f"/v1/responses/{begun.json['id']}/cancel")
    case.assert_same_as_recorded(ignore=["body.output", "journal"])
    assert cancelled.status == 200
    assert cancelled.json["status"] == "cancelled"
    assert cancelled.json["id"] == begun.json["id"]


@slow("the vendor writes slowly")
def test_cancelling_stops_the_work(case: Case) -> None:
    case.script({"upstream-polled": [stream(WORDS, pace=0.3)]})
    begun = begin(case)
    case.wait(1.5)
    case.post(f"/v1/responses/{begun.json['id']}/cancel")
    case.wait(5)
    later = poll(case, begun)
    [call] = case.journal(calls=1, within=2)

    def as_recorded(later: Exchange, end: str) -> None:
        assert later.json["status"] == "completed"
        assert end == "done"

    def required(later: Exchange, end: str) -> None:
        assert later.json["status"] == "cancelled"
        assert end == "client-closed"

    case.deviates(later, call.end, as_recorded=as_recorded, required=required)


@slow("the vendor writes slowly")
@contract("A2", config="A2/background.yaml", provenance="documented")
def test_deleting_stops_the_work(case: Case) -> None:
    case.script({"upstream-polled": [stream(WORDS * 2, pace=0.3)]})
    begun = begin(case)
    assert polled_until(case, begun, lambda answer: bool(text(answer))).json["status"] == "in_progress"
    case.request("DELETE", f"/v1/responses/{begun.json['id']}")
    [call] = case.journal(calls=1, within=2)
    assert call.end == "client-closed"
    assert poll(case, begun).status == 404


def test_cancelled_when_it_is_complete(case: Case) -> None:
    case.script({"upstream-polled": []})
    begun = begin(case)
    case.wait(1)
    answer = case.post(f"/v1/responses/{begun.json['id']}/cancel")

    def as_recorded(answer: Exchange) -> None:
        assert answer.json["status"] == "cancelled"

    def required(answer: Exchange) -> None:
        assert answer.json["status"] == "completed"

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_input_items(case: Case) -> None:
    case.script({"upstream-polled": []})
    begun = begin(case)
    case.wait(1)
    answer = case.get(f"/v1/responses/{begun.json['id']}/input_items")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status in (400, 500)

    def required(answer: Exchange) -> None:
        assert answer.status == 200
        assert answer.json["data"][0]["content"][0]["text"] == "hello"

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_a_model_whose_vendor_does_it(case: Case) -> None:
    case.script({"vendors-own": []})
    answer = begin(case, "vendors-own")
    case.assert_same_as_recorded(headers=["x-litellm-model-id"])
    assert answer.json["status"] == "queued"
    assert answer.json["id"].startswith("resp_")
    assert case.journal().bodies[0]["background"] is True


@pytest.mark.parametrize("model", ["listed", "unlisted"])
@contract("A2", config="A2/by_provider.yaml")
def test_by_provider(case: Case, model: str) -> None:
    case.script({f"upstream-{model}": []})
    answer = begin(case, model)
    case.wait(1)
    case.assert_same_as_recorded()
    assert answer.json["status"] == "queued"
    assert bool(POLL.fullmatch(answer.json["id"])) is (model == "listed")


@contract("A2", config="A2/background.yaml", provenance="documented")
def test_a_conversation_goes_on_from_a_polled_response(case: Case) -> None:
    case.script({"upstream-polled": []})
    begun = begin(case)
    assert polled_until(case, begun, lambda answer: answer.json["status"] == "completed").status == 200
    answer = case.post("/v1/responses", {"model": "polled", "input": "more", "previous_response_id": begun.json["id"]})
    assert answer.status == 200
    assert case.journal().bodies[1]["previous_response_id"] == "resp_up:upstream-polled"


@slow("the vendor writes slowly")
@contract("A2", config="A2/background.yaml", provenance="documented")
def test_a_bridged_response_is_polled_too(case: Case) -> None:
    case.script({"upstream-polled-claude": [stream(WORDS, pace=0.2)]})
    begun = begin(case, "polled-claude")
    half = polled_until(case, begun, lambda answer: bool(text(answer)))
    assert half.json["status"] == "in_progress"
    assert "".join(WORDS).startswith(text(half))
    done = polled_until(case, begun, lambda answer: answer.json["status"] == "completed")
    assert text(done) == "".join(WORDS)
    assert done.json["usage"]["total_tokens"] == 15
