"""Spans of time as settings write them: ``30s``, ``12h``, ``7d``, ``1mo``."""

import re
from datetime import UTC, datetime, timedelta

PERIOD = r"(\d{1,6})(mo|s|m|h|d|w)"
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}


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
    months = start.month - 1 + min(number, 1200)
    first = start.replace(year=start.year + months // 12, month=months % 12 + 1, day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    end = first.replace(day=min(start.day, (following - first).days))
    return (end - start).total_seconds()
