"""A4: fallbacks where other items come in: responses, realtime sessions, and providers whose budget is spent."""

import pytest

from contracts.harness.case import Case
from contracts.harness.mark import contract, slow
from fixtures.replies import Reply, json, reset, status
from fixtures.sessions import created

HEADERS = ["x-litellm-model-id", "x-litellm-model-group", "x-litellm-attempted-fallbacks"]
RESPONSE = {
    "id": "resp_up1",
    "object": "response",
    "created_at": 1_700_000_000,
    "status": "completed",
    "model": "order-b",
    "output": [
        {
            "type": "message",
            "id": "msg_up1",
            "status": "completed",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "from the second", "annotations": []}],
        }
    ],
    "usage": {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7},
}


@contract("A4", config="A4/order.yaml", depends_on="A2")
def test_responses_fall_back(case: Case) -> None:
    case.script({"order-a": [status(400)], "order-b": [json(RESPONSE)], "upstream-order-c": [], "order-d": []})
    answer = case.post("/v1/responses", {"model": "order-a", "input": "hello"})
    # What the reference tells the fallback's vendor there stands against it in A2.
    case.assert_same_as_recorded(headers=HEADERS, ignore=["body.id", "journal[1].body.metadata"])
    assert answer.status == 200
    assert answer.json["output"][0]["content"][0]["text"] == "from the second"
    assert answer.headers["x-litellm-attempted-fallbacks"] == "1"
    assert case.journal().models == ["order-a", "order-b"]


@slow("spend is recorded in the background")
@contract("A4", config="A4/budgets.yaml")
def test_a_provider_over_its_budget_leads_to_another(case: Case) -> None:
    case.script({"costly-a": [], "costly-b": [], "frugal-a": []})
    case.chat("costly-a")
    case.wait(3)
    answer = case.chat("costly-a")
    alone = case.chat("costly-a", disable_fallbacks=True)
    case.assert_same_as_recorded(headers=HEADERS, ignore=["body.error.message"])
    assert answer.headers["x-litellm-model-id"] == "frugal-a-1"
    assert alone.status == 429
    assert "crossed budget" in alone.json["error"]["message"]
    assert case.journal().models == ["costly-a", "frugal-a"]


@contract("A4", config="A6/fallbacks.yaml")
def test_a_model_without_sessions_falls_back(case: Case) -> None:
    case.script({"chat-only-upstream": [], "rescue-voice-upstream": []})
    socket = case.connect("/v1/realtime?model=chat-only")
    assert socket.receive() == created("rescue-voice-upstream")
    socket.close()
    case.assert_same_as_recorded(ignore=["messages[*].binary"])
    [call] = case.journal()
    assert call.headers["authorization"] == "Bearer sk-up-rescue"


@contract("A4", config="A6/fallbacks.yaml")
@pytest.mark.parametrize("reply", [pytest.param(status(500), id="500"), pytest.param(reset(), id="reset")])
def test_a_session_that_does_not_begin_falls_back(case: Case, reply: Reply) -> None:
    case.script({"first-voice-upstream": [reply], "rescue-voice-upstream": []})
    case.wait(1.1)
    socket = case.connect("/v1/realtime?model=first-voice")
    socket.send({"type": "session.update", "session": {}})
    kept = []

    def as_recorded(case: Case) -> None:
        assert socket.ended().end == "1011"

    def required(case: Case) -> None:
        kept.extend(socket.receive()["type"] for _ in range(2))
        socket.close()
        assert kept == ["session.created", "session.updated"]
        assert [call.query["model"] for call in case.journal()] == ["first-voice-upstream", "rescue-voice-upstream"]

    case.deviates(case, as_recorded=as_recorded, required=required)
