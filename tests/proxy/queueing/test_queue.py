"""The queue in one process."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest

from proxy.call import Usage
from proxy.errors import Failure
from proxy.queueing import LOOK_AGAIN_SECONDS
from proxy.state.base import ABSENT_SECONDS, Charge, Entry, Place, Slot
from tests.proxy.queueing.world import Process, Served, SharedMemory, ended, settled
from tests.proxy.routing.making import Clock, deployment, entry, failure


def run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(scenario())


def one(**params: Any) -> Process:
    return Process([entry("g", "only", **{"max_parallel_requests": 1, **params})], num_retries=0)


def test_the_most_urgent_is_served_first_and_equals_as_they_came() -> None:
    async def scenario() -> None:
        process = one()
        calls = [process.call(name, priority) for name, priority in [("now", 9), ("c", 3), ("d", 255), ("b", 3)]]
        await settled()
        calls.append(process.call("a", 0))
        await settled()
        assert process.serving() == ["now"]
        assert process.queue.depths() == {"g": 4}
        order = []
        for _ in range(5):
            [name] = process.serving()
            order.append(name)
            await ended(*(call for call in calls if call.name == name))
        assert order == ["now", "a", "c", "b", "d"]
        assert all(call.served == 1 for call in calls)
        assert process.queue.depths() == {"g": 0}
        assert sum(process.queue.waits["g"].counts) == 4

    run(scenario)


def test_nobody_waits_while_there_is_room() -> None:
    async def scenario() -> None:
        process = Process([entry("g", "a", max_parallel_requests=2), entry("g", "b", max_parallel_requests=1)])
        calls = [process.call(str(number)) for number in range(4)]
        await settled()
        assert process.serving() == ["0", "1", "2"]
        assert sorted(call.deployment for call in calls[:3]) == ["a", "a", "b"]
        await ended(calls[1])
        assert process.serving() == ["0", "2", "3"]
        assert calls[3].deployment == calls[1].deployment

    run(scenario)


def test_without_limits_nobody_waits() -> None:
    async def scenario() -> None:
        process = Process([entry("g", "a")])
        [process.call(str(number)) for number in range(100)]
        await settled()
        assert len(process.serving()) == 100
        assert process.queue.waits == {}
        assert process.capacity is None

    run(scenario)


def test_who_leaves_gives_up_their_place() -> None:
    async def scenario() -> None:
        process = one()
        now = process.call("now")
        waiting = [process.call(name) for name in "abc"]
        await settled()
        waiting[0].task.cancel()
        waiting[1].task.cancel()
        await settled()
        assert process.queue.depths() == {"g": 1}
        await ended(now)
        assert process.serving() == ["c"]

    run(scenario)


def test_who_leaves_when_it_is_their_turn_lets_the_next_in() -> None:
    async def scenario() -> None:
        process = one()
        now, first, second = (process.call(name) for name in ("now", "first", "second"))
        await settled()
        process.traffic.on_room.append(lambda _: first.task.cancel() and None)  # it was woken, and has not run yet
        await ended(now)
        assert first.served == 0
        assert process.serving() == ["second"]
        assert second.served == 1

    run(scenario)


def test_nobody_waits_longer_than_they_may() -> None:
    async def scenario() -> None:
        process = one()
        now = process.call("now")
        late, patient = process.call("late", seconds=0.05), process.call("patient", priority=1)
        await settled()
        with pytest.raises(Failure) as raised:
            await late.task
        assert (raised.value.status, raised.value.message) == (
            408,
            "litellm.Timeout: Request timed out while polling queue",
        )
        await ended(now)
        assert process.serving() == ["patient"]
        assert patient.served == 1

    run(scenario)


def test_a_retry_keeps_its_place_among_equals() -> None:
    async def scenario() -> None:
        process = one()
        again, other = process.call("again", num_retries=1), process.call("other")
        await settled()
        again.failure = failure(500)
        again.ends.set()
        await settled()
        assert process.serving() == ["again", "other"], "it waits before it is tried again"
        again.ends.clear()
        third = process.call("third")
        await settled()
        await asyncio.sleep(1.4)
        assert again.served == 1
        await ended(other)
        assert (again.served, third.served) == (2, 0)

    run(scenario)


def test_cooldowns_are_waited_for() -> None:
    async def scenario() -> None:
        process = Process([entry("g", "a"), entry("g", "b")], num_retries=0)
        for name in ("a", "b"):
            process.cooldowns.rest(name, 0.15)
        began = time.monotonic()
        calls = [process.call(name, priority) for name, priority in [("second", 2), ("first", 1)]]
        await settled()
        assert process.serving() == []
        while not any(call.served for call in calls):
            await asyncio.sleep(0.005)
        assert 0.14 < time.monotonic() - began < 1
        await settled()
        assert sorted(process.serving()) == ["first", "second"]

    run(scenario)


def test_fallbacks_are_preferred_to_waiting_for_cooldowns() -> None:
    async def scenario() -> None:
        process = Process([entry("g", "a"), entry("h", "b")], num_retries=0, fallbacks={"g": ("h",)}, max_fallbacks=1)
        process.cooldowns.rest("a", 60)
        call = process.call("falls", max_fallbacks=1)
        await settled()
        assert call.deployment == "b"

    run(scenario)


def test_a_limit_of_requests_is_waited_for_until_the_minute_ends() -> None:
    async def scenario() -> None:
        clock = Clock()
        clock.now = 120.0 - 0.1  # of a minute, a tenth of a second is left
        process = Process([entry("g", "only", rpm=1)], clock=clock, num_retries=0)
        first = process.call("first")
        await settled()
        await ended(first)
        second, third = process.call("second"), process.call("third")
        await settled()
        assert (second.served, third.served) == (0, 0)
        clock.now = 120.0
        await asyncio.sleep(0.15)
        assert (second.served, third.served) == (1, 0)

    run(scenario)


def test_a_limit_of_tokens_is_waited_for_with_strategies_that_keep_it() -> None:
    async def scenario() -> None:
        clock = Clock()
        clock.now = 120.0 - 0.1
        limited = [entry("g", "only", tpm=10)]
        process = Process(limited, clock=clock, num_retries=0, routing_strategy="usage-based-routing-v2")
        only = process.router.groups.deployments[0]
        process.traffic.began(only)
        process.traffic.ended(only, failure=None, seconds=1.0, usage=Usage(5, 6, 11))
        call = process.call("waits")
        await settled()
        assert call.served == 0
        clock.now = 120.0
        await asyncio.sleep(0.15)
        assert call.served == 1

    run(scenario)


def test_calls_that_queue_are_counted_where_others_are() -> None:
    async def scenario() -> None:
        strategy = "usage-based-routing-v2"
        for limits in ({"tpm": 10}, {"rpm": 10}, {"max_parallel_requests": 10}):
            process = Process([entry("g", "only", **limits)], SharedMemory(), routing_strategy=strategy)
            call = process.call("counted")
            await settled()
            assert call.served == 1
            key = f"deployment:only:rpm:{process.traffic.minute}"
            assert await process.state.add(key, 0, 60) == 1
            assert process.traffic.of(process.router.groups.deployments[0]).all_requests == 1

    run(scenario)


def test_who_suits_nobody_with_room_waits_for_another() -> None:
    """A call that must stay in Europe does not hold on to room elsewhere, nor is it refused."""

    async def scenario() -> None:
        process = Process(
            [
                entry("g", "eu", region_name="eu", max_parallel_requests=1),
                entry("g", "us", region_name="us", max_parallel_requests=1),
            ],
            num_retries=0,
            enable_pre_call_checks=True,
        )
        european: dict[str, Any] = {"region": "eu", "has_messages": True}
        first, second = process.call("first", **european), process.call("second", **european)
        await settled()
        assert (first.deployment, second.served) == ("eu", 0)
        await ended(first)
        assert second.deployment == "eu"

    run(scenario)


def test_who_waits_for_one_deployment_does_not_hold_up_who_may_use_another() -> None:
    async def scenario() -> None:
        process = Process(
            [
                entry("g", "eu", region_name="eu", max_parallel_requests=1),
                entry("g", "us", region_name="us", max_parallel_requests=1),
            ],
            num_retries=0,
            enable_pre_call_checks=True,
        )
        first, second = process.call("first", region="eu"), process.call("second", region="eu")
        await settled()
        anywhere = process.call("anywhere", 9)
        await settled()
        assert (first.deployment, second.served, anywhere.deployment) == ("eu", 0, "us")
        await ended(first)
        assert second.deployment == "eu"
        await ended(second, anywhere)

    run(scenario)


def test_only_who_may_be_served_is_woken() -> None:
    async def scenario() -> None:
        process = one()
        now = process.call("now")
        waiting = [process.call(str(number)) for number in range(50)]
        await settled()
        woken: list[Served] = []
        tickets = list(process.queue.group("g")._waiting)
        for ticket in tickets:
            wake = ticket.wake
            ticket.wake = lambda wake=wake, ticket=ticket: (woken.append(ticket), wake())[1]  # type: ignore[method-assign, misc, assignment]
        process.traffic.began(deployment("other", "other"))
        process.traffic.refused(deployment("other", "other"), process.traffic.minute)
        await settled()
        assert woken == [], "another group's room is not theirs"
        await ended(now)
        assert len(woken) <= 3
        assert process.serving() == ["0"]
        assert len(waiting) == 50

    run(scenario)


class Slow(SharedMemory):
    """Answers after a while."""

    async def enter(self, place: Place, charges: Sequence[Charge], slots: Sequence[Slot] = ()) -> Entry:
        entry = await super().enter(place, charges, slots)
        await asyncio.sleep(0.02)
        return entry


def test_who_leaves_while_the_state_is_asked_gives_the_room_back() -> None:
    async def scenario() -> None:
        process = Process([entry("g", "only", max_parallel_requests=1, rpm=2)], Slow(), num_retries=0)
        gone = process.call("gone")
        await asyncio.sleep(0.01)
        gone.task.cancel()
        await asyncio.sleep(0.05)
        assert gone.task.done()
        after = process.call("after")
        await asyncio.sleep(0.05)
        assert (gone.served, after.served) == (0, 1)
        await ended(after)
        last = process.call("last")
        await asyncio.sleep(0.05)
        assert last.served == 1, "of the two requests of the minute, who left has used none"
        await ended(last)

    run(scenario)


def test_many_who_left_leave_nothing_behind() -> None:
    async def scenario() -> None:
        process = one()
        process.call("now")
        await settled()
        process.call("stays", 0)
        for _ in range(5):
            calls = [process.call("leaves", 9) for _ in range(100)]
            await settled()
            for call in calls:
                call.task.cancel()
            await settled()
        process.call("last", 9)
        await settled()
        group = process.queue.group("g")
        assert len(group) == 2
        assert len(group._heap) < 200

    run(scenario)


def test_a_process_that_waits_shows_in_time_that_it_lives() -> None:
    assert LOOK_AGAIN_SECONDS * 2 < ABSENT_SECONDS
