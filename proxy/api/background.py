"""Responses in the background: work that goes on when its request has been answered, and is looked up by its id."""

import asyncio
import logging
from contextlib import suppress
from time import monotonic

from proxy.call import Call
from proxy.errors import GatewayError
from proxy.gateway import Gateway
from proxy.pipeline import Pipeline
from proxy.providers.base import Stream
from proxy.responses.polling import BEAT_SECONDS, PUBLISH_SECONDS, Poll, Polls, Progress, Stop

log = logging.getLogger(__name__)

STOPPED = "The gateway stopped before this response was complete."
LAST_WRITE_SECONDS = 5.0


class Background:
    """The background responses of a process."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._works: dict[str, _Work] = {}

    @property
    def polls(self) -> Polls:
        """Where what is known of background responses is kept, whichever process makes them."""
        return Polls(self._gateway.state, self._gateway.snapshot.background.ttl)

    @property
    def is_cut_off(self) -> bool:
        """Whether what was kept elsewhere cannot be seen now: what is not found may be there."""
        return self._gateway.state.is_cut_off

    async def find(self, poll_id: str) -> Poll | None:
        """What is known of a response: while this process makes it, by what it knows itself, whatever is kept elsewhere."""
        work = self._works.get(poll_id)
        return await self.polls.get(poll_id) if work is None else work.poll

    async def start(self, call: Call, pipeline: Pipeline, progress: Progress, *, instead_of: Call) -> None:
        """Begin the work of ``call``, a streamed one, which ends with the work, and keeps the client's places until then."""
        await self.polls.put(progress.poll)
        call.on_settle, instead_of.on_settle = instead_of.on_settle, None
        call.on_reroute = instead_of.on_reroute
        work = _Work(call, pipeline, progress, self.polls)
        self._gateway.admit(call)
        self._works[progress.id] = work
        work.begin()
        call.on_end(lambda _: self._forget(progress.id))

    async def stop(self, poll_id: str, why: Stop) -> None:
        """Stop the work wherever it is done: here at once, elsewhere soon."""
        work = self._works.get(poll_id)
        if work is None:
            await self.polls.stop(poll_id, why)
        else:
            await work.stop(why)

    async def aclose(self) -> None:
        """Stop all work; its clients hear that it failed."""
        works = list(self._works.values())
        if works:
            log.warning("stopping %d background responses", len(works))
        await asyncio.gather(*(work.stop(None) for work in works))

    def _forget(self, poll_id: str) -> None:
        self._works.pop(poll_id, None)


class _Work:
    """One response in the making."""

    def __init__(self, call: Call, pipeline: Pipeline, progress: Progress, polls: Polls) -> None:
        self._call = call
        self._pipeline = pipeline
        self._progress = progress
        self._polls = polls
        self._why: Stop | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def poll(self) -> Poll:
        """The response as it is now."""
        return self._progress.poll

    def begin(self) -> None:
        """Go to work."""
        self._task = asyncio.create_task(self._run())

    async def stop(self, why: Stop | None) -> None:
        """Stop, and wait until that is written; ``None``: the gateway stops."""
        self._why = why
        assert self._task is not None
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        progress, outcome = self._progress, self._call.outcome
        writing = asyncio.create_task(self._write())
        try:
            progress.begin()
            await self._respond()
        except asyncio.CancelledError:
            outcome.ending = "client-closed"
            if self._why is None:
                progress.fail(STOPPED)
            else:
                progress.cancel()
        except GatewayError as error:
            outcome.status, outcome.error = error.status, error.message
            progress.fail(error.message)
        except Exception:
            log.exception("a background response failed")
            progress.fail("Internal server error")
        finally:
            writing.cancel()
            await self._finish()

    async def _respond(self) -> None:
        call, pipeline = self._call, self._pipeline
        routed = await pipeline.run()
        assert routed.reply.stream is not None
        call.outcome.status = 200
        try:
            await self._follow(routed.reply.stream)
            call.outcome.ending = "done"
        finally:
            route = call.outcome.route
            assert route is not None
            call.outcome.usage = pipeline.usage
            call.outcome.costs = call.snapshot.prices.cost_of(route.deployment, pipeline.usage)
            call.outcome.cost = call.outcome.costs.final

    async def _follow(self, stream: Stream) -> None:
        def take(batch: list[bytes]) -> None:
            for data in batch:
                self._progress.take(data)

        await self._pipeline.relay(stream, take)

    async def _write(self) -> None:
        """Publish what has changed; stop when somebody elsewhere wants that."""
        written = monotonic()
        while True:
            await asyncio.sleep(PUBLISH_SECONDS)
            why = await self._polls.stopped(self._progress.id)
            if why is not None:
                self._why = why
                assert self._task is not None
                self._task.cancel()
                return
            if self._progress.changed or monotonic() - written > BEAT_SECONDS:
                self._progress.changed = False
                await self._polls.put(self._progress.poll)
                written = monotonic()

    async def _finish(self) -> None:
        try:
            async with asyncio.timeout(LAST_WRITE_SECONDS):
                if self._why == "deleted":
                    await self._polls.delete(self._progress.id)
                else:
                    await self._polls.put(self._progress.poll)
        except TimeoutError:
            log.warning("the end of a background response could not be written")
        finally:
            await self._call.end()
