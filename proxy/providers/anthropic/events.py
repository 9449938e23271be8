"""Anthropic's event streams: what is read of them, whatever becomes of their events. Sans I/O.

https://docs.anthropic.com/en/api/messages-streaming
"""

from typing import Any

import msgspec

from proxy.call import Usage
from proxy.providers.anthropic.answers import chat_usage
from proxy.providers.anthropic.failures import EXCEPTION, failure_within_stream
from proxy.providers.chunking import EventReader, incomplete
from proxy.providers.secrecy import without


class Event(msgspec.Struct):
    """One event, as far as every reader needs it."""

    type: str
    message: dict[str, Any] = {}
    usage: dict[str, Any] | None = None


class MessageReader(EventReader):
    """Counts the tokens of a stream, and knows its failures and its end."""

    @property
    def usage(self) -> Usage:
        """As told so far."""
        return chat_usage(self._told)[1]

    def finish(self) -> list[bytes]:
        """What is still to be said once the stream has ended.

        Raises:
            StreamFailure: Anthropic did not say that it was done.
        """
        if not self.done:
            raise incomplete(EXCEPTION)
        return []

    def _note(self, event: Event, data: bytes) -> None:
        """Take what counts of an event; ``data`` is the whole of it.

        Raises:
            StreamFailure: it is Anthropic's error.
        """
        if event.type == "error":
            raise failure_within_stream(without(self.secrets, data))
        for usage in (event.usage, event.message.get("usage")):
            if isinstance(usage, dict):
                # The last number that is one counts: some servers repeat zeros.
                self._told |= {name: value for name, value in usage.items() if value}
        if event.type == "message_stop":
            self.done = True
