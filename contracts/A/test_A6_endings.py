"""A6: how sessions end, and what the other side hears of it."""

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.journal import UpstreamCall
from contracts.harness.mark import contract
from fixtures.replies import Reply, closed, html, reset, status
from fixtures.sessions import close, created, send, session, vanish

pytestmark = contract("A6", config="A6/realtime.yaml")
KIND = ["messages[*].binary"]
HELLO = send(created("plain-voice-upstream"))


@pytest.mark.parametrize("code", [1000, 1001, 4321])
def test_the_client_closes(case: Case, code: int) -> None:
    case.script({"plain-voice-upstream": []})
    socket = case.connect("/v1/realtime?model=plain-voice")
    socket.receive()
    ended = socket.close(code, "enough")
    case.assert_same_as_recorded(ignore=[*KIND, "journal[0].closed"])
    assert ended.end == "client-closed"
    [call] = case.journal()
    assert call.end == "done"


@pytest.mark.parametrize("code", [1001, 4321])
def test_the_clients_code_reaches_the_upstream(case: Case, code: int) -> None:
    case.script({"plain-voice-upstream": []})
    socket = case.connect("/v1/realtime?model=plain-voice")
    socket.receive()
    socket.close(code, "enough")
    [call] = case.journal()

    def as_recorded(call: UpstreamCall) -> None:
        assert call.entry["closed"] == 1000

    def required(call: UpstreamCall) -> None:
        assert call.entry["closed"] == code

    case.deviates(call, as_recorded=as_recorded, required=required)


def test_the_client_vanishes(case: Case) -> None:
    case.script({"plain-voice-upstream": []})
    socket = case.connect("/v1/realtime?model=plain-voice")
    socket.receive()
    socket.drop()
    case.assert_same_as_recorded(ignore=KIND)
    [call] = case.journal()
    assert (call.end, call.entry["closed"]) == ("done", 1000)


def _ends(case: Case, *steps: object) -> Exchange:
    case.script({"plain-voice-upstream": [session(HELLO, *steps)]})  # type: ignore[arg-type]
    socket = case.connect("/v1/realtime?model=plain-voice")
    socket.receive()
    return socket.ended(1.5)


@pytest.mark.parametrize(
    ("code", "reason"), [(1000, "done"), (1001, ""), (1013, "try later"), (4005, "unknown session")]
)
def test_the_upstream_closes(case: Case, code: int, reason: str) -> None:
    ended = _ends(case, close(code, reason))

    def as_recorded(ended: Exchange) -> None:
        assert ended.end == "open"

    def required(ended: Exchange) -> None:
        assert (ended.end, ended.reason) == (str(code), reason)

    case.deviates(ended, as_recorded=as_recorded, required=required)


def test_the_upstream_vanishes(case: Case) -> None:
    ended = _ends(case, vanish())

    def as_recorded(ended: Exchange) -> None:
        assert ended.end == "open"

    def required(ended: Exchange) -> None:
        assert (ended.end, ended.reason) == ("1011", "the connection to the model was lost")

    case.deviates(ended, as_recorded=as_recorded, required=required)


def test_nobody_listens_upstream(case: Case) -> None:
    case.script({"plain-voice-upstream": []})
    ended = case.connect("/v1/realtime?model=absent-voice").ended()
    case.assert_same_as_recorded()
    assert ended.status == 101
    assert (ended.end, ended.reason) == ("1011", "Internal server error: [Errno 111] Connection refused")


@pytest.mark.parametrize("code", [400, 401, 403, 429, 500, 503])
def test_the_upstream_refuses_the_handshake(case: Case, code: int) -> None:
    case.script({"denied-voice-upstream": [status(code)]})
    case.wait(1.1)  # the case before may have put the deployment to rest
    ended = case.connect("/v1/realtime?model=denied-voice").ended()
    case.assert_same_as_recorded()
    assert ended.end == "1011"
    assert ended.reason == f"Internal server error: server rejected WebSocket connection: HTTP {code}"


@pytest.mark.parametrize(
    "reply",
    [pytest.param(closed(), id="closed"), pytest.param(reset(), id="reset"), pytest.param(html(200), id="html")],
)
def test_the_upstream_breaks_off_the_handshake(case: Case, reply: Reply) -> None:
    case.script({"denied-voice-upstream": [reply]})
    case.wait(1.1)
    ended = case.connect("/v1/realtime?model=denied-voice").ended()
    case.assert_same_as_recorded()
    assert ended.end == "1011"
    assert ended.reason.startswith("Internal server error: ")
