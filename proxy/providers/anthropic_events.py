"""Anthropic's event streams: what is read of them, whatever becomes of their events. Sans I/O.

https://docs.anthropic.com/en/api/messages-streaming
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from proxy.call import Usage
from proxy.providers.anthropic_answers import chat_usage
from proxy.providers.anthropic_failures import EXCEPTION, failure_within_stream
from proxy.providers.failures import StreamFailure
from proxy.providers.secrecy import without


class Event(msgspec.Struct):
    """One event, as far as every reader needs it."""

    type: str
    message: dict[str, Any] = {}
    usage: dict[str, Any] | None = None


class EventReader:
    """Counts the tokens of a stream, and knows its failures and its end.

    Args:
        secrets: kept out of failures.
    """

    def __init__(self, secrets: Sequence[bytes] = ()) -> None:
        self.secrets = secrets
        self.done = False
        """Anthropic said ``message_stop``."""
        self.text: list[str] | None = None
        """Set to a list to have the text of the stream collected, by readers that can."""
        self._usage: dict[str, Any] = {}

    @property
    def usage(self) -> Usage:
        """As told so far."""
        return chat_usage(self._usage)[1]

    def finish(self) -> list[bytes]:
        """What is still to be said once the stream has ended.

        Raises:
            StreamFailure: Anthropic did not say that it was done.
        """
        if not self.done:
            raise StreamFailure(EXCEPTION, "The stream ended before it was complete.", continuable=False)
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
                self._usage |= {name: value for name, value in usage.items() if value}
        if event.type == "message_stop":
            self.done = True


def no_event(*, continuable: bool) -> StreamFailure:
    """The failure of a stream that is none any more."""
    return StreamFailure(EXCEPTION, "The stream turned into something that is no event.", continuable=continuable)
