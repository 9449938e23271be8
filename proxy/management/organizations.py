"""Organizations and their members: made, changed, deleted; as rows and as clients see them."""

from collections.abc import Collection, Mapping
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import ColumnElement, func
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.durations import expires_at
from proxy.errors import DetailError
from proxy.management import keys_shown
from proxy.management.budgets import BUDGET_FIELDS, create_budget
from proxy.management.keys_changing import delete_keys
from proxy.management.object_permissions import object_permission, set_object_permission
from proxy.management.teams import users_called
from proxy.management.teams_changing import Deleter, delete_teams
from proxy.management.teams_shown import shown_budget, shown_team
from proxy.management.users_shown import joined
from proxy.store.rows import Row, add, change, find, find_all, remove
from proxy.store.tables import budgets, keys, organization_memberships, organizations, teams, users
from proxy.store.types import now

FOLDED: Final = ("model_rpm_limit", "model_tpm_limit")
"""Fields of a request that are kept in the metadata."""
_SHOWN: Final = (
    "organization_id",
    "organization_alias",
    "budget_id",
    "spend",
    "metadata",
    "models",
    "created_by",
    "updated_by",
    "object_permission_id",
    "created_at",
    "updated_at",
)
_RELATIONS: Final = ("teams", "users", "keys", "members", "object_permission")


async def create_organization(connection: AsyncConnection, fields: Mapping[str, Any], *, author: str) -> Row:
    """Store an organization, with a budget of its own unless it names one.

    Args:
        fields: as they were sent, with an id.

    Raises:
        DetailError: 400, the id is taken, or there is no such budget.
        ValueError: the duration of the budget is none.
    """
    organization_id = fields["organization_id"]
    if await find(connection, organizations, organization_id=organization_id) is not None:
        raise DetailError(400, {"error": f"Organization id = {organization_id} already exists. Choose another id"})
    budget_id = fields.get("budget_id")
    if budget_id is None:
        budget_id = (await create_budget(connection, fields, author=author))["budget_id"]
    else:
        await known_budget(connection, budget_id)
    values = {
        "organization_id": organization_id,
        "organization_alias": fields["organization_alias"],
        "budget_id": budget_id,
        "models": fields.get("models") or [],
        "metadata": folded(fields.get("metadata"), fields),
        "created_by": author,
        "updated_by": author,
    }
    if fields.get("object_permission") is not None:
        values["object_permission_id"] = await set_object_permission(connection, fields["object_permission"], None)
    return await add(connection, organizations, values)


async def update_organization(
    connection: AsyncConnection, organization: Row, fields: Mapping[str, Any], *, author: str
) -> Row:
    """Change what is given of an organization and its budget; nulls change nothing, metadata are added.

    Raises:
        DetailError: 400, there is no such budget.
        ValueError: the duration of the budget is none.
    """
    given = {name: value for name, value in fields.items() if value is not None}
    names = ("organization_alias", "models", "spend", "budget_id")
    values = {name: given[name] for name in names if name in given}
    if "budget_id" in values:
        await known_budget(connection, values["budget_id"])
    if "metadata" in given or any(name in given for name in FOLDED):
        values["metadata"] = folded({**organization["metadata"], **given.get("metadata", {})}, given)
    if "object_permission" in given:
        known = organization["object_permission_id"]
        values["object_permission_id"] = await set_object_permission(connection, given["object_permission"], known)
    await change_budget(connection, values.get("budget_id") or organization["budget_id"], given, author=author)
    where = organizations.c.organization_id == organization["organization_id"]
    [row] = await change(connection, organizations, {**values, "updated_by": author}, where)
    return row


async def delete_organization(connection: AsyncConnection, organization: Row, deleter: Deleter) -> None:
    """Delete an organization with its teams, its memberships and all their keys."""
    organization_id = organization["organization_id"]
    of_it = await find_all(connection, teams, teams.c.organization_id == organization_id)
    await delete_teams(connection, of_it, deleter)
    await delete_keys(
        connection,
        await find_all(connection, keys, keys.c.organization_id == organization_id),
        deleted_by=deleter.user,
        deleted_by_api_key=deleter.token,
        changed_by=deleter.changed_by,
    )
    memberships = organization_memberships
    await remove(connection, memberships, memberships.c.organization_id == organization_id)
    await remove(connection, organizations, organizations.c.organization_id == organization_id)


async def known_budget(connection: AsyncConnection, budget_id: str) -> Row:
    """A budget's row. Raises DetailError, 400."""
    row = await find(connection, budgets, budget_id=budget_id)
    if row is None:
        raise DetailError(400, {"error": f"Budget not found, budget_id={budget_id}. Create it via `/budget/new`"})
    return row


async def change_budget(connection: AsyncConnection, budget_id: str, given: Mapping[str, Any], *, author: str) -> None:
    """Change the fields of a budget that are given and no null.

    Raises:
        ValueError: its duration is none.
    """
    values = {name: given[name] for name in BUDGET_FIELDS if given.get(name) is not None}
    if not values:
        return
    if "budget_duration" in values:
        values["budget_reset_at"] = expires_at(values["budget_duration"], now())
    await change(connection, budgets, {**values, "updated_by": author}, budgets.c.budget_id == budget_id)


def folded(metadata: Mapping[str, Any] | None, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata with the ``FOLDED`` fields."""
    return {**(metadata or {}), **{name: fields[name] for name in FOLDED if fields.get(name) is not None}}


async def add_member(
    connection: AsyncConnection,
    organization_id: str,
    member: Mapping[str, Any],
    *,
    max_budget: float | None,
    author: str,
    new_user: Mapping[str, Any],
    only_new: bool = False,
) -> tuple[Row, Row]:
    """Make a user a member; who is no user yet becomes one.

    Args:
        only_new: whether users who exist outside of every organization are refused: being the only organization gives its
            admins power over them.

    Returns:
        the rows of the user and the membership.

    Raises:
        DetailError: 400, a member already, or several users have the address; 403.
    """
    if only_new:
        await _check_unowned(connection, member["user_id"], member["user_email"])
    user, is_new = await _user(connection, member["user_id"], member["user_email"], new_user)
    user_id = user["user_id"]
    where = {"user_id": user_id, "organization_id": organization_id}
    if await find(connection, organization_memberships, **where) is not None:
        raise DetailError(400, {"error": f"User={user_id} is already a member of organization={organization_id}"})
    values = {**where, "user_role": str(member["role"]), "made_user": is_new}
    if max_budget is not None:
        values["budget_id"] = (await create_budget(connection, {"max_budget": max_budget}, author=author))["budget_id"]
    return user, await add(connection, organization_memberships, values)


async def _check_unowned(connection: AsyncConnection, user_id: str | None, user_email: str | None) -> None:
    known = None if user_id is None else await find(connection, users, user_id=user_id)
    found = [known] if known is not None else [] if user_email is None else await users_called(connection, user_email)
    for user in found:
        if await find(connection, organization_memberships, user_id=user["user_id"]) is None:
            why = f"Only proxy admins add User={user['user_id']}, who is in no organization. Ask your proxy admin"
            raise DetailError(403, {"error": why})


async def user_called(connection: AsyncConnection, user_email: str) -> Row:
    """The one user with an address.

    Raises:
        DetailError: 400, there is none, or there are several.
    """
    found = await users_called(connection, user_email)
    if len(found) != 1:
        raise DetailError(
            400,
            {
                "error": f"Unique user not found for user_email={user_email}. Potential duplicate OR non-existent user_email in "
                "LiteLLM_UserTable. Use 'user_id' instead."
            },
        )
    return found[0]


async def found_organizations(
    connection: AsyncConnection, *where: ColumnElement[bool], whole: bool = False
) -> list[dict[str, Any]]:
    """Organizations with their members and teams, the oldest first.

    Args:
        whole: whether the members' users and the permissions are shown too.
    """
    rows = await find_all(
        connection, organizations, *where, order=(organizations.c.created_at, organizations.c.organization_id)
    )
    return [await shown_with_members(connection, row, whole=whole) for row in rows]


async def shown_with_members(connection: AsyncConnection, row: Row, *, whole: bool = False) -> dict[str, Any]:
    """A row of ``organizations`` with its members and teams; see :func:`found_organizations`."""
    organization_id = row["organization_id"]
    members, of_members = organization_memberships, organization_memberships.c.organization_id == organization_id
    of_it = await find_all(connection, members, of_members, order=(members.c.created_at, members.c.user_id))
    their_teams = await find_all(
        connection, teams, teams.c.organization_id == organization_id, order=(teams.c.created_at, teams.c.team_id)
    )
    people: dict[str, Row] = {}
    if whole and of_it:
        ids = [member["user_id"] for member in of_it]
        people = {user["user_id"]: user for user in await find_all(connection, users, users.c.user_id.in_(ids))}
    known = await _budgets(connection, [member["budget_id"] for member in of_it])
    permission = await object_permission(connection, row) if whole else None
    return {
        **await shown_organization(connection, row),
        "object_permission": permission,
        "members": [shown_membership(member, known, people.get(member["user_id"])) for member in of_it],
        "teams": [shown_team(team) for team in their_teams],
    }


async def shown_organization(connection: AsyncConnection, row: Row) -> dict[str, Any]:
    """A row of ``organizations`` with its budget."""
    return {
        **{name: row[name] for name in _SHOWN},
        "users": None,
        "litellm_budget_table": shown_budget(await find(connection, budgets, budget_id=row["budget_id"])),
        "object_permission": None,
    }


async def organization_record(connection: AsyncConnection, row: Row) -> dict[str, Any]:
    """All columns, as the older of the two operations that look organizations up answers them."""
    budget = await find(connection, budgets, budget_id=row["budget_id"])
    shown = None if budget is None else keys_shown.shown_budget(budget)
    return {**row, "litellm_budget_table": shown, **dict.fromkeys(_RELATIONS)}


def shown_membership(row: Row, known: Mapping[str, Row], user: Row | None = None) -> dict[str, Any]:
    """A row of ``organization_memberships``. ``known``: budgets by id."""
    return {
        **joined(row),
        "user": None if user is None else keys_shown.shown_user(user),
        "litellm_budget_table": shown_budget(known.get(row["budget_id"] or "")),
        "user_email": None if user is None else user["user_email"],
    }


def is_alias(part: str) -> ColumnElement[bool]:
    """Whether an organization's alias contains a text, however both are capitalised."""
    return func.lower(organizations.c.organization_alias).contains(part.lower(), autoescape=True)


async def _budgets(connection: AsyncConnection, ids: Collection[str | None]) -> dict[str, Row]:
    wanted = {budget_id for budget_id in ids if budget_id is not None}
    found = await find_all(connection, budgets, budgets.c.budget_id.in_(wanted)) if wanted else []
    return {row["budget_id"]: row for row in found}


async def _user(
    connection: AsyncConnection, user_id: str | None, user_email: str | None, new_user: Mapping[str, Any]
) -> tuple[Row, bool]:
    """The user who is meant, and whether it was made just now."""
    found = None if user_id is None else await find(connection, users, user_id=user_id)
    if found is None and user_email is not None:
        same = await users_called(connection, user_email)
        if len(same) > 1:
            why = "Multiple users with this email found in db. Please use 'user_id' instead."
            raise DetailError(400, {"error": why})
        if same and user_id not in (None, same[0]["user_id"]):
            why = f"user_email '{user_email}' and user_id '{user_id}' do not belong to the same user."
            raise DetailError(400, {"error": why})
        found = same[0] if same else None
    if found is not None:
        return found, False
    values = {"user_role": "internal_user", "user_email": user_email, **new_user}
    return await add(connection, users, {**values, "user_id": user_id or str(uuid4())}), True
