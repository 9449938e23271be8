"""``/global/spend*``: what everybody has spent."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Annotated, Any, Literal

from pydantic import Field
from sqlalchemy import ColumnElement, func, literal, select, update

from proxy.api.management.keys_models import Moment
from proxy.api.management.operation import Asked
from proxy.api.management.spend_dates import days
from proxy.api.management.validation import Body, Query
from proxy.errors import DetailError, GatewayError
from proxy.management.spend import (
    CALLS,
    LOGS,
    SPENT,
    TOKENS,
    between,
    day_of,
    is_internal_user,
    recently,
    spent_by_tag,
    sums,
)
from proxy.store import tables
from proxy.store.rows import Row
from proxy.store.types import now

UNASSIGNED = "Unassigned"
MOST_SHOWN = 100


class DaysQuery(Query):
    """Two days, both included."""

    start_date: str | None = None
    end_date: str | None = None


async def total(asked: Asked) -> dict[str, Any]:
    """What all keys have spent, and what may be spent in all (``litellm_settings.max_budget``)."""
    async with asked.store.reading() as connection:
        spent = (await connection.execute(select(func.sum(tables.keys.c.spend)))).scalar()
    most = asked.gateway.snapshot.config.settings.other.get("max_budget")
    return {"spend": spent or 0.0, "max_budget": float(most or 0.0)}


class KeyQuery(Query):
    """Of ``GET /global/spend/logs``."""

    api_key: str | None = None


async def logs(asked: Asked, query: KeyQuery) -> list[Row]:
    """What each of the last 30 days cost: in all, or of one key."""
    own, key = is_internal_user(asked.caller), query.api_key
    where = [recently(now()), *_narrowed(asked)]
    if key is not None:
        where.append(LOGS.c.api_key == (sha256(key.encode()).hexdigest() if key.startswith("sk-") else key))
    by: dict[str, ColumnElement[Any]] = {"date": day_of(LOGS.c.startTime, asked.store.dialect)}
    if own or key is not None:
        by["api_key"] = LOGS.c.api_key
    if own:
        by["user"] = LOGS.c.user
    async with asked.store.reading() as connection:
        return await sums(connection, by, *where, values={"spend": SPENT}, order=[by["date"]])


class LimitQuery(Query):
    """How many are wanted."""

    limit: int | None = None


async def keys(asked: Asked, query: LimitQuery) -> list[Row]:
    """The dearest keys of the last 30 days."""
    limit = query.limit
    if limit is not None and limit < 1:
        problem = "Limit must be greater than 0"
        raise DetailError(422, {"error": f"Invalid limit: {limit}, error: {problem}"})
    if is_internal_user(asked.caller):
        where, limit = _narrowed(asked), 10
    else:
        where = [recently(now())]
    by: dict[str, ColumnElement[Any]] = {
        "api_key": LOGS.c.api_key,
        "key_alias": tables.keys.c.key_alias,
        "key_name": tables.keys.c.key_name,
    }
    statement = (
        select(*(column.label(name) for name, column in by.items()), SPENT.label("total_spend"))
        .select_from(LOGS.outerjoin(tables.keys, LOGS.c.api_key == tables.keys.c.token))
        .where(*where)
        .group_by(*by.values())
        .order_by(SPENT.desc(), LOGS.c.api_key)
        .limit(limit)
    )
    async with asked.store.reading() as connection:
        return [dict(row) for row in (await connection.execute(statement)).mappings()]


class TenQuery(Query):
    """How many are wanted."""

    limit: Annotated[int, Field(ge=0, le=10_000)] = 10


async def models(asked: Asked, query: TenQuery) -> list[Row]:
    """The dearest models of the last 30 days."""
    own = is_internal_user(asked.caller)
    where = _narrowed(asked) if own else [recently(now()), LOGS.c.model != ""]
    values: dict[str, ColumnElement[Any]] = {"total_spend": SPENT}
    if own:
        values["total_tokens"] = TOKENS
    async with asked.store.reading() as connection:
        return await sums(
            connection,
            {"model": LOGS.c.model},
            *where,
            values=values,
            order=[SPENT.desc(), LOGS.c.model],
            limit=query.limit,
        )


async def teams(asked: Asked) -> dict[str, Any]:
    """What teams cost in the last 30 days: each day, and in all the ten dearest."""
    day = day_of(LOGS.c.startTime, asked.store.dialect)
    statement = (
        select(tables.teams.c.team_alias, day.label("date"), SPENT.label("spend"))
        .select_from(LOGS.outerjoin(tables.teams, LOGS.c.team_id == tables.teams.c.team_id))
        .where(recently(now()))
        .group_by(tables.teams.c.team_alias, day)
        .order_by(day)
    )
    each: dict[str, dict[str, float]] = {}
    totals: defaultdict[str, float] = defaultdict(float)
    async with asked.store.reading() as connection:
        for alias, date, spend in await connection.execute(statement):
            name = UNASSIGNED if alias is None else alias
            each.setdefault(date, {})[name] = round(spend, 2)
            totals[name] += round(spend, 2)
    dearest = sorted(totals.items(), key=lambda team: team[1], reverse=True)[:10]
    return {
        "daily_spend": [{"date": date, **spent} for date, spent in each.items()],
        "teams": list(totals),
        "total_spend_per_team": [{"team_id": name, "total_spend": spend} for name, spend in dearest],
    }


async def providers(asked: Asked, query: DaysQuery) -> list[Row]:
    """What each provider cost, of deployments that the config still has."""
    first, last = days(query.start_date, query.end_date)
    async with asked.store.reading() as connection:
        found = await sums(
            connection,
            {"model_id": LOGS.c.model_id},
            *between(first, last),
            *_narrowed(asked),
            values={"spend": SPENT},
            order=[LOGS.c.model_id],
        )
    by_id = asked.gateway.snapshot.router.groups.by_id
    spent: defaultdict[str, float] = defaultdict(float)
    for row in found:
        if row["model_id"] in by_id:
            spent[by_id[row["model_id"]].provider] += row["spend"]
    return [{"provider": provider, "spend": spend} for provider, spend in spent.items()]


class EndUsers(Body):
    """Of ``POST /global/spend/end_users``."""

    api_key: str | None = None
    startTime: Moment | None = None  # noqa: N815 - of the reference
    endTime: Moment | None = None  # noqa: N815


async def end_users(asked: Asked, body: EndUsers | None = None) -> list[Row]:
    """The hundred dearest customers, of all keys or one."""
    given = body or EndUsers()
    until = given.endTime or now() + timedelta(seconds=1)
    where = [LOGS.c.startTime >= (given.startTime or until - timedelta(days=30)), LOGS.c.startTime < until]
    where += _narrowed(asked)
    if given.api_key is not None:
        where.append(LOGS.c.api_key == given.api_key)
    async with asked.store.reading() as connection:
        return await sums(
            connection,
            {"end_user": LOGS.c.end_user},
            *where,
            values={"total_count": CALLS, "total_spend": SPENT},
            order=[SPENT.desc(), LOGS.c.end_user],
            limit=MOST_SHOWN,
        )


async def all_end_users(asked: Asked) -> dict[str, Any]:
    """The names of all customers that calls were made for."""
    async with asked.store.reading() as connection:
        found = await connection.execute(select(LOGS.c.end_user).distinct().order_by(LOGS.c.end_user))
        return {"end_users": [*found.scalars()]}


class TagsQuery(DaysQuery):
    """Of ``GET /global/spend/tags``."""

    tags: str | None = None


async def tags(asked: Asked, query: TagsQuery) -> dict[str, Any]:
    """What calls with each tag cost; ``tags`` (with commas between) names those that are wanted."""
    if query.start_date is None or query.end_date is None:
        raise GatewayError(400, "Please provide start_date and end_date", type="bad_request", param=None)
    first, last = days(query.start_date, query.end_date)
    async with asked.store.reading() as connection:
        rows = await spent_by_tag(connection, *between(first, last), *_narrowed(asked))
    wanted = set(query.tags.split(",")) if query.tags else set()
    if "all-tags" in wanted:
        wanted = set()
    told = [
        {"name": row["individual_request_tag"], "spend": row["total_spend"], "log_count": row["log_count"]}
        for row in rows
        if not wanted or row["individual_request_tag"] in wanted
    ]
    return {"spend_per_tag": told}


async def all_tag_names(asked: Asked) -> dict[str, Any]:
    """The tags that calls have had."""
    async with asked.store.reading() as connection:
        return {"tag_names": [row["individual_request_tag"] for row in await spent_by_tag(connection)]}


async def reset(asked: Asked) -> dict[str, str]:
    """Set the spend of all keys and teams to 0; rows of calls and totals of days stay. The master key alone may."""
    async with asked.store.writing("access") as connection:
        for table in (tables.keys, tables.teams):
            await connection.execute(update(table).values(spend=0.0))
    return {"message": "Spend for all API Keys and Teams reset successfully", "status": "success"}


async def refresh(asked: Asked) -> None:  # noqa: ARG001
    """Nothing to do: what is shown is always computed from what there is."""
    return


class ReportQuery(DaysQuery):
    """Of ``GET /global/spend/report``."""

    group_by: Literal["team", "customer", "api_key"] | None = "team"
    api_key: str | None = None
    internal_user_id: str | None = None
    team_id: str | None = None
    customer_id: str | None = None


async def report(asked: Asked, query: ReportQuery) -> list[dict[str, Any]]:
    """What days cost by team or customer, or what keys cost by model."""
    first, last = days(query.start_date, query.end_date)
    where = between(first, last)
    if query.team_id is not None:
        where.append(LOGS.c.team_id == query.team_id)
    if query.customer_id is not None:
        where.append(LOGS.c.end_user == query.customer_id)
    if query.api_key is not None or query.internal_user_id is not None or query.group_by == "api_key":
        if query.api_key is not None:
            key = query.api_key
            where.append(LOGS.c.api_key == (sha256(key.encode()).hexdigest() if key.startswith("sk-") else key))
        elif query.internal_user_id is not None:
            where.append(LOGS.c.user == query.internal_user_id)
        return await _by_key(asked, where)
    return await _by_holder(asked, where, customers=query.group_by == "customer")


async def _by_key(asked: Asked, where: Sequence[ColumnElement[bool]]) -> list[dict[str, Any]]:
    values: dict[str, ColumnElement[Any]] = {
        "total_cost": SPENT,
        "total_input_tokens": func.sum(LOGS.c.prompt_tokens),
        "total_output_tokens": func.sum(LOGS.c.completion_tokens),
    }
    by: dict[str, ColumnElement[Any]] = {"api_key": LOGS.c.api_key, "model": LOGS.c.model}
    async with asked.store.reading() as connection:
        found = await sums(connection, by, *where, values=values, order=[SPENT.desc()])
    told: dict[str, dict[str, Any]] = {}
    for row in found:
        key = row.pop("api_key")
        entry = told.setdefault(key, {"api_key": key, **dict.fromkeys(values, 0), "model_details": []})
        for name in values:
            row[name] = row[name] if name == "total_cost" else int(row[name])
            entry[name] += row[name]
        entry["model_details"].append(row)
    return sorted(told.values(), key=lambda entry: entry["total_cost"], reverse=True)


async def _by_holder(asked: Asked, where: Sequence[ColumnElement[bool]], *, customers: bool) -> list[dict[str, Any]]:
    day = day_of(LOGS.c.startTime, asked.store.dialect)
    whose = LOGS.c.end_user if customers else func.coalesce(tables.teams.c.team_alias, literal("Unassigned Team"))
    statement = (
        select(day, whose.label("holder"), LOGS.c.model, LOGS.c.api_key, SPENT, TOKENS)
        .select_from(LOGS.outerjoin(tables.teams, LOGS.c.team_id == tables.teams.c.team_id))
        .where(*where)
        .group_by(day, whose, LOGS.c.model, LOGS.c.api_key)
        .order_by(day)
    )
    told: dict[str, dict[str, dict[str, Any]]] = {}
    name, group = ("customer", "customers") if customers else ("team_name", "teams")
    async with asked.store.reading() as connection:
        for date, holder, model, key, spend, tokens in await connection.execute(statement):
            of_day = told.setdefault(date, {})
            entry = of_day.setdefault(holder, {name: holder, "total_spend": 0.0, "metadata": []})
            entry["total_spend"] += spend
            entry["metadata"].append({"model": model, "api_key": key, "spend": spend, "total_tokens": int(tokens)})
    return [
        {"group_by_day": datetime.fromisoformat(date).replace(tzinfo=UTC).isoformat(), group: [*entries.values()]}
        for date, entries in told.items()
    ]


def _narrowed(asked: Asked) -> list[ColumnElement[bool]]:
    """Internal users see what their own calls cost."""
    return [LOGS.c.user == (asked.caller.user_id or "")] if is_internal_user(asked.caller) else []
