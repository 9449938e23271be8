"""The client's side of a session, over ASGI."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol

from proxy.upstream.websocket import Closed, Message, Take, short

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


DIRECT = "tianji.socket"
"""ASGI extension of proxy/sockets.py: a :class:`Direct`."""


class Direct(Protocol):
    """The server's own way to a client, for messages that need no task to be woken."""

    def push(self, data: bytes, is_text: bool) -> bool:
        """Send a message, if the session is still open; whether the client takes more."""

    def when_writable(self, resume: Callable[[], None]) -> None:
        """Have ``resume`` called whenever the client takes more again."""

    def follow(self, take: Take) -> bool:
        """Give every further message to ``take``, unless some wait to be received: then ``False``, and nothing is changed.
        How the client leaves is still received over ASGI.
        """

    def resume(self) -> None:
        """``take`` wants more again."""

    def has_left(self) -> bool:
        """Whether the client has ended its connection, although messages of its are still to be received."""


class ClientLeft(Exception):
    """The client has ended the session, or is gone."""

    def __init__(self, closed: Closed) -> None:
        super().__init__(f"left: {closed.code} {closed.reason}")
        self.closed = closed


class ClientSocket:
    """A session with a client whose handshake has not been answered yet; ``direct`` if the server has such a way."""

    def __init__(self, receive: Receive, send: Send, direct: Direct | None = None) -> None:
        self._receive = receive
        self._send = send
        self.direct = direct

    async def accept(self, subprotocol: str | None) -> None:
        """Grant the handshake.

        Raises:
            ClientLeft: it did not wait.
        """
        if (await self._receive())["type"] != "websocket.connect":
            raise ClientLeft(Closed(None))
        await self._sent({"type": "websocket.accept", "subprotocol": subprotocol, "headers": []})

    async def refuse(self) -> None:
        """Answer the handshake with 403 and nothing more, as the reference does whatever the reason."""
        headers = [(b"content-type", b"text/plain"), (b"content-length", b"0")]
        with suppress(ClientLeft):
            await self._sent({"type": "websocket.http.response.start", "status": 403, "headers": headers})
            await self._sent({"type": "websocket.http.response.body", "body": b"", "more_body": False})

    async def receive(self) -> Message:
        """The next message.

        Raises:
            ClientLeft: there is none.
        """
        event = await self._receive()
        if event["type"] == "websocket.disconnect":
            raise ClientLeft(Closed(event.get("code"), event.get("reason") or ""))
        text: str | None = event.get("text")
        return event["bytes"] if text is None else text

    async def send(self, message: Message) -> None:
        """Send a message, once the client has taken most of those before it.

        Raises:
            ClientLeft: it is gone.
        """
        kind = "text" if isinstance(message, str) else "bytes"
        await self._sent({"type": "websocket.send", kind: message})

    async def close(self, closed: Closed) -> None:
        """End the session, if the client has not done so."""
        with suppress(ClientLeft):
            await self._sent({"type": "websocket.close", "code": closed.code, "reason": short(closed.reason)})

    async def _sent(self, event: dict[str, Any]) -> None:
        try:
            await self._send(event)
        except OSError:
            raise ClientLeft(Closed(None)) from None
