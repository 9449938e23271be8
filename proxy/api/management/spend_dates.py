"""Days that questions about spend name."""

from datetime import UTC, datetime

from proxy.api.management.keys_models import in_reach
from proxy.errors import DetailError

NEEDED = {"error": "Please provide start_date and end_date"}


def days(start: str | None, end: str | None) -> tuple[datetime, datetime]:
    """The midnights at which two days begin.

    Raises:
        DetailError: 400, one is missing or none.
    """
    if start is None or end is None:
        raise DetailError(400, NEEDED)
    return day(start, "start_date"), day(end, "end_date")


def day(text: str, name: str) -> datetime:
    """The midnight (UTC) at which a day begins.

    Raises:
        DetailError: 400, it is none, or at the ends of the calendar.
    """
    try:
        return in_reach(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC))
    except ValueError:
        raise DetailError(400, {"error": f"{name}={text!r} is no day; write it as 2026-01-31"}) from None
