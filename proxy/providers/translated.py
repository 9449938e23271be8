"""A stream in another format than its source's."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable

from proxy.call import Usage
from proxy.providers.base import Sink, Stream


class TranslatedStream(ABC):
    """See :class:`proxy.providers.base.Stream`."""

    def __init__(self, source: Stream) -> None:
        self._source = source

    @property
    def text(self) -> list[str] | None:
        """Nobody continues it."""
        return None

    @property
    def usage(self) -> Usage:
        """As told so far."""
        return self._source.usage

    async def pump(self, sink: Sink) -> None:
        """See :meth:`proxy.providers.base.Stream.pump`."""

        def translated(batch: list[bytes]) -> Awaitable[None] | None:
            events = self._events_of(batch)
            return sink(events) if events else None

        await self._source.pump(translated)

    async def aclose(self) -> None:
        """Give the upstream call up; idempotent."""
        await self._source.aclose()

    @abstractmethod
    def _events_of(self, batch: list[bytes]) -> list[bytes]:
        """What stands for events of the source that came together; nothing perhaps."""
