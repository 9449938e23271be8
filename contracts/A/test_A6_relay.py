"""A6: what a realtime session carries, to whom, and as whom."""

import pytest

from contracts.harness.case import Case
from contracts.harness.mark import contract
from contracts.harness.sockets import Socket
from fixtures.replies import ok
from fixtures.sessions import created, echo, receive, send, send_binary, session

pytestmark = contract("A6", config="A6/realtime.yaml")
#: The reference sends everything that an upstream says as binary messages.
KIND = ["messages[*].binary"]
UPDATE = {"type": "session.update", "session": {"instructions": "Be brief."}}
ASK = {"type": "response.create", "response": {"output_modalities": ["text"]}}


@pytest.mark.parametrize("path", ["/v1/realtime", "/realtime"])
def test_a_session(case: Case, path: str) -> None:
    case.script({"plain-voice-upstream": [ok(["Hel", "lo."])]})
    socket = case.connect(f"{path}?model=plain-voice")
    assert socket.receive() == created("plain-voice-upstream")
    socket.send(UPDATE)
    assert socket.receive()["session"] == UPDATE["session"]
    socket.send(ASK)
    events = [socket.receive() for _ in range(5)]
    socket.close()
    case.assert_same_as_recorded(ignore=KIND)
    assert "".join(event.get("delta", "") for event in events) == "Hello."
    assert events[-1]["response"]["usage"]["input_tokens"] == 10
    [call] = case.journal()
    assert (call.path, call.query) == ("/v1/realtime", {"model": "plain-voice-upstream"})
    assert call.headers["authorization"] == "Bearer sk-up-voice"
    assert call.headers["openai-beta"] == "realtime=v1"
    assert call.entry["messages"] == [UPDATE, ASK]


def test_the_intent_goes_on_and_other_parameters_do_not(case: Case) -> None:
    case.script({"plain-voice-upstream": []})
    socket = case.connect("/v1/realtime?model=plain-voice&intent=transcription&voice=alloy")
    socket.receive()
    socket.close()
    case.assert_same_as_recorded(ignore=KIND)
    [call] = case.journal()
    assert call.query == {"model": "plain-voice-upstream", "intent": "transcription"}


def test_an_alias_is_resolved(case: Case) -> None:
    case.script({"plain-voice-upstream": []})
    socket = case.connect("/v1/realtime?model=known-voice")
    assert socket.receive()["session"]["model"] == "plain-voice-upstream"
    socket.close()
    case.assert_same_as_recorded(ignore=KIND)


def test_the_path_of_the_base_is_left_out(case: Case) -> None:
    case.script({"spare-voice-upstream": []})
    socket = case.connect("/v1/realtime?model=spare-voice")
    socket.receive()
    socket.close()
    case.assert_same_as_recorded(ignore=KIND)
    assert case.journal().paths == ["/v1/realtime"]


def test_headers_of_the_client_stay_here(case: Case) -> None:
    case.script({"plain-voice-upstream": []})
    headers = {"openai-safety-identifier": "user-7", "cookie": "a=b", "x-mine": "1", "openai-beta": "assistants=v2"}
    socket = case.connect("/v1/realtime?model=plain-voice", headers=headers)
    socket.receive()
    socket.close()
    case.assert_same_as_recorded(ignore=KIND)
    [call] = case.journal()
    assert headers.keys() & call.headers.keys() == {"openai-beta"}
    assert call.headers["openai-beta"] == "realtime=v1"


def test_what_the_client_says_passes_as_it_is(case: Case) -> None:
    words = ["no json at all", '{"type": "odd",   "spaced": 1.50}', "ünï\u2028cöde \U0001f399"]
    case.script({"plain-voice-upstream": [session(receive(len(words)), send({"type": "heard"}))]})
    socket = case.connect("/v1/realtime?model=plain-voice")
    for word in words:
        socket.send(word)
    assert socket.receive() == {"type": "heard"}
    socket.close()
    case.assert_same_as_recorded(ignore=KIND)
    [call] = case.journal()
    assert call.entry["messages"] == [words[0], {"type": "odd", "spaced": 1.5}, words[2]]


def test_what_the_upstream_says_passes_as_it_is(case: Case) -> None:
    words = ['{"type": "odd",   "spaced": 1.50}', '{"type":"odd","text":"ünï\u2028cöde \U0001f399"}']
    case.script({"plain-voice-upstream": [session(*map(send, words))]})
    socket = case.connect("/v1/realtime?model=plain-voice")
    received = [socket.receive_frame().data.decode() for _ in words]
    socket.close()
    case.assert_same_as_recorded(ignore=KIND)
    assert received == words


def test_an_upstream_may_say_something_else_than_json(case: Case) -> None:
    case.script({"plain-voice-upstream": [session(send("no json"), send({"type": "json"}))]})
    socket = case.connect("/v1/realtime?model=plain-voice")

    def as_recorded(socket: Socket) -> None:
        ended = socket.ended(1)
        assert (ended.end, ended.frames) == ("open", ())

    def required(socket: Socket) -> None:
        assert [socket.receive(), socket.receive()] == ["no json", {"type": "json"}]
        socket.close()

    case.deviates(socket, as_recorded=as_recorded, required=required)


def test_messages_keep_their_kind(case: Case) -> None:
    case.script({"plain-voice-upstream": [session(send({"type": "text"}), send_binary('{"type":"binary"}'), echo())]})
    socket = case.connect("/v1/realtime?model=plain-voice")
    kinds = [socket.receive_frame().binary for _ in range(2)]
    socket.close()

    def as_recorded(kinds: list[bool]) -> None:
        assert kinds == [True, True]

    def required(kinds: list[bool]) -> None:
        assert kinds == [False, True]

    case.deviates(kinds, as_recorded=as_recorded, required=required)


def test_a_binary_message_of_the_client_is_relayed(case: Case) -> None:
    case.script({"plain-voice-upstream": [session(echo())]})
    socket = case.connect("/v1/realtime?model=plain-voice")
    socket.send(b"\x00\x01\xff")

    def as_recorded(socket: Socket) -> None:
        assert socket.ended().end == "dropped"
        assert case.journal()[0].entry.get("messages") is None

    def required(socket: Socket) -> None:
        assert socket.receive() == b"\x00\x01\xff"
        socket.close()
        assert case.journal()[0].entry["messages"] == [{"base64": "AAH/"}]

    case.deviates(socket, as_recorded=as_recorded, required=required)
