"""Every operation of the management API: who may call it, and which function answers."""

from typing import Final, NamedTuple

from proxy.api.management.operation import Operation
from proxy.auth.permissions import Group
from proxy.errors import DetailError, GatewayError

ADMIN, PUBLIC, INFO, SELF = Group.NONE, Group.PUBLIC, Group.INFO, Group.SELF_MANAGED
KEYS, MANAGEMENT, SPEND, GLOBAL = Group.KEYS, Group.MANAGEMENT, Group.SPEND, Group.GLOBAL_SPEND
INTERNAL, ORG, VIEW, MASTER = Group.INTERNAL, Group.ORG, Group.ADMIN_VIEW, Group.MASTER
LLM = Group.LLM

UI_CONFIG: Final = ("/.well-known/litellm-ui-config", "/litellm/.well-known/litellm-ui-config")
NOT_CONNECTED: Final = "Database not connected. Please connect a database."
ENDPOINTS: Final = "/config/pass_through_endpoint"
ACCESS_GROUPS: Final = ("/v1/access_group", "/v1/unified_access_group")
ACCESS_GROUP: Final = ("/v1/access_group/{access_group_id}", "/v1/unified_access_group/{access_group_id}")
NO_STORE: Final = "DB not connected. See https://docs.litellm.ai/docs/proxy/virtual_keys"


def no_store(status: int = 500, message: str = "", kind: str = "internal_server_error") -> GatewayError:
    """``{"error": ...}`` without a database (D.md, D1.9)."""
    return GatewayError(status, message or str({"error": NO_STORE}), type=kind)


def no_store_detail(status: int = 500, message: str = NO_STORE) -> DetailError:
    """``{"detail": {"error": ...}}`` without a database."""
    return DetailError(status, {"error": message})


NO_CREDENTIALS: Final = no_store()
NO_CONFIG_STORE: Final = no_store(400, "Authentication Error, No DB Connected", "auth_error")
NO_UI_STORE: Final = no_store_detail(message="Database not connected. Please connect a database.")
NO_MODEL_STORE: Final = no_store(
    message=str({"error": "No DB Connected. Here's how to do it - https://docs.litellm.ai/docs/proxy/virtual_keys"}),
    kind="auth_error",
)


class Op(NamedTuple):
    """A row of the table; see :class:`Operation`."""

    method: str
    path: str | tuple[str, ...]
    function: str
    groups: Group = ADMIN
    no_store: GatewayError | None = None
    hidden: bool = False


def _family(tag: str, *rows: Op) -> list[Operation]:
    return [
        Operation(
            method=row.method,
            paths=(row.path,) if isinstance(row.path, str) else row.path,
            function=row.function,
            groups=row.groups,
            tag=tag,
            no_store=row.no_store,
            hidden=row.hidden,
        )
        for row in rows
    ]


NO_STORE_INFO: Final = (
    "Internal Server Error, Database not connected. Connect a database to your proxy - "
    "https://docs.litellm.ai/docs/simple_proxy#managing-auth---virtual-keys"
)
NOT_CONNECTED_SPEND: Final = NO_STORE_INFO.removeprefix("Internal Server Error, ")
NO_SPEND: Final = no_store(401, "Prisma Client is not initialized", "internal_error")
NO_GLOBAL: Final = no_store(500, "Prisma Client is not initialized", "internal_error")
NO_SPEND_LIST: Final = no_store_detail(400, NOT_CONNECTED_SPEND)
NO_ACTIVITY: Final = no_store_detail(500, NOT_CONNECTED_SPEND)
NO_TOTAL: Final = no_store(message=str({"error": "No db connected"}), kind="internal_error")
NO_TOTALS: Final = no_store_detail(message="No db connected")


def no_spend(path: str) -> GatewayError:
    """Without a database, of one of the older questions about spend."""
    return no_store(message=f"{path} Error{NOT_CONNECTED_SPEND}", kind="internal_error")


NO_STORE_UPDATE: Final = no_store(400, "Authentication Error, Not connected to DB!", "auth_error")
NO_STORE_CUSTOMER: Final = no_store(message="Internal Server Error, Not connected to DB!")
NO_STORE_BLOCK: Final = no_store_detail(message="500: " + str({"error": "Postgres DB Not connected"}))
NO_STORE_TAG: Final = DetailError(500, "Database not connected")
NO_STORE_LIST: Final = "Authentication Error, Database not connected"

NO_DB_CONNECTED: Final = "No db connected"
NO_DB: Final = str({"error": NO_DB_CONNECTED})
NO_DB_DETAIL: Final = no_store_detail(message=NO_DB_CONNECTED)
NO_DATABASE: Final = no_store_detail(message="Database not connected.")
NO_CLIENT: Final = "No db connected. prisma client=None"
NO_TEAM_INFO: Final = no_store(
    message=str({"error": NO_STORE_INFO.removeprefix("Internal Server Error, ")}), kind="auth_error"
)

OPERATIONS: Final[list[Operation]] = [
    *_family(
        "key management",
        Op("POST", "/key/generate", "keys.generate_key", KEYS, no_store()),
        Op("POST", "/key/service-account/generate", "keys.generate_service_account", KEYS, no_store_detail()),
        Op("POST", "/key/update", "keys.update_key", KEYS, NO_STORE_UPDATE),
        Op(
            "POST",
            "/key/bulk_update",
            "keys.bulk_update_keys",
            KEYS,
            no_store_detail(message="Database not connected"),
        ),
        Op(
            "POST",
            "/key/delete",
            "keys.delete_keys",
            KEYS,
            no_store(message="Internal Server Error, Not connected to DB!"),
        ),
        Op("GET", "/key/info", "keys_read.key_info", INFO | KEYS, no_store(message=NO_STORE_INFO)),
        Op("POST", "/v2/key/info", "keys_read.keys_info", INFO, no_store(message=NO_STORE_INFO), hidden=True),
        Op("GET", "/key/list", "keys_read.list_keys", INFO | KEYS, no_store(message=NO_STORE_LIST)),
        Op("GET", "/key/aliases", "keys_read.key_aliases", ADMIN, no_store(message=NO_STORE_LIST)),
        Op("POST", "/key/health", "keys_read.key_health", INFO),
        Op("POST", "/key/block", "keys.block_key", KEYS, no_store()),
        Op("POST", "/key/unblock", "keys.unblock_key", KEYS, no_store()),
        Op(
            "POST",
            ("/key/regenerate", "/key/{key}/regenerate"),
            "keys_rotation.regenerate_key",
            KEYS,
            no_store(),
        ),
        Op(
            "POST",
            "/key/{key}/reset_spend",
            "keys.reset_spend",
            ADMIN,
            no_store_detail(message="DB not connected. prisma_client is None"),
        ),
    ),
    *_family(
        "team management",
        Op("POST", "/team/new", "teams.new_team", MANAGEMENT, no_store(message=NO_DB)),
        Op("POST", "/team/update", "teams.update_team", MANAGEMENT, no_store()),
        Op("POST", "/team/delete", "teams.delete_team", MANAGEMENT, NO_DB_DETAIL),
        Op("GET", "/team/info", "teams.team_info", INFO | MANAGEMENT, NO_TEAM_INFO),
        Op("GET", "/team/list", "teams_lists.list_teams", INFO | MANAGEMENT, no_store_detail(400)),
        Op("GET", "/v2/team/list", "teams_lists.page_of_teams", INFO | MANAGEMENT, no_store_detail(message=NO_CLIENT)),
        Op("GET", "/team/available", "teams_lists.list_available", INFO | MANAGEMENT, no_store_detail(400)),
        Op("GET", "/team/filter/ui", "teams_lists.filter_teams", ADMIN, NO_DB_DETAIL, True),
        Op("POST", "/team/block", "teams.block_team", MANAGEMENT, NO_DB_DETAIL),
        Op("POST", "/team/unblock", "teams.unblock_team", MANAGEMENT, NO_DB_DETAIL),
        Op("POST", "/team/member_add", "members.add_member", SELF, NO_DB_DETAIL),
        Op("POST", "/team/member_delete", "members.delete_member", SELF, NO_DB_DETAIL),
        Op("POST", "/team/member_update", "members.update_member", SELF, NO_DB_DETAIL),
        Op("POST", "/team/bulk_member_add", "members.add_members_in_bulk", ADMIN, no_store_detail()),
        Op("POST", "/team/model/add", "teams.add_models", ADMIN, NO_DB_DETAIL),
        Op("POST", "/team/model/delete", "teams.delete_models", ADMIN, NO_DB_DETAIL),
        Op(
            "GET",
            "/team/permissions_list",
            "teams_settings.list_permissions",
            MANAGEMENT | SELF,
            NO_DB_DETAIL,
        ),
        Op(
            "POST",
            "/team/permissions_update",
            "teams_settings.update_permissions",
            MANAGEMENT | SELF,
            NO_DB_DETAIL,
        ),
        Op("POST", "/team/{team_id}/callback", "teams_settings.add_callback", ADMIN, no_store_detail()),
        Op("GET", "/team/{team_id}/callback", "teams_settings.get_callbacks", ADMIN, no_store(message=NO_DB)),
        Op("POST", "/team/{team_id}/disable_logging", "teams_settings.disable_logging", ADMIN, no_store(message=NO_DB)),
    ),
    *_family(
        "organization management",
        Op("POST", "/organization/new", "organizations.new_organization", ADMIN, no_store_detail()),
        Op("PATCH", "/organization/update", "organizations.update_organization", ADMIN, no_store_detail()),
        Op("DELETE", "/organization/delete", "organizations.delete_organizations", ORG, no_store_detail()),
        Op("GET", "/organization/list", "organizations.list_organizations", INFO, NO_DB_DETAIL),
        Op("GET", "/organization/info", "organizations.organization_info", ORG, NO_DB_DETAIL),
        Op("POST", "/organization/info", "organizations.organization_infos", ORG, NO_DB_DETAIL),
        Op(
            "POST",
            "/organization/member_add",
            "organizations.add_members",
            ORG,
            no_store(message=NO_DB, kind="auth_error"),
        ),
        Op("PATCH", "/organization/member_update", "organizations.update_member", ORG, no_store_detail()),
        Op("DELETE", "/organization/member_delete", "organizations.delete_member", ADMIN, no_store_detail()),
    ),
    *_family(
        "project management",
        Op("POST", "/project/new", "projects.new_project", ADMIN, no_store()),
        Op("POST", "/project/update", "projects.update_project", ADMIN, no_store()),
        Op("DELETE", "/project/delete", "projects.delete_project", ADMIN, no_store()),
        Op("GET", "/project/info", "projects.project_info", ADMIN, no_store()),
        Op("GET", "/project/list", "projects.list_projects", ADMIN, no_store()),
    ),
    *_family(
        "access group management",
        Op("POST", ACCESS_GROUPS, "access_groups.new_group", ADMIN, no_store_detail()),
        Op("GET", ACCESS_GROUPS, "access_groups.list_groups", ADMIN, no_store_detail()),
        Op("GET", ACCESS_GROUP, "access_groups.get_group", ADMIN, no_store_detail()),
        Op("PUT", ACCESS_GROUP, "access_groups.update_group", ADMIN, no_store_detail()),
        Op("DELETE", ACCESS_GROUP, "access_groups.delete_group", ADMIN, no_store_detail()),
    ),
    *_family(
        "Internal User management",
        Op("POST", "/user/new", "users.new_user", MANAGEMENT, no_store(400, NO_STORE)),
        Op("POST", "/user/update", "users.update_user", MANAGEMENT | VIEW, NO_STORE_UPDATE),
        Op(
            "POST",
            "/user/bulk_update",
            "users.bulk_update_users",
            ADMIN,
            no_store_detail(message="Database not connected"),
        ),
        Op("POST", "/user/delete", "users.delete_users", MANAGEMENT, no_store_detail(message="No db connected")),
        Op("GET", "/user/info", "users.user_info", INFO | MANAGEMENT, no_store(message=NO_STORE_INFO)),
        Op(
            "GET",
            "/user/list",
            "users.list_users",
            MANAGEMENT | VIEW,
            no_store_detail(message="No db connected. prisma client=None"),
        ),
        Op("GET", "/user/available_users", "users.available_users", VIEW | ORG, no_store_detail()),
        Op("GET", "/user/available_roles", "users.available_roles", VIEW | ORG, hidden=True),
        Op(
            "GET",
            "/user/filter/ui",
            "users.search_users",
            INFO,
            no_store_detail(message="No db connected"),
            hidden=True,
        ),
    ),
    *_family(
        "Customer Management",
        *(
            Op(method, f"/{name}{path}", function, ADMIN, answer, hidden=name == "end_user")
            for name in ("customer", "end_user")
            for method, path, function, answer in (
                ("POST", "/new", "customers.new_customer", no_store_detail()),
                ("POST", "/update", "customers.update_customer", NO_STORE_CUSTOMER),
                ("POST", "/delete", "customers.delete_customers", NO_STORE_CUSTOMER),
                ("POST", "/block", "customers.block_customers", NO_STORE_BLOCK),
                ("POST", "/unblock", "customers.unblock_customers", NO_STORE_BLOCK),
                ("GET", "/list", "customers.list_customers", no_store(400)),
            )
        ),
        Op("GET", "/customer/info", "customers.customer_info", ADMIN, no_store()),
        Op("GET", "/end_user/info", "customers.end_user_info", ADMIN, no_store(), hidden=True),
    ),
    *_family(
        "Invite Links",
        Op("POST", "/invitation/new", "invitations.new_invitation", SELF, no_store(400), hidden=True),
        Op("GET", "/invitation/info", "invitations.invitation_info", ADMIN, no_store_detail(400), hidden=True),
        Op("POST", "/invitation/update", "invitations.update_invitation", ADMIN, no_store_detail(400), hidden=True),
        Op("POST", "/invitation/delete", "invitations.delete_invitation", SELF, no_store_detail(400), hidden=True),
        Op("GET", "/onboarding/get_token", "invitations.get_token", PUBLIC, no_store_detail(), hidden=True),
        Op("POST", "/onboarding/claim_token", "invitations.claim_token", PUBLIC, no_store_detail(), hidden=True),
    ),
    *_family(
        "tag management",
        Op("POST", "/tag/new", "tags.new_tag", ADMIN, DetailError(500, NO_STORE)),
        Op("POST", "/tag/update", "tags.update_tag", ADMIN, NO_STORE_TAG),
        Op("POST", "/tag/info", "tags.tag_info", ADMIN, NO_STORE_TAG),
        Op("GET", "/tag/list", "tags.list_tags", VIEW | ORG, NO_STORE_TAG),
        Op("POST", "/tag/delete", "tags.delete_tag", ADMIN, NO_STORE_TAG),
        Op("GET", "/tag/summary", "tags.tag_summary", ADMIN, no_store_detail()),
        Op("GET", "/tag/dau", "tags.daily_users", ADMIN, no_store_detail()),
        Op("GET", "/tag/wau", "tags.weekly_users", ADMIN, no_store_detail()),
        Op("GET", "/tag/mau", "tags.monthly_users", ADMIN, no_store_detail()),
        Op("GET", "/tag/distinct", "tags.distinct_tags", ADMIN, no_store_detail()),
        Op("GET", "/tag/user-agent/per-user-analytics", "tags.per_user", ADMIN, no_store_detail()),
    ),
    *_family(
        "budget management",
        Op("POST", "/budget/new", "budgets.new_budget", ADMIN, no_store_detail()),
        Op("POST", "/budget/update", "budgets.update_budget", ADMIN, no_store_detail()),
        Op("POST", "/budget/info", "budgets.budget_info", ADMIN, no_store_detail(message="No db connected")),
        Op("GET", "/budget/list", "budgets.list_budgets", ADMIN, no_store_detail(400)),
        Op("GET", "/budget/settings", "budgets.budget_settings", ADMIN, no_store_detail(400)),
        Op("POST", "/budget/delete", "budgets.delete_budget", ADMIN, no_store_detail()),
    ),
    *_family(
        "Audit Logging",
        Op("GET", "/audit", "audit.list_changes", ADMIN, DetailError(500, {"message": NO_STORE})),
        Op("GET", "/audit/{id}", "audit.one_change", ADMIN, DetailError(500, {"message": NO_STORE})),
    ),
    *_family(
        "model management",
        Op("POST", "/access_group/new", "access_groups.new_model_group", ADMIN),
        Op("GET", "/access_group/list", "access_groups.list_model_groups", ADMIN, NO_DATABASE),
        Op("GET", "/access_group/{access_group}/info", "access_groups.model_group_info", ADMIN, NO_DATABASE),
        Op("PUT", "/access_group/{access_group}/update", "access_groups.update_model_group", ADMIN, NO_DATABASE),
        Op("DELETE", "/access_group/{access_group}/delete", "access_groups.delete_model_group", ADMIN, NO_DATABASE),
        Op("POST", "/model/new", "models.new_model", SELF | MANAGEMENT, NO_MODEL_STORE),
        Op("POST", "/model/update", "models.update_model", SELF | MANAGEMENT, NO_MODEL_STORE),
        Op("PATCH", "/model/{model_id}/update", "models.patch_model", SELF, no_store_detail()),
        Op("POST", "/model/delete", "models.delete_model", SELF | MANAGEMENT, NO_MODEL_STORE),
        Op("GET", "/v2/model/info", "models.list_models", INFO, no_store_detail(), hidden=True),
        Op("POST", "/model_group/make_public", "models.make_public"),
        Op("POST", "/model_hub/update_useful_links", "models.set_useful_links"),
        Op("GET", "/model/settings", "models.provider_settings", hidden=True),
    ),
    *_family(
        "credential management",
        Op("POST", "/credentials", "credentials.create_credential", ADMIN, NO_CREDENTIALS),
        Op("GET", "/credentials", "credentials.list_credentials"),
        Op("GET", "/credentials/by_name/{credential_name:path}", "credentials.credential_by_name"),
        Op("GET", "/credentials/by_model/{model_id}", "credentials.credential_of_model"),
        Op("PATCH", "/credentials/{credential_name:path}", "credentials.update_credential", ADMIN, NO_CREDENTIALS),
        Op("DELETE", "/credentials/{credential_name:path}", "credentials.delete_credential", ADMIN, NO_CREDENTIALS),
    ),
    *_family(
        "Budget & Spend Tracking",
        Op("GET", "/spend/keys", "spend.keys", SPEND, NO_SPEND_LIST, hidden=True),
        Op("GET", "/spend/users", "spend.users", SPEND, NO_SPEND_LIST, hidden=True),
        Op("GET", "/spend/tags", "spend.tags", SPEND, no_spend("/spend/tags")),
        Op("POST", "/spend/calculate", "spend.calculate", SPEND),
        Op("GET", "/spend/logs", "spend_logs.logs", SPEND, no_spend("/spend/logs")),
        Op("GET", "/spend/logs/v2", "spend_logs.page_of_days", ADMIN, NO_SPEND),
        Op("GET", "/spend/logs/ui", "spend_logs.page_for_dashboard", ADMIN, NO_SPEND, hidden=True),
        Op("GET", "/spend/logs/ui/{request_id}", "spend_logs.detail", ADMIN, hidden=True),
        Op(
            "GET",
            "/spend/logs/session/ui",
            "spend_logs.session",
            ADMIN,
            DetailError(500, "Database not connected"),
            hidden=True,
        ),
        Op("POST", "/cost/estimate", "spend.estimate", SPEND),
        Op("GET", "/provider/budgets", "spend.provider_budgets", VIEW),
        Op("GET", "/global/spend", "spend_global.total", GLOBAL, NO_TOTAL, hidden=True),
        Op("GET", "/global/spend/logs", "spend_global.logs", GLOBAL, NO_GLOBAL, hidden=True),
        Op("GET", "/global/spend/keys", "spend_global.keys", GLOBAL | INTERNAL, NO_TOTALS, hidden=True),
        Op("GET", "/global/spend/teams", "spend_global.teams", GLOBAL, NO_TOTALS, hidden=True),
        Op("GET", "/global/spend/models", "spend_global.models", GLOBAL | INTERNAL, NO_TOTALS, hidden=True),
        Op("GET", "/global/spend/provider", "spend_global.providers", GLOBAL | INTERNAL, NO_SPEND_LIST, hidden=True),
        Op("POST", "/global/spend/end_users", "spend_global.end_users", GLOBAL | INTERNAL, NO_TOTALS, hidden=True),
        Op("GET", "/global/all_end_users", "spend_global.all_end_users", VIEW, NO_TOTALS, hidden=True),
        Op("GET", "/global/spend/tags", "spend_global.tags", GLOBAL | INTERNAL, no_spend("/spend/tags")),
        Op(
            "GET",
            "/global/spend/all_tag_names",
            "spend_global.all_tag_names",
            VIEW,
            no_spend("/spend/all_tag_names"),
            hidden=True,
        ),
        Op("GET", "/global/spend/report", "spend_global.report", GLOBAL, NO_SPEND_LIST),
        Op("POST", "/global/spend/reset", "spend_global.reset", MASTER, NO_SPEND),
        Op("POST", "/global/spend/refresh", "spend_global.refresh", ADMIN, NO_SPEND, hidden=True),
        Op("GET", "/global/activity", "activity.activity", INTERNAL, NO_SPEND_LIST, hidden=True),
        Op("GET", "/global/activity/model", "activity.activity_of_models", INTERNAL, NO_ACTIVITY, hidden=True),
        Op("GET", "/global/activity/exceptions", "activity.exceptions", VIEW, NO_SPEND_LIST, hidden=True),
        Op(
            "GET",
            "/global/activity/exceptions/deployment",
            "activity.exceptions_of_deployments",
            VIEW,
            NO_ACTIVITY,
            hidden=True,
        ),
        Op("GET", "/global/activity/cache_hits", "activity.cache_hits", VIEW, NO_SPEND_LIST, hidden=True),
        Op("GET", "/model/metrics", "activity.seconds_per_token", VIEW, NO_GLOBAL, hidden=True),
        Op("GET", "/model/streaming_metrics", "activity.seconds_to_first_token", VIEW, NO_GLOBAL, hidden=True),
        Op("GET", "/model/metrics/slow_responses", "activity.slow_responses", VIEW, NO_GLOBAL, hidden=True),
        Op("GET", "/model/metrics/exceptions", "activity.exceptions_of_models", VIEW, NO_GLOBAL, hidden=True),
        Op("GET", "/user/daily/activity", "activity_daily.of_users", SELF | VIEW | MANAGEMENT, no_store_detail()),
        Op("GET", "/user/daily/activity/aggregated", "activity_daily.of_users_together", MANAGEMENT, no_store_detail()),
        Op("GET", "/team/daily/activity", "activity_daily.of_teams", SELF | VIEW | KEYS, no_store_detail()),
        Op("GET", "/tag/daily/activity", "activity_daily.of_tags", VIEW | ORG, no_store_detail()),
        Op("GET", "/organization/daily/activity", "activity_daily.of_organizations", VIEW, no_store_detail()),
        Op(
            "GET",
            ("/customer/daily/activity", "/end_user/daily/activity"),
            "activity_daily.of_customers",
            VIEW,
            no_store_detail(),
        ),
        Op("GET", "/agent/daily/activity", "activity_daily.of_agents", VIEW, no_store_detail()),
    ),
    *_family(
        "config.yaml",
        Op("POST", "/config/update", "config_fields.update_config", ADMIN, NO_CONFIG_STORE, hidden=True),
        Op("POST", "/config/field/update", "config_fields.update_field", ADMIN, no_store_detail(400), hidden=True),
        Op("GET", "/config/field/info", "config_fields.field_info", ADMIN, no_store_detail(400), hidden=True),
        Op("POST", "/config/field/delete", "config_fields.delete_field", ADMIN, no_store_detail(400), hidden=True),
        Op("GET", "/config/list", "config_fields.list_fields", ADMIN, no_store_detail(400), hidden=True),
        Op(
            "POST", "/config/callback/delete", "config_fields.delete_callback", ADMIN, no_store_detail(400), hidden=True
        ),
        Op("GET", "/get/config/callbacks", "config_fields.list_callbacks", hidden=True),
    ),
    *_family(
        "Fallback Management",
        Op("POST", "/fallback", "config_fallbacks.create_fallback"),
        Op("GET", "/fallback/{model:path}", "config_fallbacks.get_fallback"),
        Op("DELETE", "/fallback/{model:path}", "config_fallbacks.delete_fallback"),
    ),
    *_family(
        "pass through",
        Op("GET", (ENDPOINTS, f"{ENDPOINTS}/team/{{team_id}}"), "config_endpoints.list_endpoints"),
        Op("POST", ENDPOINTS, "config_endpoints.create_endpoint"),
        Op("POST", f"{ENDPOINTS}/{{endpoint_id}}", "config_endpoints.update_endpoint"),
        Op("DELETE", ENDPOINTS, "config_endpoints.delete_endpoint"),
    ),
    *_family(
        "Router Settings",
        Op("GET", "/router/settings", "config_router.settings"),
        Op("GET", "/router/fields", "config_router.fields"),
    ),
    *_family(
        "UI Settings",
        Op("GET", "/get/ui_settings", "config_dashboard.get_ui", PUBLIC, NO_UI_STORE),
        Op("PATCH", "/update/ui_settings", "config_dashboard.update_ui", ADMIN, NO_UI_STORE),
        Op("GET", "/get/ui_theme_settings", "config_dashboard.get_theme", PUBLIC),
        Op("PATCH", "/update/ui_theme_settings", "config_dashboard.update_theme"),
        Op("GET", "/get/allowed_ips", "config_dashboard.get_addresses", hidden=True),
        Op("POST", "/add/allowed_ip", "config_dashboard.add_address"),
        Op("POST", "/delete/allowed_ip", "config_dashboard.delete_address"),
    ),
    *_family(
        "SSO Settings",
        Op("GET", "/get/internal_user_settings", "users_settings.show_settings", ADMIN),
        Op("PATCH", "/update/internal_user_settings", "users_settings.update_settings", ADMIN),
        Op("GET", "/get/default_team_settings", "teams_settings.get_defaults", ADMIN),
        Op("PATCH", "/update/default_team_settings", "teams_settings.update_defaults", ADMIN),
    ),
    *_family(
        "sso",
        Op("GET", ("/sso/login", "/sso/key/generate"), "sso.login", PUBLIC),
        Op("GET", "/sso/callback", "sso.callback", PUBLIC),
        Op("GET", "/sso/logout", "sso.logout", PUBLIC),
        Op("GET", "/sso/session", "sso.session", PUBLIC),
        Op("GET", "/sso/readiness", "sso.readiness", ADMIN),
        Op("GET", "/sso/get/ui_settings", "sso_settings.ui_settings", ADMIN),
        Op("GET", "/sso/debug/login", "sso.debug_login", PUBLIC),
        Op("GET", "/sso/debug/callback", "sso.debug_callback", PUBLIC),
        Op("GET", "/sso/cli/poll/{key_id}", "sso_program.poll", PUBLIC),
        Op("POST", "/sso/cli/confirm", "sso.confirm", PUBLIC, no_store_detail(), hidden=True),
        Op("GET", "/get/sso_settings", "sso_settings.show", ADMIN, no_store_detail(500, NOT_CONNECTED)),
        Op("PATCH", "/update/sso_settings", "sso_settings.update", ADMIN, no_store_detail(500, NOT_CONNECTED)),
        Op("GET", "/fallback/login", "login.form", PUBLIC, hidden=True),
        Op("POST", "/login", "login.login", PUBLIC, hidden=True),
        Op("POST", "/v2/login", "login.login_json", PUBLIC, hidden=True),
    ),
    *_family(
        "public",
        Op("GET", UI_CONFIG, "discovery.ui_config", PUBLIC),
        Op("GET", "/public/providers", "discovery.providers", PUBLIC),
        Op("GET", "/public/providers/fields", "discovery.fields_of_providers", PUBLIC),
        Op("GET", "/public/agents/fields", "discovery.fields_of_agents", PUBLIC),
        Op("GET", "/public/model_hub", "discovery.model_hub", PUBLIC),
        Op("GET", "/public/model_hub/info", "discovery.model_hub_info", PUBLIC),
        Op("GET", "/public/agent_hub", "discovery.empty_hub", PUBLIC),
        Op("GET", "/public/mcp_hub", "discovery.empty_hub", PUBLIC),
        Op("GET", "/public/litellm_model_cost_map", "discovery.cost_map", PUBLIC),
        Op("GET", "/routes", "discovery.routes", PUBLIC),
        Op("GET", "/utils/supported_openai_params", "discovery.supported_openai_params", ADMIN),
    ),
]
