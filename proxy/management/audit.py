"""The audit log: who changed what, when, from what to what."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal, Protocol
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.call import Identity
from proxy.config.model import ProxyConfig
from proxy.config.redact import masked
from proxy.config.references import variable
from proxy.store import tables
from proxy.store.rows import add
from proxy.store.types import now

Action = Literal["created", "updated", "deleted", "blocked", "unblocked", "rotated"]

TABLES: Final = {
    "keys": "LiteLLM_VerificationToken",
    "teams": "LiteLLM_TeamTable",
    "users": "LiteLLM_UserTable",
    "models": "LiteLLM_ProxyModelTable",
}
"""The reference's names, which clients filter by; other tables have our own."""
SECRETS: Final = frozenset({"key", "api_key", "password", "litellm_params", "credential_values", "new_master_key"})
ROBOT: Final = "litellm_internal_jobs"
"""In whose name jobs change things."""
VARIABLE: Final = "LITELLM_STORE_AUDIT_LOGS"


class Actor(Protocol):
    """Who changes something: a call of the management API, or a job."""

    @property
    def gateway(self) -> Any:
        """Whose snapshot has the config."""

    @property
    def caller(self) -> Identity: ...
    @property
    def user(self) -> str: ...
    @property
    def changed_by(self) -> str | None: ...


class Robot:
    """A job, as an :class:`Actor`."""

    caller = Identity(token=ROBOT, user_id=ROBOT)
    user = ROBOT
    changed_by = None

    def __init__(self, gateway: Any) -> None:
        self.gateway = gateway


def token_of(asked: Actor) -> str:
    """The hash of the key that a change was asked with."""
    master_key = asked.gateway.snapshot.config.general_settings.master_key
    if asked.caller.token is not None or not asked.caller.is_master or not master_key:
        return asked.caller.token or ""
    return hashlib.sha256(master_key.encode()).hexdigest()


def is_kept(config: ProxyConfig) -> bool:
    """Whether changes are recorded (``litellm_settings.store_audit_logs``)."""
    setting = config.settings.other.get("store_audit_logs")
    return setting is True or (variable(VARIABLE) or "").lower() == "true"


async def record(  # noqa: PLR0917 - one row of a table
    connection: AsyncConnection,
    asked: Actor,
    action: Action,
    table: str,
    object_id: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
) -> None:
    """Write down a change, in its own transaction, if changes are recorded.

    Args:
        table: name of ours (``keys``, ``teams``, ...).
        before: the row as it was; ``None`` for what is new.
        after: the row, or what of it was changed; ``None`` when nothing is left.
    """
    if not is_kept(asked.gateway.snapshot.config):
        return
    await add(
        connection,
        tables.audit_log,
        {
            "id": str(uuid4()),
            "updated_at": now(),
            "changed_by": asked.changed_by or asked.user,
            "changed_by_api_key": token_of(asked),
            "action": action,
            "table_name": TABLES.get(table, table),
            "object_id": object_id,
            "before_value": None if before is None else _plain(before),
            "updated_values": None if after is None else _plain(after),
        },
    )


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON can hold it: moments as text, secrets left out."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else _masked_inside(name, value)
        for name, value in values.items()
        if name not in SECRETS
    }


def _masked_inside(name: str, value: Any) -> Any:
    """Objects may hold secrets that their name does not tell: variables of callbacks in metadata, for one."""
    return masked(value, name) if isinstance(value, dict | list) else value
