"""What the operations on teams are sent."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from proxy.api.management.keys_models import Count, Money, ObjectPermission, VectorStoreIndex
from proxy.api.management.validation import Body, Query

PageNumber = Annotated[int, Field(ge=1, le=2**31 - 1)]
TeamLimitType = Literal["guaranteed_throughput", "best_effort_throughput"]
NOBODY = "Either user id or user email must be provided"
#: Variables that callbacks may be given.
CALLBACK_VARIABLES = frozenset(
    (
        "langfuse_public_key",
        "langfuse_secret",
        "langfuse_secret_key",
        "langfuse_host",
        "langfuse_prompt_version",
        "gcs_bucket_name",
        "gcs_path_service_account",
        "langsmith_api_key",
        "langsmith_project",
        "langsmith_base_url",
        "langsmith_sampling_rate",
        "langsmith_tenant_id",
        "humanloop_api_key",
        "arize_api_key",
        "arize_space_key",
        "arize_space_id",
        "posthog_api_key",
        "posthog_api_url",
        "wandb_api_key",
        "weave_project_id",
        "turn_off_message_logging",
        "litellm_disabled_callbacks",
    )
)


class Somebody(Body):
    """Of a body that names a user by id or by address."""

    user_id: str | None = None
    user_email: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _somebody(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("user_id") is None and values.get("user_email") is None:
            raise ValueError(NOBODY)
        return values


class MemberBase(Somebody):
    """A user within a body."""

    @model_validator(mode="before")
    @classmethod
    def _mapping(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            raise ValueError("input needs to be a dictionary")  # noqa: TRY004 - pydantic catches these alone
        return values


class Member(MemberBase):
    """Somebody in a team."""

    role: Literal["admin", "user"]


class TeamFields(Body):
    """What every team may be given."""

    team_alias: str | None = None
    organization_id: str | None = None
    metadata: dict[str, Any] | None = None
    tpm_limit: Count | None = None
    rpm_limit: Count | None = None
    max_budget: Money | None = None
    soft_budget: Money | None = None
    budget_duration: str | None = None
    router_settings: dict[str, Any] | None = None
    access_group_ids: list[str] | None = None
    model_aliases: dict[str, Any] | None = None
    tags: list[Any] | None = None
    guardrails: list[str] | None = None
    policies: list[str] | None = None
    prompts: list[str] | None = None
    object_permission: ObjectPermission | None = None
    allowed_passthrough_routes: list[Any] | None = None
    secret_manager_settings: dict[str, Any] | None = None
    model_rpm_limit: dict[str, Count] | None = None
    model_tpm_limit: dict[str, Count] | None = None
    team_member_budget: Money | None = None
    team_member_rpm_limit: Count | None = None
    team_member_tpm_limit: Count | None = None
    team_member_key_duration: str | None = None
    allowed_vector_store_indexes: list[VectorStoreIndex] | None = None


class NewTeam(TeamFields):
    """``/team/new``."""

    team_id: str | None = None
    admins: list[str] = Field(default_factory=list)
    members: list[str] = Field(default_factory=list)
    members_with_roles: list[Member] = Field(default_factory=list)
    team_member_permissions: list[str] | None = None
    models: list[str] = Field(default_factory=list)
    blocked: bool = False
    rpm_limit_type: TeamLimitType | None = None
    tpm_limit_type: TeamLimitType | None = None


class UpdateTeam(TeamFields):
    """``/team/update``."""

    team_id: str
    models: list[str] | None = None
    blocked: bool | None = None
    team_member_budget_duration: str | None = None


class Teams(Body):
    """Teams by id."""

    team_ids: list[str]


class OneTeam(Body):
    """A team by id."""

    team_id: str


class TeamModels(OneTeam):
    """Models of a team."""

    models: list[str]


class Permissions(OneTeam):
    """Routes that members of a team may call."""

    team_member_permissions: list[str]


class AddMembers(Body):
    """``/team/member_add``."""

    member: list[Member] | Member
    team_id: str
    max_budget_in_team: Money | None = None

    def __init__(self, **data: Any) -> None:
        # validated here, a single member's mistakes are told without the alternatives of the union, as in the reference
        member = data.get("member")
        if isinstance(member, dict):
            data["member"] = Member(**member)
        elif isinstance(member, list) and all(isinstance(item, dict) for item in member):
            data["member"] = [Member(**item) for item in member]
        super().__init__(**data)


class BulkAddMembers(OneTeam):
    """``/team/bulk_member_add``."""

    members: list[Member] | None = None
    all_users: bool | None = False
    max_budget_in_team: Money | None = None


class DeleteMember(Somebody):
    """``/team/member_delete``."""

    team_id: str


class UpdateMember(DeleteMember):
    """``/team/member_update``."""

    max_budget_in_team: Money | None = None
    role: Literal["admin", "user"] | None = None
    tpm_limit: Count | None = None
    rpm_limit: Count | None = None


class Callback(Body):
    """``/team/{team_id}/callback``."""

    callback_name: str
    callback_type: Literal["success", "failure", "success_and_failure"] | None = "success_and_failure"
    callback_vars: dict[str, str]

    @model_validator(mode="before")
    @classmethod
    def _known(cls, values: Any) -> Any:
        variables = values.get("callback_vars") if isinstance(values, dict) else None
        if not isinstance(variables, dict):
            return values
        for name in variables:
            if name not in CALLBACK_VARIABLES:
                known = sorted(CALLBACK_VARIABLES)
                raise ValueError(f"Invalid callback variable: {name}. Must be one of {known}")
        texts = {name: value if isinstance(value, str) else str(value) for name, value in variables.items()}
        return {**values, "callback_vars": texts}


class TeamQuery(Query):
    """``?team_id=``."""

    team_id: str | None = None


class ListQuery(Query):
    """``/team/list``."""

    user_id: str | None = None
    organization_id: str | None = None


class PageQuery(ListQuery):
    """``/v2/team/list``."""

    team_id: str | None = None
    team_alias: str | None = None
    page: PageNumber = 1
    page_size: Annotated[int, Field(ge=1, le=100)] = 10
    sort_by: str | None = None
    sort_order: str = "asc"
    status: str | None = None


class FilterQuery(Query):
    """``/team/filter/ui``."""

    team_id: str | None = None
    team_alias: str | None = None
    page: PageNumber = 1
    page_size: Annotated[int, Field(ge=1, le=100)] = 50


class DefaultTeam(Body):
    """Default parameters to apply when a new team is automatically created by LiteLLM via SSO Groups"""

    models: list[str] = Field(
        default_factory=list, description="Default list of models that new automatically created teams can access"
    )
    max_budget: Money | None = Field(
        None, description="Default maximum budget (in USD) for new automatically created teams"
    )
    budget_duration: str | None = Field(
        None,
        description="Default budget duration for new automatically created teams (e.g. 'daily', 'weekly', 'monthly')",
    )
    tpm_limit: Count | None = Field(None, description="Default tpm limit for new automatically created teams")
    rpm_limit: Count | None = Field(None, description="Default rpm limit for new automatically created teams")
