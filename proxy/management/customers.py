"""Customers: the end users whom calls name in ``user``."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.errors import GatewayError
from proxy.management.customers_budget import budget_fields, known_budget, own_budget, shown_budget_of
from proxy.management.keys_shown import isoformatted
from proxy.management.object_permissions import object_permission, set_object_permission
from proxy.management.teams_shown import BUDGET
from proxy.store.rows import Row, add, change, find, find_all
from proxy.store.tables import budgets, customers, object_permissions
from proxy.store.upsert import upsert

FIELDS: Final = ("alias", "blocked", "spend", "allowed_model_region", "default_model")
_SHOWN: Final = (
    "user_id",
    "alias",
    "blocked",
    "spend",
    "allowed_model_region",
    "default_model",
    "object_permission_id",
)


async def make_customer(connection: AsyncConnection, given: Mapping[str, Any], author: str) -> Row:
    """Store a customer, with a budget of his own where limits are given, else the shared one that is.

    Raises:
        DetailError: 400.
        GatewayError: 400, the id is taken.
    """
    fields = budget_fields(given)
    row = {name: given[name] for name in FIELDS if given.get(name) is not None} | {"user_id": given["user_id"]}
    if await find(connection, customers, user_id=given["user_id"]) is not None:
        raise taken(given["user_id"])
    if fields:
        row["budget_id"] = await own_budget(connection, None, fields, author)
    elif given.get("budget_id") is not None:
        row["budget_id"] = await known_budget(connection, given["budget_id"])
    if given.get("object_permission"):
        row["object_permission_id"] = await set_object_permission(connection, given["object_permission"], None)
    try:
        return await add(connection, customers, row)
    except IntegrityError:
        raise taken(given["user_id"]) from None


def taken(user_id: str) -> GatewayError:
    """400, in the reference's words."""
    message = f"Customer already exists, passed user_id={user_id}. Please pass a new user_id."
    return GatewayError(400, message, type="bad_request", param="user_id")


async def known_customer(connection: AsyncConnection, user_id: str, param: str) -> Row:
    """A customer's row. Raises GatewayError, 404; ``param`` is the field that it names."""
    row = await find(connection, customers, user_id=user_id)
    if row is None:
        raise GatewayError(404, f"End User Id={user_id} does not exist in db", type="not_found", param=param)
    return row


async def change_customer(connection: AsyncConnection, given: Mapping[str, Any], author: str) -> Row:
    """Change what is given of a customer; limits are those of his budget, shared or not, which is made if he has none.

    Raises:
        DetailError: 400.
        GatewayError: 404.
    """
    before = await known_customer(connection, given["user_id"], "user_id")
    fields = budget_fields({name: value for name, value in given.items() if value not in (None, 0, [], {})})
    values = {name: given[name] for name in FIELDS if given.get(name) not in (None, [], {})}
    if given.get("budget_id"):
        values["budget_id"] = await known_budget(connection, given["budget_id"])
    if fields:
        own = await own_budget(connection, before["budget_id"], fields, author)
        if before["budget_id"] != own:
            values["budget_id"] = own
    if given.get("object_permission"):
        known = before["object_permission_id"]
        values["object_permission_id"] = await set_object_permission(connection, given["object_permission"], known)
    if not values:
        return before
    [row] = await change(connection, customers, values, customers.c.user_id == given["user_id"])
    return row


async def block(connection: AsyncConnection, user_ids: list[str]) -> list[Row]:
    """Block customers; those who are not known yet are made."""
    rows = []
    for user_id in user_ids:
        statement = upsert(connection, customers).values(user_id=user_id, blocked=True)
        statement = statement.on_conflict_do_update(index_elements=[customers.c.user_id], set_={"blocked": True})
        found = await connection.execute(statement.returning(customers))
        rows.append(dict(found.mappings().one()))
    return rows


async def unblock(connection: AsyncConnection, user_ids: list[str]) -> list[Row]:
    """Let customers call again. Raises GatewayError, 404."""
    await _check_known(connection, user_ids)
    return await change(connection, customers, {"blocked": False}, customers.c.user_id.in_(user_ids))


async def delete_customers(connection: AsyncConnection, user_ids: list[str]) -> int:
    """Delete customers; how many there were. Raises GatewayError, 404."""
    await _check_known(connection, user_ids)
    await connection.execute(delete(customers).where(customers.c.user_id.in_(user_ids)))
    return len(set(user_ids))


async def _check_known(connection: AsyncConnection, user_ids: list[str]) -> None:
    known = {row["user_id"] for row in await find_all(connection, customers, customers.c.user_id.in_(user_ids))}
    if missing := [user_id for user_id in user_ids if user_id not in known]:
        words = f"End User Id(s)={', '.join(missing)} do not exist in db"
        raise GatewayError(404, words, type="not_found", param="user_ids")


async def whole_customer(connection: AsyncConnection, row: Row) -> dict[str, Any]:
    """A customer with budget and permissions, as changes answer it."""
    permission = await object_permission(connection, row)
    return {
        **row,
        "litellm_budget_table": isoformatted(await shown_budget_of(connection, row)),
        "object_permission": None if permission is None else {**permission, "projects": None},
    }


def bare_customer(row: Row) -> dict[str, Any]:
    """A customer as blocking answers it."""
    return {**row, "litellm_budget_table": None, "object_permission": None}


def shown_customer(row: Row, budget: Row | None, permission: Row | None) -> dict[str, Any]:
    """A customer as ``/customer/info`` and lists answer it."""
    return {
        **{name: row[name] for name in _SHOWN},
        "litellm_budget_table": None if budget is None else {name: budget[name] for name in BUDGET},
        "object_permission": permission,
    }


async def all_customers(connection: AsyncConnection) -> list[dict[str, Any]]:
    """Everybody, with budgets and permissions."""
    rows = await find_all(connection, customers, order=[customers.c.user_id])
    shared = await find_all(connection, budgets, budgets.c.budget_id.in_(select(customers.c.budget_id)))
    known = {row["budget_id"]: row for row in shared}
    permitted = object_permissions.c.object_permission_id
    given = await find_all(connection, object_permissions, permitted.in_(select(customers.c.object_permission_id)))
    permissions = {row["object_permission_id"]: row for row in given}
    return [
        shown_customer(row, known.get(row["budget_id"]), permissions.get(row["object_permission_id"])) for row in rows
    ]
