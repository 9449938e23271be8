"""Spans of time: when they end, and when budgets begin anew."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.durations import expires_at, reset_at

NOW = datetime(2026, 11, 25, 13, 42, 7, 500000, tzinfo=UTC)  # a Wednesday
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


@pytest.mark.parametrize(
    ("period", "ends"),
    [
        ("90s", NOW + timedelta(seconds=90)),
        ("1hr", NOW + timedelta(hours=1)),
        ("30days", NOW + timedelta(days=30)),
        ("2w", NOW + timedelta(weeks=2)),
        ("1mo", NOW.replace(month=12)),
        ("14mo", NOW.replace(year=2028, month=1)),
    ],
)
def test_a_span_ends(period: str, ends: datetime) -> None:
    assert expires_at(period, NOW) == ends


def test_a_month_ends_on_its_last_day_at_the_latest() -> None:
    assert expires_at("1mo", NOW.replace(month=1, day=31)) == NOW.replace(month=2, day=28)


@pytest.mark.parametrize(
    "period", ["", "soon", "-1d", "d", "1", "1y", " 1d", pytest.param("9" * 5000 + "d", id="long")]
)
def test_what_is_no_span(period: str) -> None:
    with pytest.raises(ValueError, match="not a number"):
        expires_at(period, NOW)


@pytest.mark.parametrize(
    ("period", "moment"),
    [
        ("30s", "2026-11-25T13:42:30"),
        ("15m", "2026-11-25T13:45:00"),
        ("2h", "2026-11-25T14:00:00"),
        ("24h", "2026-11-26T00:00:00"),
        ("1d", "2026-11-26T00:00:00"),
        ("3d", "2026-11-28T00:00:00"),
        ("7d", "2026-11-30T00:00:00"),
        ("1w", "2026-11-30T00:00:00"),
        ("2w", "2026-12-07T00:00:00"),
        ("30d", "2026-12-01T00:00:00"),
        ("1mo", "2026-12-01T00:00:00"),
        ("3mo", "2027-02-01T00:00:00"),
        ("daily", "2026-11-26T00:00:00"),
        ("1y", "2026-11-26T00:00:00"),
    ],
)
def test_a_budget_begins_anew(period: str, moment: str) -> None:
    assert reset_at(period, NOW) == datetime.fromisoformat(moment).replace(tzinfo=UTC)


def test_on_a_monday_a_week_is_a_whole_one() -> None:
    monday = NOW.replace(day=23, hour=0, minute=0, second=0, microsecond=0)
    assert reset_at("7d", monday) == monday + timedelta(days=7)


def test_midnight_is_that_of_the_zone() -> None:
    kolkata = NOW.astimezone(ZoneInfo("Asia/Kolkata"))
    assert reset_at("1d", kolkata).astimezone(UTC) == datetime(2026, 11, 25, 18, 30, tzinfo=UTC)


@given(number=st.integers(1, 10**15 - 1), unit=st.sampled_from(["s", "m", "h", "d", "w", "mo"]), now=MOMENTS)
def test_what_is_long_ends_some_day(number: int, unit: str, now: datetime) -> None:
    assert expires_at(f"{number}{unit}", now) > now
    assert reset_at(f"{number}{unit}", now) > now
