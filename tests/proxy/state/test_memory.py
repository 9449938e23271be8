"""The state in memory: what runs out, and what is bounded."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.state import memory
from proxy.state.base import Charge, Slot, update
from proxy.state.expiring import SPARE, Expiring
from proxy.state.memory import MemoryState
from tests.proxy.routing.making import Clock


def test_the_window_of_a_counter() -> None:
    async def scenario() -> None:
        clock = Clock()
        state = MemoryState(clock)
        await state.add("key", 1, 60)
        clock.now += 59
        answer = await state.reserve([Charge("key", 1, 60, limit=2)])
        assert (answer.granted, answer.totals, answer.resets) == (True, (2,), (1,))
        assert not (await state.reserve([Charge("key", 1, 60, limit=2)])).granted
        clock.now += 1
        answer = await state.reserve([Charge("key", 1, 60, limit=2)])
        assert (answer.granted, answer.totals, answer.resets) == (True, (1,), (60,))

    asyncio.run(scenario())


def test_slots_come_back_by_themselves() -> None:
    async def scenario() -> None:
        clock = Clock()
        state = MemoryState(clock)
        leases = [await state.acquire("slots", 2, seconds) for seconds in (10, 20, 30)]
        assert [lease is not None for lease in leases] == [True, True, False]
        clock.now += 10
        assert await state.acquire("slots", 2, 5) is not None
        assert await state.acquire("slots", 2, 5) is None

    asyncio.run(scenario())


def test_the_oldest_documents_are_forgotten_first() -> None:
    async def scenario() -> None:
        state = MemoryState(max_document_bytes=100)
        for key in "abc":
            await state.put(key, bytes(30), None)
        await state.put("a", bytes(30), None)
        await state.put("d", bytes(30), 60)
        assert [key for key in "abcd" if await state.get(key) is not None] == ["a", "c", "d"]
        await state.put("huge", bytes(101), None)
        assert await state.get_many(["a", "c", "d", "huge"]) == [None] * 4
        await state.put("e", bytes(30), None)
        assert await state.get("e") is not None, "what is forgotten takes no room"

    asyncio.run(scenario())


def test_the_oldest_counters_are_forgotten_first() -> None:
    async def scenario() -> None:
        state = MemoryState(max_counters=3)
        evicted: list[tuple[str, str]] = []
        state.on_evicted = lambda what, key: evicted.append((what, key))
        for key in "abcad":
            await state.add(key, 1, 60)
        assert evicted == [("counter", "b")]
        assert [charge.amount for charge in state.take_counters(2)] == [1, 2]
        assert [charge.key for charge in state.take_counters(2)] == ["d"]
        assert state.take_counters(2) == []

    asyncio.run(scenario())


def test_what_has_run_out_leaves_the_memory() -> None:
    async def scenario() -> None:
        clock = Clock()
        state = MemoryState(clock)
        for number in range(1000):
            await state.put(f"document-{number}", b"x", 10)
            await state.add(f"counter-{number}", 1, 10)
            await state.acquire(f"slots-{number}", 1, 10)
        clock.now += 11
        await state.put("one", b"x", 10)
        await state.add("one", 1, 10)
        assert (len(state._documents), len(state._counters)) == (1, 1)
        assert state._document_bytes == len("one") + 1

    asyncio.run(scenario())


@pytest.mark.parametrize("limit", [None, 5000])
def test_what_is_removed_leaves_nothing(limit: int | None) -> None:
    """Whether it is deleted or forgotten for want of room: long before it would have run out."""

    async def scenario() -> None:
        state = MemoryState(Clock(), **({} if limit is None else {"max_document_bytes": limit}))
        for number in range(5000):
            await state.put(f"document-{number}", b"x" * 100, 86_400 - number)
            if limit is None:
                await state.delete(f"document-{number}")
        documents = state._documents
        assert len(documents._entries) == len(documents._awaited) < 50
        assert len(documents._due) <= 2 * len(documents._entries) + SPARE

    asyncio.run(scenario())


def test_a_slow_listener_is_told_that_it_missed_something(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MAX_UNHEARD", 3)

    async def scenario() -> None:
        state = MemoryState()
        messages = state.listen("news")
        assert await anext(messages) is None
        for number in range(5):
            await state.announce("news", b"%d" % number)
        assert [await anext(messages) for _ in range(2)] == [None, b"4"]
        await messages.aclose()  # type: ignore[attr-defined]
        assert not state._listeners

    asyncio.run(scenario())


def test_an_update_sees_what_others_wrote() -> None:
    async def scenario() -> None:
        state = MemoryState()
        tries = []

        def appended(old: bytes | None) -> bytes:
            tries.append(old)
            if len(tries) == 1:
                state._documents.put("list", b"theirs")
            return (old or b"") + b"+ours"

        assert await update(state, "list", appended, 60) == b"theirs+ours"
        assert tries == [None, b"theirs"]
        assert await update(state, "list", lambda _: None, 60) is None
        assert await state.get("list") is None

    asyncio.run(scenario())


def test_an_update_gives_up() -> None:
    async def scenario() -> None:
        state = MemoryState()
        numbers = iter(range(100))

        def changed(_: bytes | None) -> bytes:
            state._documents.put("busy", b"%d" % next(numbers))
            return b"ours"

        with pytest.raises(RuntimeError, match="'busy'"):
            await update(state, "busy", changed, 60)

    asyncio.run(scenario())


def test_a_slot_that_ran_out_is_nobody_s() -> None:
    async def scenario() -> None:
        clock = Clock()
        state = MemoryState(clock)
        lease = (await state.reserve((), [Slot("a", 1, 10), Slot("b", 1, 20)])).lease
        assert lease is not None
        assert state.holds(lease)
        clock.now += 10
        assert not await state.renew(lease, 10)
        assert not state.holds(lease)

    asyncio.run(scenario())


STEPS = st.tuples(
    st.sampled_from(["put", "pop", "wait"]), st.sampled_from("abc"), st.sampled_from([0.0, 1.0, 2.5, float("inf")])
)


@given(steps=st.lists(STEPS, max_size=30))
def test_a_dictionary_whose_entries_run_out(steps: list[tuple[str, str, float]]) -> None:
    clock = Clock()
    dropped: list[str] = []
    entries: Expiring[int] = Expiring(clock, lambda key, _: dropped.append(key))
    model: dict[str, tuple[int, float]] = {}
    for number, (step, key, seconds) in enumerate(steps):
        if step == "put":
            entries.put(key, number, clock.now + seconds)
            model[key] = (number, clock.now + seconds)
        elif step == "pop":
            entries.pop(key)
            model.pop(key, None)
        elif seconds != float("inf"):
            clock.now += seconds
        model = {key: entry for key, entry in model.items() if entry[1] > clock.now}
        assert {key: tuple(entry) for key, entry in entries.first(len("abc"))} == model
        assert [key for key, _ in entries.first(1)] == [entries.oldest() for _ in model][:1]
        assert len(entries) == len(model)
        assert len(entries._due) <= 3 * len("abc") + number
    assert len(dropped) + len(entries) == sum(step == "put" for step, *_ in steps)
