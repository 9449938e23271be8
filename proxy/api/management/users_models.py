"""What the operations on users are sent."""

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from proxy.api.management.keys_models import Count, Money, ObjectPermission
from proxy.api.management.validation import Body, Query

Role = Literal["proxy_admin", "proxy_admin_viewer", "internal_user", "internal_user_viewer"]
"""What a user may be made."""
MOST_AT_ONCE = 500
"""Users that one call changes."""
Name = Annotated[str, Field(max_length=1000)]
"""What a database finds rows by: the entries of an index have a bounded size."""
Names = Annotated[list[str], Field(max_length=10_000)]
"""As many as one statement of a database may name, with room for more of them."""
NEITHER = "Must specify either 'users' for individual updates or 'all_users=True' with 'user_updates' for bulk updates"


class UserFields(Body):
    """What every user may be given."""

    key_alias: Name | None = None
    duration: str | None = None
    models: list[Any] | None = Field(default_factory=list)
    spend: Money | None = 0
    max_budget: Money | None = None
    user_id: Name | None = None
    team_id: Name | None = None
    max_parallel_requests: Count | None = None
    metadata: dict[str, Any] | None = Field(default_factory=dict)
    tpm_limit: Count | None = None
    rpm_limit: Count | None = None
    budget_duration: str | None = None
    allowed_cache_controls: list[Any] | None = Field(default_factory=list)
    config: dict[str, Any] | None = Field(default_factory=dict)
    permissions: dict[str, Any] | None = Field(default_factory=dict)
    model_max_budget: dict[str, Any] | None = Field(default_factory=dict)
    model_rpm_limit: dict[str, Any] | None = None
    model_tpm_limit: dict[str, Any] | None = None
    guardrails: list[str] | None = None
    policies: list[str] | None = None
    prompts: list[str] | None = None
    blocked: bool | None = None
    aliases: dict[str, Any] | None = Field(default_factory=dict)
    object_permission: ObjectPermission | None = None
    user_alias: str | None = None
    user_role: Role | None = None

    @field_validator("max_budget", mode="before")
    @classmethod
    def _no_text(cls, value: Any) -> Any:
        return None if value == "" else value


class TeamWish(Body):
    """A team that a new user joins."""

    team_id: str
    max_budget_in_team: Money | None = None
    user_role: Literal["user", "admin"] = "user"


class NewUser(UserFields):
    """``/user/new``."""

    user_email: Name | None = None
    teams: Names | list[TeamWish] | None = None
    auto_create_key: bool = True
    send_invite_email: bool | None = None
    sso_user_id: Name | None = None
    organizations: Names | None = None
    organization_id: str | None = None
    """What organization admins name the organization by that they call for; the user joins it."""


class UserChanges(UserFields):
    """What may be changed of a user."""

    password: str | None = Field(default=None, min_length=1)
    spend: Money | None = None
    metadata: dict[str, Any] | None = None


class UpdateUser(UserChanges):
    """``/user/update``."""

    user_email: Name | None = None

    @model_validator(mode="before")
    @classmethod
    def _named(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("user_id") is None and values.get("user_email") is None:
            raise ValueError("Either user id or user email must be provided")
        return values


class BulkUpdate(Body):
    """``/user/bulk_update``."""

    users: list[UpdateUser] | None = None
    all_users: bool | None = False
    user_updates: UserChanges | None = None

    @field_validator("user_updates")
    @classmethod
    def _either(cls, updates: UserChanges | None, info: ValidationInfo) -> UserChanges | None:
        named, everybody = info.data.get("users"), info.data.get("all_users", False)
        if not named and not (everybody and updates):
            raise ValueError(NEITHER)
        if named and everybody:
            raise ValueError("Cannot specify both 'users' and 'all_users=True'. Choose one approach.")
        return updates


class Users(Body):
    """Users by id."""

    user_ids: Names


class OneUser(Query):
    """A user, or the caller."""

    user_id: str | None = None


class UserList(Query):
    """``/user/list``."""

    role: str | None = None
    user_ids: str | None = None
    sso_user_ids: str | None = None
    user_email: str | None = None
    team: str | None = None
    page: int = Field(default=1, ge=1, le=2**31)
    page_size: int = Field(default=25, ge=1, le=100)
    sort_by: str | None = None
    sort_order: str = "asc"


class UserSearch(Query):
    """``/user/filter/ui``."""

    user_id: str | None = None
    user_email: str | None = None
    page: int = Field(default=1, ge=1, le=2**31)
    page_size: int = Field(default=50, ge=1, le=100)
