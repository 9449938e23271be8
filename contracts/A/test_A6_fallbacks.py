"""A6: a session that cannot begin falls back; one that has begun does not."""

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.sessions import close, created, receive, send, session, vanish

pytestmark = contract("A6", config="A6/fallbacks.yaml")


@pytest.mark.parametrize("end", [pytest.param(close(1011, "busy"), id="closed"), pytest.param(vanish(), id="vanished")])
def test_a_session_that_ends_before_its_first_message_falls_back(case: Case, end: object) -> None:
    case.script({"first-voice-upstream": [session(receive(), end)], "rescue-voice-upstream": []})  # type: ignore[arg-type]
    case.wait(1.1)
    socket = case.connect("/v1/realtime?model=first-voice")
    socket.send({"type": "session.update", "session": {"voice": "alloy"}})

    def as_recorded(case: Case) -> None:
        assert socket.ended().end == "open"

    def required(case: Case) -> None:
        assert [socket.receive()["type"] for _ in range(2)] == ["session.created", "session.updated"]
        socket.close()
        assert [len(call.entry["messages"]) for call in case.journal()] == [1, 1]

    case.deviates(case, as_recorded=as_recorded, required=required)


def test_a_session_that_has_begun_does_not_fall_back(case: Case) -> None:
    begun = session(send(created("first-voice-upstream")), close(1011, "busy"))
    case.script({"first-voice-upstream": [begun], "rescue-voice-upstream": []})
    case.wait(1.1)
    socket = case.connect("/v1/realtime?model=first-voice")
    socket.receive()
    ended = socket.ended()

    def as_recorded(ended: Exchange) -> None:
        assert ended.end == "open"

    def required(ended: Exchange) -> None:
        assert (ended.end, ended.reason) == ("1011", "busy")

    assert len(case.journal()) == 1
    case.deviates(ended, as_recorded=as_recorded, required=required)
