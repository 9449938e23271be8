"""Rows of keys in the shapes that the endpoints of the reference answer with."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from proxy.store.rows import Row

#: Relations that the reference names beside a row without reading them.
_OF_BUDGET: Final = (
    "organization",
    "projects",
    "keys",
    "end_users",
    "tags",
    "team_membership",
    "organization_membership",
)
_OF_PERMISSION: Final = ("teams", "projects", "verification_tokens", "organizations", "users", "end_users")
_OF_USER: Final = (
    "litellm_organization_table",
    "organization_memberships",
    "invitations_created",
    "invitations_updated",
    "invitations_user",
    "object_permission",
)
#: What a caller's record has that a key alone does not know.
_OF_CALLER: Final[dict[str, Any]] = {
    "team_models": [],
    "team_blocked": False,
    **dict.fromkeys(
        (
            "team_spend",
            "team_alias",
            "team_tpm_limit",
            "team_rpm_limit",
            "team_max_budget",
            "team_soft_budget",
            "soft_budget",
            "team_model_aliases",
            "team_member",
            "team_metadata",
            "team_object_permission_id",
            "team_member_spend",
            "team_member_tpm_limit",
            "team_member_rpm_limit",
            "end_user_id",
            "end_user_tpm_limit",
            "end_user_rpm_limit",
            "end_user_max_budget",
            "organization_max_budget",
            "organization_tpm_limit",
            "organization_rpm_limit",
            "organization_metadata",
            "last_refreshed_at",
            "api_key",
            "user_role",
            "allowed_model_region",
            "parent_otel_span",
            "rpm_limit_per_model",
            "tpm_limit_per_model",
            "user_tpm_limit",
            "user_rpm_limit",
            "user_email",
            "user_spend",
            "user_max_budget",
            "request_route",
            "user",
            "end_user_object_permission",
        )
    ),
}
_ROUTER_SETTINGS: Final[dict[str, Any]] = {
    "routing_strategy_args": None,
    "routing_strategy": None,
    "model_group_retry_policy": None,
    "allowed_fails": None,
    "cooldown_time": None,
    "num_retries": None,
    "timeout": None,
    "max_retries": None,
    "retry_after": None,
    "fallbacks": None,
    "context_window_fallbacks": None,
    "model_group_alias": {},
}
_FOLDED: Final = (
    "duration",
    "model_rpm_limit",
    "model_tpm_limit",
    "guardrails",
    "policies",
    "prompts",
    "object_permission",
    "tags",
    "enforced_params",
    "allowed_passthrough_routes",
    "allowed_vector_store_indexes",
    "rpm_limit_type",
    "tpm_limit_type",
)
"""Fields of the request that an answer has without value: they went into the metadata, or elsewhere."""
_MADE: Final = (
    "key_alias",
    "models",
    "spend",
    "max_budget",
    "user_id",
    "team_id",
    "max_parallel_requests",
    "metadata",
    "tpm_limit",
    "rpm_limit",
    "budget_duration",
    "allowed_cache_controls",
    "config",
    "permissions",
    "model_max_budget",
    "blocked",
    "aliases",
    "budget_id",
    "allowed_routes",
    "access_group_ids",
    "key_name",
    "expires",
    "organization_id",
    "project_id",
    "created_by",
    "updated_by",
    "created_at",
    "updated_at",
)
_DELETION: Final = ("id", "deleted_at", "deleted_by", "deleted_by_api_key", "litellm_changed_by")


def shown_budget(row: Row) -> Row:
    """A row of ``budgets``."""
    return {**row, **dict.fromkeys(_OF_BUDGET)}


def shown_user(row: Row) -> Row:
    """A row of ``users`` inside a key, its password left out."""
    return {**row, "password": None, **dict.fromkeys(_OF_USER)}


def new_key(key: str, row: Row, budget: Row | None) -> dict[str, Any]:
    """The one answer that has the key itself."""
    return {
        **dict.fromkeys(_FOLDED),
        **{name: row[name] for name in _MADE},
        "router_settings": {**_ROUTER_SETTINGS, **(row["router_settings"] or {})},
        "litellm_budget_table": None if budget is None else shown_budget(budget),
        "key": key,
        "token": row["token"],
        "token_id": row["token"],
    }


def new_master_key(key: str) -> dict[str, Any]:
    """The answer to who changed the master key."""
    empty: dict[str, Any] = {
        **dict.fromkeys((*_FOLDED, *_MADE, "router_settings", "litellm_budget_table", "token_id")),
        **{name: {} for name in ("metadata", "config", "permissions", "model_max_budget", "aliases")},
        **{name: [] for name in ("models", "allowed_cache_controls", "allowed_routes")},
        "spend": 0.0,
    }
    return {**empty, "key": key, "token": key, "key_name": key}


def whole_row(row: Row, *, budget: Row | None = None, permission: Row | None = None) -> dict[str, Any]:
    """The row with what it refers to."""
    return {
        **_shown(row),
        "litellm_budget_table": None if budget is None else shown_budget(budget),
        "litellm_organization_table": None,
        "litellm_project_table": None,
        "object_permission": None if permission is None else {**permission, **dict.fromkeys(_OF_PERMISSION)},
    }


def record(row: Row, permission: Row | None = None) -> dict[str, Any]:
    """The row as ``/key/block`` answers it."""
    return {
        **_shown(row, "budget_id", "organization_id", "policies"),
        "org_id": None,
        "litellm_budget_table": None,
        "object_permission": permission,
    }


def _shown(row: Row, *left_out: str) -> Row:
    hidden = {"routes_granted", *left_out}
    return {name: value for name, value in row.items() if name not in hidden}


def caller_record(row: Row, permission: Row | None, user: Row | None) -> dict[str, Any]:
    """The row as ``/key/list`` answers it."""
    return {**record(row, permission), **_OF_CALLER, "user": None if user is None else shown_user(user)}


def deleted_record(row: Row) -> dict[str, Any]:
    """A row of ``deleted_keys`` as ``/key/list`` answers it."""
    deletion = {name: row[name] for name in _DELETION}
    return {**record({name: value for name, value in row.items() if name not in deletion}), **deletion}


def isoformatted(value: Any) -> Any:
    """With moments as ``...+00:00``, where the reference has them so."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {name: isoformatted(inner) for name, inner in value.items()}
    return [isoformatted(inner) for inner in value] if isinstance(value, list) else value
