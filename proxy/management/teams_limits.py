"""What bounds a team: its own budgets, its organization's budget, models and limits, and the user who makes it."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.call import Identity
from proxy.errors import DetailError, GatewayError
from proxy.management.keys_limits import GUARANTEED
from proxy.store.rows import Row, find, find_all
from proxy.store.tables import budgets, organization_memberships, organizations, teams, users

ALL_MODELS: Final = "all-proxy-models"
MASTER_USER: Final = "default_user_id"
_UNITS: Final = ("tpm", "rpm")


def check_amounts(fields: Mapping[str, Any]) -> None:
    """Refuse negative dollars. Raises DetailError, 400."""
    for name in ("max_budget", "team_member_budget", "soft_budget"):
        value = fields.get(name)
        if value is not None and value < 0:
            raise _refused(f"{name} cannot be negative. Received: {value}")


def check_soft_budget(fields: Mapping[str, Any], known: Mapping[str, Any] | None = None) -> None:
    """Refuse a soft budget that is not below the budget.

    Args:
        known: the row as it is, for a change.

    Raises:
        DetailError: 400.
    """
    known = known or {}
    budget, soft = fields.get("max_budget"), fields.get("soft_budget")
    most = budget if budget is not None else known.get("max_budget")
    if soft is not None and most is not None and soft >= most:
        raise _refused(f"soft_budget ({soft}) must be strictly lower than max_budget ({most})")
    least = soft if soft is not None else known.get("soft_budget")
    if known and budget is not None and least is not None and budget <= least:
        raise _refused(f"max_budget ({budget}) must be strictly greater than soft_budget ({least})")


class OrganizationLimits:
    """An organization with its budget.

    Args:
        row: of ``organizations``.
        budget: of ``budgets``; empty when there is none.
    """

    def __init__(self, row: Row, budget: Mapping[str, Any]) -> None:
        self.row = row
        self.id = row["organization_id"]
        self.budget = budget

    def allows_model(self, model: str) -> bool:
        """Whether the organization may use a model; one without a list may use all."""
        allowed = self.row["models"]
        return not allowed or ALL_MODELS in allowed or model in allowed

    def check(self, fields: Mapping[str, Any]) -> None:
        """Refuse a team that gets more than the organization has.

        Raises:
            DetailError: 400.
        """
        self._check_one("max_budget", fields)
        for model in fields.get("models") or ():
            if not self.allows_model(model):
                raise _refused(
                    f"Model '{model}' not in organization's allowed models. Organization allowed "
                    f"models={self.row['models']}. Organization: {self.id}"
                )
        for unit in _UNITS:
            self._check_one(f"{unit}_limit", fields)

    def _check_one(self, name: str, fields: Mapping[str, Any]) -> None:
        wanted, most = fields.get(name), self.budget.get(name)
        if wanted is not None and most is not None and wanted > most:
            raise _refused(f"Team {name} ({wanted}) exceeds organization's {name} ({most}). Organization: {self.id}")

    async def check_guaranteed(self, connection: AsyncConnection, fields: Mapping[str, Any], *, but: str) -> None:
        """Refuse a team that is guaranteed more than the organization's other teams leave.

        Args:
            but: id of the team itself.

        Raises:
            DetailError: 400.
        """
        metadata = fields.get("metadata") or {}
        kinds = {fields.get(name) or metadata.get(name) for name in ("rpm_limit_type", "tpm_limit_type")}
        if GUARANTEED not in kinds:
            return
        others = await find_all(connection, teams, teams.c.organization_id == self.id, teams.c.team_id != but)
        for unit in reversed(_UNITS):
            self._check_models(unit, fields, others)
        for unit in _UNITS:
            name = f"{unit}_limit"
            _check_sum(unit, _sum(row[name] for row in others), fields.get(name), self.budget.get(name))

    def _check_models(self, unit: str, fields: Mapping[str, Any], others: Iterable[Row]) -> None:
        name = f"model_{unit}_limit"
        of_models = (self.row["metadata"] or {}).get(name) or {}
        wanted = fields.get(name) or (fields.get("metadata") or {}).get(name) or {}
        for model, limit in wanted.items():
            used = _sum(((row["metadata"] or {}).get(name) or {}).get(model) for row in others)
            for most in (self.budget.get(f"{unit}_limit"), of_models.get(model)):
                _check_sum(unit, used, limit, most)


async def organization_limits(connection: AsyncConnection, organization_id: str) -> OrganizationLimits | None:
    """An organization with its budget."""
    row = await find(connection, organizations, organization_id=organization_id)
    if row is None:
        return None
    return OrganizationLimits(row, await find(connection, budgets, budget_id=row["budget_id"]) or {})


async def check_move(
    connection: AsyncConnection, team: Row, limits: OrganizationLimits, may_use: Callable[[list[str], str], bool]
) -> None:
    """Refuse an organization that cannot hold a team as it is.

    Args:
        may_use: whether models are among those of a list, wildcards and groups included.

    Raises:
        DetailError: 403.
        GatewayError: 401, one of its models is beyond the organization.
    """
    if team["organization_id"] == limits.id:
        return
    _check_moved_models(team, limits, may_use)
    await _check_moved_members(connection, team, limits)
    for name in ("max_budget", "tpm_limit", "rpm_limit"):
        own, most = team[name], limits.budget.get(name)
        if own and most and own > most:
            raise _unmovable(f"Team has {name} {own} that is greater than the organization's {name} {most}.")


def _check_moved_models(team: Row, limits: OrganizationLimits, may_use: Callable[[list[str], str], bool]) -> None:
    allowed: list[str] = limits.row["models"]
    if not allowed or ALL_MODELS in allowed:
        return
    if not team["models"]:
        raise _unmovable("Team has access to all proxy models, but the organization does not.")
    for model in team["models"]:
        if not may_use(allowed, model):
            raise GatewayError(
                401,
                f"org not allowed to access model. This org can only access models={allowed}. Tried to access {model}",
                type="org_model_access_denied",
                param="model",
            )


async def _check_moved_members(connection: AsyncConnection, team: Row, limits: OrganizationLimits) -> None:
    memberships = organization_memberships
    rows = await find_all(connection, memberships, memberships.c.organization_id == limits.id)
    known = {row["user_id"] for row in rows} | {MASTER_USER}
    outside = [member["user_id"] for member in team["members_with_roles"] if member["user_id"] not in known]
    if outside:
        raise _unmovable(f"Team has user_id {outside} that is not a member of the organization.")


async def check_maker(connection: AsyncConnection, caller: Identity, fields: Mapping[str, Any]) -> None:
    """Refuse a team of no organization that gets more than who makes it has.

    Raises:
        DetailError: 400.
    """
    user = await find(connection, users, user_id=caller.user_id) if caller.user_id is not None else None
    role = caller.role
    budget, most = fields.get("max_budget"), (user or {}).get("max_budget")
    if budget is not None and most is not None and budget > most:
        raise _refused(f"max budget higher than user max. User max budget={most}. User role={role}")
    for model in fields.get("models") or ():
        if caller.models and model not in caller.models:
            raise _refused(
                f"Model not in allowed user models. User allowed models={list(caller.models)}. User id={caller.user_id}"
            )
    key = {} if caller.access is None else caller.access.key
    for unit in _UNITS:
        wanted, most = fields.get(f"{unit}_limit"), key.get(f"{unit}_limit")
        if wanted is not None and most is not None and wanted > most:
            raise _refused(f"{unit} limit higher than user max. User {unit} limit={most}. User role={role}")


def _check_sum(unit: str, used: int, wanted: int | None, most: int | None) -> None:
    if wanted is not None and most is not None and used + wanted > most:
        name = unit.upper()
        raise DetailError(
            400,
            f"Allocated {name} limit={used} + Team {name} limit={wanted} is greater than organization {name} limit={most}",
        )


def _sum(limits: Iterable[int | None]) -> int:
    return sum(limit for limit in limits if limit is not None)


def _refused(why: str) -> DetailError:
    return DetailError(400, {"error": why})


def _unmovable(why: str) -> DetailError:
    return DetailError(403, {"error": f"Cannot move team to organization. {why}"})
