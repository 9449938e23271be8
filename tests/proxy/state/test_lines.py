"""Lines: whose turn it is, and how processes hear of it."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager

import pytest

from proxy.state import redis as redis_state
from proxy.state.base import Charge, Entry, Place, Reservation, Slot, State, turns_of
from proxy.state.memory import MemoryState
from proxy.state.redis import RedisState
from proxy.state.settings import RedisSettings
from tests.proxy.state.servers import RedisServer

ONE = Slot("room", 1, 60)
LINE = "a line: with blanks"

_spaces = itertools.count()


@pytest.fixture(params=["memory", "redis"])
def state(request: pytest.FixtureRequest, redis: RedisServer) -> Iterator[tuple[asyncio.Runner, State]]:
    """Each, empty, and what runs it."""
    with asyncio.Runner() as runner:

        async def opened() -> State:
            return MemoryState() if request.param == "memory" else of_redis(redis)

        it = runner.run(opened())
        yield runner, it
        runner.run(it.aclose())


def of_redis(redis: RedisServer) -> RedisState:
    options = {"host": "127.0.0.1", "port": redis.port}
    return RedisState(RedisSettings(where="redis", options=options, namespace=f"lines{next(_spaces)}:"))


def place(id: str, priority: int = 0, member: str = "here", number: int = 0) -> Place:  # noqa: A002
    return Place(LINE, id, member, priority, number)


@asynccontextmanager
async def told(state: State, member: str) -> AsyncIterator[list[bytes | None]]:
    """What a member is told within the block."""
    heard: list[bytes | None] = []
    ready = asyncio.Event()

    async def listen() -> None:
        async for message in state.listen(turns_of(member)):
            heard.append(message)
            ready.set()

    listening = asyncio.create_task(listen())
    await ready.wait()
    heard.clear()
    yield heard
    await state.announce(turns_of(member), b"end")
    async with asyncio.timeout(5):
        while not heard or heard[-1] != b"end":
            await asyncio.sleep(0.002)
    heard.pop()
    listening.cancel()


async def taken(state: State, *ids: str) -> list[str]:
    """Who of them gets the slot, again and again until nobody does."""
    order = []
    for _ in ids:
        for id_ in ids:
            entry = await state.enter(place(id_), (), [ONE])
            if entry.reservation.lease is not None:
                order.append(id_)
                await state.release(entry.reservation.lease)
                break
    return order


def test_the_lowest_priority_goes_first_and_equals_as_they_came(state: tuple[asyncio.Runner, State]) -> None:
    async def scenario(it: State) -> None:
        numbers = [await it.stand(place(*of)) for of in (("c", 3), ("a", 255), ("d", 0), ("b", 3))]
        assert numbers == [1, 2, 3, 4]
        assert await it.stand(place("c", 3)) == 1, "who stands stays where they are"
        order = []
        for _ in numbers:
            for id_, priority in (("a", 255), ("b", 3), ("c", 3), ("d", 0)):
                entry = await it.enter(place(id_, priority), [Charge("count", 1, 60)])
                if entry.reservation.granted:
                    order.append(id_)
                    break
                assert entry.reservation == Reservation(1, (), ())
                assert entry.number == {"a": 2, "b": 4, "c": 1, "d": 3}[id_]
        assert order == ["d", "c", "b", "a"]
        assert await it.add("count", 0, 60) == 4

    runner, it = state
    runner.run(scenario(it))


def test_who_enters_alone_does_not_wait(state: tuple[asyncio.Runner, State]) -> None:
    async def scenario(it: State) -> None:
        entry = await it.enter(place("a"), (), [ONE])
        assert (entry.number, entry.reservation.granted) == (1, True)
        assert (await it.enter(place("b"), (), [ONE])).reservation.refused == 0, "no room"
        assert (await it.enter(place("c"), (), [ONE])).reservation.refused == 1, "b waits"

    runner, it = state
    runner.run(scenario(it))


def test_a_number_of_before_is_kept(state: tuple[asyncio.Runner, State]) -> None:
    async def scenario(it: State) -> None:
        assert await it.stand(place("late", number=70)) == 70
        assert await it.stand(place("later")) == 71
        assert await it.stand(place("early", number=7)) == 7
        assert await it.stand(place("last")) == 72
        assert await taken(it, "last", "later", "late", "early") == ["early", "late", "later", "last"]

    runner, it = state
    runner.run(scenario(it))


def test_who_leaves_is_not_waited_for(state: tuple[asyncio.Runner, State]) -> None:
    async def scenario(it: State) -> None:
        for id_ in ("a", "b", "c"):
            await it.stand(place(id_))
        await it.leave(place("b"))
        await it.leave(place("a"))
        await it.leave(place("a"))
        await it.leave(place("stranger"))
        assert (await it.enter(place("c"), (), [ONE])).reservation.granted

    runner, it = state
    runner.run(scenario(it))


def test_processes_are_told(state: tuple[asyncio.Runner, State]) -> None:
    async def scenario(it: State) -> None:
        turn = b"theirs " + LINE.encode()
        async with told(it, "here") as here, told(it, "there") as there:
            await it.stand(place("mine"))
            await it.stand(place("theirs", member="there"))
            await it.stand(place("again"))
            entry = await it.enter(place("mine"), (), [ONE])
            assert entry.reservation.lease is not None
        assert (here, there) == ([], [turn]), "it is their turn now"
        async with told(it, "here") as here, told(it, "there") as there:
            assert (await it.enter(place("again"), (), [ONE])).reservation.refused == 1
        assert (here, there) == ([], [turn]), "they are reminded"
        async with told(it, "here") as here, told(it, "there") as there:
            assert (await it.enter(place("theirs", member="there"), (), [ONE])).reservation.refused == 0
            await it.release(entry.reservation.lease)
            await it.release(entry.reservation.lease)
        assert (here, there) == ([], [b""]), "there is room, told once"
        async with told(it, "here") as here, told(it, "there") as there:
            await it.leave(place("theirs", member="there"))
        assert (here, there) == ([b"again " + LINE.encode()], []), "it is our turn"

    runner, it = state
    runner.run(scenario(it))


def test_a_process_that_died_is_not_waited_for(redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_state, "ABSENT_SECONDS", 0.3)

    async def scenario() -> None:
        it = of_redis(redis)
        await it.stand(place("lost", member="dead"))
        await it.stand(place("lost-too", member="dead"))
        assert await it.stand(place("alive")) == 3
        assert not (await it.enter(place("alive"), (), [ONE])).reservation.granted
        await asyncio.sleep(0.2)
        await it.stand(place("lost-too", member="dead"))
        await asyncio.sleep(0.2)
        assert not (await it.enter(place("alive"), (), [ONE])).reservation.granted, "it has shown life"
        await asyncio.sleep(0.35)
        assert (await it.enter(place("alive"), (), [ONE])).reservation.granted
        assert await it.stand(place("lost", member="dead", number=1)) == 1, "it was only slow, and keeps its number"
        await it.aclose()

    asyncio.run(scenario())


def test_one_of_many_at_once_is_let_in(redis_cluster: Sequence[RedisServer]) -> None:
    async def scenario() -> None:
        nodes = [("127.0.0.1", node.port) for node in redis_cluster]
        it = RedisState(RedisSettings(where="cluster", nodes=nodes, namespace=f"lines{next(_spaces)}:"))
        await it.probe()
        entries: list[Entry] = await asyncio.gather(
            *(it.enter(place(f"id{number}", number % 3), [Charge("count", 1, 60)], [ONE]) for number in range(30))
        )
        assert sum(entry.reservation.granted for entry in entries) == 1
        assert sorted(entry.number for entry in entries) == list(range(1, 31))
        [lease] = [entry.reservation.lease for entry in entries if entry.reservation.lease is not None]
        await it.release(lease)
        await it.aclose()

    asyncio.run(scenario())
