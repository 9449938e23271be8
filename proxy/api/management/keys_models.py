"""What the operations on keys are sent."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from proxy.api.management.validation import Body, Query


def in_reach(moment: datetime) -> datetime:
    """Refuse the ends of the calendar. Raises ValueError."""
    if not 1000 <= moment.year <= 9000:
        raise ValueError("the year must be from 1000 to 9000")
    return moment


Money = Annotated[float, Field(allow_inf_nan=False)]
"""US dollars."""
Count = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
"""What the database's integers hold; a negative limit is stored, as the reference does."""
Moment = Annotated[datetime, AfterValidator(in_reach)]
"""A time that has one in UTC."""
Names = Annotated[list[str], Field(max_length=30_000)]
"""More do not fit into one question to a database."""
LimitType = Literal["guaranteed_throughput", "best_effort_throughput", "dynamic"]


class KeyType(StrEnum):
    """What a key may call, in a word."""

    LLM_API = "llm_api"
    MANAGEMENT = "management"
    READ_ONLY = "read_only"
    DEFAULT = "default"


class ObjectPermission(Body):
    """Which MCP servers, vector stores and agents may be reached."""

    mcp_servers: list[str] | None = None
    mcp_access_groups: list[str] | None = None
    mcp_tool_permissions: dict[str, list[str]] | None = None
    vector_stores: list[str] | None = None
    agents: list[str] | None = None
    agent_access_groups: list[str] | None = None


class VectorStoreIndex(Body):
    """An index that may be used."""

    index_name: str
    index_permissions: list[Literal["read", "write"]]


class RouterSettings(Body):
    """What a key changes of ``router_settings``."""

    routing_strategy_args: dict[str, Any] | None = None
    routing_strategy: str | None = None
    model_group_retry_policy: dict[str, Any] | None = None
    allowed_fails: int | None = None
    cooldown_time: float | None = None
    num_retries: int | None = None
    timeout: float | None = None
    max_retries: int | None = None
    retry_after: float | None = None
    fallbacks: list[dict[str, Any]] | None = None
    context_window_fallbacks: list[dict[str, Any]] | None = None
    model_group_alias: dict[str, str | dict[str, Any]] | None = Field(default_factory=dict)


class KeyFields(Body):
    """What every key may be given."""

    key: str | None = None
    key_alias: str | None = None
    duration: str | None = None
    models: list[str] | None = Field(default_factory=list)
    spend: Money | None = 0
    max_budget: Money | None = None
    user_id: str | None = None
    team_id: str | None = None
    max_parallel_requests: Count | None = None
    metadata: dict[str, Any] | None = Field(default_factory=dict)
    tpm_limit: Count | None = None
    rpm_limit: Count | None = None
    budget_duration: str | None = None
    allowed_cache_controls: list[str] | None = Field(default_factory=list)
    config: dict[str, Any] | None = Field(default_factory=dict)
    permissions: dict[str, Any] | None = Field(default_factory=dict)
    model_max_budget: dict[str, Any] | None = Field(default_factory=dict)
    model_rpm_limit: dict[str, Count] | None = None
    model_tpm_limit: dict[str, Count] | None = None
    guardrails: list[str] | None = None
    policies: list[str] | None = None
    prompts: list[str] | None = None
    blocked: bool | None = None
    aliases: dict[str, str] | None = Field(default_factory=dict)
    object_permission: ObjectPermission | None = None
    budget_id: str | None = None
    tags: list[str] | None = None
    enforced_params: list[str] | None = None
    allowed_routes: list[str] | None = Field(default_factory=list)
    allowed_passthrough_routes: list[str] | None = None
    allowed_vector_store_indexes: list[VectorStoreIndex] | None = None
    rpm_limit_type: LimitType | None = None
    tpm_limit_type: LimitType | None = None
    router_settings: RouterSettings | None = None
    access_group_ids: list[str] | None = None

    @field_validator("max_budget", mode="before")
    @classmethod
    def _no_text(cls, value: Any) -> Any:
        return None if value == "" else value


class GenerateKey(KeyFields):
    """``/key/generate``."""

    soft_budget: Money | None = None
    send_invite_email: bool | None = None
    key_type: KeyType | None = KeyType.DEFAULT
    auto_rotate: bool | None = False
    rotation_interval: str | None = None
    organization_id: str | None = None
    project_id: str | None = None


class UpdateKey(KeyFields):
    """``/key/update``."""

    key: str
    spend: Money | None = None
    metadata: dict[str, Any] | None = None
    temp_budget_increase: Money | None = None
    temp_budget_expiry: Moment | None = None
    auto_rotate: bool | None = None
    rotation_interval: str | None = None

    @model_validator(mode="after")
    def _both(self) -> "UpdateKey":
        if (self.temp_budget_increase is None) != (self.temp_budget_expiry is None):
            raise ValueError("temp_budget_increase and temp_budget_expiry must be set together")
        return self


class RegenerateKey(GenerateKey):
    """``/key/regenerate``."""

    new_key: str | None = None
    new_master_key: str | None = None
    grace_period: str | None = None
    """How long the old key goes on working, as ``24h``."""


class Keys(Body):
    """Keys or aliases."""

    keys: Names | None = None
    key_aliases: Names | None = None

    @model_validator(mode="before")
    @classmethod
    def _some(cls, values: Any) -> Any:
        if isinstance(values, Mapping) and not values.get("keys") and not values.get("key_aliases"):
            raise ValueError("At least one of 'keys' or 'key_aliases' must be provided.")
        return values


class OneKey(Body):
    """A key, or its hash."""

    key: str


class ResetSpend(Body):
    """``/key/{key}/reset_spend``."""

    reset_to: Money


class BulkItem(Body):
    """What changes of one key."""

    key: str
    budget_id: str | None = None
    max_budget: Money | None = None
    team_id: str | None = None
    tags: list[str] | None = None


class BulkUpdate(Body):
    """``/key/bulk_update``."""

    keys: list[BulkItem]


class KeyInfo(Query):
    """``/key/info``."""

    key: str | None = None
    """A key or its hash; without it, the caller's own."""


class ListKeys(Query):
    """``/key/list``."""

    page: Annotated[int, Field(ge=1, le=10**15)] = 1
    size: Annotated[int, Field(ge=1, le=100)] = 10
    user_id: str | None = None
    team_id: str | None = None
    organization_id: str | None = None
    key_hash: str | None = None
    key_alias: str | None = None
    return_full_object: bool = False
    include_team_keys: bool = False
    include_created_by_keys: bool = False
    sort_by: str | None = None
    sort_order: str = "desc"
    expand: list[str] | None = None
    status: str | None = None
