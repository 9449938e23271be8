"""A key with everything it belongs to, read in one query."""

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import String, Table, and_, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.auth.access import Access, Customer, Holder
from proxy.auth.model_budgets import read_model_budgets
from proxy.auth.permissions import Role
from proxy.auth.rates import rates_of
from proxy.call import Identity
from proxy.store import tables
from proxy.store.accounts import Accounts, Kind, member_id
from proxy.store.rows import find, find_all
from proxy.store.types import Moment, now

Row = Mapping[str, Any]

_LEFT_OUT = frozenset({"password", "admins", "members", "members_with_roles"})
"""Secret, or of no use to a call and large."""
_keys, _teams, _users, _projects = tables.keys, tables.teams, tables.users, tables.projects
_organizations, _memberships = tables.organizations, tables.team_memberships
_roles = tables.organization_memberships.alias("roles")
_deprecated = tables.deprecated_keys
_of_key, _of_member, _of_organization, _of_project = (
    tables.budgets.alias(name) for name in ("of_key", "of_member", "of_organization", "of_project")
)
#: What is read, in this order; a part is there when its first column is.
_PARTS: tuple[Any, ...] = (
    _keys,
    _teams,
    _users,
    _memberships,
    _organizations,
    _projects,
    _of_key,
    _of_member,
    _of_organization,
    _of_project,
    _roles,
)


NO_KEY = ""
"""The ``token`` of somebody who calls without a key."""


class FoundKey:
    """A key that exists, and until when it does under the name it was looked up by."""

    __slots__ = ("identity", "until")

    def __init__(self, identity: Identity, until: float | None) -> None:
        self.identity = identity
        self.until = until
        """Seconds since the epoch, for a key that was replaced; ``None``: it was not."""


async def read_key(connection: AsyncConnection, token: str, accounts: Accounts) -> FoundKey | None:
    """Who calls with the key of this hash; also with one that was replaced, during its grace period."""
    found = (await connection.execute(_statement(), {"token": token, "now": now()})).all()
    if not found:
        return None
    parts = [_split(row) for row in found]
    revoked: datetime | None = found[0][-1]
    identity = _identity(parts[0], [row[-1] for row in parts if row[-1] is not None], accounts)
    if groups := _access_groups(parts[0]):
        identity = _granted(identity, await _models_of(connection, groups))
    assert identity.access is not None
    if budgets := identity.access.key["model_max_budget"]:
        found_budgets = await read_model_budgets(connection, identity.access.key["token"], budgets, accounts)
        access = msgspec.structs.replace(identity.access, model_budgets=found_budgets)
        identity = msgspec.structs.replace(identity, access=access)
    return FoundKey(identity, None if revoked is None else revoked.timestamp())


@cache
def _statement() -> Any:
    """Made once: it has some 200 columns."""
    asked, moment = bindparam("token", type_=String), bindparam("now", type_=Moment)
    deprecated = and_(_deprecated.c.token == asked, _deprecated.c.revoke_at > moment)
    active = select(_deprecated.c.active_token_id).where(deprecated).scalar_subquery()
    revoked = select(_deprecated.c.revoke_at).where(deprecated).scalar_subquery()
    organization = func.coalesce(_keys.c.organization_id, _teams.c.organization_id)
    columns = [part.c[name].label(f"{index}_{name}") for index, part in enumerate(_PARTS) for name in _names()[index]]
    return (
        select(*columns, revoked.label("revoked"))
        .select_from(_keys)
        .outerjoin(_teams, _teams.c.team_id == _keys.c.team_id)
        .outerjoin(_users, _users.c.user_id == _keys.c.user_id)
        .outerjoin(
            _memberships, and_(_memberships.c.user_id == _keys.c.user_id, _memberships.c.team_id == _keys.c.team_id)
        )
        .outerjoin(_organizations, _organizations.c.organization_id == organization)
        .outerjoin(_projects, _projects.c.project_id == _keys.c.project_id)
        .outerjoin(_of_key, _of_key.c.budget_id == _keys.c.budget_id)
        .outerjoin(_of_member, _of_member.c.budget_id == _memberships.c.budget_id)
        .outerjoin(_of_organization, _of_organization.c.budget_id == _organizations.c.budget_id)
        .outerjoin(_of_project, _of_project.c.budget_id == _projects.c.budget_id)
        .outerjoin(_roles, _roles.c.user_id == _keys.c.user_id)
        .where(_keys.c.token == func.coalesce(active, asked))
    )


@cache
def _names() -> list[list[str]]:
    return [[column.name for column in part.c if column.name not in _LEFT_OUT] for part in _PARTS]


def _split(row: Sequence[Any]) -> list[dict[str, Any] | None]:
    parts: list[dict[str, Any] | None] = []
    start = 0
    for columns in _names():
        values = row[start : start + len(columns)]
        parts.append(None if values[0] is None else dict(zip(columns, values, strict=True)))
        start += len(columns)
    return parts


def _identity(parts: Sequence[Row | None], roles: list[Row], accounts: Accounts) -> Identity:
    key, team, user, member, organization, project, of_key, of_member, of_organization, of_project, _ = parts
    assert key is not None
    key = {**key, "litellm_budget_table": of_key}
    token = key["token"]
    holders = [] if token == NO_KEY else [_holder(accounts, "key", token, key, budget=of_key)]
    if project is not None:
        holders.append(_holder(accounts, "project", project["project_id"], project, budget=of_project))
    if team is not None:
        holders.append(_holder(accounts, "team", team["team_id"], team))
    if organization is not None:
        name = organization["organization_id"]
        holders.append(_holder(accounts, "organization", name, organization, budget=of_organization))
    if user is not None:
        holders.append(_holder(accounts, "user", user["user_id"], user))
    if member is not None:
        name = member_id(member["team_id"], member["user_id"])
        holders.append(_holder(accounts, "team_member", name, member, budget=of_member))
    role = role_of(user)
    access = Access(key, tuple(holders), team, user, organization, project, roles=roles_of(roles))
    return Identity(
        key_alias=key["key_alias"],
        user_id=key["user_id"],
        team_id=key["team_id"],
        models=tuple(key["models"]),
        is_admin=role == Role.ADMIN,
        spend=key["spend"],
        metadata=key["metadata"],
        team_metadata=(team or {}).get("metadata") or {},
        token=token or None,
        role=role,
        organization_id=key["organization_id"] or (team or {}).get("organization_id"),
        administers=administered(roles_of(roles)),
        allowed_routes=tuple(key["allowed_routes"]),
        routes_granted=key["routes_granted"],
        permissions=key["permissions"],
        access=access,
        rates=rates_of(access),
    )


class Person(msgspec.Struct, frozen=True):
    """Who calls, by ids."""

    user_id: str | None
    team_id: str | None
    organization_id: str | None


async def read_person(connection: AsyncConnection, person: Person, accounts: Accounts) -> Identity | None:
    """Somebody without a key, with everything that user, team and organization mean; ``None``: the team is unknown."""
    team = await _found(connection, tables.teams, team_id=person.team_id)
    if person.team_id is not None and team is None:
        return None
    user = await _found(connection, tables.users, user_id=person.user_id)
    organization_id = person.organization_id or (team or {}).get("organization_id")
    organization = await _found(connection, tables.organizations, organization_id=organization_id)
    member = await _found(connection, tables.team_memberships, user_id=person.user_id, team_id=person.team_id)
    roles: list[Row] = []
    if user is not None:
        roles = list(await find_all(connection, tables.organization_memberships, _of_user(person.user_id)))
    budgets = [await read_budget(connection, (row or {}).get("budget_id")) for row in (member, organization)]
    key = {**_BLANK, "user_id": person.user_id, "team_id": person.team_id, "organization_id": person.organization_id}
    parts = [key, team, user, member, organization, None, None, *budgets, None, None]
    identity = _identity(parts, roles, accounts)
    if groups := _access_groups(parts):
        identity = _granted(identity, await _models_of(connection, groups))
    return identity


#: The row of no key: it allows all, and its holders limit that.
_BLANK: dict[str, Any] = {
    **{column.name: None for column in _keys.c},
    **dict.fromkeys(("models", "allowed_routes", "access_group_ids"), ()),
    **{name: {} for name in ("aliases", "config", "metadata", "permissions", "model_max_budget", "model_spend")},
    "token": NO_KEY,
    "spend": 0.0,
    "routes_granted": True,
}


def _of_user(user_id: str | None) -> Any:
    return tables.organization_memberships.c.user_id == user_id


async def _found(connection: AsyncConnection, table: Table, **equal: str | None) -> Row | None:
    """A row without what calls have no use for; none where an id is missing."""
    if None in equal.values():
        return None
    row = await find(connection, table, **equal)
    return None if row is None else {name: value for name, value in row.items() if name not in _LEFT_OUT}


def _access_groups(parts: Sequence[Row | None]) -> set[str]:
    return {str(name) for part in parts[:2] if part is not None for name in part["access_group_ids"]}


async def _models_of(connection: AsyncConnection, groups: set[str]) -> dict[str, list[str]]:
    """By the ids of access groups; few keys have any."""
    rows = await find_all(connection, tables.access_groups, tables.access_groups.c.access_group_id.in_(groups))
    return {row["access_group_id"]: row["access_model_names"] for row in rows}


def _granted(identity: Identity, models: Mapping[str, list[str]]) -> Identity:
    access = identity.access
    assert access is not None

    def of(row: Row | None) -> tuple[str, ...]:
        names = () if row is None else row["access_group_ids"]
        return tuple(model for name in names for model in models.get(str(name), ()))

    access = msgspec.structs.replace(access, granted=of(access.key), granted_to_team=of(access.team))
    return msgspec.structs.replace(identity, access=access)


async def read_customer(connection: AsyncConnection, user_id: str, accounts: Accounts) -> Customer | None:
    """A customer with its budget."""
    row = await find(connection, tables.customers, user_id=user_id)
    if row is None:
        return None
    budget = await read_budget(connection, row["budget_id"])
    holder = _holder(accounts, "customer", user_id, row, budget=budget)
    return Customer(
        holder,
        blocked=row["blocked"],
        has_budget=row["budget_id"] is not None,
        region=row["allowed_model_region"],
    )


async def read_tag(connection: AsyncConnection, name: str, accounts: Accounts) -> Holder | None:
    """A tag with its budget."""
    row = await find(connection, tables.tags, tag_name=name)
    if row is None:
        return None
    return _holder(accounts, "tag", name, row, budget=await read_budget(connection, row["budget_id"]))


async def read_budget(connection: AsyncConnection, budget_id: str | None) -> Row | None:
    """A budget."""
    return None if budget_id is None else await find(connection, tables.budgets, budget_id=budget_id)


async def read_total(connection: AsyncConnection) -> float:
    """What everybody has spent in the last 30 days, in US dollars."""
    days = tables.daily_spend
    since = (now() - timedelta(days=30)).date().isoformat()
    mine = select(func.sum(days.c.spend)).where(days.c.entity_type == "user", days.c.date >= since)
    return float((await connection.execute(mine)).scalar_one() or 0.0)


def role_of(user: Row | None) -> str | None:
    """Of a user; without a known one, that of internal users. ``None``: there is no user."""
    if user is None:
        return None
    role: str | None = user["user_role"]
    return role if role in set(Role) else Role.INTERNAL_USER


def roles_of(memberships: Iterable[Row]) -> dict[str, str | None]:
    """What somebody with these memberships is in organizations, by their ids."""
    return {row["organization_id"]: row["user_role"] for row in memberships}


def administered(roles: Mapping[str, str | None]) -> frozenset[str]:
    """The organizations that somebody with these roles is an admin of."""
    return frozenset(name for name, role in roles.items() if role == Role.ORG_ADMIN)


def _holder(accounts: Accounts, kind: Kind, name: str, row: Row, *, budget: Row | None = None) -> Holder:
    def limit(field: str) -> Any:
        own = row.get(field)
        return budget.get(field) if own is None and budget is not None else own

    return Holder(
        kind=kind,
        id=name,
        account=accounts.learn(kind, name, row["spend"]),
        max_budget=_raised(limit("max_budget"), row.get("metadata")),
        soft_budget=limit("soft_budget"),
        budget_duration=limit("budget_duration"),
        rpm_limit=limit("rpm_limit"),
        tpm_limit=limit("tpm_limit"),
        max_parallel_requests=limit("max_parallel_requests"),
    )


def _raised(budget: float | None, metadata: Any) -> float | None:
    """With the increase that ``temp_budget_increase`` grants until ``temp_budget_expiry``."""
    if budget is None or not isinstance(metadata, dict) or "temp_budget_increase" not in metadata:
        return budget
    try:
        expiry = datetime.fromisoformat(metadata["temp_budget_expiry"]).timestamp()
        return budget + (float(metadata["temp_budget_increase"]) if expiry > time.time() else 0.0)
    except (KeyError, TypeError, ValueError, OverflowError):
        return budget
