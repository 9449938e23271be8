"""``/{user,team,tag,organization,customer,agent}/daily/activity``: what days cost, with everything they consist of."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.api.management.operation import Asked
from proxy.api.management.spend_dates import days
from proxy.api.management.validation import Query
from proxy.errors import DetailError
from proxy.management.spend import administers_team, sees_own_only
from proxy.store import tables
from proxy.store.rows import Row, count, find, find_all

DAILY = tables.daily_spend
COUNTS = (
    "spend",
    "prompt_tokens",
    "completion_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "successful_requests",
    "failed_requests",
    "api_requests",
)
GROUPED = (
    "date",
    "api_key",
    "model",
    "model_group",
    "custom_llm_provider",
    "mcp_namespaced_tool_name",
    "endpoint",
)
#: Parts of a day: the column that tells them apart.
PARTS = {
    "mcp_servers": "mcp_namespaced_tool_name",
    "models": "model",
    "model_groups": "model_group",
    "providers": "custom_llm_provider",
    "endpoints": "endpoint",
}
PERMISSION = "/team/daily/activity"
Metrics = dict[str, Any]


class DailyQuery(Query):
    """Days, and what is wanted of them."""

    start_date: str | None = None
    end_date: str | None = None
    model: str | None = None
    api_key: str | None = None
    page: Annotated[int, Field(ge=1, le=10**9)] = 1
    page_size: Annotated[int, Field(ge=1, le=1000)] = 10


class UserQuery(DailyQuery):
    """Of users."""

    user_id: str | None = None
    page_size: Annotated[int, Field(ge=1, le=1000)] = 50
    timezone: Annotated[int | None, Field(ge=-1440, le=1440)] = None
    """Minutes that the client's clock is behind UTC."""


async def of_users(asked: Asked, query: UserQuery) -> dict[str, Any]:
    """What days cost: everybody's for admins, or one user's. Others see their own."""
    return await _paged(asked, query, "user", _wanted_user(asked, query), offset=query.timezone or 0)


async def of_users_together(asked: Asked, query: UserQuery) -> dict[str, Any]:
    """The same, all days at once, not split by user."""
    where = _where(query, "user", _wanted_user(asked, query), offset=query.timezone or 0)
    columns = [DAILY.c[name] for name in GROUPED]
    totals = [func.sum(DAILY.c[name]).label(name) for name in COUNTS]
    statement = select(*columns, *totals).where(*where).group_by(*columns).order_by(DAILY.c.date.desc())
    async with asked.store.reading() as connection:
        rows = [dict(row) for row in (await connection.execute(statement)).mappings()]
        names = await _names_of_keys(connection, rows)
    for row in rows:
        row.update({name: int(row[name]) for name in COUNTS if name != "spend"})
    return _told(rows, names, None, page=1, pages=1, more=False)


class TeamQuery(DailyQuery):
    """Of teams; ids with commas between."""

    team_ids: str | None = None
    exclude_team_ids: str | None = None


async def of_teams(asked: Asked, query: TeamQuery) -> dict[str, Any]:
    """What days cost teams. Members see their own keys' part, admins of a team all of it."""
    wanted, keys = _ids(query.team_ids), None
    async with asked.store.reading() as connection:
        if sees_own_only(asked.caller):
            wanted, keys = await _own_teams(connection, asked, wanted)
        table = tables.teams
        found = await find_all(connection, table, *([] if wanted is None else [table.c.team_id.in_(wanted)]))
    names = {row["team_id"]: {"team_alias": row["team_alias"]} for row in found}
    return await _paged(asked, query, "team", wanted, names=names, left_out=_ids(query.exclude_team_ids), keys=keys)


async def _own_teams(
    connection: AsyncConnection, asked: Asked, wanted: list[str] | None
) -> tuple[list[str], list[str] | None]:
    """The teams that a caller may ask for, and its keys when it may see no others' spend.

    Raises:
        DetailError: 404, it is in no such team.
    """
    user = await find(connection, tables.users, user_id=asked.caller.user_id or "")
    if user is None:
        raise DetailError(404, {"error": f"User= {asked.caller.user_id} not found"})
    for team in wanted or ():
        if team not in user["teams"]:
            told = f"User does not belong to Team= {team}. Call `/user/info` to see user's teams"
            raise DetailError(404, {"error": told})
    teams: list[str] = wanted or list(user["teams"])
    rows = await find_all(connection, tables.teams, tables.teams.c.team_id.in_(teams))
    if rows and all(
        administers_team(asked.caller, row) or PERMISSION in row["team_member_permissions"] for row in rows
    ):
        return teams, None
    keys = await find_all(connection, tables.keys, tables.keys.c.user_id == asked.caller.user_id)
    return teams, [row["token"] for row in keys]


class TagQuery(DailyQuery):
    """Of tags; names with commas between."""

    tags: str | None = None


async def of_tags(asked: Asked, query: TagQuery) -> dict[str, Any]:
    """What days cost by tag. A call with several tags counts for each."""
    return await _paged(asked, query, "tag", _ids(query.tags))


class OrganizationQuery(DailyQuery):
    """Of organizations; ids with commas between."""

    organization_ids: str | None = None
    exclude_organization_ids: str | None = None


async def of_organizations(asked: Asked, query: OrganizationQuery) -> dict[str, Any]:
    """What days cost organizations. Callers who are no admins see those that they administer."""
    wanted = _ids(query.organization_ids)
    if sees_own_only(asked.caller):
        own = asked.caller.administers
        for name in wanted or ():
            if name not in own:
                raise DetailError(403, {"error": f"User is not org_admin for Organization= {name}."})
        wanted = wanted or sorted(own)
    table = tables.organizations
    async with asked.store.reading() as connection:
        found = await find_all(connection, table, *([] if wanted is None else [table.c.organization_id.in_(wanted)]))
    names = {row["organization_id"]: {"organization_alias": row["organization_alias"]} for row in found}
    excluded = _ids(query.exclude_organization_ids)
    return await _paged(asked, query, "organization", wanted, names=names, left_out=excluded)


class CustomerQuery(DailyQuery):
    """Of customers; ids with commas between."""

    end_user_ids: str | None = None
    exclude_end_user_ids: str | None = None


async def of_customers(asked: Asked, query: CustomerQuery) -> dict[str, Any]:
    """What days cost by customer."""
    wanted, table = _ids(query.end_user_ids), tables.customers
    async with asked.store.reading() as connection:
        found = await find_all(connection, table, *([] if wanted is None else [table.c.user_id.in_(wanted)]))
    names = {row["user_id"]: {"alias": row["alias"]} for row in found}
    return await _paged(asked, query, "customer", wanted, names=names, left_out=_ids(query.exclude_end_user_ids))


class AgentQuery(DailyQuery):
    """Of agents; ids with commas between."""

    agent_ids: str | None = None
    exclude_agent_ids: str | None = None


async def of_agents(asked: Asked, query: AgentQuery) -> dict[str, Any]:
    """What days cost by agent."""
    return await _paged(asked, query, "agent", _ids(query.agent_ids), left_out=_ids(query.exclude_agent_ids))


def _wanted_user(asked: Asked, query: UserQuery) -> list[str] | None:
    own = asked.caller.user_id
    if not sees_own_only(asked.caller):
        return None if query.user_id is None else [query.user_id]
    if query.user_id not in (None, own):
        raise DetailError(403, {"error": "Non-admin users can only view their own spend data."})
    return [own or ""]


def _ids(text: str | None) -> list[str] | None:
    return text.split(",") if text else None


async def _paged(
    asked: Asked,
    query: DailyQuery,
    kind: str,
    wanted: Sequence[str] | None,
    *,
    names: Mapping[str, Any] | None = None,
    left_out: Sequence[str] | None = None,
    keys: Sequence[str] | None = None,
    offset: int = 0,
) -> dict[str, Any]:
    where = _where(query, kind, wanted, offset=offset)
    if left_out:
        where.append(DAILY.c.entity_id.not_in(left_out))
    if keys is not None:
        where.append(DAILY.c.api_key.in_(keys))
    order = [DAILY.c.date.desc(), DAILY.c.entity_id, DAILY.c.api_key, DAILY.c.model, DAILY.c.endpoint]
    async with asked.store.reading() as connection:
        total = await count(connection, DAILY, *where)
        rows = await find_all(
            connection, DAILY, *where, order=order, limit=query.page_size, offset=(query.page - 1) * query.page_size
        )
        of_keys = await _names_of_keys(connection, rows)
    pages = -(-total // query.page_size)
    return _told(rows, of_keys, names or {}, page=query.page, pages=pages, more=query.page * query.page_size < total)


def _where(query: DailyQuery, kind: str, wanted: Sequence[str] | None, *, offset: int) -> list[ColumnElement[bool]]:
    """``offset``: minutes that a day of the client begins after that of UTC; days at the edge are taken whole."""
    first, last = days(query.start_date, query.end_date)
    if offset > 0:
        last += timedelta(days=1)
    elif offset < 0:
        first -= timedelta(days=1)
    where = [
        DAILY.c.entity_type == kind,
        DAILY.c.date >= first.date().isoformat(),
        DAILY.c.date <= last.date().isoformat(),
    ]
    if query.model:
        where.append(DAILY.c.model == query.model)
    if query.api_key:
        where.append(DAILY.c.api_key == query.api_key)
    if wanted is not None:
        where.append(DAILY.c.entity_id.in_(wanted))
    return where


async def _names_of_keys(connection: AsyncConnection, rows: Iterable[Row]) -> dict[str, Row]:
    """Alias and team of the keys that rows name; deleted ones too."""
    wanted = {row["api_key"] for row in rows if row["api_key"]}
    names: dict[str, Row] = {}
    for table in (tables.deleted_keys, tables.keys):
        columns = (table.c.token, table.c.key_alias, table.c.team_id)
        if wanted:
            for token, alias, team in await connection.execute(select(*columns).where(table.c.token.in_(wanted))):
                names[token] = {"key_alias": alias, "team_id": team}
    return names


def _told(
    rows: Iterable[Row],
    names: Mapping[str, Row],
    entities: Mapping[str, Any] | None,
    *,
    page: int,
    pages: int,
    more: bool,
) -> dict[str, Any]:
    """Days, newest first, and their sum. ``entities``: what is known of each; ``None``: rows are not told apart by them."""
    told: dict[str, dict[str, Any]] = {}
    total = _no_metrics()
    for row in rows:
        entry = told.get(row["date"])
        if entry is None:
            parts: dict[str, dict[str, Any]] = {name: {} for name in (*PARTS, "api_keys", "entities")}
            entry = told[row["date"]] = {"date": row["date"], "metrics": _no_metrics(), "breakdown": parts}
        _add(total, row)
        _add(entry["metrics"], row)
        _break_down(entry["breakdown"], row, names, entities)
    return {
        "results": sorted(told.values(), key=lambda entry: entry["date"], reverse=True),
        "metadata": {
            **{f"total_{name.removeprefix('total_')}": value for name, value in total.items()},
            "page": page,
            "total_pages": pages,
            "has_more": more,
        },
    }


def _break_down(parts: dict[str, Any], row: Row, names: Mapping[str, Row], entities: Mapping[str, Any] | None) -> None:
    whose = names.get(row["api_key"], {"key_alias": None, "team_id": None})
    for part, column in PARTS.items():
        name = row[column] or ("unknown" if part == "providers" else None)
        if name is not None:
            _add_key(_part(parts[part], name, {}, row), row, whose)
    _add_key(parts["api_keys"], row, whose)
    if entities is not None:
        name = row["entity_id"] or "Unassigned"
        _add_key(_part(parts["entities"], name, entities.get(name, {}), row), row, whose)


def _part(part: dict[str, Any], name: str, about: Any, row: Row) -> dict[str, Any]:
    """Add to what is told of one name; its keys."""
    entry = part.get(name)
    if entry is None:
        entry = part[name] = {"metrics": _no_metrics(), "metadata": about, "api_key_breakdown": {}}
    _add(entry["metrics"], row)
    keys: dict[str, Any] = entry["api_key_breakdown"]
    return keys


def _add_key(part: dict[str, Any], row: Row, whose: Row) -> None:
    entry = part.get(row["api_key"])
    if entry is None:
        entry = part[row["api_key"]] = {"metrics": _no_metrics(), "metadata": dict(whose)}
    _add(entry["metrics"], row)


def _no_metrics() -> Metrics:
    return {"spend": 0.0, **dict.fromkeys(COUNTS[1:], 0), "total_tokens": 0}


def _add(metrics: Metrics, row: Row) -> None:
    for name in COUNTS:
        metrics[name] += row[name]
    metrics["total_tokens"] += row["prompt_tokens"] + row["completion_tokens"]
