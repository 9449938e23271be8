"""Rows of teams and their members in the shapes that the endpoints of the reference answer with."""

import zlib
from collections.abc import Mapping
from typing import Any, Final

from proxy.store.rows import Row

AUTHOR: Final = "default_user_id"
"""Who is said to have made a team's aliases of models: we keep them with the team, the reference in rows with authors."""
BUDGET: Final = (
    "budget_id",
    "soft_budget",
    "max_budget",
    "max_parallel_requests",
    "tpm_limit",
    "rpm_limit",
    "model_max_budget",
    "budget_duration",
)
_TEAM: Final = (
    "team_alias",
    "team_id",
    "organization_id",
    "admins",
    "members",
    "members_with_roles",
    "team_member_permissions",
    "metadata",
    "tpm_limit",
    "rpm_limit",
    "max_budget",
    "soft_budget",
    "budget_duration",
    "models",
    "blocked",
    "router_settings",
    "access_group_ids",
    "spend",
    "max_parallel_requests",
    "budget_reset_at",
    "updated_at",
    "created_at",
    "object_permission_id",
)
_USER: Final = (
    "user_id",
    "max_budget",
    "spend",
    "model_max_budget",
    "model_spend",
    "user_email",
    "user_alias",
    "models",
    "tpm_limit",
    "rpm_limit",
    "user_role",
    "teams",
    "sso_user_id",
    "budget_duration",
    "budget_reset_at",
    "metadata",
    "created_at",
    "updated_at",
)
_DELETION: Final = ("id", "deleted_at", "deleted_by", "deleted_by_api_key", "litellm_changed_by")


def shown_team(row: Row, *, permission: Row | None = None, aliases: bool = False) -> dict[str, Any]:
    """A row of ``teams`` as most endpoints answer it.

    Args:
        permission: the row that ``object_permission_id`` refers to, where it is shown.
        aliases: whether the aliases of models are shown.
    """
    return {
        **{name: row[name] for name in _TEAM},
        "model_id": _model_id(row),
        "litellm_model_table": _model_table(row) if aliases else None,
        "object_permission": permission,
    }


def team_record(row: Row, *, aliases: bool = False) -> dict[str, Any]:
    """All columns, as some endpoints answer them."""
    shown = {name: value for name, value in row.items() if name != "model_aliases"}
    table = _model_table(row) if aliases else None
    if table is not None:
        table |= {"created_at": row["created_at"], "updated_at": row["updated_at"]}
    return {
        **shown,
        "model_id": _model_id(row),
        "litellm_organization_table": None,
        "litellm_model_table": table,
        "object_permission": None,
        "projects": None,
    }


def deleted_team(row: Row) -> dict[str, Any]:
    """A row of ``deleted_teams``."""
    return {**shown_team(row), **{name: row[name] for name in _DELETION}}


def shown_budget(row: Row | None) -> dict[str, Any] | None:
    """A row of ``budgets`` beside what it is for."""
    return None if row is None else {name: row[name] for name in BUDGET}


def shown_membership(row: Row, budgets: Mapping[str, Row]) -> dict[str, Any]:
    """A row of ``team_memberships``. ``budgets``: by id, at least the one that it has."""
    return {**row, "litellm_budget_table": shown_budget(budgets.get(row["budget_id"] or ""))}


def shown_member(row: Row) -> dict[str, Any]:
    """A row of ``users`` as a member of something; nothing secret."""
    return {**{name: row[name] for name in _USER}, "organization_memberships": None, "object_permission": None}


def _model_id(row: Row) -> int | None:
    """The reference numbers tables of aliases; a team has one at the most, so that the team's id stands for it."""
    return None if row["model_aliases"] is None else zlib.crc32(row["team_id"].encode()) & 0x7FFF_FFFF


def _model_table(row: Row) -> dict[str, Any] | None:
    if row["model_aliases"] is None:
        return None
    return {
        "id": _model_id(row),
        "model_aliases": row["model_aliases"],
        "created_by": AUTHOR,
        "updated_by": AUTHOR,
        "team": None,
    }
