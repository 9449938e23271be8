"""What is kept of the database in memory, and for how long."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from proxy.auth import lookups
from proxy.auth.lookups import Lookups, Readers, StoreAway


class Database:
    """Answers with ``value``, or fails; counts how often it was asked."""

    def __init__(self) -> None:
        self.value: str | None = "first"
        self.reachable = True
        self.reads = 0
        self.gate: asyncio.Event | None = None

    async def read(self, name: str) -> str | None:
        self.reads += 1
        value = self.value
        if self.gate is not None:
            await self.gate.wait()
        if not self.reachable:
            raise OSError(name)
        return value

    def lookups(self, size: int = 10, until: Callable[[str], float | None] | None = None) -> Lookups[str]:
        return Lookups(self.read, Readers(lambda: True), size=size, until=until)


def run(scenario: Callable[[Database], Awaitable[None]]) -> None:
    async def started() -> None:
        await scenario(Database())

    asyncio.run(started())


def test_a_value_is_read_once() -> None:
    async def scenario(database: Database) -> None:
        found = database.lookups()
        assert await asyncio.gather(*(found.get("a") for _ in range(20))) == ["first"] * 20
        assert database.reads == 1
        entry = found.known("a")
        assert entry is not None
        assert entry.value == "first"

    run(scenario)


def test_what_is_unknown_is_remembered_too() -> None:
    async def scenario(database: Database) -> None:
        database.value = None
        found = database.lookups()
        assert [await found.get("a") for _ in range(5)] == [None] * 5
        assert database.reads == 1

    run(scenario)


def test_a_change_counts_at_once() -> None:
    async def scenario(database: Database) -> None:
        found = database.lookups()
        await found.get("a")
        database.value = "second"
        found.forget()
        assert await found.get("a") == "second"

    run(scenario)


def test_a_row_that_was_read_before_a_change_is_not_kept() -> None:
    async def scenario(database: Database) -> None:
        found = database.lookups()
        database.gate = asyncio.Event()
        before = asyncio.create_task(found.get("a"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        database.value = "second"
        found.forget()
        after = asyncio.create_task(found.get("a"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        database.gate.set()
        assert await before == "first"
        assert await after == "second"
        assert await found.get("a") == "second"

    run(scenario)


def test_few_are_kept() -> None:
    async def scenario(database: Database) -> None:
        found = database.lookups(size=3)
        for name in "abcd":
            await found.get(name)
        assert [found.known(name) is not None for name in "abcd"] == [False, True, True, True]

    run(scenario)


def test_an_old_value_answers_while_it_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(database: Database) -> None:
        monkeypatch.setattr(lookups, "FRESH_SECONDS", 0.0)
        found = database.lookups()
        await found.get("a")
        database.value = "second"
        assert await found.get("a") == "first"
        await asyncio.sleep(0.01)
        assert await found.get("a") == "second"

    run(scenario)


def test_known_values_outlive_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(database: Database) -> None:
        monkeypatch.setattr(lookups, "FRESH_SECONDS", 0.0)
        monkeypatch.setattr(lookups, "USABLE_SECONDS", 0.0)
        found = database.lookups()
        await found.get("a")
        database.reachable = False
        assert await found.get("a") == "first"
        with pytest.raises(StoreAway):
            await found.get("b")

    run(scenario)


def test_a_change_before_an_outage_counts_during_it() -> None:
    async def scenario(database: Database) -> None:
        found = database.lookups()
        await found.get("a")
        found.forget()
        database.reachable = False
        with pytest.raises(StoreAway):
            await found.get("a")

    run(scenario)


def test_nobody_waits_long_for_a_database_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(database: Database) -> None:
        monkeypatch.setattr(lookups, "READ_SECONDS", 0.05)
        database.gate = asyncio.Event()
        found = database.lookups()
        began = asyncio.get_running_loop().time()
        results = await asyncio.gather(*(found.get(f"{n}") for n in range(50)), return_exceptions=True)
        assert all(isinstance(result, StoreAway) for result in results)
        assert asyncio.get_running_loop().time() - began < 2

    run(scenario)


def test_a_value_that_ends_is_not_used_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(database: Database) -> None:
        found = database.lookups(until=lambda _: 0.0)
        await found.get("a")
        assert found.known("a") is None
        database.reachable = False
        with pytest.raises(StoreAway):
            await found.get("a")

    run(scenario)


def test_names_that_no_database_has_are_not_asked_for() -> None:
    async def scenario(database: Database) -> None:
        assert await database.lookups().get("a\0b") is None
        assert database.reads == 0

    run(scenario)
