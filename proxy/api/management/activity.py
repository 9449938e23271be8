"""``/global/activity*`` and ``/model/metrics*``: how many calls there were, how they went, how long they took."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import ColumnElement, Float, Integer, case, cast, func, select

from proxy.api.management.keys_models import Moment
from proxy.api.management.operation import Asked
from proxy.api.management.spend_dates import days
from proxy.api.management.spend_global import DaysQuery
from proxy.api.management.validation import Query
from proxy.management.spend import CALLS, LOGS, TOKENS, between, day_of, is_internal_user, sums
from proxy.store import tables
from proxy.store.rows import Row
from proxy.store.types import now

MOST_MODELS = 10
SLOW_SECONDS = 300
"""Longer calls count as slow, unless ``general_settings.alerting_threshold`` says otherwise."""


async def activity(asked: Asked, query: DaysQuery) -> dict[str, Any]:
    """Calls and tokens of each day, and together; internal users see their own."""
    [told] = _grouped(await _calls(asked, query), [""]) or [_nothing()]
    return {name: value for name, value in told.items() if name != "model"}


async def activity_of_models(asked: Asked, query: DaysQuery) -> list[dict[str, Any]]:
    """The same of each of the ten most used model groups."""
    rows = await _calls(asked, query, by_model=True)
    told = _grouped(rows, dict.fromkeys(row["model_group"] for row in rows))
    return sorted(told, key=lambda entry: entry["sum_api_requests"], reverse=True)[:MOST_MODELS]


async def _calls(asked: Asked, query: DaysQuery, *, by_model: bool = False) -> list[Row]:
    first, last = days(query.start_date, query.end_date)
    where = between(first, last)
    if is_internal_user(asked.caller):
        where.append(LOGS.c.user == (asked.caller.user_id or ""))
    by: dict[str, ColumnElement[Any]] = {"date": day_of(LOGS.c.startTime, asked.store.dialect)}
    if by_model:
        by = {"model_group": LOGS.c.model_group, **by}
    async with asked.store.reading() as connection:
        return await sums(
            connection, by, *where, values={"api_requests": CALLS, "total_tokens": TOKENS}, order=[by["date"]]
        )


def _grouped(rows: list[Row], models: Iterable[str]) -> list[dict[str, Any]]:
    told = {model: {"model": model, **_nothing()} for model in models}
    for row in rows:
        entry = told[row.get("model_group", "")]
        row["total_tokens"] = int(row["total_tokens"])
        entry["sum_api_requests"] += row["api_requests"]
        entry["sum_total_tokens"] += row["total_tokens"]
        entry["daily_data"].append({**row, "date": _short(row["date"])})
    return [*told.values()]


def _nothing() -> dict[str, Any]:
    return {"daily_data": [], "sum_api_requests": 0, "sum_total_tokens": 0}


def _short(date: str) -> str:
    return datetime.fromisoformat(date).strftime("%b %d")


class GroupQuery(DaysQuery):
    """Days of one model group."""

    model_group: str


async def exceptions(asked: Asked, query: GroupQuery) -> dict[str, Any]:
    """How many calls of a model group were refused with 429, each day and together."""
    told = [
        {"date": _short(row["date"]), "num_rate_limit_exceptions": row["num_rate_limit_exceptions"]}
        for row in await _limited(asked, query)
    ]
    return {
        "daily_data": told,
        "sum_num_rate_limit_exceptions": sum(day["num_rate_limit_exceptions"] for day in told),
    }


async def exceptions_of_deployments(asked: Asked, query: GroupQuery) -> list[dict[str, Any]]:
    """The same of each of its deployments."""
    told: dict[str, dict[str, Any]] = {}
    for row in await _limited(asked, query, by_deployment=True):
        empty: dict[str, Any] = {"api_base": row["api_base"], "daily_data": [], "sum_num_rate_limit_exceptions": 0}
        entry = told.setdefault(row["api_base"], empty)
        entry["daily_data"].append({**row, "date": _short(row["date"])})
        entry["sum_num_rate_limit_exceptions"] += row["num_rate_limit_exceptions"]
    return sorted(told.values(), key=lambda entry: entry["sum_num_rate_limit_exceptions"], reverse=True)[:MOST_MODELS]


async def _limited(asked: Asked, query: GroupQuery, *, by_deployment: bool = False) -> list[Row]:
    first, last = days(query.start_date, query.end_date)
    by: dict[str, ColumnElement[Any]] = {"date": day_of(LOGS.c.startTime, asked.store.dialect)}
    if by_deployment:
        by = {"api_base": LOGS.c.model_id, **by}
    where = [
        *between(first, last),
        LOGS.c.model_group == query.model_group,
        LOGS.c.metadata["error_information"]["error_code"].as_string() == "429",
    ]
    async with asked.store.reading() as connection:
        return await sums(connection, by, *where, values={"num_rate_limit_exceptions": CALLS}, order=[by["date"]])


async def cache_hits(asked: Asked, query: DaysQuery) -> list[Row]:
    """How many calls of each key were answered from the cache."""
    first, last = days(query.start_date, query.end_date)
    hit = LOGS.c.cache_hit == "True"
    by: dict[str, ColumnElement[Any]] = {
        "api_key": func.coalesce(tables.keys.c.key_alias, "Unnamed Key"),
        "call_type": LOGS.c.call_type,
        "model": LOGS.c.model,
    }
    values: Mapping[str, ColumnElement[Any]] = {
        "total_rows": CALLS,
        "cache_hit_true_rows": func.sum(case((hit, 1), else_=0)),
        "cached_completion_tokens": func.sum(case((hit, LOGS.c.completion_tokens), else_=0)),
        "generated_completion_tokens": func.sum(case((hit, 0), else_=LOGS.c.completion_tokens)),
    }
    statement = (
        select(
            *(column.label(name) for name, column in by.items()),
            *(cast(value, Integer).label(name) for name, value in values.items()),
        )
        .select_from(LOGS.outerjoin(tables.keys, LOGS.c.api_key == tables.keys.c.token))
        .where(*between(first, last))
        .group_by(*by.values())
        .order_by(*by.values())
    )
    async with asked.store.reading() as connection:
        return [dict(row) for row in (await connection.execute(statement)).mappings()]


class MetricsQuery(Query):
    """Of ``/model/metrics*``."""

    group: Annotated[str | None, Field(alias="_selected_model_group")] = None
    start: Annotated[Moment | None, Field(alias="startTime")] = None
    end: Annotated[Moment | None, Field(alias="endTime")] = None
    api_key: str | None = None
    customer: str | None = None


async def seconds_per_token(asked: Asked, query: MetricsQuery) -> dict[str, Any]:
    """How many seconds a token took, each day, by model."""
    took = _seconds(LOGS.c.startTime, LOGS.c.endTime, asked.store.dialect)
    return await _series(asked, query, took / LOGS.c.completion_tokens, [LOGS.c.completion_tokens > 0])


async def seconds_to_first_token(asked: Asked, query: MetricsQuery) -> dict[str, Any]:
    """How many seconds the first token of streams took, each day, by model."""
    took = _seconds(LOGS.c.startTime, LOGS.c.completionStartTime, asked.store.dialect)
    return await _series(asked, query, took, [LOGS.c.completionStartTime != LOGS.c.endTime])


async def _series(
    asked: Asked, query: MetricsQuery, value: ColumnElement[float], where: list[ColumnElement[bool]]
) -> dict[str, Any]:
    day = day_of(LOGS.c.startTime, asked.store.dialect)
    async with asked.store.reading() as connection:
        rows = await sums(
            connection,
            {"date": day, "model": LOGS.c.model},
            *_selected(query),
            *where,
            values={"seconds": func.avg(value)},
            order=[day],
        )
    told: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    for row in rows:
        told[row["date"]][row["model"]] = row["seconds"]
    models = sorted({row["model"] for row in rows})
    return {"data": [{"date": date, **entry} for date, entry in told.items()], "all_api_bases": models}


async def slow_responses(asked: Asked, query: MetricsQuery) -> list[Row]:
    """How many calls took long, of each deployment's address."""
    threshold = asked.gateway.snapshot.config.general_settings.other.get("alerting_threshold") or SLOW_SECONDS
    took = _seconds(LOGS.c.startTime, LOGS.c.endTime, asked.store.dialect)
    slow = func.sum(case((took >= float(threshold), 1), else_=0))
    async with asked.store.reading() as connection:
        return await sums(
            connection,
            {"api_base": LOGS.c.api_base},
            *_selected(query),
            values={"total_count": CALLS, "slow_count": cast(slow, Integer)},
            order=[LOGS.c.api_base],
        )


async def exceptions_of_models(asked: Asked, query: MetricsQuery) -> dict[str, Any]:
    """How many calls failed, by deployment and class of error."""
    error = LOGS.c.metadata["error_information"]["error_class"].as_string()
    async with asked.store.reading() as connection:
        rows = await sums(
            connection,
            {"model": LOGS.c.model, "error": error},
            *_selected(query),
            LOGS.c.status == "failure",
            values={"count": CALLS},
            order=[LOGS.c.model],
        )
    told: dict[str, dict[str, Any]] = {}
    for row in rows:
        entry = told.setdefault(row["model"], {"model": row["model"], "sum_num_rate_limit_exceptions": 0})
        entry[row["error"]] = entry.get(row["error"], 0) + row["count"]
        if row["error"] == "RateLimitError":
            entry["sum_num_rate_limit_exceptions"] += row["count"]
    return {"data": [*told.values()], "exception_types": sorted({row["error"] for row in rows})}


def _selected(query: MetricsQuery) -> list[ColumnElement[bool]]:
    end = _utc(query.end or now())
    start = _utc(query.start or end - timedelta(days=30))
    where = [LOGS.c.startTime >= start, LOGS.c.startTime <= end, LOGS.c.cache_hit != "True"]
    if query.group is not None:
        where.append(LOGS.c.model_group == query.group)
    for column, wanted in ((LOGS.c.api_key, query.api_key), (LOGS.c.end_user, query.customer)):
        if wanted not in (None, "undefined"):
            where.append(column == wanted)
    return where


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _seconds(start: ColumnElement[datetime], end: ColumnElement[datetime], dialect: str) -> ColumnElement[float]:
    if dialect == "sqlite":
        return cast((func.julianday(end) - func.julianday(start)) * 86_400.0, Float)
    return cast(func.extract("epoch", end - start), Float)
