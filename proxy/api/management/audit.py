"""``/audit``: who changed what. Changes are recorded with ``litellm_settings.store_audit_logs``."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import ColumnElement

from proxy.api.management.keys_models import in_reach
from proxy.api.management.operation import Asked
from proxy.api.management.validation import Query
from proxy.errors import DetailError
from proxy.store.rows import count, find, find_all
from proxy.store.tables import audit_log

_EQUAL = ("changed_by", "changed_by_api_key", "action", "table_name", "object_id")


class ListChanges(Query):
    """``/audit``."""

    page: Annotated[int, Field(ge=1, le=10**15)] = 1
    page_size: Annotated[int, Field(ge=1, le=100)] = 10
    changed_by: str | None = None
    changed_by_api_key: str | None = None
    action: str | None = None
    table_name: str | None = None
    object_id: str | None = None
    start_date: str | None = None
    end_date: str | None = None
    sort_by: str | None = None
    sort_order: str = "desc"


async def list_changes(asked: Asked, query: ListChanges) -> Any:
    """Changes, the latest first unless another order is asked for."""
    where: list[ColumnElement[bool]] = [
        audit_log.c[name] == value for name in _EQUAL if (value := getattr(query, name))
    ]
    if query.start_date:
        where.append(audit_log.c.updated_at >= _moment("start_date", query.start_date))
    if query.end_date:
        where.append(audit_log.c.updated_at <= _moment("end_date", query.end_date))
    order = _order(query.sort_by or "updated_at", query.sort_order)
    async with asked.store.reading() as connection:
        offset = (query.page - 1) * query.page_size
        rows = await find_all(connection, audit_log, *where, order=order, limit=query.page_size, offset=offset)
        total = await count(connection, audit_log, *where)
    return {
        "audit_logs": rows,
        "total": total,
        "page": query.page,
        "page_size": query.page_size,
        "total_pages": -(-total // query.page_size),
    }


async def one_change(asked: Asked) -> Any:
    """One change, by its id."""
    identifier = asked.path["id"]
    async with asked.store.reading() as connection:
        row = await find(connection, audit_log, id=identifier)
    if row is None:
        raise DetailError(404, {"message": f"Audit log with ID {identifier} not found"})
    return row


def _order(name: str, direction: str) -> list[ColumnElement[Any]]:
    if name not in audit_log.c or name in ("before_value", "updated_values"):
        columns = ", ".join((*_EQUAL, "updated_at", "id"))
        raise DetailError(400, {"message": f"sort_by={name} is no column; write one of {columns}"})
    if direction not in ("asc", "desc"):
        raise DetailError(400, {"message": f"sort_order={direction} is none; write asc or desc"})
    column, last = audit_log.c[name], audit_log.c.id
    return [column.desc(), last.desc()] if direction == "desc" else [column.asc(), last.asc()]


def _moment(name: str, text: str) -> datetime:
    try:
        moment = in_reach(datetime.fromisoformat(text))
    except ValueError:
        raise DetailError(400, {"message": f"{name} is no date; write 2026-01-31 or 2026-01-31T00:00:00Z"}) from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
