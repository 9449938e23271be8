"""The tables. Names of columns are the fields of the reference's management API (schema of 1.81.14), so that rows answer calls.

A change here needs a migration in ``migrations/versions``; a test compares the two.
"""

from typing import Any

from sqlalchemy import Boolean, Column, Index, MetaData, String, Table, UniqueConstraint, false

from proxy.store.types import authored, count, created, listing, mapping, moment, money, optional, spent, text

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, default=False, server_default=false())


def _limits() -> list[Column[int]]:
    return [count("max_parallel_requests"), count("tpm_limit"), count("rpm_limit")]


def _budget() -> list[Column[Any]]:
    return [money("max_budget"), text("budget_duration"), moment("budget_reset_at")]


def _key_columns() -> list[Column[Any]]:
    return [
        text("key_name"),
        text("key_alias", index=True),
        _flag("soft_budget_cooldown"),
        spent(),
        moment("expires"),
        listing("models"),
        mapping("aliases"),
        mapping("config"),
        optional("router_settings"),
        text("user_id", index=True),
        text("team_id", index=True),
        text("project_id"),
        mapping("permissions"),
        *_limits(),
        mapping("metadata"),
        Column("blocked", Boolean),
        *_budget(),
        listing("allowed_cache_controls"),
        listing("allowed_routes"),
        _flag("routes_granted"),
        listing("policies"),
        listing("access_group_ids"),
        mapping("model_spend"),
        mapping("model_max_budget"),
        text("budget_id"),
        text("organization_id", index=True),
        text("object_permission_id"),
        *authored(),
        moment("last_active"),
        count("rotation_count", default=0, server_default="0"),
        Column("auto_rotate", Boolean, default=False, server_default=false()),
        text("rotation_interval"),
        moment("last_rotation_at"),
        moment("key_rotation_at", index=True),
    ]


def _team_columns() -> list[Column[Any]]:
    return [
        text("team_alias", index=True),
        text("organization_id", index=True),
        text("object_permission_id"),
        listing("admins"),
        listing("members"),
        listing("members_with_roles"),
        mapping("metadata"),
        *_budget(),
        money("soft_budget"),
        spent(),
        listing("models"),
        *_limits(),
        _flag("blocked"),
        *created(),
        mapping("model_spend"),
        mapping("model_max_budget"),
        optional("router_settings"),
        listing("team_member_permissions"),
        listing("access_group_ids"),
        listing("policies"),
        optional("model_aliases"),
        _flag("allow_team_guardrail_config"),
    ]


def _deletion() -> list[Column[Any]]:
    return [
        moment("deleted_at", nullable=False, index=True),
        text("deleted_by"),
        text("deleted_by_api_key"),
        text("litellm_changed_by"),
    ]


#: ``token`` is the SHA-256 of a key, in hex: the key itself is kept nowhere. ``routes_granted``: an admin chose
#: ``allowed_routes``, so that they open what the role would not.
keys = Table("keys", metadata, text("token", primary_key=True), *_key_columns())
#: Answers `/key/list` by itself.
keys_by_age = Index("ix_keys_created_at_token", keys.c.created_at, keys.c.token, keys.c.team_id)
#: Keys that were replaced and work until ``revoke_at`` in the name of ``active_token_id``, which pays for their calls.
deprecated_keys = Table(
    "deprecated_keys",
    metadata,
    text("token", primary_key=True),
    text("active_token_id", nullable=False, index=True),
    moment("revoke_at", nullable=False, index=True),
    moment("created_at", nullable=False),
)
#: What a key has spent of an entry of its ``model_max_budget``, since a period began; ``NULL``: the period has no end.
key_models = Table(
    "key_models",
    metadata,
    text("token", primary_key=True),
    text("model", primary_key=True),
    spent(),
    moment("ends_at"),
)
#: What is spent of a budget of a deployment, a provider or a tag (:class:`proxy.routing.budgets.Budget`) until ``ends_at``.
budget_windows = Table(
    "budget_windows",
    metadata,
    text("name", primary_key=True),
    spent(),
    moment("ends_at", nullable=False, index=True),
)
deleted_keys = Table(
    "deleted_keys", metadata, text("id", primary_key=True), text("token", index=True), *_key_columns(), *_deletion()
)
teams = Table("teams", metadata, text("team_id", primary_key=True), *_team_columns())
deleted_teams = Table(
    "deleted_teams", metadata, text("id", primary_key=True), text("team_id", index=True), *_team_columns(), *_deletion()
)
team_memberships = Table(
    "team_memberships",
    metadata,
    text("user_id", primary_key=True),
    text("team_id", primary_key=True, index=True),
    spent(),
    text("budget_id"),
)
users = Table(
    "users",
    metadata,
    text("user_id", primary_key=True),
    text("user_alias"),
    text("team_id"),
    text("sso_user_id", unique=True),
    text("organization_id"),
    text("object_permission_id"),
    text("password"),
    listing("teams"),
    text("user_role", index=True),
    *_budget(),
    spent(),
    text("user_email", index=True),
    listing("models"),
    mapping("metadata"),
    *_limits(),
    listing("allowed_cache_controls"),
    listing("policies"),
    mapping("model_spend"),
    mapping("model_max_budget"),
    *created(),
)
organizations = Table(
    "organizations",
    metadata,
    text("organization_id", primary_key=True),
    text("organization_alias", nullable=False),
    text("budget_id", nullable=False),
    mapping("metadata"),
    listing("models"),
    spent(),
    mapping("model_spend"),
    text("object_permission_id"),
    *authored(),
)
#: ``made_user``: the user was made as a member of the organization, whose admins manage it then.
organization_memberships = Table(
    "organization_memberships",
    metadata,
    text("user_id", primary_key=True),
    text("organization_id", primary_key=True, index=True),
    text("user_role"),
    _flag("made_user"),
    spent(),
    text("budget_id"),
    *created(),
)
projects = Table(
    "projects",
    metadata,
    text("project_id", primary_key=True),
    text("project_alias"),
    text("description"),
    text("team_id", index=True),
    text("budget_id"),
    mapping("metadata"),
    listing("models"),
    spent(),
    mapping("model_spend"),
    mapping("model_rpm_limit"),
    mapping("model_tpm_limit"),
    _flag("blocked"),
    text("object_permission_id"),
    *authored(),
)
#: End users, whom calls name in ``user``.
customers = Table(
    "customers",
    metadata,
    text("user_id", primary_key=True),
    text("alias"),
    spent(),
    text("allowed_model_region"),
    text("default_model"),
    text("budget_id"),
    text("object_permission_id"),
    _flag("blocked"),
)
#: May be shared by keys, organizations, customers, members and tags.
budgets = Table(
    "budgets",
    metadata,
    text("budget_id", primary_key=True),
    *_budget(),
    money("soft_budget"),
    *_limits(),
    optional("model_max_budget"),
    *authored(),
)
object_permissions = Table(
    "object_permissions",
    metadata,
    text("object_permission_id", primary_key=True),
    listing("mcp_servers"),
    listing("mcp_access_groups"),
    optional("mcp_tool_permissions"),
    listing("vector_stores"),
    listing("agents"),
    listing("agent_access_groups"),
)
access_groups = Table(
    "access_groups",
    metadata,
    text("access_group_id", primary_key=True),
    text("access_group_name", unique=True, nullable=False),
    text("description"),
    listing("access_model_names"),
    listing("access_mcp_server_ids"),
    listing("access_agent_ids"),
    listing("assigned_team_ids"),
    listing("assigned_key_ids"),
    *authored(),
)
tags = Table(
    "tags",
    metadata,
    text("tag_name", primary_key=True),
    text("description"),
    listing("models"),
    optional("model_info"),
    spent(),
    text("budget_id"),
    *created(),
    text("created_by"),
)
#: Deployments added at run time; the secrets in ``litellm_params`` are encrypted (:mod:`proxy.store.sealing`).
models = Table(
    "models",
    metadata,
    text("model_id", primary_key=True),
    text("model_name", nullable=False, index=True),
    mapping("litellm_params"),
    optional("model_info"),
    *authored(),
)
#: Named credentials that deployments refer to; ``credential_values`` are encrypted.
credentials = Table(
    "credentials",
    metadata,
    text("credential_id", primary_key=True),
    text("credential_name", unique=True, nullable=False),
    mapping("credential_values"),
    optional("credential_info"),
    *authored(),
)
prompts = Table(
    "prompts",
    metadata,
    text("id", primary_key=True),
    text("prompt_id", nullable=False, index=True),
    count("version", nullable=False, default=1, server_default="1"),
    mapping("litellm_params"),
    optional("prompt_info"),
    *created(),
    UniqueConstraint("prompt_id", "version"),
)
#: Sections of the config that were changed at run time (``router_settings``, ``general_settings``, ...).
settings = Table("settings", metadata, text("param_name", primary_key=True), optional("param_value"))
invitations = Table(
    "invitations",
    metadata,
    text("id", primary_key=True),
    text("user_id", nullable=False, index=True),
    _flag("is_accepted"),
    moment("accepted_at"),
    moment("expires_at", nullable=False),
    *authored(),
)
audit_log = Table(
    "audit_log",
    metadata,
    text("id", primary_key=True),
    moment("updated_at", nullable=False, index=True),
    text("changed_by", nullable=False, default=""),
    text("changed_by_api_key", nullable=False, default=""),
    text("action", nullable=False),
    text("table_name", nullable=False),
    text("object_id", nullable=False, index=True),
    optional("before_value"),
    optional("updated_values"),
)
#: One row a call; ``request_id`` is made here, so that a row is inserted once however often that is tried.
spend_logs = Table(
    "spend_logs",
    metadata,
    text("request_id", primary_key=True),
    text("call_type", nullable=False, default=""),
    text("api_key", nullable=False, default="", index=True),
    spent(),
    count("total_tokens", nullable=False, default=0),
    count("prompt_tokens", nullable=False, default=0),
    count("completion_tokens", nullable=False, default=0),
    moment("startTime", nullable=False, index=True),
    moment("endTime", nullable=False),
    moment("completionStartTime"),
    text("model", nullable=False, default=""),
    text("model_id", default=""),
    text("model_group", default=""),
    text("custom_llm_provider", default=""),
    text("api_base", default=""),
    text("user", default="", index=True),
    optional("metadata"),
    text("cache_hit", default=""),
    text("cache_key", default=""),
    optional("request_tags"),
    text("team_id", index=True),
    text("organization_id"),
    text("end_user", index=True),
    text("requester_ip_address"),
    optional("messages"),
    optional("response"),
    text("session_id", index=True),
    text("status"),
    text("mcp_namespaced_tool_name"),
    text("agent_id"),
    optional("proxy_server_request"),
)
#: Totals of a day for one holder (``entity_type`` is user, team, organization, customer, tag or agent).
daily_spend = Table(
    "daily_spend",
    metadata,
    text("entity_type", primary_key=True),
    text("entity_id", primary_key=True),
    text("date", primary_key=True, index=True),
    text("api_key", primary_key=True, index=True),
    text("model", primary_key=True),
    text("custom_llm_provider", primary_key=True),
    text("mcp_namespaced_tool_name", primary_key=True),
    text("endpoint", primary_key=True),
    text("model_group"),
    *(
        count(name, nullable=False, default=0, server_default="0")
        for name in (
            "prompt_tokens",
            "completion_tokens",
            "cache_read_input_tokens",
            "cache_creation_input_tokens",
            "api_requests",
            "successful_requests",
            "failed_requests",
        )
    ),
    spent(),
    *created(),
)
#: Where an import of another gateway's database stands.
imports = Table(
    "imports",
    metadata,
    text("source", primary_key=True),
    Column("table_name", String, primary_key=True),
    text("last_id"),
)
#: Counts changes by topic, so that other processes see that there were some (:mod:`proxy.store.changes`).
versions = Table("versions", metadata, text("topic", primary_key=True), count("number", nullable=False, default=0))
#: How far the journal of a process is written: the number of its last record (:mod:`proxy.accounting.ledger`).
journals = Table(
    "journals",
    metadata,
    text("name", primary_key=True),
    count("position", nullable=False),
    moment("updated_at", nullable=False),
)
#: When a periodic job is due: who moves ``due`` on does the work, whichever replica that is.
jobs = Table("jobs", metadata, text("name", primary_key=True), moment("due", nullable=False))
#: People who are signing in (:mod:`proxy.sso.pending`); ``id`` is the SHA-256 of a secret that they alone have.
sign_ins = Table(
    "sign_ins",
    metadata,
    text("id", primary_key=True),
    mapping("value"),
    moment("expires_at", nullable=False, index=True),
)
