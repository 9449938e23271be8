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
NO_STORE: Final = "DB not connected. See https://docs.litellm.ai/docs/proxy/virtual_keys"


def no_store(status: int = 500, message: str = "", kind: str = "internal_server_error") -> GatewayError:
    """``{"error": ...}`` without a database (D.md, D1.9)."""
    return GatewayError(status, message or str({"error": NO_STORE}), type=kind)


def no_store_detail(status: int = 500, message: str = NO_STORE) -> DetailError:
    """``{"detail": {"error": ...}}`` without a database."""
    return DetailError(status, {"error": message})


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
NO_SPEND: Final = no_store(401, "Prisma Client is not initialized", "internal_error")
NO_SPEND_LOGS: Final = no_store(
    message=f"/spend/logs Error{NO_STORE_INFO.removeprefix('Internal Server Error, ')}", kind="internal_error"
)
NO_STORE_LIST: Final = "Authentication Error, Database not connected"

OPERATIONS: Final[list[Operation]] = [
    *_family(
        "key management",
        Op("POST", "/key/generate", "keys.generate_key", KEYS, no_store()),
        Op("POST", "/key/service-account/generate", "keys.generate_service_account", KEYS, no_store_detail()),
        Op(
            "POST",
            "/key/update",
            "keys.update_key",
            KEYS,
            no_store(400, "Authentication Error, Not connected to DB!", "auth_error"),
        ),
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
    ),
    *_family(
        "organization management",
    ),
    *_family(
        "Internal User management",
    ),
    *_family(
        "Customer Management",
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
    ),
    *_family(
        "Budget & Spend Tracking",
        Op("GET", "/spend/logs", "spend_logs.logs", SPEND, NO_SPEND_LOGS),
        Op("GET", "/spend/logs/v2", "spend_logs.page_of_days", SPEND, NO_SPEND),
        Op("GET", "/spend/logs/ui", "spend_logs.page_for_dashboard", SPEND, NO_SPEND, hidden=True),
        Op("GET", "/spend/logs/ui/{request_id}", "spend_logs.detail", SPEND, hidden=True),
        Op("GET", "/spend/logs/session/ui", "spend_logs.session", SPEND, no_store_detail(), hidden=True),
    ),
    *_family(
        "config.yaml",
    ),
    *_family(
        "sso",
        Op("GET", ("/sso/login", "/sso/key/generate"), "sso.login", PUBLIC),
        Op("GET", "/sso/callback", "sso.callback", PUBLIC),
        Op("GET", "/sso/logout", "sso.logout", PUBLIC),
        Op("GET", "/sso/session", "sso.session", PUBLIC),
        Op("GET", "/sso/readiness", "sso.readiness", INFO),
        Op("GET", "/sso/get/ui_settings", "sso_settings.ui_settings", INFO),
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
        Op("GET", "/utils/supported_openai_params", "discovery.supported_openai_params", LLM),
    ),
]
