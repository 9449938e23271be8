"""A case's WebSocket session with the gateway: live, or replayed from its tape.

Messages go out and come in one by one; how the session ended makes it an `Exchange` like any other, with the messages as
its frames.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from socket import SHUT_RDWR
from typing import Any

import httpx
import msgspec
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage, InvalidStatus
from websockets.frames import Close
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from contracts.harness.exchange import Direction, Exchange, Frame, Request
from contracts.harness.faults import CheckFailed, HarnessError
from contracts.harness.translation import Translation

PATIENCE = 10.0
CLIENT_CLOSED = "client-closed"
OPEN = "open"

Done = Callable[[Exchange], None]


class Socket(ABC):
    """One session. `status` is 101 when the handshake was granted; a refused one has ended already."""

    def __init__(self, request: Request, label: str, done: Done) -> None:
        self.label = label
        self.status = 0
        self.headers = httpx.Headers()
        self.exchange: Exchange | None = None
        self._request = request
        self._frames: list[Frame] = []
        self._done = done

    def send(self, message: Any) -> None:
        """A string or JSON as a text message, bytes as a binary one."""
        if isinstance(message, bytes):
            self._send(message, binary=True)
        else:
            self._send(message.encode() if isinstance(message, str) else msgspec.json.encode(message), binary=False)

    def receive(self, within: float = PATIENCE) -> Any:
        """The next message: JSON decoded, text and binary messages alike; else its text or its bytes.

        Raises CheckFailed when the session ends, or nothing comes within so many seconds.
        """
        return decoded(self.receive_frame(within))

    @abstractmethod
    def receive_frame(self, within: float = PATIENCE) -> Frame:
        """The next message as it came. Raises CheckFailed as `receive`."""

    @abstractmethod
    def close(self, code: int = 1000, reason: str = "") -> Exchange:
        """End it by the closing handshake."""

    @abstractmethod
    def drop(self) -> Exchange:
        """Go away without a closing handshake."""

    @abstractmethod
    def ended(self, within: float = 2.0) -> Exchange:
        """Wait for the gateway to end it; further messages are received meanwhile.

        The exchange's `end` is the close code, `dropped` without one, and `open` when nothing happened in that time; the
        client then goes away.
        """

    @abstractmethod
    def _send(self, data: bytes, *, binary: bool) -> None: ...

    def _finish(self, end: str, reason: str = "", body: bytes = b"") -> Exchange:
        self.exchange = Exchange(
            label=self.label,
            request=self._request,
            status=self.status,
            headers=self.headers,
            body=body,
            frames=tuple(self._frames),
            seconds=self._frames[-1].at if self._frames else 0.0,
            end=end,
            reason=reason,
            taped=True,
        )
        self._done(self.exchange)
        return self.exchange


class LiveSocket(Socket):
    """A session with a running gateway. Raises OSError when nobody listens, CheckFailed when there is no answer."""

    def __init__(
        self, request: Request, subprotocols: Sequence[str], translation: Translation, label: str, done: Done
    ) -> None:
        super().__init__(request, label, done)
        self._translation = translation
        self._stack = ExitStack()
        self._started = time.perf_counter()
        self._connection: ClientConnection
        own = "sec-websocket-protocol"
        headers = [(name, translation.out(value)) for name, value in request.headers.multi_items() if name != own]
        try:
            self._connection = self._stack.enter_context(
                connect(
                    translation.out(request.url).replace("http", "ws", 1),
                    additional_headers=headers,
                    subprotocols=[Subprotocol(name) for name in subprotocols] or None,
                    user_agent_header="contracts",
                    compression=None,
                    proxy=None,
                    open_timeout=PATIENCE,
                    close_timeout=PATIENCE,
                    ping_interval=None,
                    max_size=None,
                )
            )
        except InvalidStatus as refused:
            self._answered(refused.response.status_code, refused.response.headers.raw_items())
            self._finish("done", body=translation.back_bytes(bytes(refused.response.body or b"")))
            return
        except (InvalidHandshake, InvalidMessage, TimeoutError, EOFError) as error:
            raise CheckFailed(f"WS {request.url}: no handshake ({type(error).__name__}: {error})") from None
        assert self._connection.response is not None
        self._answered(101, self._connection.response.headers.raw_items())

    def receive_frame(self, within: float = PATIENCE) -> Frame:
        self._check_open()
        try:
            return self._receive(within)
        except TimeoutError:
            raise CheckFailed(f"{self.label}: no message within {within:g} s") from None
        except ConnectionClosed as closed:
            code, reason = _code_of(closed.rcvd), closed.rcvd.reason if closed.rcvd else ""
            raise CheckFailed(f"{self.label}: no message, the session ended: {code} {reason}") from None

    def close(self, code: int = 1000, reason: str = "") -> Exchange:
        self._check_open()
        self._connection.close(code, reason)
        answered = self._connection.protocol.close_rcvd
        end = CLIENT_CLOSED if answered is not None and answered.code == code else _code_of(answered)
        return self._finish(end, f"{code} {reason}".strip())

    def drop(self) -> Exchange:
        self._check_open()
        self._hang_up()
        return self._finish(CLIENT_CLOSED)

    def ended(self, within: float = 2.0) -> Exchange:
        self._check_open()
        deadline = time.monotonic() + within
        try:
            while True:
                self._receive(max(deadline - time.monotonic(), 0))
        except TimeoutError:
            self._hang_up()
            return self._finish(OPEN)
        except ConnectionClosed as closed:
            self._stack.close()
            back = self._translation.back
            return self._finish(_code_of(closed.rcvd), back(closed.rcvd.reason) if closed.rcvd else "")

    def _send(self, data: bytes, *, binary: bool) -> None:
        self._check_open()
        try:
            self._connection.send(self._translation.out_bytes(data), text=not binary)
        except ConnectionClosed as closed:
            raise CheckFailed(f"{self.label}: not sent, the session has ended: {closed}") from None
        self._keep(data, Direction.SENT, binary=binary)

    def _receive(self, within: float) -> Frame:
        received = self._connection.recv(timeout=within)
        binary = isinstance(received, bytes)
        data = received if isinstance(received, bytes) else received.encode()
        return self._keep(self._translation.back_bytes(data), Direction.RECEIVED, binary=binary)

    def _keep(self, data: bytes, direction: Direction, *, binary: bool) -> Frame:
        frame = Frame(time.perf_counter() - self._started, data, direction, binary=binary)
        self._frames.append(frame)
        return frame

    def _answered(self, status: int, headers: Any) -> None:
        self.status = status
        self.headers = httpx.Headers([(name.lower(), self._translation.back(value)) for name, value in headers])

    def _check_open(self) -> None:
        if self.exchange is not None:
            raise CheckFailed(f"{self.label}: the session is over; status {self.status}, end {self.exchange.end}")

    def _hang_up(self) -> None:
        with suppress(OSError):  # closed already
            self._connection.socket.shutdown(SHUT_RDWR)
        self._stack.close()


class ReplayedSocket(Socket):
    """A session as it was recorded."""

    def __init__(self, recorded: Exchange, done: Done) -> None:
        super().__init__(recorded.request, recorded.label, done)
        self.status, self.headers = recorded.status, recorded.headers
        self._recorded = recorded
        self._left = list(recorded.frames)
        if self.status != 101:
            self._replay()

    def receive_frame(self, within: float = PATIENCE) -> Frame:  # noqa: ARG002
        frame = self._next(Direction.RECEIVED)
        if frame is None or self.exchange is not None:
            raise CheckFailed(f"{self.label}: no further message; the session ended: {self._recorded.end}")
        return frame

    def close(self, code: int = 1000, reason: str = "") -> Exchange:  # noqa: ARG002
        return self._replay()

    def drop(self) -> Exchange:
        return self._replay()

    def ended(self, within: float = 2.0) -> Exchange:  # noqa: ARG002
        return self._replay()

    def _send(self, data: bytes, *, binary: bool) -> None:
        if self.exchange is not None:
            raise CheckFailed(f"{self.label}: the session is over; status {self.status}")
        frame = self._next(Direction.SENT)
        if frame is None or (frame.data, frame.binary) != (data, binary):
            raise HarnessError(f"{self.label}: another message was sent when it was recorded; record the case again")

    def _next(self, direction: Direction) -> Frame | None:
        found = next((frame for frame in self._left if frame.direction is direction), None)
        if found is not None:
            self._left.remove(found)
        return found

    def _replay(self) -> Exchange:
        if self.exchange is None:
            self.exchange = self._recorded
            self._done(self._recorded)
        return self.exchange


def decoded(frame: Frame) -> Any:
    """A message: JSON decoded, else its text, or the bytes of a binary one."""
    try:
        return msgspec.json.decode(frame.data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return frame.data if frame.binary else frame.data.decode(errors="replace")


def _code_of(received: Close | None) -> str:
    return "dropped" if received is None else str(int(received.code))
