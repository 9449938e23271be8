"""From an upstream's bytes to events in OpenAI's format."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from proxy.call import Usage
from proxy.providers.base import Attempt, Sink
from proxy.providers.failures import StreamFailure, timed_out, unreachable
from proxy.providers.openai.chunks import DONE
from proxy.upstream.client import Broken, TimedOut, TooLarge, UpstreamResponse
from proxy.upstream.sse import EventSplitter, data_of

DRAIN_SECONDS = 1.0
"""How long a vendor may take to close its answer after ``[DONE]``; longer, and the connection is not used again."""


class Converter(Protocol):
    """Turns the data of a vendor's events into the data of those that the client gets."""

    done: bool
    """The vendor said that the stream is complete."""

    @property
    def text(self) -> list[str] | None:
        """The text so far, if it is wanted."""

    @property
    def usage(self) -> Usage:
        """As told so far."""

    def feed(self, data: bytes) -> bytes | None:
        """The event for one event's data, if it makes one; raises StreamFailure."""

    def finish(self) -> list[bytes]:
        """The last events of a complete stream; raises StreamFailure if it is none."""


class EventStream:
    """An SSE answer, converted by ``chunks``. :meth:`start` must be awaited first.

    Args:
        closing: what the client gets after the last event of a complete stream.
        untold: asked at the end of a complete stream whose vendor told no usage; gives the events that tell it.
    """

    def __init__(
        self,
        response: UpstreamResponse,
        chunks: Converter,
        exception: str,
        attempt: Attempt,
        *,
        closing: Sequence[bytes] = (DONE,),
        untold: Callable[[], Awaitable[list[bytes]]] | None = None,
    ) -> None:
        self._response = response
        self._splitter = EventSplitter()
        self._chunks = chunks
        self._exception = exception
        self._attempt = attempt
        self._closing = closing
        self._ready: list[bytes] = []
        self._sink: Sink = self._ready.extend
        self._awaited: Awaitable[None] | None = None
        self._broken: StreamFailure | None = None
        self._over = False
        self._untold = untold

    @property
    def text(self) -> list[str] | None:
        """The text so far, if the attempt wants it kept."""
        return self._chunks.text

    @property
    def usage(self) -> Usage:
        """As the vendor reported it so far."""
        return self._chunks.usage

    async def start(self) -> None:
        """Wait for the first event, while a failure can still be mended by a retry; one closes the stream.

        Raises:
            Failure: the stream broke, or reported an error, before it said anything.
        """
        try:
            await self._begin()
        except BaseException:
            await self.aclose()
            raise

    async def _begin(self) -> None:
        try:
            while not (self._ready or self._over or self._broken):
                self._take(await self._response.part())
        except TimedOut as error:
            raise timed_out(self._attempt.deployment.params.timeout) from error
        except Broken as error:
            raise unreachable(self._exception) from error
        if self._broken is not None and not self._ready:
            raise self._broken

    async def pump(self, sink: Sink) -> None:
        """See :meth:`proxy.providers.base.Stream.pump`."""
        self._sink, self._awaited = sink, sink(self._ready)
        while True:
            if self._awaited is not None:
                await self._awaited
                self._awaited = None
            if self._broken is not None:
                raise self._broken
            if self._over:
                await self._tell_usage()
                await self._drain()
                return
            try:
                await self._response.forward(self._take)
            except (Broken, TooLarge) as error:
                raise StreamFailure(
                    self._exception, "The connection broke within the stream.", continuable=False
                ) from error
            except TimedOut as error:
                raise StreamFailure(
                    self._exception, "Request timed out within the stream.", continuable=False
                ) from error

    async def aclose(self) -> None:
        """Drop the upstream call unless it is complete."""
        await self._response.aclose()

    def _take(self, part: bytes) -> bool:
        """Hand on what ``part`` says, nothing being the end of the body; true when the pump must look what to do next."""
        events: list[bytes] = []
        try:
            if not part or self._convert(part, events):
                self._over = True
                events += self._chunks.finish()
                if self._untold is None or self._chunks.usage.total_tokens:
                    self._untold = None
                    events += self._closing
        except StreamFailure as failure:
            self._broken = failure
        if events:
            self._awaited = self._sink(events)
        return self._over or self._broken is not None or self._awaited is not None

    def _convert(self, part: bytes, events: list[bytes]) -> bool:
        """Add the chunks of ``part`` to ``events``; true once the vendor is done."""
        for event in self._splitter.feed(part):
            data = data_of(event)
            if not data:
                continue
            chunk = self._chunks.feed(data)
            if chunk is not None:
                events.append(chunk)
            if self._chunks.done:
                return True
        return False

    async def _tell_usage(self) -> None:
        if self._untold is None:
            return
        awaited = self._sink([*await self._untold(), *self._closing])
        if awaited is not None:
            await awaited

    async def _drain(self) -> None:
        """Read the end of the body, so that the connection can be used again."""
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                await self._response.part()
        except (TimeoutError, Broken, TimedOut, TooLarge):
            pass
        await self._response.aclose()
