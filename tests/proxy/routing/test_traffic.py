"""What deployments are doing: counts of the minute, and who is told of room."""

from math import inf
from pathlib import Path
from typing import Any

import pytest

from proxy.config.model import ProxyConfig, RouterSettings
from proxy.routing.traffic import MINUTE, Traffic, has_readers
from tests.proxy.routing.making import Clock, deployment, entry, failure

ONE = deployment(rpm=2, max_parallel_requests=2)


def test_an_attempt_that_was_not_made_is_taken_from_its_own_minute() -> None:
    clock = Clock()
    traffic = Traffic(clock)
    first = traffic.began(ONE)
    traffic.refused(ONE, first)
    assert (traffic.of(ONE).requests, traffic.of(ONE).in_flight) == (0, 0)
    first = traffic.began(ONE)
    clock.now += MINUTE
    traffic.began(ONE)
    traffic.refused(ONE, first)
    assert (traffic.of(ONE).requests, traffic.of(ONE).in_flight) == (1, 1)


def test_room_comes_with_the_minute_or_with_an_end() -> None:
    clock = Clock()
    clock.now = 6000.0
    traffic = Traffic(clock)
    assert traffic.seconds_to_room(ONE) == 0
    for _ in range(2):
        traffic.began(ONE)
    assert traffic.seconds_to_room(ONE) == inf
    told: list[int] = []
    traffic.on_room.append(lambda _deployment: told.append(traffic.of(ONE).in_flight))
    for _ in range(2):
        traffic.ended(ONE, failure=failure(), seconds=None)
    assert told == [1, 0]
    clock.now += 20
    assert traffic.seconds_to_room(ONE) == 40
    clock.now += 40
    assert traffic.has_room(ONE)


@pytest.mark.parametrize(
    ("params", "settings", "read"),
    [
        ({}, {}, False),
        ({"weight": 1}, {}, False),
        ({}, {"routing_strategy": "provider-budget-routing"}, False),
        ({"rpm": 5}, {}, True),
        ({"tpm": 5}, {}, True),
        ({"max_parallel_requests": 5}, {}, True),
        ({}, {"default_max_parallel_requests": 5}, True),
        ({}, {"routing_strategy": "least-busy"}, True),
        ({}, {"routing_strategy": "mine.Mine"}, True),
    ],
)
def test_nothing_is_recorded_that_nobody_reads(params: dict[str, Any], settings: dict[str, Any], read: bool) -> None:
    router = RouterSettings(**settings)
    assert has_readers(ProxyConfig(model_list=(entry("g", **params),), router_settings=router, folder=Path())) == read
