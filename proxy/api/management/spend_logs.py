"""``/spend/logs`` and its like: what single calls cost."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import ColumnElement, or_, select

from proxy.api.management.operation import Asked
from proxy.api.management.spend_dates import day
from proxy.api.management.validation import Query
from proxy.errors import GatewayError
from proxy.management.spend import LOGS, administers_team, log_rows, sees_own_only
from proxy.store import tables
from proxy.store.rows import Row, count, find
from proxy.store.types import now

SORTED_BY = ("endTime", "spend", "startTime", "total_tokens")
MOMENT, DAY = "%Y-%m-%d %H:%M:%S", "%Y-%m-%d"


class LogsQuery(Query):
    """Of ``GET /spend/logs``."""

    api_key: str | None = None
    user_id: str | None = None
    request_id: str | None = None
    start_date: str | None = None
    end_date: str | None = None
    summarize: bool = True


async def logs(asked: Asked, query: LogsQuery) -> Any:
    """Calls of a key, a user, an id or of days; with ``summarize``, what each day cost. All but admins see their own."""
    where = _own(asked)
    if query.api_key is not None:
        key = query.api_key
        where.append(LOGS.c.api_key == (sha256(key.encode()).hexdigest() if key.startswith("sk-") else key))
    elif query.request_id is not None:
        where.append(_called(query.request_id))
    elif query.user_id is not None and not sees_own_only(asked.caller):
        where.append(LOGS.c.user == query.user_id)
    if query.start_date is None or query.end_date is None:
        async with asked.store.reading() as connection:
            return await log_rows(connection, *where, order=[LOGS.c.startTime, LOGS.c.request_id])
    first, last = day(query.start_date, "start_date"), day(query.end_date, "end_date")
    where += [LOGS.c.startTime >= first, LOGS.c.startTime <= last]
    async with asked.store.reading() as connection:
        if not query.summarize:
            return await log_rows(connection, *where, order=[LOGS.c.startTime.desc()])
        columns = (LOGS.c.startTime, LOGS.c.api_key, LOGS.c.user, LOGS.c.model, LOGS.c.spend)
        found = await connection.execute(select(*columns).where(*where))
        return _by_day([tuple(row) for row in found], last)


MOST_DAYS_AHEAD = 31
"""Of days without calls that are told because they were asked for."""


def _by_day(calls: Sequence[tuple[Any, ...]], last: datetime) -> list[dict[str, Any]]:
    """What each day cost: in all, by key, user and model; days without calls follow up to the last that was asked for."""
    days: dict[str, dict[str, Any]] = {}
    for started, key, user, model, spend in sorted(calls, key=lambda call: call[0]):
        name = started.astimezone(UTC).date().isoformat()
        entry = days.setdefault(name, {"users": defaultdict(float), "models": defaultdict(float), "spend": 0.0})
        entry["spend"] += spend
        entry[key] = entry.get(key, 0.0) + spend
        entry["users"][user] += spend
        entry["models"][model] += spend
    told = [{**entry, "startTime": name} for name, entry in days.items()]
    if told:
        following = datetime.fromisoformat(told[-1]["startTime"]).replace(tzinfo=UTC) + timedelta(days=1)
        last = min(last, now() + timedelta(days=MOST_DAYS_AHEAD))
        while following <= last:
            told.append({"startTime": following.date().isoformat(), "spend": 0, "users": {}, "models": {}})
            following += timedelta(days=1)
    return told


class PageQuery(Query):
    """Of ``GET /spend/logs/v2`` and ``/spend/logs/ui``."""

    api_key: str | None = None
    user_id: str | None = None
    request_id: str | None = None
    team_id: str | None = None
    min_spend: float | None = None
    max_spend: float | None = None
    start_date: str | None = None
    end_date: str | None = None
    page: Annotated[int, Field(ge=1)] = 1
    page_size: Annotated[int, Field(ge=1, le=100)] = 50
    status_filter: str | None = None
    model: str | None = None
    model_id: str | None = None
    key_alias: str | None = None
    end_user: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    sort_by: str = "startTime"
    sort_order: str | None = "desc"


async def page_of_days(asked: Asked, query: PageQuery) -> Any:
    """Pages of calls between two moments or days, filtered and sorted."""
    return await _page(asked, query, (MOMENT, DAY))


async def page_for_dashboard(asked: Asked, query: PageQuery) -> Any:
    """The same between two moments; each call says how many its session has."""
    page = await _page(asked, query, (MOMENT,))
    sessions = {row["session_id"] for row in page["data"]}
    counts: dict[str, int] = {}
    if sessions:
        async with asked.store.reading() as connection:
            found = select(LOGS.c.session_id).where(LOGS.c.session_id.in_(sessions))
            for (name,) in await connection.execute(found):
                counts[name] = counts.get(name, 0) + 1
    for row in page["data"]:
        row["session_total_count"] = counts.get(row["session_id"], 1)
    return page


async def _page(asked: Asked, query: PageQuery, formats: Sequence[str]) -> dict[str, Any]:
    if query.start_date is None or query.end_date is None:
        raise GatewayError(400, "Start date and end date are required", type="bad_request")
    if query.sort_by not in SORTED_BY:
        known = ", ".join(SORTED_BY)
        raise _wrong("sort_by", f"Invalid sort_by: {query.sort_by}. Must be one of: {known}")
    order = (query.sort_order or "desc").lower()
    if order not in ("asc", "desc"):
        raise _wrong("sort_order", f"Invalid sort_order: {query.sort_order}. Must be one of: asc, desc")
    where = [
        LOGS.c.startTime >= _moment(query.start_date, formats),
        LOGS.c.startTime <= _moment(query.end_date, formats),
        *_filters(query, None if sees_own_only(asked.caller) else query.user_id),
        *await _visible(asked, query.team_id),
    ]
    column = LOGS.c[query.sort_by]
    sorting = [column.asc() if order == "asc" else column.desc(), LOGS.c.request_id]
    return await _paged(asked, where, sorting, query.page, query.page_size)


async def _paged(
    asked: Asked, where: Sequence[ColumnElement[bool]], sorting: Sequence[ColumnElement[Any]], page: int, size: int
) -> dict[str, Any]:
    async with asked.store.reading() as connection:
        total = await count(connection, LOGS, *where)
        rows = await log_rows(
            connection, *where, order=sorting, limit=size, offset=min((page - 1) * size, 2**53), whole=False
        )
    return {
        "data": [_shown(row) for row in rows],
        "total": total,
        "page": page,
        "page_size": size,
        "total_pages": -(-total // size),
    }


def _filters(query: PageQuery, user: str | None) -> list[ColumnElement[bool]]:
    named = {
        "api_key": query.api_key,
        "user": user,
        "team_id": query.team_id,
        "model": query.model,
        "model_id": query.model_id,
        "end_user": query.end_user,
    }
    where = [LOGS.c[name] == value for name, value in named.items() if value is not None]
    if query.request_id is not None:
        where.append(_called(query.request_id))
    if query.status_filter == "success":
        where.append(or_(LOGS.c.status == "success", LOGS.c.status.is_(None)))
    elif query.status_filter is not None:
        where.append(LOGS.c.status == query.status_filter)
    if query.min_spend is not None:
        where.append(LOGS.c.spend >= query.min_spend)
    if query.max_spend is not None:
        where.append(LOGS.c.spend <= query.max_spend)
    error = LOGS.c.metadata["error_information"]
    if query.key_alias is not None:
        where.append(LOGS.c.metadata["user_api_key_alias"].as_string().contains(query.key_alias, autoescape=True))
    if query.error_code is not None:
        where.append(error["error_code"].as_string() == query.error_code)
    if query.error_message is not None:
        where.append(error["error_message"].as_string().contains(query.error_message, autoescape=True))
    return where


async def _visible(asked: Asked, team: str | None) -> list[ColumnElement[bool]]:
    """Admins see all; admins of a team see the team's when they ask for it; others see their own."""
    if not sees_own_only(asked.caller):
        return []
    if team is None:
        return _own(asked)
    async with asked.store.reading() as connection:
        row = await find(connection, tables.teams, team_id=team)
    if row is None or not administers_team(asked.caller, row):
        raise GatewayError(403, str({"error": f"Not authorized to view team spend for team_id={team}"}))
    return []


def _own(asked: Asked) -> list[ColumnElement[bool]]:
    """What a caller may see of single calls: its user's, or its key's when it has none."""
    caller = asked.caller
    if not sees_own_only(caller):
        return []
    return [LOGS.c.api_key == caller.token if caller.user_id is None else LOGS.c.user == caller.user_id]


def _called(name: str) -> ColumnElement[bool]:
    """By the id of the answer, or that of the call (``x-litellm-call-id``), which stands for a session without a name."""
    return or_(LOGS.c.request_id == name, LOGS.c.session_id == name)


class SessionQuery(Query):
    """Of ``GET /spend/logs/session/ui``."""

    session_id: str
    page: Annotated[int, Field(ge=1)] = 1
    page_size: Annotated[int, Field(ge=1, le=100)] = 50


async def session(asked: Asked, query: SessionQuery) -> Any:
    """The calls of a session, the first one first."""
    where = [LOGS.c.session_id == query.session_id, *_own(asked)]
    return await _paged(asked, where, [LOGS.c.startTime, LOGS.c.request_id], query.page, query.page_size)


async def detail(asked: Asked) -> Any:
    """What was asked and answered in one call, where that is stored."""
    if asked.gateway.store is None:
        return None
    columns = (LOGS.c.messages, LOGS.c.response, LOGS.c.proxy_server_request)
    async with asked.store.reading() as connection:
        found = await connection.execute(
            select(*columns).where(_called(asked.path["request_id"]), *_own(asked)).limit(1)
        )
        row = found.mappings().first()
    return None if row is None else dict(row)


def _shown(row: Row) -> Row:
    """Moments of a page, as the reference spells them there."""
    return {
        name: value.isoformat(timespec="milliseconds") if isinstance(value, datetime) else value
        for name, value in row.items()
    }


def _moment(text: str, formats: Sequence[str]) -> datetime:
    for form in formats:
        try:
            return datetime.strptime(text.strip(), form).replace(tzinfo=UTC)
        except ValueError:
            continue
    expected = "'YYYY-MM-DD' or 'YYYY-MM-DD HH:MM:SS'" if DAY in formats else "'YYYY-MM-DD HH:MM:SS'"
    raise GatewayError(400, f"Invalid date format: {text.strip()}. Expected: {expected}", type="internal_server_error")


def _wrong(param: str, message: str) -> GatewayError:
    return GatewayError(400, message, type="bad_request", param=param)
