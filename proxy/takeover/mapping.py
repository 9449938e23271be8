"""Which of the reference's tables becomes which of ours, and what of it has no place yet."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from sqlalchemy import Table

from proxy.store import tables
from proxy.store.sealing import Sealer
from proxy.takeover.secrets import ReferenceSecrets

Values = dict[str, Any]


class Seals(msgspec.Struct, frozen=True):
    """To open the reference's secrets, and to seal them as ours."""

    theirs: ReferenceSecrets
    ours: Sealer


Change = Callable[[Values, Seals], Values | None]
"""What becomes of a row; ``None``: nothing. Raises CannotOpenError."""


class Moved(msgspec.Struct, frozen=True):
    """A table that is taken over."""

    source: str
    target: Table
    what: str
    """For people."""
    key: tuple[str, ...]
    """Columns of the source that tell its rows apart, in whose order they are read."""
    change: Change | None = None
    joined: str | None = None
    """SQL after ``FROM source s`` for what stands elsewhere."""
    also: str = ""
    """Further columns of the select."""


def _model(row: Values, seals: Seals) -> Values:
    opened = seals.theirs.open(row["litellm_params"])
    return row | {"litellm_params": seals.ours.seal_all("models", opened)}


def _credential(row: Values, seals: Seals) -> Values:
    opened = seals.theirs.open(row["credential_values"])
    return row | {"credential_values": seals.ours.seal_all("credentials", opened)}


_OF_THE_CONFIG = ("master_key", "database_url", "salt_key")
"""General settings that only the config file decides on; the reference copies them into its database."""


def _setting(row: Values, seals: Seals) -> Values | None:
    name, value = row["param_name"], row["param_value"]
    if name == "environment_variables" and isinstance(value, dict):
        return row | {"param_value": seals.ours.seal_all("settings", seals.theirs.open(value))}
    if name == "general_settings" and isinstance(value, dict):
        kept = {key: item for key, item in value.items() if key not in _OF_THE_CONFIG}
        return row | {"param_value": kept} if kept else None
    return row


def _team(row: Values, _: Seals) -> Values:
    members = row.get("members_with_roles")
    return row | {"members_with_roles": members if isinstance(members, list) else []}


_MASTER = "default_user_id"
"""In whose name the reference's master key makes keys, unless it is told another."""


def _key(row: Values, _: Seals) -> Values:
    """Routes that a key's own user wrote into it open nothing here; there, they do."""
    return row | {"routes_granted": row["created_by"] == _MASTER or row["author_role"] == "proxy_admin"}


def _daily(entity_type: str, column: str) -> Change:
    def change(row: Values, _: Seals) -> Values:
        names = ("model", "custom_llm_provider", "mcp_namespaced_tool_name", "endpoint", "api_key", "date")
        told_apart = {name: row.get(name) or "" for name in names}
        return row | told_apart | {"entity_type": entity_type, "entity_id": row.get(column) or ""}

    return change


def _of_days(entity_type: str, kind: str, column: str) -> Moved:
    source = f"LiteLLM_Daily{kind}Spend"
    return Moved(source, tables.daily_spend, f"daily spend of {entity_type}s", ("id",), _daily(entity_type, column))


_AUTHORS = 'LEFT JOIN "LiteLLM_UserTable" a ON a.user_id = s.created_by'
_TEAM_ALIASES = 'LEFT JOIN "LiteLLM_ModelTable" m ON m.id = s.model_id'

MOVED = (
    Moved("LiteLLM_BudgetTable", tables.budgets, "budgets", ("budget_id",)),
    Moved("LiteLLM_ObjectPermissionTable", tables.object_permissions, "object permissions", ("object_permission_id",)),
    Moved("LiteLLM_OrganizationTable", tables.organizations, "organizations", ("organization_id",)),
    Moved(
        "LiteLLM_TeamTable",
        tables.teams,
        "teams",
        ("team_id",),
        _team,
        joined=_TEAM_ALIASES,
        also=", m.aliases AS model_aliases",
    ),
    Moved("LiteLLM_ProjectTable", tables.projects, "projects", ("project_id",)),
    Moved("LiteLLM_UserTable", tables.users, "users", ("user_id",)),
    Moved("LiteLLM_TeamMembership", tables.team_memberships, "team memberships", ("team_id", "user_id")),
    Moved(
        "LiteLLM_OrganizationMembership",
        tables.organization_memberships,
        "organization memberships",
        ("organization_id", "user_id"),
    ),
    Moved(
        "LiteLLM_VerificationToken",
        tables.keys,
        "virtual keys",
        ("token",),
        _key,
        joined=_AUTHORS,
        also=", a.user_role AS author_role",
    ),
    Moved("LiteLLM_DeprecatedVerificationToken", tables.deprecated_keys, "replaced keys", ("token",)),
    Moved("LiteLLM_EndUserTable", tables.customers, "customers", ("user_id",)),
    Moved("LiteLLM_TagTable", tables.tags, "tags", ("tag_name",)),
    Moved("LiteLLM_AccessGroupTable", tables.access_groups, "access groups", ("access_group_id",)),
    Moved("LiteLLM_CredentialsTable", tables.credentials, "credentials", ("credential_id",), _credential),
    Moved("LiteLLM_ProxyModelTable", tables.models, "models", ("model_id",), _model),
    Moved("LiteLLM_PromptTable", tables.prompts, "prompts", ("id",)),
    Moved("LiteLLM_Config", tables.settings, "settings", ("param_name",), _setting),
    Moved("LiteLLM_InvitationLink", tables.invitations, "invitations", ("id",)),
    Moved("LiteLLM_DeletedVerificationToken", tables.deleted_keys, "deleted keys", ("id",)),
    Moved("LiteLLM_DeletedTeamTable", tables.deleted_teams, "deleted teams", ("id",)),
    Moved("LiteLLM_AuditLog", tables.audit_log, "audit log", ("id",)),
    _of_days("user", "User", "user_id"),
    _of_days("team", "Team", "team_id"),
    _of_days("organization", "Organization", "organization_id"),
    _of_days("customer", "EndUser", "end_user_id"),
    _of_days("tag", "Tag", "tag"),
    _of_days("agent", "Agent", "agent_id"),
    Moved("LiteLLM_SpendLogs", tables.spend_logs, "spend logs", ("request_id",)),
)
"""In this order: what others refer to comes first."""

LEFT: Mapping[str, str] = {
    "LiteLLM_AgentsTable": "agents: not served from a database yet; keep them in the config's agent_list",
    "LiteLLM_CacheConfig": "cache settings: write them to litellm_settings.cache_params",
    "LiteLLM_ErrorLogs": "error logs: an older form; failures are in the spend logs",
    "LiteLLM_GuardrailsTable": "guardrails: write them to the config's guardrails",
    "LiteLLM_MCPServerTable": "MCP servers: write them to the config's mcp_servers",
    "LiteLLM_ManagedFileTable": "managed files: their ids belong to the gateway that made them",
    "LiteLLM_ManagedObjectTable": "managed batches: their ids belong to the gateway that made them",
    "LiteLLM_ManagedVectorStoreIndexTable": "vector store indexes: make them again",
    "LiteLLM_ManagedVectorStoreTable": "managed vector stores: their ids belong to the gateway that made them",
    "LiteLLM_ManagedVectorStoresTable": "vector stores: write them to the config's vector_store_registry",
    "LiteLLM_PolicyAttachmentTable": "policies: write them to the config's policies",
    "LiteLLM_PolicyTable": "policies: write them to the config's policies",
    "LiteLLM_SSOConfig": "sign-on settings: set the environment's variables",
    "LiteLLM_SearchToolsTable": "search tools: write them to the config's search_tools",
    "LiteLLM_SkillsTable": "skills: not served yet",
    "LiteLLM_UISettings": "settings of the dashboard: set them again",
    "LiteLLM_UserNotifications": "requests for models: not served",
}
"""Tables that are not taken over, and what to do instead. Those that only pace the reference's jobs are not named."""
