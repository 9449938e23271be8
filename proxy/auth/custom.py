"""``general_settings.custom_auth``: a user's own function decides who calls."""

from typing import Any

from proxy.auth.authenticator import ADMIN, Caller
from proxy.auth.keys import own_header, presented_key, same_key
from proxy.auth.rates import rates_of_record
from proxy.call import Identity
from proxy.compat.custom_auth import load_custom_auth
from proxy.compat.identity import UserAPIKeyAuth
from proxy.compat.requests import Request
from proxy.config.model import ProxyConfig
from proxy.errors import GatewayError


class CustomAuthenticator:
    """Asks the user's function. Raises ConfigError when it cannot be loaded."""

    def __init__(self, config: ProxyConfig) -> None:
        self._master_key = config.general_settings.master_key
        self._own = own_header(config.general_settings)
        self._custom_auth = load_custom_auth(config)

    async def authenticate(self, caller: Caller) -> Identity:
        """See :class:`proxy.auth.authenticator.Authenticator`."""
        request = Request(caller.scope, caller.body)
        try:
            key = presented_key(caller.headers, self._own)
        except GatewayError:
            key = ""  # what to make of no key is the function's business, as in the reference
        answer = await self._custom_auth.authenticate(request, key)
        if isinstance(answer, UserAPIKeyAuth):
            return _identity(answer)
        if self._master_key is not None and same_key(answer, self._master_key):
            return ADMIN
        raise GatewayError(400, "No connected db.", type="no_db_connection", param=None)


def _identity(auth: UserAPIKeyAuth) -> Identity:
    fields: dict[str, Any] = {
        "key_alias": auth.key_alias,
        "user_id": auth.user_id,
        "team_id": auth.team_id,
        "models": tuple(auth.models or ()),
        "is_admin": str(auth.user_role or "") == "proxy_admin",
        "role": str(auth.user_role) if auth.user_role else None,
        "allowed_routes": tuple(getattr(auth, "allowed_routes", None) or ()),
        "spend": float(auth.spend or 0.0),
        "metadata": dict(auth.metadata or {}),
        "team_metadata": dict(auth.team_metadata or {}),
        "region": auth.allowed_model_region,
        "rates": rates_of_record(auth),
    }
    return Identity(**fields)
