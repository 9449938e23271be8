"""Users: made, with a key of their own, changed and deleted."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple
from uuid import uuid4

from sqlalchemy import delete, true
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.config.model import ProxyConfig
from proxy.durations import reset_at
from proxy.errors import DetailError
from proxy.management.audit import Action, Actor, record
from proxy.management.budgets import create_budget
from proxy.management.keys import InvalidDuration, create_key
from proxy.management.keys_changing import delete_keys
from proxy.management.model_budgets import check_model_budgets
from proxy.management.object_permissions import set_object_permission
from proxy.management.teams import add_member, locked_team, users_called
from proxy.management.users_access import check_change, check_removal, check_role, check_team, organizations_to_join
from proxy.store.rows import Row, add, change, find, find_all
from proxy.store.tables import (
    invitations,
    keys,
    organization_memberships,
    organizations,
    team_memberships,
    teams,
    users,
)
from proxy.store.types import now

FOLDED: Final = ("model_rpm_limit", "model_tpm_limit", "guardrails", "policies", "prompts")
"""Fields of a new user that are kept in the metadata."""
FOLDED_LATER: Final = ("model_rpm_limit", "model_tpm_limit", "guardrails", "prompts")
ANYBODY: Final = "anybody"
ON_KEYS_ONLY: Final = ("key_alias", "duration", "config", "permissions", "aliases", "blocked")
_COLUMNS: Final = frozenset(users.c.keys()) - {"teams", "object_permission_id"}
_OF_KEY: Final = (
    "key_alias",
    "duration",
    "models",
    "aliases",
    "config",
    "spend",
    "team_id",
    "max_parallel_requests",
    "metadata",
    "tpm_limit",
    "rpm_limit",
    "allowed_cache_controls",
    "permissions",
    "model_max_budget",
    "blocked",
    "object_permission_id",
)


class Made(NamedTuple):
    """A new user, and the key that was made for it."""

    user: Row
    key: str | None
    key_row: Row | None


async def make_user(connection: AsyncConnection, actor: Actor, given: Mapping[str, Any], *, with_key: bool) -> Made:
    """Store a new user, with a key, in its teams and organizations; those that are not there are passed over.

    Args:
        connection: of a transaction that writes ``access``.
        given: the fields of ``/user/new``, those that were not sent with their defaults.

    Raises:
        DetailError: 400, 403 or 409.
    """
    values = with_defaults(actor.gateway.snapshot.config, given)
    check_numbers(values)
    check_role(actor.caller, values["user_role"])
    joined = organizations_to_join(actor.caller, values.get("organizations") or [])
    await _check_free(connection, values)
    values["metadata"] = {**(values["metadata"] or {}), **_present(values, FOLDED)}
    if values.get("object_permission"):
        values["object_permission_id"] = await set_object_permission(connection, values["object_permission"], None)
    row = {name: value for name, value in values.items() if name in users.c and name != "teams" and value is not None}
    row.pop("policies", None)
    if period := values.get("budget_duration"):
        row["budget_reset_at"] = reset_at(period, now())
    try:
        user = await add(connection, users, row)
    except IntegrityError:
        raise _taken("id", values["user_id"]) from None
    key, key_row = await _first_key(connection, values) if with_key else (None, None)
    named = given.get("teams") is not None or given.get("team_id") is not None
    await _join_teams(connection, actor, user, values, named=named)
    await _join_organizations(connection, user, joined)
    await record(connection, actor, "created", "users", user["user_id"], None, user)
    return Made(user, key, key_row)


def with_defaults(config: ProxyConfig, given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a new user, completed by ``default_internal_user_params`` and the limits of internal users."""
    values = dict(given)
    values["user_id"] = str(uuid4()) if values.get("user_id") is None else values["user_id"]
    other = config.settings.other
    defaults = other.get("default_internal_user_params") or {}
    for name, value in defaults.items():
        missing = values.get(name) is None or (name == "models" and not values[name])
        if missing and (given.get("user_role") != "proxy_admin" or name == "teams"):
            values[name] = value
    if given.get("user_role") == "internal_user":
        _limit_internal(config, values)
    return values


def _limit_internal(config: ProxyConfig, values: dict[str, Any]) -> None:
    other = config.settings.other
    for name, setting in (
        ("max_budget", "max_internal_user_budget"),
        ("budget_duration", "internal_user_budget_duration"),
    ):
        if values.get(name) is None and other.get(setting) is not None:
            values[name] = other[setting]


def check_numbers(values: Mapping[str, Any]) -> None:
    """Refuse what can be no budget, and spend that would add to one. Raises DetailError, 400."""
    check_model_budgets(values.get("model_max_budget"))
    for name in ("max_budget", "spend"):
        amount = values.get(name)
        if amount is not None and amount < 0:
            raise DetailError(400, {"error": f"{name} cannot be negative. Received: {amount}"})


def _present(values: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: values[name] for name in names if values.get(name) is not None}


async def _check_free(connection: AsyncConnection, values: Mapping[str, Any]) -> None:
    user_id, email, provider_id = values["user_id"].strip(), (values["user_email"] or "").strip(), values["sso_user_id"]
    if user_id and await find(connection, users, user_id=user_id):
        raise _taken("id", user_id)
    if email and (same := await users_called(connection, email)):
        raise _taken("email", same[0]["user_email"])
    if provider_id is not None and await find(connection, users, sso_user_id=provider_id):
        raise _taken("sso_user_id", provider_id)


def _taken(label: str, value: str) -> DetailError:
    return DetailError(409, {"error": f"User with {label} {value} already exists"})


async def _first_key(connection: AsyncConnection, values: Mapping[str, Any]) -> tuple[str, Row]:
    of_key = {name: values.get(name) for name in _OF_KEY} | {"user_id": values["user_id"]}
    try:
        return await create_key(connection, of_key, author=None)
    except InvalidDuration as error:
        raise DetailError(400, {"error": f"{error}: {error.field} {error.duration!r}"}) from None


async def _join_teams(
    connection: AsyncConnection, actor: Actor, user: Row, values: Mapping[str, Any], *, named: bool
) -> None:
    """``named``: whether the caller named the teams; else they are everybody's, and he need not be their admin."""
    wanted = {values["team_id"]: {}} if values.get("team_id") else _wishes(values.get("teams") or ())
    if not wanted:
        return
    found = await find_all(connection, teams, teams.c.team_id.in_(wanted), order=[teams.c.team_id])
    for team in found:
        if named:
            check_team(actor.caller, team)
        wish = wanted[team["team_id"]]
        budget_id = None
        if (budget := wish.get("max_budget_in_team")) is not None:
            budget_id = (await create_budget(connection, {"max_budget": budget}, author=actor.user))["budget_id"]
        role = wish.get("user_role") or "user"
        email = values["user_email"]
        await add_member(connection, team, user_id=user["user_id"], user_email=email, role=role, budget_id=budget_id)


def _wishes(wanted: Iterable[Any]) -> dict[str, Mapping[str, Any]]:
    """By id of a team: role and budget there."""
    wishes = ((item, {}) if isinstance(item, str) else (item.get("team_id"), item) for item in wanted)
    return {team_id: wish for team_id, wish in wishes if isinstance(team_id, str)}


async def _join_organizations(connection: AsyncConnection, user: Row, wanted: Iterable[str]) -> None:
    for row in await find_all(connection, organizations, organizations.c.organization_id.in_(list(wanted))):
        membership = {
            "user_id": user["user_id"],
            "organization_id": row["organization_id"],
            "user_role": "internal_user",
            "made_user": True,
        }
        await add(connection, organization_memberships, membership)


async def change_user(connection: AsyncConnection, actor: Actor, given: Mapping[str, Any]) -> Row:
    """Change a user, or make one where nobody has the id or the address.

    Everything is checked before something is written: what is refused has changed nothing.

    Args:
        connection: of a transaction that writes ``access``.
        given: the fields that were sent; ``password`` as :func:`proxy.management.passwords.hash_password` has it.

    Raises:
        DetailError: 400, 403 or 409.
    """
    user = await _meant(connection, given)
    await check_change(connection, actor.caller, user, given)
    values = changed_columns(actor.gateway.snapshot.config, given, user["metadata"] if user else {})
    if email := values.get("user_email"):
        same = [
            row for row in await users_called(connection, email) if user is None or row["user_id"] != user["user_id"]
        ]
        if same:
            raise _taken("email", same[0]["user_email"])
    if given.get("object_permission"):
        known = None if user is None else user["object_permission_id"]
        values["object_permission_id"] = await set_object_permission(connection, given["object_permission"], known)
    if user is None:
        changed = await add(connection, users, {**values, "user_id": given.get("user_id") or str(uuid4())})
    else:
        [changed] = await change(connection, users, values, users.c.user_id == user["user_id"])
    action: Action = "updated" if user else "created"
    await record(connection, actor, action, "users", changed["user_id"], user, changed)
    return changed


async def change_everybody(
    connection: AsyncConnection, actor: Actor, given: Mapping[str, Any]
) -> tuple[list[Row], Row]:
    """Change all users alike: their rows, the youngest first, and the columns that were set.

    Raises:
        DetailError: 400.
    """
    columns = changed_columns(actor.gateway.snapshot.config, {**given, "user_id": ANYBODY}, {})
    for name in ("user_email", *(() if "metadata" in given else ("metadata",))):
        columns.pop(name, None)
    if columns:
        await change(connection, users, columns, true())
    rows = await find_all(connection, users, order=[users.c.created_at.desc(), users.c.user_id])
    await record(connection, actor, "updated", "users", actor.user, {"users": len(rows)}, columns)
    return rows, columns


def changed_columns(config: ProxyConfig, given: Mapping[str, Any], metadata: Mapping[str, Any]) -> Row:
    """The columns that a change sets. Empty values change nothing, but ``max_budget`` may be taken away.

    Args:
        metadata: as it is.

    Raises:
        DetailError: 400.
    """
    values = {name: value for name, value in given.items() if value not in (None, [], {})}
    if wrong := [name for name in ON_KEYS_ONLY if name in values]:
        raise DetailError(400, f"{', '.join(wrong)} cannot be set on a user: keys have that, see /key/update")
    check_numbers(values)
    columns = {name: value for name, value in values.items() if name in _COLUMNS and name != "user_id"}
    if "max_budget" in given:
        columns["max_budget"] = given["max_budget"]
    if not given.get("user_id"):
        columns["user_email"] = given["user_email"]
    if given.get("user_role") == "internal_user":
        _limit_internal(config, columns)
    if period := columns.get("budget_duration"):
        columns["budget_reset_at"] = reset_at(period, now())
    columns["metadata"] = {**values.get("metadata", metadata), **_present(values, FOLDED_LATER)}
    return columns


async def _meant(connection: AsyncConnection, given: Mapping[str, Any]) -> Row | None:
    if user_id := given.get("user_id"):
        return await find(connection, users, user_id=user_id)
    email = given.get("user_email")
    if not email:
        raise DetailError(400, "Either user_id or user_email must be provided")
    same = await users_called(connection, email)
    exact = [row for row in same if row["user_email"] == email]
    return next(iter(sorted(exact or same, key=lambda row: row["created_at"])), None)


async def delete_users(connection: AsyncConnection, actor: Actor, user_ids: list[str]) -> int:
    """Delete users with their keys, invitations and memberships; how many there were.

    Raises:
        DetailError: 404, there is no such user; 403.
    """
    for user_id in user_ids:
        user = await find(connection, users, user_id=user_id)
        if user is None:
            raise DetailError(404, {"error": f"User not found, passed user_id={user_id}"})
        await check_removal(connection, actor.caller, user)
    gone = await find_all(connection, users, users.c.user_id.in_(user_ids), order=[users.c.user_id])
    for user in gone:
        await record(connection, actor, "deleted", "users", user["user_id"], user, None)
    await _leave_teams(connection, gone)
    await delete_keys(
        connection,
        await find_all(connection, keys, keys.c.user_id.in_(user_ids)),
        deleted_by=actor.user,
        deleted_by_api_key=actor.caller.token,
        changed_by=actor.changed_by,
    )
    for table in (invitations, organization_memberships, team_memberships, users):
        await connection.execute(delete(table).where(table.c.user_id.in_(user_ids)))
    return len(gone)


async def _leave_teams(connection: AsyncConnection, gone: Iterable[Row]) -> None:
    ids = {user["user_id"] for user in gone}
    addresses = {user["user_email"] for user in gone} - {None}
    for team_id in sorted({team_id for user in gone for team_id in user["teams"]}):
        team = await locked_team(connection, team_id)
        if team is None:
            continue
        members = [
            member
            for member in team["members_with_roles"]
            if member.get("user_id") not in ids and member.get("user_email") not in addresses
        ]
        await change(connection, teams, {"members_with_roles": members}, teams.c.team_id == team_id)
