"""WebSocket sessions of cases: observed live, and replayed as they were."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import httpx
import pytest

from contracts.harness.compare import differences
from contracts.harness.exchange import SOCKET, Exchange, Request
from contracts.harness.faults import CheckFailed, HarnessError
from contracts.harness.sockets import LiveSocket, ReplayedSocket
from contracts.harness.tape import parse_tape, render_tape
from contracts.harness.translation import Translation
from fixtures.replies import Reply, status
from fixtures.running import UpstreamControl
from fixtures.sessions import close, echo, receive, send, send_binary, session, vanish

Open = Callable[[Reply], LiveSocket]
_numbers = itertools.count(1)


@pytest.fixture
def opened(upstream: UpstreamControl) -> Iterator[Open]:
    """A session with simulated upstreams in the place of a gateway."""
    made: list[LiveSocket] = []

    def open_(reply: Reply) -> LiveSocket:
        model = f"socket-{next(_numbers)}"
        upstream.script(model, {model: [reply]})
        translation = Translation.of_origins(upstream.url.removeprefix("http://"), "")
        request = Request(SOCKET, f"http://gateway.test/v1/realtime?model={model}", httpx.Headers({"x-a": "1"}))
        made.append(LiveSocket(request, (), translation, "2", lambda _: None))
        return made[-1]

    yield open_
    for socket in made:
        if socket.exchange is None:
            socket.drop()


def taped(exchange: Exchange) -> Exchange:
    return parse_tape(render_tape(exchange), exchange.label)


def test_a_conversation_is_replayed_as_it_was(opened: Open) -> None:
    live = opened(session(send({"type": "hello"}), send_binary("\x00\xff"), echo()))
    assert live.status == 101
    assert live.receive() == {"type": "hello"}
    assert live.receive() == b"\x00\xff"
    live.send("no json")
    assert live.receive() == "no json"
    live.send(b"\x01")
    assert live.receive_frame().binary
    exchange = live.close(4321, "enough")
    assert (exchange.end, exchange.reason) == ("client-closed", "4321 enough")

    recorded = taped(exchange)
    assert differences(recorded, exchange) == []
    replayed = ReplayedSocket(recorded, lambda _: None)
    assert [replayed.receive(), replayed.receive()] == [{"type": "hello"}, b"\x00\xff"]
    replayed.send("no json")
    assert replayed.receive() == "no json"
    with pytest.raises(HarnessError, match="another message was sent"):
        replayed.send(b"\x02")
    assert replayed.close() == recorded


def test_how_a_session_ends(opened: Open) -> None:
    ended = opened(session(send({}), close(4005, "unknown"))).ended()
    assert (ended.end, ended.reason, len(ended.frames)) == ("4005", "unknown", 1)
    assert opened(session(vanish())).ended().end == "dropped"
    assert opened(session()).ended(0.1).end == "open"
    assert opened(session()).drop().end == "client-closed"


def test_a_refused_handshake_is_over(opened: Open) -> None:
    socket = opened(status(403))
    assert socket.status == 403
    assert socket.exchange is not None
    assert socket.exchange.json["error"]["message"] == "upstream says 403"
    for act in (socket.receive, socket.close, lambda: socket.send("x")):
        with pytest.raises(CheckFailed, match="status 403"):
            act()


def test_waiting_in_vain(opened: Open) -> None:
    with pytest.raises(CheckFailed, match=r"no message within 0\.1 s"):
        opened(session(receive())).receive(0.1)
    with pytest.raises(CheckFailed, match="the session ended: 1013 later"):
        opened(session(close(1013, "later"))).receive()


def test_differences_name_the_message(opened: Open) -> None:
    one = opened(session(send({"a": 1}), close(1000))).ended()
    other = opened(session(send_binary('{"a": 2}'), close(1001))).ended()
    assert [found.path for found in differences(one, other)] == ["end", "messages[0].binary", "messages[0].data.a"]
