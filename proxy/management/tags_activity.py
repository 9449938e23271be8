"""Who used which tag: counted from the totals of days."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, func, not_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.management.teams_listing import resembles
from proxy.store.tables import daily_spend, keys, users

Period = Literal["day", "week", "month"]

#: Days of a period, how many periods are shown, and how their beginnings are named.
PERIODS: Final[dict[Period, tuple[int, int, str]]] = {
    "day": (1, 7, ""),
    "week": (7, 7, "Week {} (%b %d)"),
    "month": (30, 7, "Month {} (%b)"),
}
MOST_TAGS: Final = 250
MONTH: Final = timedelta(days=30)
_TAG: Final = daily_spend.c.entity_id
_ACTIVE: Final = func.count(keys.c.user_id.distinct())


class Filter:
    """Which tags are meant: some by name, or those that contain a text, or all."""

    def __init__(self, part: str | None, names: Sequence[str] | None) -> None:
        self._part = part
        self._names = names

    def conditions(self, first: str, last: str) -> list[ColumnElement[bool]]:
        """Of the rows of these tags between two days."""
        where: list[ColumnElement[bool]] = [
            daily_spend.c.entity_type == "tag",
            daily_spend.c.date >= first,
            daily_spend.c.date <= last,
        ]
        if self._names:
            where.append(_TAG.in_(self._names))
        elif self._part:
            where.append(resembles(_TAG, self._part))
        return where


def tomorrow() -> date:
    """The day that all periods end with, in UTC."""
    return datetime.now(UTC).date() + timedelta(days=1)


async def active_users(connection: AsyncConnection, period: Period, wanted: Filter) -> list[dict[str, Any]]:
    """How many users named a tag in each of the last periods."""
    days, number, label = PERIODS[period]
    end = tomorrow()
    first = end - timedelta(days=days * number - (0 if period == "day" else 1))
    where = wanted.conditions(first.isoformat(), end.isoformat())
    statement = select(_TAG, daily_spend.c.date, keys.c.user_id).distinct()
    statement = statement.join(keys, keys.c.token == daily_spend.c.api_key).where(*where, keys.c.user_id.is_not(None))
    active: dict[tuple[int, str], set[str]] = {}
    for tag, day, user_id in await connection.execute(statement):
        ago = (end - date.fromisoformat(day)).days // days
        active.setdefault((ago, tag), set()).add(user_id)
    newest_first = period == "day"
    ordered = sorted(
        active.items(), key=lambda item: (item[0][0] * (1 if newest_first else -1), -len(item[1]), item[0][1])
    )
    return [
        {"tag": tag, "active_users": len(seen), **_named(end, ago, days, number, label)} for (ago, tag), seen in ordered
    ]


def _named(end: date, ago: int, days: int, number: int, label: str) -> dict[str, str | None]:
    last = end - timedelta(days=ago * days)
    if not label:
        return {"date": last.isoformat(), "period_start": None, "period_end": None}
    first = last - timedelta(days=days - 1)
    return {
        "date": first.strftime(label).format(number - ago),
        "period_start": f"{first.isoformat()} 00:00:00",
        "period_end": f"{last.isoformat()} 00:00:00",
    }


async def summary(connection: AsyncConnection, first: str, last: str, wanted: Filter) -> list[dict[str, Any]]:
    """Requests, tokens, users and US dollars by tag, the most used first."""
    requests = func.sum(daily_spend.c.api_requests)
    statement = (
        select(
            _TAG.label("tag"),
            _ACTIVE.label("unique_users"),
            requests.label("total_requests"),
            func.sum(daily_spend.c.successful_requests).label("successful_requests"),
            func.sum(daily_spend.c.failed_requests).label("failed_requests"),
            func.sum(daily_spend.c.prompt_tokens + daily_spend.c.completion_tokens).label("total_tokens"),
            func.sum(daily_spend.c.spend).label("total_spend"),
        )
        .outerjoin(keys, keys.c.token == daily_spend.c.api_key)
        .where(*wanted.conditions(first, last))
        .group_by(_TAG)
        .order_by(requests.desc(), _TAG)
    )
    return [
        {
            name: value if name == "tag" else float(value) if name == "total_spend" else int(value)
            for name, value in row.items()
        }
        for row in (await connection.execute(statement)).mappings()
    ]


async def distinct_tags(connection: AsyncConnection) -> list[dict[str, str]]:
    """Names of clients, and tags of no other kind, the most frequent first."""
    kinds = or_(_TAG.like("User-Agent:%"), not_(_TAG.contains(":")))
    statement = select(_TAG).where(daily_spend.c.entity_type == "tag", kinds).group_by(_TAG)
    found = await connection.execute(statement.order_by(func.count().desc(), _TAG).limit(MOST_TAGS))
    return [{"tag": tag} for tag in found.scalars()]


async def by_user(connection: AsyncConnection, wanted: Filter, page: int, size: int) -> dict[str, Any]:
    """What each user did with tags in the last 30 days, the most active first."""
    end = tomorrow()
    where = (*wanted.conditions((end - MONTH).isoformat(), end.isoformat()), keys.c.user_id.is_not(None))
    successful = func.sum(daily_spend.c.successful_requests)
    statement = (
        select(
            keys.c.user_id,
            func.min(users.c.user_email).label("user_email"),
            func.min(_TAG).label("user_agent"),
            successful.label("successful_requests"),
            func.sum(daily_spend.c.failed_requests).label("failed_requests"),
            func.sum(daily_spend.c.api_requests).label("total_requests"),
            func.sum(daily_spend.c.prompt_tokens + daily_spend.c.completion_tokens).label("total_tokens"),
            func.sum(daily_spend.c.spend).label("spend"),
        )
        .join(keys, keys.c.token == daily_spend.c.api_key)
        .outerjoin(users, users.c.user_id == keys.c.user_id)
        .where(*where)
        .group_by(keys.c.user_id)
        .order_by(successful.desc(), keys.c.user_id)
    )
    total = int(
        (await connection.execute(select(func.count()).select_from(statement.order_by(None).subquery()))).scalar_one()
    )
    rows = await connection.execute(statement.limit(size).offset((page - 1) * size))
    texts = ("user_id", "user_email", "user_agent")
    return {
        "results": [
            {
                name: value if name in texts else float(value) if name == "spend" else int(value)
                for name, value in row.items()
            }
            for row in rows.mappings()
        ],
        "total_count": total,
        "page": page,
        "page_size": size,
        "total_pages": -(-total // size),
    }
