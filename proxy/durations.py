"""Spans of time as settings write them: ``30s``, ``12h``, ``7d``, ``1mo``."""

import re
from datetime import UTC, datetime, timedelta

PERIOD = r"(0*[1-9]\d{0,5})(mo|s|m|h|d|w)"
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_LAST_YEAR = 9000
"""What ends later ends then: the reach of ``datetime`` with room to add to it."""


def seconds_of(period: str, now: float) -> float:
    """The length of a window that begins ``now`` (seconds of the world's clock); a month ends on the same day of the next.

    Raises:
        ValueError: ``period`` is none.
    """
    match = re.fullmatch(PERIOD, period)
    if match is None:
        raise ValueError("not a number and s, m, h, d, w or mo")
    number, unit = int(match[1]), match[2]
    if unit != "mo":
        return number * _UNITS[unit]
    start = datetime.fromtimestamp(now, UTC)
    return (_months_later(start, min(number, 1200)) - start).total_seconds()


def is_period(text: str) -> bool:
    """Whether a text is one that :func:`seconds_of` reads."""
    return re.fullmatch(PERIOD, text) is not None


def expires_at(period: str, now: datetime) -> datetime:
    """The end of a span that begins ``now``. What follows the unit does not matter (``1hr``, ``30days``), as in the reference.

    Raises:
        ValueError: ``period`` is none.
    """
    match = re.match(r"(\d{1,15})(mo|[smhdw])", period)
    if match is None:
        raise ValueError("not a number and s, m, h, d, w or mo")
    number, unit = int(match[1]), match[2]
    furthest = now.replace(year=_LAST_YEAR, month=1, day=1)
    if unit == "mo":
        return _months_later(now, number) if number < (_LAST_YEAR - now.year) * 12 else furthest
    seconds = number * _UNITS[unit]
    return now + timedelta(seconds=seconds) if seconds < (furthest - now).total_seconds() else furthest


def reset_at(period: str, now: datetime) -> datetime:
    """When a budget of ``period`` begins anew, aligned to the calendar of the zone of ``now``.

    Days, weeks and months begin at midnight: ``7d`` and weeks on a Monday, ``30d`` and months on the first of a month.
    Hours, minutes and seconds begin at multiples of their number. Any other text means the next midnight, as in the
    reference, where ``daily`` works for that reason.
    """
    match = re.match(r"(\d{1,15})([a-z]+)", period)
    number, unit = (int(match[1]), match[2]) if match else (1, "d")
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if number == 0:
        return now
    if unit in ("s", "m", "h"):
        return _next_multiple(number * int(_UNITS[unit]), now, midnight)
    if unit == "mo" or (unit, number) == ("d", 30):
        first = midnight.replace(day=1)
        return _months_later(first, 1 if unit == "d" else min(number, 1200))
    if unit == "w" or (unit, number) == ("d", 7):
        monday = midnight - timedelta(days=now.weekday())
        return monday + timedelta(weeks=1 if unit == "d" else min(number, 5200))
    return midnight + timedelta(days=min(number, 36_500) if unit == "d" else 1)


def _next_multiple(step: int, now: datetime, midnight: datetime) -> datetime:
    """The next moment that is a whole number of steps after midnight; the day's end at the latest for short steps."""
    if step > 86_400:
        return now.replace(microsecond=0) + timedelta(seconds=min(step, 36_500 * 86_400))
    passed = int((now - midnight).total_seconds())
    return midnight + timedelta(seconds=(passed // step + 1) * step)


def _months_later(start: datetime, months: int) -> datetime:
    """The same day of a later month, or its last."""
    months += start.month - 1
    first = start.replace(year=start.year + months // 12, month=months % 12 + 1, day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    return first.replace(day=min(start.day, (following - first).days))
