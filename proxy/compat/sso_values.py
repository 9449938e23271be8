"""What users' ``custom_sso`` functions return."""

from typing import TypedDict


class SSOUserDefinedValues(TypedDict):
    """What a ``custom_sso`` function returns."""

    models: list[str]
    user_id: str
    user_email: str | None
    user_role: str | None
    max_budget: float | None
    budget_duration: str | None
