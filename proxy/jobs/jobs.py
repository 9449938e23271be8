"""Periodic work that one replica does: whoever moves ``due`` of the table ``jobs`` on has the run."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError

from proxy.store.store import Store
from proxy.store.tables import jobs
from proxy.store.types import now
from proxy.store.upsert import upsert

log = logging.getLogger(__name__)

Work = Callable[[], Awaitable[None]]

LOOK_SECONDS = 15.0
"""How late a run may begin."""
SHORTEST_LOOK = 0.2
RETRY_SECONDS = 60.0
"""A run that failed is repeated after so long, or when it is due again if that is sooner."""


class Job(msgspec.Struct):
    """A kind of periodic work."""

    name: str
    seconds: float
    work: Work
    running: asyncio.Task[None] | None = None


class Jobs:
    """The jobs of a process. Each run is claimed in the database, so that the replicas take turns.

    A replica that dies in the middle of a run leaves it undone until the next one is due: what a job does must be right to
    do again, and in one transaction wherever half of it would be wrong.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._jobs: dict[str, Job] = {}
        self._watching: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()

    def add(self, name: str, every_seconds: float, work: Work) -> None:
        """Have ``work`` done every so often, somewhere, and for the first time soon.

        One that raises is logged and tried again. A name has one job; adding it anew replaces what is done from the next
        run on.
        """
        assert every_seconds > 0
        known = self._jobs.get(name)
        self._jobs[name] = Job(name, every_seconds, work, known.running if known else None)
        self._wake.set()

    def start(self) -> None:
        """Inside the loop, once the store has started."""
        self._watching = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """Nothing is run any more; runs in progress are cancelled."""
        tasks = [self._watching, *(job.running for job in self._jobs.values())]
        live = [task for task in tasks if task is not None]
        for task in live:
            task.cancel()
        await asyncio.gather(*live, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            self._wake.clear()
            try:
                seconds = await self._look()
            except (SQLAlchemyError, OSError) as error:
                log.warning("jobs wait for the database: %s", type(error).__name__)
                seconds = LOOK_SECONDS
            try:
                async with asyncio.timeout(seconds):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def _look(self) -> float:
        """Begin what is due; seconds until it is worth looking again."""
        async with self._store.reading() as connection:
            found = await connection.execute(select(jobs.c.name, jobs.c.due).where(jobs.c.name.in_(self._jobs)))
            due: dict[str, datetime] = dict(tuple(row) for row in found)
        wait = LOOK_SECONDS
        for job in list(self._jobs.values()):
            moment = due.get(job.name)
            if job.running is not None and not job.running.done():
                continue
            if moment is None or moment <= now():
                if await self._claim(job, known=moment is not None):
                    job.running = asyncio.create_task(self._run(job))
                wait = min(wait, job.seconds)
            else:
                wait = min(wait, (moment - now()).total_seconds())
        # replicas that started together do not go on looking at the same moment
        return max(SHORTEST_LOOK, wait) * random.uniform(1.0, 1.1)  # noqa: S311 - no secret

    async def _claim(self, job: Job, *, known: bool) -> bool:
        """Whether the run is this process's."""
        following = now() + timedelta(seconds=job.seconds)
        async with self._store.writing() as connection:
            claim = (
                update(jobs).where(jobs.c.name == job.name, jobs.c.due <= now()).values(due=following)
                if known
                else upsert(connection, jobs).values(name=job.name, due=following).on_conflict_do_nothing()
            )
            return (await connection.execute(claim.returning(jobs.c.name))).first() is not None

    async def _run(self, job: Job) -> None:
        try:
            await job.work()
        except Exception:
            log.exception("the job %s failed", job.name)
            await self._put_off(job)
        finally:
            self._wake.set()

    async def _put_off(self, job: Job) -> None:
        if job.seconds <= RETRY_SECONDS:
            return
        try:
            async with self._store.writing() as connection:
                soon = now() + timedelta(seconds=RETRY_SECONDS)
                await connection.execute(update(jobs).where(jobs.c.name == job.name).values(due=soon))
        except (SQLAlchemyError, OSError):
            log.warning("the job %s is next tried when it is due", job.name)
