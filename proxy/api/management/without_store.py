"""What operations answer without a database: statuses and words differ by route, as the reference's do (D.md, D1.9)."""

from typing import Final

from proxy.errors import DetailError, GatewayError

NOT_CONNECTED: Final = "Database not connected. Please connect a database."
NO_STORE: Final = "DB not connected. See https://docs.litellm.ai/docs/proxy/virtual_keys"


def no_store(status: int = 500, message: str = "", kind: str = "internal_server_error") -> GatewayError:
    """``{"error": ...}`` without a database (D.md, D1.9)."""
    return GatewayError(status, message or str({"error": NO_STORE}), type=kind)


def no_store_detail(status: int = 500, message: str = NO_STORE) -> DetailError:
    """``{"detail": {"error": ...}}`` without a database."""
    return DetailError(status, {"error": message})


NO_CONFIG_STORE: Final = no_store(400, "Authentication Error, No DB Connected", "auth_error")
NO_UI_STORE: Final = no_store_detail(message="Database not connected. Please connect a database.")
NO_MODEL_STORE: Final = no_store(
    message=str({"error": "No DB Connected. Here's how to do it - https://docs.litellm.ai/docs/proxy/virtual_keys"}),
    kind="auth_error",
)
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
