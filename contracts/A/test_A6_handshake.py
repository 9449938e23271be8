"""A6: who is let in, and what the handshake says."""

from collections.abc import Mapping

import pytest

from contracts.harness.case import Case
from contracts.harness.mark import contract
from contracts.harness.sockets import Socket

pytestmark = contract("A6", config="A6/realtime.yaml")
PATH = "/v1/realtime?model=plain-voice"
KEY_PROTOCOL = "openai-insecure-api-key.sk-1234"


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        pytest.param(PATH, {}, id="no-key"),
        pytest.param(PATH, {"authorization": "Bearer sk-wrong"}, id="wrong-key"),
        pytest.param(PATH, {"authorization": "sk-1234"}, id="no-bearer"),
        pytest.param(PATH, {"api-key": "sk-wrong"}, id="wrong-api-key"),
        pytest.param("/v1/realtime", {"authorization": "Bearer sk-1234"}, id="no-model"),
        pytest.param("/v1/nowhere?model=plain-voice", {"authorization": "Bearer sk-1234"}, id="unknown-path"),
        pytest.param("/vertex_ai/live", {}, id="live-without-key"),
    ],
)
def test_refused_at_the_door(case: Case, path: str, headers: Mapping[str, str]) -> None:
    case.script({"plain-voice-upstream": []})
    socket = case.connect(path, headers=headers, key=None)
    assert socket.status == 403
    case.assert_same_as_recorded()
    assert socket.exchange is not None
    assert socket.exchange.body == b""
    assert len(case.journal()) == 0


@pytest.mark.parametrize("key", ["sk-1234", "Bearer sk-1234"])
def test_the_key_may_come_as_api_key(case: Case, key: str) -> None:
    case.script({"plain-voice-upstream": []})
    socket = case.connect(PATH, headers={"api-key": key}, key=None)
    assert socket.receive()["type"] == "session.created"
    socket.close()
    case.assert_same_as_recorded(ignore=["messages[*].binary"])


def test_browsers_send_the_key_as_a_subprotocol(case: Case) -> None:
    case.script({"plain-voice-upstream": []})
    socket = case.connect(PATH, key=None, subprotocols=["realtime", KEY_PROTOCOL, "openai-beta.realtime-v1"])

    def as_recorded(socket: Socket) -> None:
        assert socket.status == 403

    def required(socket: Socket) -> None:
        assert socket.status == 101
        assert socket.headers["sec-websocket-protocol"] == "realtime"
        assert socket.receive()["type"] == "session.created"
        socket.close()
        assert "sec-websocket-protocol" not in case.journal()[0].headers

    case.deviates(socket, as_recorded=as_recorded, required=required)


def test_a_wrong_key_as_a_subprotocol_is_refused(case: Case) -> None:
    case.script({"plain-voice-upstream": []})
    socket = case.connect(PATH, key=None, subprotocols=["realtime", "openai-insecure-api-key.sk-wrong"])
    assert socket.status == 403
    case.assert_same_as_recorded()
    assert len(case.journal()) == 0


def test_a_subprotocol_that_is_offered_is_agreed_to(case: Case) -> None:
    case.script({"plain-voice-upstream": []})
    socket = case.connect(PATH, subprotocols=["realtime"])
    assert socket.status == 101
    socket.receive()
    socket.close()

    def as_recorded(socket: Socket) -> None:
        assert "sec-websocket-protocol" not in socket.headers

    def required(socket: Socket) -> None:
        assert socket.headers["sec-websocket-protocol"] == "realtime"

    case.deviates(socket, as_recorded=as_recorded, required=required)


def test_an_unknown_model(case: Case) -> None:
    case.script({"plain-voice-upstream": []})
    socket = case.connect("/v1/realtime?model=nobody-knows-it")
    ended = socket.ended()

    def as_recorded(end: str, reason: str) -> None:
        assert (end, reason) == ("dropped", "")

    def required(end: str, reason: str) -> None:
        assert end == "1008"
        assert "Invalid model name passed in model=nobody-knows-it" in reason

    case.deviates(ended.end, ended.reason, as_recorded=as_recorded, required=required)
