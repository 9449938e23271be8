"""Realtime sessions: what both ends say, the upstream's end, and the load's.

Each client says something 20 times a second, as one that sends audio does, and is answered at once: what is measured is the
way there and back. Clients do not wait for answers, so that a gateway that is slow for a moment does not slow its load.
"""

import asyncio
import json
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import cast

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import Protocol
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

from tools.impl.bench.workloads import GROUP, MASTER_KEY

PER_SECOND = 20
AUDIO = "A" * 3200
"""As much base64 as 50 ms of 24 kHz PCM take."""
ANSWER_SECONDS = 10.0
_CREATED = json.dumps({"type": "session.created", "session": {"id": "sess_bench", "model": "bench-model"}}).encode()


def said(number: int) -> bytes:
    """What a client says."""
    return json.dumps({"type": "input_audio_buffer.append", "event_id": str(number), "audio": AUDIO}).encode()


def answered(message: bytes) -> bytes:
    """What the upstream answers."""
    event = json.loads(message)
    return json.dumps(
        {"type": "response.output_audio.delta", "event_id": event["event_id"], "delta": event["audio"]}
    ).encode()


class Ended(Exception):
    """The other side ended the session."""


def messages(protocol: Protocol, data: bytes) -> Iterator[bytes]:
    """The messages that end in ``data``, text and binary alike. Raises Ended."""
    protocol.receive_data(data)
    for event in protocol.events_received():
        if isinstance(event, Frame) and event.opcode in (Opcode.TEXT, Opcode.BINARY):
            yield bytes(event.data)
        elif isinstance(event, Frame) and event.opcode is Opcode.CLOSE:
            raise Ended(f"closed: {protocol.close_code} {protocol.close_reason}")
        elif isinstance(event, Response) and event.status_code != 101:
            raise Ended(f"status {event.status_code} for the handshake")


def flush(protocol: Protocol, transport: asyncio.Transport) -> None:
    """Write what the protocol has to say."""
    data = b"".join(protocol.data_to_send())
    if data:
        transport.write(data)


class UpstreamSession:
    """The upstream's end of a session, for bytes as they come."""

    def __init__(self, transport: asyncio.Transport, head: bytes) -> None:
        self._transport = transport
        self._protocol = ServerProtocol(max_size=None)
        self._protocol.receive_data(head)
        for request in self._protocol.events_received():
            self._protocol.send_response(self._protocol.accept(request))  # type: ignore[arg-type]
        self._protocol.send_text(_CREATED)
        flush(self._protocol, transport)

    def feed(self, data: bytes) -> None:
        try:
            for message in messages(self._protocol, data):
                self._protocol.send_text(answered(message))
        except Ended:
            self._transport.close()
        flush(self._protocol, self._transport)


class ClientSession(asyncio.Protocol):
    """The load's end of a session.

    Args:
        take: whether one more message is to be sent.
        done: told how long an answer took.
        fail: told of whatever else happens.
    """

    def __init__(
        self, port: int, take: Callable[[], bool], done: Callable[[float], None], fail: Callable[[str], None]
    ) -> None:
        self._take = take
        self._done = done
        self._fail = fail
        self._loop = asyncio.get_running_loop()
        self._protocol = ClientProtocol(parse_uri(f"ws://127.0.0.1:{port}/v1/realtime?model={GROUP}"), max_size=None)
        self._sent: dict[str, float] = {}
        self._number = 0
        self._transport: asyncio.Transport
        self._timer: asyncio.TimerHandle | None = None
        self.ended: asyncio.Future[None] = self._loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        request = self._protocol.connect()
        request.headers["authorization"] = f"Bearer {MASTER_KEY}"
        self._protocol.send_request(request)
        flush(self._protocol, self._transport)
        self._timer = self._loop.call_later(ANSWER_SECONDS, self._end, "no session within 10 s")

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._end("connection closed")

    def data_received(self, data: bytes) -> None:
        try:
            for message in messages(self._protocol, data):
                self._heard(message)
        except Ended as ended:
            self._end(str(ended))
        else:
            flush(self._protocol, self._transport)

    def _heard(self, message: bytes) -> None:
        event = json.loads(message)
        if event["type"] == "session.created":
            assert self._timer is not None
            self._timer.cancel()
            self._say(self._loop.time())
            return
        sent = self._sent.pop(event.get("event_id"), None)
        if sent is None or event.get("delta") != AUDIO:
            self._fail("another message than the upstream's")
        else:
            self._done(perf_counter() - sent)
        if not self._sent and self._timer is None:
            self._end(None)

    def _say(self, due: float) -> None:
        """Paced from the start, so that a late message does not delay the rest."""
        if self.ended.done():
            return
        if not self._take():
            self._timer = None
            if self._sent:
                self._loop.call_later(ANSWER_SECONDS, self._end, f"{len(self._sent)} messages were never answered")
            else:
                self._end(None)
            return
        self._number += 1
        self._sent[str(self._number)] = perf_counter()
        self._protocol.send_text(said(self._number))
        flush(self._protocol, self._transport)
        self._timer = self._loop.call_at(due + 1 / PER_SECOND, self._say, due + 1 / PER_SECOND)

    def _end(self, reason: str | None) -> None:
        if self.ended.done():
            return
        self.ended.set_result(None)
        if reason is not None:
            self._fail(reason)
        if self._timer is not None:
            self._timer.cancel()
        self._transport.close()
