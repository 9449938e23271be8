"""Who a caller is: the record that a user's ``custom_auth`` returns and that the later stages read."""

import hashlib
import re
from enum import StrEnum
from typing import Any, Final

import msgspec

_JWT: Final = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+")


class LitellmUserRoles(StrEnum):
    """What a user may do."""

    PROXY_ADMIN = "proxy_admin"
    PROXY_ADMIN_VIEW_ONLY = "proxy_admin_viewer"
    ORG_ADMIN = "org_admin"
    INTERNAL_USER = "internal_user"
    INTERNAL_USER_VIEW_ONLY = "internal_user_viewer"
    TEAM = "team"
    CUSTOMER = "customer"


def hash_token(token: str) -> str:
    """The form in which a key is stored and shown: SHA-256 in hex."""
    return hashlib.sha256(token.encode()).hexdigest()


class _Lenient(msgspec.StructMeta):
    """Construction as users' files expect it: values are converted to the field's type, unknown names are ignored."""

    def __call__(self, **values: Any) -> Any:
        return msgspec.convert(self.prepare(values), self, strict=False)

    def prepare(self, values: dict[str, Any]) -> dict[str, Any]:
        """The values under the fields' own names; a record may have other names for them."""
        return values


class Record(msgspec.Struct, metaclass=_Lenient, kw_only=True):
    """A mutable record with the conversions that users' files know from the reference's records.

    Raises msgspec.ValidationError (a ValueError) when a value cannot be what its field is.
    """

    @classmethod
    def model_validate(cls, value: Any) -> Any:
        """A record from itself or from a mapping."""
        return value if isinstance(value, cls) else cls(**value)

    def model_dump(self, *, exclude_none: bool = False, **_: Any) -> dict[str, Any]:
        """The fields as a dict."""
        values = {name: getattr(self, name) for name in self.__struct_fields__}
        return {name: value for name, value in values.items() if not (exclude_none and value is None)}

    dict = model_dump
    json = model_dump


class UserAPIKeyAuth(Record, kw_only=True):
    """An authenticated caller with its limits. Money is in US dollars, limits are per minute.

    ``api_key`` and ``token`` hold the hash of a key that starts with ``sk-`` and of a JWT; others stay as they are.
    """

    api_key: str | None = None
    token: str | None = None
    key_name: str | None = None
    key_alias: str | None = None
    spend: float = 0.0
    max_budget: float | None = None
    soft_budget: float | None = None
    soft_budget_cooldown: bool = False
    budget_duration: str | None = None
    budget_reset_at: Any = None
    expires: Any = None
    blocked: bool | None = None
    models: list[Any] = []
    aliases: dict[str, Any] = {}
    config: dict[str, Any] = {}
    metadata: dict[str, Any] = {}
    permissions: dict[str, Any] = {}
    allowed_cache_controls: list[Any] | None = []
    allowed_routes: list[Any] | None = []
    allowed_model_region: str | None = None
    max_parallel_requests: int | None = None
    tpm_limit: int | None = None
    rpm_limit: int | None = None
    tpm_limit_per_model: dict[str, int] | None = None
    rpm_limit_per_model: dict[str, int] | None = None
    model_spend: dict[str, Any] = {}
    model_max_budget: dict[str, Any] = {}
    router_settings: dict[str, Any] | None = None
    object_permission: Any = None
    object_permission_id: str | None = None
    access_group_ids: list[str] | None = None
    project_id: str | None = None
    created_at: Any = None
    created_by: str | None = None
    updated_at: Any = None
    last_active: Any = None
    last_refreshed_at: float | None = None
    user_id: str | None = None
    user_role: LitellmUserRoles | None = None
    user_email: str | None = None
    user_spend: float | None = None
    user_max_budget: float | None = None
    user_tpm_limit: int | None = None
    user_rpm_limit: int | None = None
    user: Any = None
    team_id: str | None = None
    team_alias: str | None = None
    team_spend: float | None = None
    team_max_budget: float | None = None
    team_soft_budget: float | None = None
    team_tpm_limit: int | None = None
    team_rpm_limit: int | None = None
    team_models: list[Any] = []
    team_blocked: bool = False
    team_model_aliases: dict[str, Any] | None = None
    team_metadata: dict[str, Any] | None = None
    team_member: Any = None
    team_member_spend: float | None = None
    team_member_tpm_limit: int | None = None
    team_member_rpm_limit: int | None = None
    team_object_permission_id: str | None = None
    org_id: str | None = None
    organization_max_budget: float | None = None
    organization_tpm_limit: int | None = None
    organization_rpm_limit: int | None = None
    organization_metadata: dict[str, Any] | None = None
    end_user_id: str | None = None
    end_user_max_budget: float | None = None
    end_user_tpm_limit: int | None = None
    end_user_rpm_limit: int | None = None
    end_user_object_permission: Any = None
    request_route: str | None = None
    parent_otel_span: Any = None

    def __post_init__(self) -> None:
        if self.api_key is not None:
            self.api_key = self.token = _unreadable(self.api_key)

    def __repr__(self) -> str:
        return f"UserAPIKeyAuth(user_id={self.user_id!r}, team_id={self.team_id!r}, key_alias={self.key_alias!r}, ...)"

    @classmethod
    def prepare(cls, values: dict[str, Any]) -> dict[str, Any]:
        """``organization_id`` is ``org_id``, and ids may be numbers."""
        if values.get("organization_id") is not None:
            values = {**values, "org_id": values["organization_id"]}
        ids = {name: str(value) for name, value in values.items() if name.endswith("_id") and isinstance(value, int)}
        return values | ids


class GenerateKeyRequest(Record, kw_only=True):
    """What a caller asks of a new virtual key; users' key hooks receive it."""

    key: str | None = None
    key_alias: str | None = None
    key_type: str | None = None
    duration: str | None = None
    models: list[Any] | None = []
    aliases: dict[str, Any] | None = {}
    config: dict[str, Any] | None = {}
    spend: float | None = 0
    max_budget: float | None = None
    soft_budget: float | None = None
    budget_duration: str | None = None
    budget_id: str | None = None
    user_id: str | None = None
    team_id: str | None = None
    organization_id: str | None = None
    project_id: str | None = None
    max_parallel_requests: int | None = None
    metadata: dict[str, Any] | None = {}
    tpm_limit: int | None = None
    rpm_limit: int | None = None
    model_tpm_limit: dict[str, Any] | None = None
    model_rpm_limit: dict[str, Any] | None = None
    model_max_budget: dict[str, Any] | None = {}
    allowed_cache_controls: list[Any] | None = []
    allowed_routes: list[Any] | None = []
    permissions: dict[str, Any] | None = {}
    guardrails: list[str] | None = None
    tags: list[str] | None = None
    blocked: bool | None = None


def _unreadable(key: str) -> str:
    if key.startswith("sk-"):
        return hash_token(key)
    return f"hashed-jwt-{hash_token(key)}" if _JWT.fullmatch(key) else key
