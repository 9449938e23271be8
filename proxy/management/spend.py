"""Questions about what was spent: rows of single calls, and sums of them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Date, String, cast, func, literal_column, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.auth.permissions import Role
from proxy.call import Identity
from proxy.store import tables
from proxy.store.rows import Row, find_all

LOGS = tables.spend_logs
HEAVY = frozenset(("messages", "response", "proxy_server_request"))
"""Columns that may be large, and are left out of pages."""
DAYS = 30
"""How far back the questions about recent spend look."""
_USERS = frozenset((Role.INTERNAL_USER, Role.INTERNAL_USER_VIEWER))


def sees_own_only(caller: Identity) -> bool:
    """Whether a caller sees no other's spend: everybody but admins, and those who may view as they do."""
    return not (caller.is_admin or caller.role in (Role.ADMIN, Role.ADMIN_VIEWER))


def administers_team(caller: Identity, team: Row) -> bool:
    """Whether a caller is an admin of the team of a row."""
    members = team["members_with_roles"] or ()
    named = any(member.get("user_id") == caller.user_id and member.get("role") == "admin" for member in members)
    return caller.user_id is not None and (named or caller.user_id in (team["admins"] or ()))


def is_internal_user(caller: Identity) -> bool:
    """Whether the reference narrows what is asked to the caller's own."""
    return caller.role in _USERS


def day_of(column: ColumnElement[datetime], dialect: str) -> ColumnElement[str]:
    """The UTC day of a moment, as ``2026-01-31``."""
    if dialect == "sqlite":
        return func.substr(type_coerce(column, String), 1, 10)
    return cast(cast(func.timezone("UTC", column), Date), String)


def between(first: date, last: date) -> list[ColumnElement[bool]]:
    """Calls that began on these days, or on one between."""
    start = datetime(first.year, first.month, first.day, tzinfo=UTC)
    end = datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(days=1)
    return [LOGS.c.startTime >= start, LOGS.c.startTime < end]


def recently(now: datetime) -> ColumnElement[bool]:
    """Calls of the last 30 days."""
    return LOGS.c.startTime >= now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=DAYS)


async def sums(
    connection: AsyncConnection,
    by: Mapping[str, ColumnElement[Any]],
    *where: ColumnElement[bool],
    values: Mapping[str, ColumnElement[Any]],
    order: Sequence[ColumnElement[Any]] = (),
    limit: int | None = None,
) -> list[Row]:
    """Rows with the columns of ``by``, and sums over the calls that share them."""
    columns = [column.label(name) for name, column in by.items()]
    statement = (
        select(*columns, *(value.label(name) for name, value in values.items()))
        .where(*where)
        .group_by(*by.values())
        .order_by(*order)
        .limit(limit)
    )
    return [dict(row) for row in (await connection.execute(statement)).mappings()]


SPENT: ColumnElement[float] = func.sum(LOGS.c.spend)
TOKENS: ColumnElement[int] = func.sum(LOGS.c.total_tokens)
CALLS: ColumnElement[int] = func.count()


async def spent_by_tag(connection: AsyncConnection, *where: ColumnElement[bool]) -> list[Row]:
    """``individual_request_tag``, ``log_count`` and ``total_spend``, the dearest first."""
    each = (
        func.json_each(LOGS.c.request_tags).table_valued("value")
        if connection.dialect.name == "sqlite"
        else func.jsonb_array_elements_text(LOGS.c.request_tags).table_valued("value")
    )
    statement = (
        select(
            each.c.value.label("individual_request_tag"),
            CALLS.label("log_count"),
            SPENT.label("total_spend"),
        )
        .select_from(LOGS, each)
        .where(*where)
        .group_by(literal_column("individual_request_tag"))
        .order_by(literal_column("total_spend").desc(), literal_column("individual_request_tag"))
    )
    return [dict(row) for row in (await connection.execute(statement)).mappings()]


async def log_rows(
    connection: AsyncConnection,
    *where: ColumnElement[bool],
    order: Sequence[ColumnElement[Any]] = (),
    limit: int | None = None,
    offset: int = 0,
    whole: bool = True,
) -> list[Row]:
    """Rows of calls; without ``whole``, their large columns are left out."""
    if whole:
        return await find_all(connection, LOGS, *where, order=order, limit=limit, offset=offset)
    columns = [column for column in LOGS.c if column.name not in HEAVY]
    statement = select(*columns).where(*where).order_by(*order).limit(limit).offset(offset or None)
    return [dict(row) for row in (await connection.execute(statement)).mappings()]
