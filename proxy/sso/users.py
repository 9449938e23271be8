"""Users who sign in: found or made in the database, with the role and the teams that their provider gives them."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, func
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.auth.permissions import Role
from proxy.config.model import ProxyConfig
from proxy.durations import reset_at
from proxy.errors import DetailError, GatewayError
from proxy.management.audit import Actor, record
from proxy.management.keys import create_key
from proxy.management.teams import add_member
from proxy.sso.person import Person, role_named
from proxy.sso.session import SECONDS, TEAM, LoginMethod, Session, new_session
from proxy.sso.settings import Environment
from proxy.store.rows import Row, change, find, find_all
from proxy.store.tables import teams, users
from proxy.store.types import now
from proxy.store.upsert import upsert

MASTER_USER: Final = "default_user_id"
"""In whose name the master key acts: nobody of an identity provider may be called so."""
UI_BUDGET: Final = 0.25
"""US dollars that a session's key may spend, unless ``max_ui_session_budget`` says otherwise."""
LOWEST: Final = Role.INTERNAL_USER_VIEWER.value
#: What ``default_internal_user_params`` may set, and a ``custom_sso`` function return.
OF_NEW_USERS: Final = ("models", "max_budget", "budget_duration", "user_role", "tpm_limit", "rpm_limit", "metadata")


async def enrol(
    connection: AsyncConnection,
    actor: Actor,
    environment: Environment,
    person: Person,
    chosen: Mapping[str, Any] | None = None,
) -> Row:
    """The row of somebody who signed in, made if it is their first time, their role and teams brought up to date.

    Args:
        connection: of a transaction that writes ``access``.
        actor: in whose name that stands in the audit log.
        chosen: what a ``custom_sso`` function said; ``None``: there is none.

    Raises:
        DetailError: 401, the provider says nothing that a user could be told by.
        GatewayError: 403, it calls them as nobody may be called.
    """
    config: ProxyConfig = actor.gateway.snapshot.config
    values = dict(chosen) if chosen is not None else {"user_id": person.user_id, "user_email": person.email}
    values.setdefault("user_role", person.user_role)
    user_id = values.get("user_id") or person.user_id
    if not user_id:
        raise DetailError(
            401,
            "Result not returned by SSO provider. It names no id and no address of the user; set "
            "GENERIC_USER_ID_ATTRIBUTE to a claim that it does name",
        )
    if user_id == MASTER_USER:
        raise GatewayError(403, f"{user_id} is the name of the master key's user", type="auth_error", param="user_id")
    role = role_named(values["user_role"])
    if environment.get("PROXY_ADMIN_ID") == user_id:
        role = Role.ADMIN.value
    found = await _found(connection, user_id, person)
    if found is None:
        row = _new_user(config, {**values, "user_id": user_id, "user_role": role}, person)
        await connection.execute(upsert(connection, users).values(**row).on_conflict_do_nothing())
        found = await _found(connection, user_id, person)
        assert found is not None
        await record(connection, actor, "created", "users", user_id, None, row)
        joined = _teams_of_new_users(config)
    else:
        found = await _updated(connection, found, person, user_id, role)
        joined = []
    return await _in_teams(connection, found, [*person.team_ids, *joined])


async def open_session(
    connection: AsyncConnection, config: ProxyConfig, user: Row, method: LoginMethod, *, shown_id: str | None = None
) -> Session:
    """A session of a user, with a new key.

    Args:
        connection: of a transaction that writes ``access``.
        user: of the table ``users``.
        shown_id: the user's name in the session, where that is another than the key's.
    """
    key, _ = await create_key(connection, session_key(config, user), author=None)
    return new_session(
        config,
        user_id=shown_id or user["user_id"],
        key=key,
        user_email=user["user_email"],
        user_role=user["user_role"] or LOWEST,
        login_method=method,
    )


def session_key(config: ProxyConfig, user: Row, *, team_id: str = TEAM, seconds: int = SECONDS) -> dict[str, Any]:
    """What a session's key may do."""
    budget = config.settings.other.get("max_ui_session_budget", UI_BUDGET)
    return {
        "duration": f"{seconds}s",
        "max_budget": budget,
        "spend": 0.0,
        "team_id": team_id,
        "user_id": user["user_id"],
        "models": user["models"],
    }


async def _found(connection: AsyncConnection, user_id: str, person: Person) -> Row | None:
    """By id, by the provider's id, by address: in this order, as the reference does."""
    found = await find(connection, users, user_id=user_id)
    if found is None and person.id is not None:
        found = await find(connection, users, sso_user_id=person.id)
    if found is None and person.email is not None:
        same: ColumnElement[bool] = func.lower(users.c.user_email) == person.email
        rows = await find_all(connection, users, same, order=[users.c.created_at], limit=1)
        found = rows[0] if rows else None
    return found


async def _updated(connection: AsyncConnection, user: Row, person: Person, user_id: str, role: str | None) -> Row:
    values: dict[str, Any] = {}
    if person.email is not None:
        values["user_email"] = person.email
    if role is not None:
        values["user_role"] = role
    taken = await find(connection, users, sso_user_id=person.id or user_id)
    if taken is None:
        values["sso_user_id"] = person.id or user_id
    if all(user[name] == value for name, value in values.items()):
        return user
    [changed] = await change(connection, users, values, users.c.user_id == user["user_id"])
    return changed


def _new_user(config: ProxyConfig, values: Mapping[str, Any], person: Person) -> Row:
    """The columns of somebody's first time: what was said of them, then what the config has for all."""
    other = config.settings.other
    defaults = {name: value for name, value in _defaults(config).items() if name in OF_NEW_USERS}
    row = {name: values[name] for name in OF_NEW_USERS if values.get(name) is not None} | defaults
    row["user_role"] = values["user_role"] or role_named(defaults.get("user_role")) or LOWEST
    if row["user_role"] == Role.INTERNAL_USER:
        for name, setting in (
            ("max_budget", "max_internal_user_budget"),
            ("budget_duration", "internal_user_budget_duration"),
        ):
            if row.get(name) is None and other.get(setting) is not None:
                row[name] = other[setting]
    row |= {
        "user_id": values["user_id"],
        "user_email": (values.get("user_email") or person.email or "").lower() or None,
        "sso_user_id": person.id or values["user_id"],
        "metadata": {**(row.get("metadata") or {}), "auth_provider": person.provider},
    }
    if row.get("budget_duration"):
        row["budget_reset_at"] = reset_at(row["budget_duration"], now())
    return row


def _defaults(config: ProxyConfig) -> Mapping[str, Any]:
    defaults = config.settings.other.get("default_internal_user_params")
    return defaults if isinstance(defaults, Mapping) else {}


def _teams_of_new_users(config: ProxyConfig) -> list[str]:
    """``teams`` of ``default_internal_user_params``: ids, or objects that have one."""
    listed = _defaults(config).get("teams") or ()
    ids = (item.get("team_id") if isinstance(item, Mapping) else item for item in listed)
    return [item for item in ids if isinstance(item, str)]


async def _in_teams(connection: AsyncConnection, user: Row, wanted: Iterable[str]) -> Row:
    """Make them a member of those that exist. Teams that a provider names no more are kept, as the reference does."""
    missing = sorted(set(wanted) - {TEAM, *user["teams"]})
    for team in await find_all(connection, teams, teams.c.team_id.in_(missing)) if missing else ():
        added = await add_member(connection, team, user_id=user["user_id"], user_email=None, role="user")
        user = added.user
    return user


async def make_teams(
    connection: AsyncConnection, config: ProxyConfig, groups: Iterable[tuple[str, str | None]]
) -> None:
    """Teams of a provider's groups, by id and name, with ``default_team_params``; those that exist stay as they are."""
    defaults = config.settings.other.get("default_team_params")
    allowed = ("models", "max_budget", "budget_duration", "tpm_limit", "rpm_limit")
    values = {name: defaults[name] for name in allowed if name in defaults} if isinstance(defaults, Mapping) else {}
    if values.get("budget_duration"):
        values["budget_reset_at"] = reset_at(values["budget_duration"], now())
    for team_id, name in groups:
        if team_id == TEAM:
            continue
        row = {**values, "team_id": team_id, "team_alias": name}
        await connection.execute(upsert(connection, teams).values(**row).on_conflict_do_nothing())
