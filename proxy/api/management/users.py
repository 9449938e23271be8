"""``/user/*``: users are made, looked up, listed, changed and deleted."""

import asyncio
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

from proxy.api.management.keys_errors import AUTH, INTERNAL, refusals
from proxy.api.management.operation import Asked
from proxy.api.management.users_models import (
    MOST_AT_ONCE,
    NEITHER,
    BulkUpdate,
    NewUser,
    OneUser,
    UpdateUser,
    UserChanges,
    UserList,
    Users,
    UserSearch,
)
from proxy.errors import DetailError, GatewayError
from proxy.management.keys_shown import shown_user
from proxy.management.passwords import hash_password
from proxy.management.users import change_everybody, change_user, make_user
from proxy.management.users import delete_users as remove_users
from proxy.management.users_access import check_view, check_viewers_fields, visible
from proxy.management.users_listing import Page, Search, everybodys, page_of, search_of, user_with_everything
from proxy.management.users_shown import new_user as shown_new_user
from proxy.store.rows import count
from proxy.store.tables import teams, users

ROLES: Final = {
    "proxy_admin": {
        "description": "admin over litellm proxy, has all permissions",
        "ui_label": "Admin (All Permissions)",
    },
    "proxy_admin_viewer": {"description": "view all keys, view all spend", "ui_label": "Admin (View Only)"},
    "internal_user": {
        "description": "view/create/delete their own keys, view their own spend",
        "ui_label": "Internal User (Create/Delete/View)",
    },
    "internal_user_viewer": {
        "description": "view their own keys, view their own spend",
        "ui_label": "Internal User (View Only)",
    },
}
"""Shown in dashboards, in the reference's words."""


async def new_user(asked: Asked, body: NewUser) -> Any:
    """Make a user, with a virtual key unless ``auto_create_key`` is false. The key is shown this once."""
    given = body.model_dump(exclude={"organization_id"})
    if body.organization_id is not None:
        given["organizations"] = list(dict.fromkeys([*(body.organizations or []), body.organization_id]))
    with refusals(INTERNAL):
        async with asked.store.writing("access") as connection:
            made = await make_user(connection, asked, given, with_key=body.auto_create_key)
    return shown_new_user(*made)


async def update_user(asked: Asked, body: UpdateUser) -> Any:
    """Change what is given of a user, who is made if there is none of that id or address."""
    given = await _hashed(body)
    with refusals(AUTH):
        check_viewers_fields(asked.caller, _path(asked), given)
        async with asked.store.writing("access") as connection:
            row = await change_user(connection, asked, given)
    return {"user_id": row["user_id"], "data": shown_user(row)}


async def bulk_update_users(asked: Asked, body: BulkUpdate) -> Any:
    """Change many users, each for itself, or all of them alike."""
    if body.all_users and body.user_updates is not None:
        return await _update_everybody(asked, body.user_updates)
    if not body.users:
        raise DetailError(400, {"error": NEITHER})
    _check_number(len(body.users))
    results: list[dict[str, Any]] = []
    for update in body.users:
        given = await _hashed(update)
        result = {"user_id": update.user_id, "user_email": update.user_email, "updated_user": None}
        try:
            async with asked.store.writing("access") as connection:
                row = await change_user(connection, asked, given)
        except GatewayError as error:
            results.append({**result, "success": False, "error": error.message})
            continue
        user_id = row["user_id"]
        shown = {"user_id": user_id, "data": shown_user(row)}
        results.append({**result, "user_id": user_id, "success": True, "error": None, "updated_user": shown})
    return _summary(results)


async def _update_everybody(asked: Asked, updates: UserChanges) -> Any:
    if not asked.caller.is_admin:
        raise DetailError(
            403, {"error": "Only proxy admins update all users. Name those that you may change in `users`"}
        )
    given = await _hashed(updates)
    async with asked.store.writing("access") as connection:
        total = await count(connection, users)
        if not total:
            raise DetailError(400, {"error": "No users found to update"})
        _check_number(total)
        rows, columns = await change_everybody(connection, asked, given)
    shown = {name: value for name, value in columns.items() if name != "password"}
    return _summary(
        [
            {
                "user_id": row["user_id"],
                "user_email": row["user_email"],
                "success": True,
                "error": None,
                "updated_user": {"user_id": row["user_id"], **shown},
            }
            for row in rows
        ]
    )


def _check_number(number: int) -> None:
    if number > MOST_AT_ONCE:
        raise DetailError(400, {"error": f"Maximum {MOST_AT_ONCE} users can be updated at once. Found {number} users."})


def _summary(results: list[dict[str, Any]]) -> dict[str, Any]:
    good = sum(result["success"] for result in results)
    return {
        "results": results,
        "total_requested": len(results),
        "successful_updates": good,
        "failed_updates": len(results) - good,
    }


async def _hashed(body: UserChanges) -> Mapping[str, Any]:
    """What was sent, the password as it is stored."""
    given = body.given()
    if given.get("password") is not None:
        given["password"] = await asyncio.to_thread(hash_password, given["password"])
    return given


async def delete_users(asked: Asked, body: Users) -> Any:
    """Delete users with their keys, invitations and memberships; the answer is their number."""
    async with asked.store.writing("access") as connection:
        return await remove_users(connection, asked, body.user_ids)


async def user_info(asked: Asked, query: OneUser) -> Any:
    """A user with keys and teams: the caller by default; admins are shown all keys and teams then."""
    user_id = query.user_id
    if user_id is not None and " " in user_id:
        user_id = _as_it_stands(asked)
    with refusals(INTERNAL):
        async with asked.store.reading() as connection:
            if user_id is None and asked.caller.is_admin:
                return await everybodys(connection)
            if user_id:
                with refusals(AUTH):
                    await check_view(connection, asked.caller, user_id)
            name = asked.caller.user_id if user_id is None else user_id
            found = None if name is None else await user_with_everything(connection, name)
        if found is None:
            raise DetailError(404, f"User {name} not found")
    return found


def _as_it_stands(asked: Asked) -> str | None:
    """The id in the query, in which a plus is a plus: addresses may have one."""
    match = re.search(r"user_id=([^&]*)", asked.request.url.query)
    return None if match is None else unquote(match[1])


async def list_users(asked: Asked, query: UserList) -> Any:
    """A page of the users that the caller may see."""
    search = Search(
        role=query.role,
        user_ids=query.user_ids,
        sso_user_ids=query.sso_user_ids,
        user_email=query.user_email,
        team=query.team,
    )
    page = Page(query.page, query.page_size, query.sort_by, query.sort_order)
    async with asked.store.reading() as connection:
        allowed = await visible(connection, asked.caller, _path(asked))
        return await page_of(connection, search, page, allowed)


async def search_users(asked: Asked, query: UserSearch) -> Any:
    """Ids and addresses that contain a text, the youngest users first."""
    page = Page(query.page, query.page_size)
    async with asked.store.reading() as connection:
        allowed = await visible(connection, asked.caller, _path(asked))
        return await search_of(connection, query.user_id, query.user_email, page, allowed)


async def available_users(asked: Asked) -> Any:
    """How many users and teams there are; there is no limit."""
    async with asked.store.reading() as connection:
        return {
            "total_users": None,
            "total_teams": None,
            "total_users_used": await count(connection, users),
            "total_teams_used": await count(connection, teams),
            "total_teams_remaining": None,
            "total_users_remaining": None,
        }


async def available_roles(_: Asked) -> Any:
    """The roles that users may be given."""
    return ROLES


def _path(asked: Asked) -> str:
    path: str = asked.request.url.path
    return path
