"""Carries messages between a client and whichever upstream serves it, until either ends the session."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from proxy.realtime.client import ClientLeft, ClientSocket
from proxy.upstream.websocket import Closed, Message, SessionClosed, UpstreamSocket

MAX_KEPT = 1_000_000
"""Characters and bytes that a client may say before its session has begun at an upstream; then it must wait."""
LEFT_SECONDS = 0.5
"""While it waits: how often it is looked whether it still does."""
STALL_SECONDS = 20.0
"""An upstream that takes nothing for so long is lost: its connection cannot tell, since pings wait in line too."""
LOST = Closed(1011, "the connection to the model was lost")
GOING_AWAY = Closed(1001, "the gateway ends the session")


class Relay:
    """One session.

    Nothing is kept of it but what a client says before the upstream's first message: should that upstream fail, the next
    one hears it too.

    Args:
        heard: told of every message of the upstream, before the client gets it.
        said: told of every message of the client.
        idle: seconds without a message either way after which the session ends; 0: for ever.
    """

    def __init__(
        self,
        client: ClientSocket,
        *,
        heard: Callable[[Message], None],
        said: Callable[[Message], None] | None = None,
        idle: float,
    ) -> None:
        self._client = client
        self._heard = heard
        self._said = said
        self._idle = idle
        self._loop = asyncio.get_running_loop()
        self._last = self._loop.time()
        self._sending_since: float | None = None
        self._upstream: UpstreamSocket | None = None
        self._found = asyncio.Event()
        self._kept: list[Message] | None = []
        """``None`` once the session has begun, or once it was too much: then no other upstream can take over."""
        self._kept_size = 0

    @property
    def can_change(self) -> bool:
        """Whether another upstream may take over."""
        return self._kept is not None

    async def run(self, serving: Coroutine[Any, Any, Closed]) -> Closed | None:
        """Carry messages until either side has ended the session, and end it for the other.

        Args:
            serving: finds upstreams, has them served by :meth:`begin` and :meth:`follow`, and returns what the client is
                to be told at the end.

        Returns:
            How the client left; ``None`` when it did not.
        """
        client = self._loop.create_task(self._listen())
        server = self._loop.create_task(serving)
        try:
            while not (client.done() or server.done() or self._too_long):
                await asyncio.wait({client, server}, timeout=self._look_after, return_when=asyncio.FIRST_COMPLETED)
            if client.done():
                left = client.result()
                await _cancelled(server)
                await self._hang_up(left)
                return left
            await _cancelled(client)
            await self._client.close(server.result() if server.done() else self._too_long or LOST)
            await _cancelled(server)
            await self._hang_up(GOING_AWAY)
            return None
        finally:
            client.cancel()
            server.cancel()
            if self._upstream is not None:
                self._upstream.drop()

    async def begin(self, upstream: UpstreamSocket) -> None:
        """Tell an upstream what the client has said so far, and wait for its first message.

        Raises:
            SessionClosed: it has ended the session; another may :meth:`begin`, if :attr:`can_change`.
        """
        told = 0
        try:
            while self._kept is not None and told < len(self._kept):
                await upstream.send(self._kept[told])
                told += 1
            self._upstream = upstream
            upstream.when_writable(self._upstream_takes_more)
            self._found.set()
            first = await upstream.receive()
        except BaseException:
            self._upstream = None
            self._found.clear()
            upstream.drop()
            raise
        self._kept = None
        await self._deliver(first)

    async def follow(self) -> Closed:
        """Carry everything further that the upstream says; how it ended."""
        upstream, direct = self._upstream, self._client.direct
        assert upstream is not None
        if direct is not None:
            direct.when_writable(upstream.resume)
            return told_to_client(await upstream.follow(self._from_upstream))
        try:
            while True:
                await self._deliver(await upstream.receive())
        except SessionClosed as ended:
            return told_to_client(ended.closed)

    async def _deliver(self, message: Message) -> None:
        self._last = self._loop.time()
        self._heard(message)
        try:
            await self._client.send(message)
        except ClientLeft:
            await self._loop.create_future()  # how it left is heard by `_listen`, which ends everything

    async def _listen(self) -> Closed:
        direct = self._client.direct
        while True:
            if direct is not None and self._kept is None and self._upstream is not None:
                direct.follow(self._from_client)
            try:
                message = await self._client.receive()
                await self._room()
            except ClientLeft as left:
                return left.closed
            self._last = self._loop.time()
            if self._said is not None:
                self._said(message)
            if self._kept is not None and not self._keep(self._kept, message):
                continue
            if self._upstream is not None:
                self._sending_since = self._last
                await self._upstream.send(message)
                self._sending_since = None

    # --- without waking a task -------------------------------------------------------------------------------------------

    def _from_upstream(self, data: bytes, is_text: bool) -> bool:
        assert self._client.direct is not None
        self._last = self._loop.time()
        self._heard(data)
        return self._client.direct.push(data, is_text)

    def _from_client(self, data: bytes, is_text: bool) -> bool:
        self._last = self._loop.time()
        if self._said is not None:
            self._said(data)
        if self._upstream is None:  # lost before its first message; the session is about to end
            return True
        takes_more = self._upstream.push(data, is_text)
        if not takes_more and self._sending_since is None:
            self._sending_since = self._last
        return takes_more

    def _upstream_takes_more(self) -> None:
        self._sending_since = None
        if self._client.direct is not None:
            self._client.direct.resume()

    async def _room(self) -> None:
        """Wait until a message can be kept or sent.

        Raises:
            ClientLeft: it did not wait.
        """
        direct = self._client.direct
        while self._upstream is None and self._kept_size > MAX_KEPT:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._found.wait(), LEFT_SECONDS)
            if self._upstream is None and direct is not None and direct.has_left():
                raise ClientLeft(Closed(None))

    def _keep(self, kept: list[Message], message: Message) -> bool:
        """Whether the message is still to be sent: what is kept before there is an upstream is told by `begin`."""
        kept.append(message)
        self._kept_size += len(message)
        if self._upstream is None:
            return False
        if self._kept_size > MAX_KEPT:
            self._kept = None
        return True

    @property
    def _look_after(self) -> float:
        """Seconds until it is worth looking whether something takes too long."""
        return min(STALL_SECONDS, self._idle or STALL_SECONDS) / 2

    @property
    def _too_long(self) -> Closed | None:
        """What ends a session in which nothing happens."""
        now = self._loop.time()
        if self._sending_since is not None and now - self._sending_since > STALL_SECONDS:
            return LOST
        if self._idle and now - self._last > self._idle:
            return Closed(1001, f"no message for {self._idle:g} s (general_settings.realtime_idle_timeout)")
        return None

    async def _hang_up(self, closed: Closed) -> None:
        """Close the upstream with the client's own code, as far as it can be sent."""
        if self._upstream is None:
            return
        if closed.can_be_sent:
            assert closed.code is not None
            await self._upstream.close(closed.code, closed.reason)
        else:
            await self._upstream.close()


def ended_well(closed: Closed | None) -> bool:
    """Whether a session was over when it ended; ``None``: the gateway ended it."""
    return closed is None or closed.code in (1000, 1001)


def told_to_client(closed: Closed) -> Closed:
    """What a client hears of how its upstream ended the session."""
    if closed.can_be_sent:
        return closed
    return Closed(1000) if closed.code == 1005 else LOST


async def _cancelled(task: "asyncio.Task[Any]") -> None:
    """Cancel, and wait until it has tidied up."""
    if not task.done():
        task.cancel()
        await asyncio.wait({task})
