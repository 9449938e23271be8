"""New keys as clients ask for them."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.call import Identity
from proxy.config.model import ProxyConfig
from proxy.errors import DetailError, GatewayError
from proxy.management import keys_settings
from proxy.management.budgets import create_budget
from proxy.management.keys import PREFIX, create_key, hash_of
from proxy.management.keys_access import (
    administers_team,
    check_organization,
    check_owner,
    check_permission,
    check_user,
    membership,
    team_of,
)
from proxy.management.keys_limits import (
    check_organization_limits,
    check_project_limits,
    check_team_limits,
    organization_of,
)
from proxy.management.model_budgets import check_model_budgets
from proxy.management.object_permissions import set_object_permission
from proxy.store.rows import Row, find
from proxy.store.tables import budgets, keys
from proxy.store.types import now

PASSED: Final = "allowed_passthrough_routes"
FOLDED: Final = (
    "model_rpm_limit",
    "model_tpm_limit",
    "rpm_limit_type",
    "tpm_limit_type",
    "enforced_params",
    "temp_budget_increase",
    "temp_budget_expiry",
    "allowed_vector_store_indexes",
    "guardrails",
    "policies",
    "tags",
    "prompts",
    PASSED,
)
"""Fields of a request that are kept in the metadata."""
ROUTES_OF_TYPE: Final = {
    "llm_api": ["llm_api_routes"],
    "management": ["management_routes"],
    "read_only": ["info_routes"],
}


class Made(NamedTuple):
    """A new key."""

    key: str
    row: Row
    budget: Row | None


async def make_key(
    connection: AsyncConnection,
    config: ProxyConfig,
    caller: Identity,
    given: Mapping[str, Any],
    *,
    author: str,
    route: str,
) -> Made:
    """Store the key that a client asks for, as far as it may have it.

    Args:
        given: what was sent.
        author: user id.
        route: that was called, as permissions of team members name it.

    Raises:
        DetailError, GatewayError: 400 to 404.
        InvalidDuration: a duration is none.
    """
    check_amounts(given)
    team = await team_of(connection, given.get("team_id"))
    await _check_maker(connection, config, caller, given, team, route=route)
    fields = _complete(config, caller, given, team)
    if (project_id := fields.get("project_id")) is not None:
        await check_project_limits(connection, project_id, fields)
    if (fields.get("metadata") or {}).get("service_account_id") is not None and fields.get("team_id") is None:
        raise DetailError(400, TEAM_REQUIRED)
    await _refer(connection, fields, author)
    await check_alias(connection, fields.get("key_alias"))
    await _check_key(connection, fields.get("key"))
    budget = await check_budget(connection, fields.get("budget_id"))
    key, row = await create_key(connection, fields, author=author)
    return Made(key, row, budget)


TEAM_REQUIRED: Final = "team_id is required for service account keys. Please specify `team_id` in the request body."


def check_amounts(fields: Mapping[str, Any]) -> None:
    """Refuse negative dollars, and budgets of models that are none. Raises DetailError, 400."""
    check_model_budgets(fields.get("model_max_budget"))
    for name in ("max_budget", "soft_budget", "spend"):
        value = fields.get(name)
        if value is not None and value < 0:
            raise DetailError(400, {"error": f"{name} cannot be negative. Received: {value}"})


def folded(metadata: Mapping[str, Any] | None, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata of a key with the ``FOLDED`` fields."""
    given = {name: fields[name] for name in FOLDED if fields.get(name) is not None}
    plain = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in given.items()}
    return {**(metadata or {}), **plain}


async def check_alias(connection: AsyncConnection, alias: str | None, *, but: str | None = None) -> None:
    """Refuse an alias that another key has than the one with the hash ``but``. Raises GatewayError, 400."""
    if alias is None:
        return
    if connection.dialect.name == "postgresql":
        # two keys made at once would not see each other
        await connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(alias))))
    found = await connection.execute(select(keys.c.token).where(keys.c.key_alias == alias).limit(2))
    if any(token != but for (token,) in found):
        raise GatewayError(
            400,
            f"Key with alias '{alias}' already exists. Unique key aliases across all keys are required.",
            type="bad_request_error",
            param="key_alias",
        )


async def check_budget(connection: AsyncConnection, budget_id: str | None) -> Row | None:
    """The budget that a key refers to. Raises DetailError, 400."""
    if budget_id is None:
        return None
    row = await find(connection, budgets, budget_id=budget_id)
    if row is None:
        raise DetailError(400, {"error": f"Budget not found, budget_id={budget_id}. Create it via `/budget/new`"})
    return row


def check_format(key: str) -> None:
    """Refuse a chosen key without the prefix of keys. Raises DetailError, 400."""
    if not key.startswith(PREFIX):
        shown = f"{key[:4]}****{key[-4:]}" if len(key) > 8 else "****"
        raise DetailError(
            400,
            {"error": f"Invalid key format. LiteLLM Virtual Key must start with 'sk-'. Received: {shown}"},
        )


async def check_unused(connection: AsyncConnection, key: str) -> None:
    """Refuse a chosen key that exists. Raises DetailError, 400."""
    if await find(connection, keys, token=hash_of(key)) is not None:
        raise DetailError(400, {"error": "This key exists already. Choose another, or leave it out to have one made"})


async def _check_key(connection: AsyncConnection, key: str | None) -> None:
    if key is not None:
        check_format(key)
        await check_unused(connection, key)


async def _check_maker(
    connection: AsyncConnection,
    config: ProxyConfig,
    caller: Identity,
    given: Mapping[str, Any],
    team: Row | None,
    *,
    route: str,
) -> None:
    team_id = given.get("team_id")
    if team_id is None:
        keys_settings.check_personal_settings(config, caller, given)
    elif team is None:
        if keys_settings.needs_known_teams(config) or not caller.is_admin:
            raise DetailError(400, f"Unable to find team object in database. Team ID: {team_id}")
    else:
        if not caller.is_admin:
            _check_member(config, caller, given, team, route)
        await check_team_limits(connection, team, given)
    if not caller.is_admin:
        if team is None or not administers_team(caller, team):
            check_owner(caller, given.get("user_id"))
        await check_user(connection, caller, given.get("user_id"))
        if (organization_id := given.get("organization_id")) is not None:
            await check_organization(connection, caller, organization_id)
        check_permissions(caller, given)


def check_permissions(caller: Identity, fields: Mapping[str, Any]) -> None:
    """Refuse a key routes that the caller has not got: ``permissions``, and pass-through endpoints.

    Raises:
        DetailError: 403.
    """
    if caller.is_admin:
        return
    granted = (fields.get("permissions") or {}).get("get_spend_routes")
    if granted and not caller.permissions.get("get_spend_routes"):
        raise DetailError(403, {"error": "Only proxy admins can grant the permission get_spend_routes"})
    check_passed(fields, caller.metadata.get(PASSED) or ())


def check_passed(fields: Mapping[str, Any], own: Collection[str]) -> None:
    """Refuse pass-through endpoints other than ``own``; a key's or team's metadata may name them too.

    Raises:
        DetailError: 403.
    """
    for given in (fields.get(PASSED), (fields.get("metadata") or {}).get(PASSED)):
        if given and not (isinstance(given, list) and all(route in own for route in given)):
            raise DetailError(403, {"error": f"Only proxy admins can grant {PASSED}"})


def _check_member(config: ProxyConfig, caller: Identity, given: Mapping[str, Any], team: Row, route: str) -> None:
    user_id = given.get("user_id")
    members = team["members_with_roles"]
    if user_id is not None and all(member["user_id"] != user_id for member in members):
        raise DetailError(400, f"User={user_id} not assigned to team={team['team_id']}")
    if team["organization_id"] in caller.administers:
        return
    member = membership(caller, team)
    if member is None:
        raise DetailError(400, f"User={caller.user_id} not assigned to team={team['team_id']}")
    keys_settings.check_team_settings(config, member, given)
    check_permission(member, team, route)


def _complete(config: ProxyConfig, caller: Identity, given: Mapping[str, Any], team: Row | None) -> dict[str, Any]:
    fields = keys_settings.within_bounds(config, keys_settings.with_defaults(config, given), now())
    if team is not None:
        fields["organization_id"] = team["organization_id"]
        lasting = (team["metadata"] or {}).get("team_member_key_duration")
        if lasting is not None and fields.get("user_id") is not None:
            fields["duration"] = lasting
    elif not caller.is_admin:
        fields["user_id"] = caller.user_id
    fields["metadata"] = folded(fields.get("metadata"), fields)
    fields["routes_granted"] = caller.is_admin
    if (routes := ROUTES_OF_TYPE.get(fields.get("key_type") or "")) is not None:
        fields["allowed_routes"] = routes
    return fields


async def _refer(connection: AsyncConnection, fields: dict[str, Any], author: str) -> None:
    """Make the rows that the key refers to."""
    if fields.get("soft_budget") is not None:
        values = {"soft_budget": fields["soft_budget"], "model_max_budget": fields.get("model_max_budget") or {}}
        fields["budget_id"] = (await create_budget(connection, values, author=author))["budget_id"]
    if fields.get("object_permission") is not None:
        fields["object_permission_id"] = await set_object_permission(connection, fields["object_permission"], None)
    if (organization_id := fields.get("organization_id")) is not None:
        organization = await organization_of(connection, organization_id)
        await check_organization_limits(connection, organization, fields)
