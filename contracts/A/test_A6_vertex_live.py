"""A6: Gemini's live API on Vertex AI, with the gateway's credentials."""

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.journal import UpstreamCall
from contracts.harness.mark import contract
from fixtures.replies import status
from fixtures.sessions import close, echo, send, send_binary, session, vanish

pytestmark = contract("A6", config="A6/vertex.yaml")
SETUP = {"setup": {"model": "projects/p/locations/l/publishers/google/models/gemini-live"}}
TURN = {"clientContent": {"turns": [{"role": "user", "parts": [{"text": "hello"}]}], "turnComplete": True}}
PATH = "/ws/google.cloud.aiplatform.v1.LlmBidiService/BidiGenerateContent"


def test_a_live_session(case: Case) -> None:
    case.script({"live-project": []})
    socket = case.connect("/vertex_ai/live", headers={"x-goog-request-params": "a=b", "x-mine": "1"})
    socket.send(SETUP)
    assert socket.receive() == {"setupComplete": {}}
    socket.send(TURN)
    events = [socket.receive() for _ in range(2)]
    socket.send(b"\x00\xff")
    assert socket.receive() == b"\x00\xff"
    socket.close()
    case.assert_same_as_recorded(ignore=["messages[0].binary"])
    assert events[0]["serverContent"]["modelTurn"]["parts"] == [{"text": "Hello from the upstream."}]
    assert events[1]["usageMetadata"]["totalTokenCount"] == 15
    [call] = case.journal()
    assert (call.entry["host"], call.path) == ("europe-west4-aiplatform.googleapis.com", PATH)
    assert call.headers["authorization"] == "Bearer ya29.up1"
    assert call.headers["x-goog-user-project"] == "live-project"
    assert call.headers["x-goog-request-params"] == "a=b"
    assert "x-mine" not in call.headers
    assert call.entry["messages"] == [SETUP, TURN, {"base64": "AP8="}]


def test_live_messages_keep_their_kind(case: Case) -> None:
    case.script({"kind-project": [session(send_binary("{}"), send("text"), send_binary("\xff\x00"), echo())]})
    socket = case.connect("/vertex_ai/live?vertex_project=kind-project")
    kinds = [socket.receive_frame().binary for _ in range(3)]
    socket.close()

    def as_recorded(kinds: list[bool]) -> None:
        assert kinds == [False, False, True]

    def required(kinds: list[bool]) -> None:
        assert kinds == [True, False, True]

    case.deviates(kinds, as_recorded=as_recorded, required=required)


def test_the_query_names_project_and_location(case: Case) -> None:
    case.script({"other-project": []})
    socket = case.connect("/vertex_ai/live?vertex_project=other-project&vertex_location=us-central1")
    socket.send(SETUP)
    socket.receive()
    socket.close()
    case.assert_same_as_recorded(ignore=["messages[0].binary"])
    [call] = case.journal()
    assert call.entry["host"] == "us-central1-aiplatform.googleapis.com"
    assert call.headers["x-goog-user-project"] == "other-project"


def test_the_global_location(case: Case) -> None:
    case.script({"global-project": []})
    socket = case.connect("/vertex_ai/live?vertex_project=global-project&vertex_location=global")
    socket.send(SETUP)
    socket.receive()
    socket.close()
    case.assert_same_as_recorded(ignore=["messages[0].binary"])
    [call] = case.journal()
    assert call.entry["host"] == "aiplatform.googleapis.com"


def test_a_model_that_is_served_everywhere_alone(case: Case) -> None:
    case.script({"global-project": []})
    query = "vertex_project=global-project&vertex_location=us-central1&model=gemini-2.5-pro-preview-05-06"
    socket = case.connect(f"/vertex_ai/live?{query}")
    socket.send(SETUP)
    socket.receive()
    socket.close()
    case.assert_same_as_recorded(ignore=["messages[0].binary"])
    [call] = case.journal()
    assert call.entry["host"] == "aiplatform.googleapis.com"


def test_a_live_upstream_closes(case: Case) -> None:
    case.script({"closing-project": [session(send({"setupComplete": {}}), close(1000))]})
    socket = case.connect("/vertex_ai/live?vertex_project=closing-project")
    socket.receive()
    ended = socket.ended()
    case.assert_same_as_recorded(ignore=["messages[0].binary"])
    assert ended.end == "1000"


@pytest.mark.parametrize(
    ("end", "code", "reason"),
    [
        pytest.param(close(1008, "quota"), "1008", "quota", id="1008"),
        pytest.param(vanish(), "1011", "the connection to the model was lost", id="vanished"),
    ],
)
def test_a_live_upstream_ends_with_an_error(case: Case, end: object, code: str, reason: str) -> None:
    case.script({"ending-project": [session(send({"setupComplete": {}}), end)]})  # type: ignore[arg-type]
    socket = case.connect("/vertex_ai/live?vertex_project=ending-project")
    socket.receive()
    ended = socket.ended()

    def as_recorded(ended: Exchange) -> None:
        assert ended.end == "1000"

    def required(ended: Exchange) -> None:
        assert (ended.end, ended.reason) == (code, reason)

    case.deviates(ended, as_recorded=as_recorded, required=required)


def test_a_live_client_vanishes(case: Case) -> None:
    case.script({"leaving-project": []})
    socket = case.connect("/vertex_ai/live?vertex_project=leaving-project")
    socket.send(SETUP)
    socket.receive()
    socket.drop()
    case.assert_same_as_recorded(ignore=["messages[0].binary"])
    [call] = case.journal()
    assert call.entry["closed"] == 1000


def test_a_live_clients_code_reaches_the_upstream(case: Case) -> None:
    case.script({"coded-project": []})
    socket = case.connect("/vertex_ai/live?vertex_project=coded-project")
    socket.send(SETUP)
    socket.receive()
    socket.close(4321, "enough")
    [call] = case.journal()

    def as_recorded(call: UpstreamCall) -> None:
        assert call.entry["closed"] == 1000

    def required(call: UpstreamCall) -> None:
        assert call.entry["closed"] == 4321

    case.deviates(call, as_recorded=as_recorded, required=required)


def test_a_live_upstream_refuses_the_handshake(case: Case) -> None:
    case.script({"refusing-project": [status(403)]})
    ended = case.connect("/vertex_ai/live?vertex_project=refusing-project").ended()
    case.assert_same_as_recorded()
    assert ended.status == 101
    assert ended.end != "1000"


@contract("A6", config="A6/vertex_broken.yaml")
def test_google_does_not_know_the_credentials(case: Case) -> None:
    case.script({"broken-project": []})
    ended = case.connect("/vertex_ai/live?vertex_project=broken-project").ended(8)
    case.assert_same_as_recorded()
    assert (ended.end, ended.reason) == ("1011", "Vertex AI authentication failed")
