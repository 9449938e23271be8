"""Google's event streams: what is read of them, whatever becomes of their events. Sans I/O.

They have no last event: one is complete when a candidate has said why it ended. What comes after that counts too.
"""

from proxy.call import Usage
from proxy.providers.chunking import EventReader
from proxy.providers.google.answers import Response, UsageMetadata, chat_usage
from proxy.providers.google.failures import failure_within_stream
from proxy.providers.secrecy import without


class ContentReader(EventReader):
    """Counts the tokens of a stream, and knows its failures."""

    _vendor: str
    """``gemini`` or ``vertex_ai``."""
    _metadata = UsageMetadata()
    """As told so far."""

    @property
    def usage(self) -> Usage:
        """As told so far."""
        return chat_usage(self._metadata)[1]

    def _note(self, response: Response, data: bytes) -> None:
        """Take what counts of an event; ``data`` is the whole of it.

        Raises:
            StreamFailure: it is Google's error.
        """
        if response.error is not None:
            raise failure_within_stream(self._vendor, response.error, without(self.secrets, data))
        if response.usage_metadata is not None:
            self._metadata = response.usage_metadata
