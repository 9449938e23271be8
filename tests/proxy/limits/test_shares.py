"""The dynamic limiters, for whatever comes in whatever order."""

import asyncio
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.call import Call
from proxy.limits.claims import Ceiling, Weight
from proxy.limits.limiter import Limiter
from proxy.limits.projects import Projects
from proxy.limits.settings import LimitSettings
from proxy.limits.shares import Shares
from proxy.state.memory import MemoryState
from tests.proxy.limits.calling import admitted, call_of, header

WEIGHTS = {"prod": Weight(0.6), "dev": Weight(2, "rpm")}


def sharing(requests: int | None, tokens: int | None = None, threshold: float = 0.5) -> LimitSettings:
    shares = Shares(WEIGHTS, 0.1, threshold, lambda _: Ceiling(requests, tokens))
    return LimitSettings(shares=shares, of_models=True)


def calls_of(settings: LimitSettings, priorities: Sequence[str | None]) -> list[Call]:
    return [call_of(settings=settings, priority=priority) for priority in priorities]


def let_in(calls: Sequence[Call]) -> list[bool]:
    async def scenario() -> list[bool]:
        limiter = Limiter(MemoryState())
        done = [await admitted(limiter, call) is None for call in calls]
        await limiter.stop()
        return done

    return asyncio.run(scenario())


@given(st.lists(st.sampled_from(["prod", "dev", None, "unknown"]), max_size=40), st.integers(1, 12), st.floats(0, 1.2))
def test_a_model_never_lets_more_through_than_its_limit(
    priorities: list[str | None], limit: int, threshold: float
) -> None:
    assert sum(let_in(calls_of(sharing(limit, threshold=threshold), priorities))) <= limit


@given(st.lists(st.sampled_from(["prod", "dev", None]), max_size=40), st.integers(1, 20), st.floats(0, 1))
def test_what_is_reserved_is_there_as_long_as_the_model_has_room(
    priorities: list[str | None], limit: int, threshold: float
) -> None:
    """Follows the rules call by call: shares count from the threshold on, and not before."""
    calls = calls_of(sharing(limit, threshold=threshold), priorities)
    dev = 2 / limit
    whole = max(1.0, 0.6 + dev)
    shares = {"prod": int(limit * (0.6 / whole)), "dev": int(limit * (dev / whole)), None: int(limit * 0.1)}
    total, counts = 0, dict.fromkeys(shares, 0)
    for priority, done in zip(priorities, let_in(calls), strict=True):
        fits = total < limit and (total / limit < threshold or counts[priority] < shares[priority])
        assert done == fits, (priority, total, counts)
        if done:
            total += 1
            counts[priority] += 1


def test_numbers_of_what_has_no_limit_are_shares() -> None:
    assert Weight(2, "rpm").of(Ceiling(10, None)) == 0.2
    assert Weight(2, "rpm").of(Ceiling(None, 100)) == 2.0
    assert Weight(50, "tpm").of(Ceiling(None, 100)) == 0.5
    assert Weight(0.5, "percent").of(Ceiling(10, 100)) == 0.5


def test_without_reservations_the_model_alone_is_limited() -> None:
    settings = LimitSettings(shares=Shares(None, 0.1, 0.5, lambda _: Ceiling(3, None)), of_models=True)
    assert let_in(calls_of(settings, ["dev", None, None, "dev"])) == [True, True, True, False]


@pytest.mark.parametrize(("weight", "admitted_calls"), [(None, 4), (Weight(0.5), 3), (Weight(0), 0)])
def test_the_older_limiter_parts_what_is_left(weight: Weight | None, admitted_calls: int) -> None:
    weights = None if weight is None else {"mine": weight}
    settings = LimitSettings(projects=Projects(weights, lambda _: Ceiling(4, None)), of_models=True)
    calls = calls_of(settings, ["mine"] * 5)
    assert sum(let_in(calls)) == admitted_calls
    if admitted_calls:
        assert header(calls[0], "x-ratelimit-current-active-projects") == b"1"


@pytest.mark.parametrize(("limit", "keys", "weight"), [(30, 21, 0.7), (60, 21, 0.7), (100, 7, 0.35)])
def test_the_older_limiter_always_comes_to_an_end(limit: int, keys: int, weight: float) -> None:
    """What the state refuses is what the share of a key says, however numbers are rounded."""
    settings = LimitSettings(
        projects=Projects({"mine": Weight(weight)}, lambda _: Ceiling(limit, None)), of_models=True
    )

    async def scenario() -> None:
        limiter = Limiter(MemoryState())
        for number in range(keys + limit):
            call = call_of(settings=settings, priority="mine")
            call.identity = msgspec.structs.replace(call.identity, token=f"key-{number % keys}")
            async with asyncio.timeout(5):
                await admitted(limiter, call)

    asyncio.run(scenario())
