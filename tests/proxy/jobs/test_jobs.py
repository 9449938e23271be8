"""Periodic work: each run is done by one replica, and one that fails is tried again."""

import asyncio
from collections.abc import Awaitable, Callable

from sqlalchemy import delete

from proxy.jobs.jobs import RETRY_SECONDS, Jobs
from proxy.store import tables
from proxy.store.store import Store
from proxy.store.types import now


def with_replicas(url: str, scenario: Callable[[list[Jobs], Store], Awaitable[None]]) -> None:
    """Run a scenario with the jobs of two replicas on one database."""

    async def run() -> None:
        stores = [Store(url), Store(url)]
        for store in stores:
            await store.start()
        replicas = [Jobs(store) for store in stores]
        try:
            await scenario(replicas, stores[0])
        finally:
            for jobs in replicas:
                await jobs.stop()
            for store in stores:
                await store.aclose()

    asyncio.run(run())


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.02)


def test_each_run_is_done_by_one_replica(database_url: str) -> None:
    runs: list[int] = []

    async def scenario(replicas: list[Jobs], store: Store) -> None:
        for number, jobs in enumerate(replicas):

            async def work(number: int = number) -> None:
                runs.append(number)

            jobs.add("often", 0.5, work)
            jobs.add("seldom", 3600, work)
            jobs.start()
        await asyncio.sleep(1.4)

    with_replicas(database_url, scenario)
    # "seldom" once, "often" at 0, 0.5 and 1.0 s, or less often on a busy machine
    assert 2 <= len(runs) <= 4


def test_a_failing_job_is_tried_again(database_url: str) -> None:
    runs: list[str] = []

    async def fail() -> None:
        runs.append("failed")
        raise RuntimeError("of a test")

    async def scenario(replicas: list[Jobs], store: Store) -> None:
        replicas[0].add("failing", 0.3, fail)
        replicas[0].start()
        await until(lambda: len(runs) >= 2)

    with_replicas(database_url, scenario)


def test_a_job_that_failed_does_not_wait_for_its_next_day(database_url: str) -> None:
    async def fail() -> None:
        raise RuntimeError("of a test")

    async def scenario(replicas: list[Jobs], store: Store) -> None:
        replicas[0].add("daily", 86_400, fail)
        replicas[0].start()
        async with asyncio.timeout(10):
            while True:
                async with store.reading() as connection:
                    row = (await connection.execute(tables.jobs.select())).mappings().first()
                if row is not None and (row["due"] - now()).total_seconds() <= RETRY_SECONDS:
                    return
                await asyncio.sleep(0.05)

    with_replicas(database_url, scenario)


def test_a_job_added_late_runs_soon_and_a_running_one_once(database_url: str) -> None:
    running: list[int] = []
    most: list[int] = []

    async def work() -> None:
        running.append(1)
        most.append(len(running))
        await asyncio.sleep(0.5)
        running.pop()

    async def scenario(replicas: list[Jobs], store: Store) -> None:
        replicas[0].start()
        await asyncio.sleep(0.1)
        replicas[0].add("slow", 0.2, work)
        await until(lambda: len(most) >= 2)

    with_replicas(database_url, scenario)
    assert set(most) == {1}


def test_stopping_ends_a_run(database_url: str) -> None:
    ended: list[str] = []
    begun = asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    async def scenario(replicas: list[Jobs], store: Store) -> None:
        replicas[0].add("endless", 60, work)
        replicas[0].start()
        await begun.wait()

    with_replicas(database_url, scenario)
    assert ended == ["cancelled"]


def test_a_row_that_vanished_is_made_again(database_url: str) -> None:
    runs: list[int] = []

    async def work() -> None:
        runs.append(1)

    async def scenario(replicas: list[Jobs], store: Store) -> None:
        replicas[0].add("resilient", 0.2, work)
        replicas[0].start()
        await until(lambda: len(runs) >= 1)
        async with store.writing() as connection:
            await connection.execute(delete(tables.jobs))
        before = len(runs)
        await until(lambda: len(runs) > before)

    with_replicas(database_url, scenario)
