"""``/key/info``, ``/key/list`` and what else shows keys."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.api.management.keys_errors import INTERNAL, refusals
from proxy.api.management.keys_models import KeyInfo, Keys, ListKeys
from proxy.api.management.operation import Asked
from proxy.errors import DetailError, GatewayError
from proxy.management import keys_listing, keys_shown
from proxy.management.keys import hash_of
from proxy.management.keys_access import may_see
from proxy.management.keys_listing import FILTERS, Asking, Page
from proxy.management.object_permissions import object_permission
from proxy.store.rows import Row, find, find_all
from proxy.store.tables import budgets, keys, users


async def key_info(asked: Asked, query: KeyInfo) -> Any:
    """A key, without its hash."""
    key = query.key or asked.caller.token or ""
    async with asked.store.reading() as connection:
        row = await find(connection, keys, token=hash_of(key))
        if row is None:
            raise GatewayError(404, "Key not found in database", type="not_found_error", param="key")
        if not await may_see(connection, asked.caller, row):
            refusal = f"You are not allowed to access this key's info. Your role={asked.caller.role}"
            raise GatewayError(403, refusal, type=INTERNAL)
        shown = await _whole(connection, row)
    del shown["token"]
    return {"key": key, "info": shown}


async def keys_info(asked: Asked, body: Keys | None = None) -> Any:
    """Several keys, as far as the caller may see them; unknown ones are left out."""
    if body is None:
        raise GatewayError(422, str({"message": "Malformed request. No keys passed in."}), type=INTERNAL)
    wanted = body.keys or []
    where = keys.c.token.in_(map(hash_of, wanted)) if wanted else keys.c.key_alias.in_(body.key_aliases or [])
    async with asked.store.reading() as connection:
        rows = await find_all(connection, keys, where, limit=1000)
        shown = [await _whole(connection, row) for row in rows if await may_see(connection, asked.caller, row)]
    return {"key": body.keys, "info": shown}


async def list_keys(asked: Asked, query: ListKeys) -> Any:
    """The keys that the caller sees, page by page: hashes, or whole objects."""
    with refusals(INTERNAL):
        if query.status not in (None, "deleted"):
            raise DetailError(400, {"error": "Invalid status value. Currently only 'deleted' is supported."})
        asking = Asking(
            filters={name: value for name in FILTERS if (value := getattr(query, name))},
            include_team_keys=query.include_team_keys,
            include_created_by_keys=query.include_created_by_keys,
            deleted=query.status == "deleted",
            sort_by=query.sort_by,
            sort_order=query.sort_order,
            page=query.page,
            size=query.size,
        )
        expanded = "user" in (query.expand or [])
        whole = query.return_full_object or expanded
        async with asked.store.reading() as connection:
            user = await keys_listing.check_list(connection, asked.caller, asking)
            page = await keys_listing.list_keys(connection, asked.caller, asking, user, whole=whole)
            shown = await _shown(connection, page, asking, expanded=expanded) if whole else _hashes(page)
    return {
        "keys": shown,
        "total_count": page.total,
        "current_page": query.page,
        "total_pages": -(-page.total // query.size),
    }


async def key_aliases(asked: Asked) -> Any:
    """The aliases of keys, sorted."""
    async with asked.store.reading() as connection:
        return {"aliases": await keys_listing.aliases(connection)}


async def key_health(asked: Asked) -> Any:  # noqa: ARG001 - that the caller was let in is the answer
    """Whether the caller's key works."""
    return {"key": "healthy", "logging_callbacks": None}


async def _whole(connection: AsyncConnection, row: Row) -> dict[str, Any]:
    budget = None if row["budget_id"] is None else await find(connection, budgets, budget_id=row["budget_id"])
    permission = await object_permission(connection, row)
    shown: dict[str, Any] = keys_shown.isoformatted(keys_shown.whole_row(row, budget=budget, permission=permission))
    return shown


async def _shown(connection: AsyncConnection, page: Page, asking: Asking, *, expanded: bool) -> list[Any]:
    if asking.deleted:
        return [keys_shown.deleted_record(row) for row in page.rows]
    permissions = await keys_listing.permissions_of(connection, page.rows)
    owners = await keys_listing.related(connection, page.rows, users, "user_id") if expanded else {}
    return [
        keys_shown.caller_record(row, permissions.get(row["object_permission_id"]), owners.get(row["user_id"]))
        for row in page.rows
    ]


def _hashes(page: Page) -> list[str]:
    return [row["token"] for row in page.rows]
