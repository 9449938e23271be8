"""``/get|update/internal_user_settings``: what new users get beside what is said of them."""

from typing import Any, Final

from pydantic import ValidationError

from proxy.api.management.keys_models import Money
from proxy.api.management.operation import Asked
from proxy.api.management.settings import change_settings
from proxy.api.management.users_models import Role, TeamWish
from proxy.api.management.validation import Body
from proxy.errors import DetailError

SETTING: Final = "default_internal_user_params"
_PROPERTIES: Final = {
    "user_role": "Default role assigned to new users created",
    "max_budget": "Default maximum budget (in USD) for new users created",
    "budget_duration": "Default budget duration for new users (e.g. 'daily', 'weekly', 'monthly')",
    "models": "Default list of models that new users can access",
    "teams": "Default teams for new users created",
}
SCHEMA: Final = {
    "description": "Default parameters to apply when a new user signs in via SSO or is created on the /user/new API endpoint",
    "properties": {name: {"description": words, "type": "string"} for name, words in _PROPERTIES.items()},
}
"""Shown in dashboards, in the reference's words."""


class NewUserSettings(Body):
    """``litellm_settings.default_internal_user_params``."""

    user_role: Role | None = "internal_user"
    max_budget: Money | None = None
    budget_duration: str | None = None
    models: list[str] | None = None
    teams: list[str] | list[TeamWish] | None = None


async def show_settings(asked: Asked) -> Any:
    """What new users get, and what each setting means."""
    stored = asked.gateway.snapshot.config.settings.other.get(SETTING) or {}
    try:
        values = NewUserSettings.model_validate(stored).model_dump()
    except ValidationError:
        values = {name: stored.get(name) for name in NewUserSettings.model_fields}
    return {"values": values, "field_schema": SCHEMA}


async def update_settings(asked: Asked, body: NewUserSettings) -> Any:
    """Replace what new users get."""
    if asked.gateway.store is None or not asked.gateway.config.general_settings.store_model_in_db:
        raise DetailError(500, {"error": "Set `'STORE_MODEL_IN_DB='True'` in your env to enable this feature."})
    if body.max_budget is not None and body.max_budget < 0:
        raise DetailError(400, {"error": f"max_budget cannot be negative. Received: {body.max_budget}"})
    settings = body.model_dump(exclude_none=True)
    await change_settings(asked, "litellm_settings", {SETTING: settings})
    return {"message": "Internal user settings updated successfully", "status": "success", "settings": settings}
