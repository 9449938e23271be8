"""Connections whose client does not read what it is sent."""

import asyncio

STALL_SECONDS = 60.0
"""How long a client may leave what it is sent unread, once the system's buffers are full."""


class DropsIdleReaders(asyncio.Protocol):
    """Aborts the connection of a client that does not read: a polite end would wait until it has.

    In front of a protocol that has ``loop`` and ``transport``.
    """

    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    _unread: asyncio.TimerHandle | None = None
    """Runs while more is unread than the system's buffers hold."""

    def pause_writing(self) -> None:
        """Called by the transport when they are full."""
        self._unread = self.loop.call_later(STALL_SECONDS, self.transport.abort)
        super().pause_writing()

    def resume_writing(self) -> None:
        """Called by the transport when there is room again."""
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
        super().resume_writing()
