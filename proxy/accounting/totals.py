"""Sums of a batch of records: what each holder is charged, and what is added to daily totals."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.accounting.record import Record
from proxy.accounting.rows import NO_USAGE, count, moment
from proxy.store import tables
from proxy.store.accounts import Kind, member_id, model_id, parts_of_member
from proxy.store.types import now
from proxy.store.upsert import upsert

Charges = dict[tuple[Kind, str], float]
"""US dollars by kind and id of a holder."""

COUNTS: Final = (
    "prompt_tokens",
    "completion_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "api_requests",
    "successful_requests",
    "failed_requests",
)
KEY: Final = (
    "entity_type",
    "entity_id",
    "date",
    "api_key",
    "model",
    "custom_llm_provider",
    "mcp_namespaced_tool_name",
    "endpoint",
)
#: Where the spend of each kind of holder stands: table, and the column of its id.
PLACES: Final = {
    "key": (tables.keys, "token"),
    "user": (tables.users, "user_id"),
    "team": (tables.teams, "team_id"),
    "organization": (tables.organizations, "organization_id"),
    "project": (tables.projects, "project_id"),
    "tag": (tables.tags, "tag_name"),
}


def holders(record: Record) -> Iterable[tuple[Kind, str]]:
    """Whom a call is charged to."""
    if record.key:
        yield "key", record.key
    if record.user:
        yield "user", record.user
    if record.team:
        yield "team", record.team
        if record.user:
            yield "team_member", member_id(record.team, record.user)
    if record.organization:
        yield "organization", record.organization
    if record.project:
        yield "project", record.project
    if record.customer:
        yield "customer", record.customer
    if record.key and record.model_budget is not None:
        yield "key_model", model_id(record.key, record.model_budget[0])
    for tag in dict.fromkeys(record.tags):
        yield "tag", tag


def charges_of(records: Iterable[Record]) -> Charges:
    """By holder; also those who owe nothing, so that customers are known from their first call on."""
    charges: defaultdict[tuple[Kind, str], float] = defaultdict(float)
    for record in records:
        for holder in holders(record):
            charges[holder] += record.dollars
    return dict(charges)


async def charged(connection: AsyncConnection, records: Sequence[Record]) -> Sequence[Record]:
    """Records as they are to be charged: those of a key that was replaced meanwhile in the name of the one in its place."""
    table = tables.deprecated_keys.c
    statement = select(table.token, table.active_token_id).where(table.token.in_({record.key for record in records}))
    newest = {row.token: row.active_token_id for row in await connection.execute(statement)}
    if not newest:
        return records
    return [
        msgspec.structs.replace(record, key=newest[record.key]) if record.key in newest else record
        for record in records
    ]


async def add_charges(connection: AsyncConnection, charges: Charges) -> None:
    """Add to what stands in the rows; holders without one are left out, but customers are made.

    Rows are taken in one order, so that two processes never wait for each other.
    """
    for kind, (table, column) in PLACES.items():
        owed = [
            {"holder": holder, "dollars": dollars}
            for (of, holder), dollars in sorted(charges.items())
            if of == kind and (dollars or kind == "key")
        ]
        if owed:
            values: dict[str, Any] = {"spend": table.c.spend + bindparam("dollars")}
            if kind == "key":
                values["last_active"] = now()
            await connection.execute(update(table).where(table.c[column] == bindparam("holder")).values(values), owed)
    await _add_to_members(connection, charges)
    await _add_to_customers(connection, charges)


async def _add_to_members(connection: AsyncConnection, charges: Charges) -> None:
    table = tables.team_memberships
    owed = []
    for (kind, holder), dollars in sorted(charges.items()):
        if kind == "team_member" and dollars:
            team, user = parts_of_member(holder)
            owed.append({"team": team, "member": user, "dollars": dollars})
    if owed:
        whom = (table.c.team_id == bindparam("team"), table.c.user_id == bindparam("member"))
        await connection.execute(update(table).where(*whom).values(spend=table.c.spend + bindparam("dollars")), owed)


async def _add_to_customers(connection: AsyncConnection, charges: Charges) -> None:
    table = tables.customers
    owed = [
        {"user_id": holder, "spend": dollars, "blocked": False}
        for (kind, holder), dollars in sorted(charges.items())
        if kind == "customer"
    ]
    if owed:
        statement = upsert(connection, table)
        added = {"spend": table.c.spend + statement.excluded.spend}
        await connection.execute(statement.on_conflict_do_update(index_elements=[table.c.user_id], set_=added), owed)


async def add_daily(connection: AsyncConnection, records: Iterable[Record]) -> None:
    """Add to the totals of days."""
    totals: dict[tuple[str, ...], dict[str, Any]] = {}
    for record in records:
        for entity in _entities(record):
            _add(totals, entity, record)
    if totals:
        table = tables.daily_spend
        statement = upsert(connection, table)
        added = {name: table.c[name] + statement.excluded[name] for name in (*COUNTS, "spend")}
        added["updated_at"] = statement.excluded.updated_at
        rows = [totals[name] for name in sorted(totals)]
        await connection.execute(
            statement.on_conflict_do_update(index_elements=[table.c[name] for name in KEY], set_=added), rows
        )


def _entities(record: Record) -> Iterable[tuple[str, str]]:
    yield "user", record.user or ""
    if record.team:
        yield "team", record.team
    if record.organization:
        yield "organization", record.organization
    if record.customer:
        yield "customer", record.customer
    for tag in dict.fromkeys(record.tags):
        yield "tag", tag


def _add(totals: dict[tuple[str, ...], dict[str, Any]], entity: tuple[str, str], record: Record) -> None:
    failed = record.failed is not None
    usage = record.usage or NO_USAGE
    date = moment(record.started).date().isoformat()
    provider, endpoint = ("", "") if failed else (record.provider, record.endpoint)
    key = (*entity, date, record.key, record.model, provider, "", endpoint)
    row = totals.get(key)
    if row is None:
        stamp = now()
        row = totals[key] = {
            **dict(zip(KEY, key, strict=True)),
            "model_group": record.group,
            **dict.fromkeys(COUNTS, 0),
            "spend": 0.0,
            "created_at": stamp,
            "updated_at": stamp,
        }
    row["prompt_tokens"] += count(usage.prompt_tokens)
    row["completion_tokens"] += count(usage.completion_tokens)
    row["cache_read_input_tokens"] += count(usage.cached_tokens)
    row["cache_creation_input_tokens"] += count(usage.cache_creation_tokens)
    row["api_requests"] += 1
    row["failed_requests" if failed else "successful_requests"] += 1
    row["spend"] += record.dollars
