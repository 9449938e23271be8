"""Who signed in, as users' ``custom_sso`` functions see it and their sign-in handlers say it."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from proxy.compat.custom_logger import CustomLogger
from proxy.compat.requests import Request


class OpenID(BaseModel):
    """What an identity provider says of somebody; teams and the role are further attributes."""

    model_config = ConfigDict(extra="allow")

    id: str | None = None
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    display_name: str | None = None
    picture: str | None = None
    provider: str | None = None


class CustomSSOLoginHandler(CustomLogger):
    """Base of sign-in handlers, which read who calls from what a proxy in front of the gateway added to the request."""

    async def handle_custom_ui_sso_sign_in(self, request: Request) -> Any:
        """Who calls, as an :class:`OpenID`."""
        raise NotImplementedError
